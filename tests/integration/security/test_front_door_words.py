"""Whatever an applicant or a site writes stays text: on its own pages, on every desk, in e-mail, on paper, in CSV."""

import csv
import io
from email import message_from_bytes, policy
from typing import Any

import pypdfium2
import pytest
from html5lib import HTMLParser
from sqlalchemy import select, text

from tests.integration.security.front_door import EVIL, TYPST, Front, as_part, sent_papers
from tests.support.casework import DOCUMENTS, IDENTITY, whole
from tests.support.papers import a_strip
from workbench.cases.models import Applicant
from workbench.cases.words import Service
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.mail import compose
from workbench.kernel.outbox import MessageChannel, OutboxMessage

OWN_PAGES = (
    "/", "/applications", "/applications/start", "/account", "/drafts/{draft}/enterprise?check=1",
    "/drafts/{draft}/place?check=1", "/drafts/{draft}/holder?check=1", "/drafts/{draft}/review?check=1",
    "/drafts/{draft}/discard", "/drafts/{draft}/documents", "/drafts/{draft}/papers", "/drafts/{draft}/confirm",
    "/applications/{number}", "/applications/{number}?received=1", "/applications/{number}/withdraw",
    "/drafts/{correction}/enterprise", "/drafts/{correction}/papers", "/drafts/{correction}/confirm",
    "/drafts/{correction}/review",
)  # fmt: skip
DESKS = (
    ("pre-checker-a", "/desk/"), ("pre-checker-a", "/cases/"), ("pre-checker-a", "/review/pre-check/"),
    ("pre-checker-a", "/review/cases/{case}"), ("counter-staff-a", "/desk/paper/{case}/receipt"),
    ("authority-supervisor-a", "/review/pre-check/"), ("re-checker", "/review/cases/{case}"), ("auditor", "/audit/"),
    ("auditor", "/review/cases/{case}"), ("administrator", "/operations/mail/"),
    ("administrator", "/desk/registration-sites/"), ("administrator", "/desk/registration-sites/{site}"),
)  # fmt: skip
URL = "https://a.example/?q=\"><img src=x onerror=alert(1)>'{{7*7}}"


@pytest.fixture(scope="module", autouse=True)
def all_that_can_be_told(front: Front) -> None:
    """A webhook of hostile words; and steps of the cases, each with its e-mail."""
    sent = front.app.test_client().put(
        "/api/v1/webhook", headers=front.site.headers(), json={"url": URL, "events": ["*"]}
    )
    if sent.status_code >= 400:  # such words are refused: kept all the same, as if a check had been forgotten
        with front.office.work() as session:
            session.execute(
                text(
                    "INSERT INTO webhook (applicant_id, url, secret_ciphertext, active, created_at)"
                    " VALUES (:site, :url, '', true, now())"
                ),
                {"site": front.site.id, "url": URL},
            )


def check(page: str, path: str) -> None:
    tree = HTMLParser(strict=False).parse(page)
    assert not [each for each in tree.iter() if any(str(name).startswith("on") for name in each.attrib)], path
    sources = [each.get("src", "") for each in tree.iter() if str(each.tag).endswith("}img")]
    assert "x" not in sources, path
    assert "alert(2)>49" not in page, f"{path}: a template was rendered"
    assert page.count("<body") == 1, path


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", OWN_PAGES)
def test_what_an_applicant_wrote_is_text_on_every_own_page(front: Front, path: str, language: str) -> None:
    front.mine.client.set_cookie("language", language)
    own = front.own
    answer = front.mine.client.get(path.format(draft=own.draft, number=own.number, correction=own.correction))
    assert answer.status_code == 200
    check(answer.text, path)


@pytest.mark.parametrize(("login", "path"), DESKS)
def test_and_on_every_desk(front: Front, login: str, path: str) -> None:
    answer = front.desk.browser(login).get(path.format(case=front.own.case, site=front.site.id))
    assert answer.status_code == 200, path
    check(answer.text, path)


def test_the_walks_above_did_meet_the_hostile_words(front: Front) -> None:
    own = front.own
    for path in (
        f"/drafts/{own.draft}/papers",
        f"/drafts/{own.draft}/holder",
        f"/applications/{own.number}",
        "/account",
    ):
        assert "onerror=alert(1)" in front.mine.client.get(path).text, path
    for login, path in (
        ("pre-checker-a", f"/review/cases/{own.case}"),
        ("administrator", f"/desk/registration-sites/{front.site.id}"),
        ("administrator", "/desk/registration-sites/"),
    ):
        assert "onerror=alert(1)" in front.desk.browser(login).get(path).text, path


def test_what_a_script_sent_comes_back_as_json_and_no_page(front: Front) -> None:
    """Answers to scripts repeat names: as JSON, told as JSON, never guessed to be a page."""
    counter, draft = front.mine, front.own.draft
    answers = [
        counter.json(f"/drafts/{draft}/uploads", {"slot": EVIL, "name": f"{EVIL}.pdf", "size": 10}),
        counter.json(f"/drafts/{draft}/uploads", {"slot": DOCUMENTS[0], "name": f"{EVIL}.pdf", "size": 10}),
        counter.json(f"/drafts/{draft}/save", {"version": 1, "values": {"address": EVIL}}),
        counter.json(f"/drafts/{draft}/save", {"version": 1, "values": {EVIL: EVIL}}),
    ]
    for answer in answers:
        assert answer.mimetype in {"application/json", "application/problem+json"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_printed_form_prints_what_was_typed_and_runs_none_of_it(front: Front) -> None:
    draft = front.mine.start(Service.REPLACEMENT, reason=TYPST, prior_key="K", address=TYPST[:60])
    answer = front.mine.client.get(f"/drafts/{draft}/documents/all.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    with pypdfium2.PdfDocument(answer.get_data()) as document:
        words = "".join(page.get_textpage().get_text_range() for page in document)
    flat = "".join(words.split())
    assert '#read("/etc/passwd")' in flat
    assert "#panic()" in flat
    assert "root:" not in flat
    receipt = front.mine.client.get(f"/applications/{front.own.number}/receipt.pdf")
    assert (receipt.status_code, receipt.mimetype) == (200, "application/pdf")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x0b", "\x00"])
@pytest.mark.parametrize("field", ["enterprise_name", "holder_name", "holder_mobile", "holder_email"])
def test_no_line_end_reaches_what_mail_headers_are_made_of(front: Front, field: str, end: str) -> None:
    draft = front.mine.start(Service.REPLACEMENT, reason="x", prior_key="K")
    address = "a@example.invalid" if field == "holder_email" else "示例"
    value = f"{address}{end}Bcc: c@d.example"
    answer = front.mine.json(f"/drafts/{draft}/save", {"version": 1, "values": {field: value}}).get_json()
    with front.mine.work() as session:
        kept = str(front.mine.draft_in(session, draft).values[field])
    assert answer["problems"][field] or end not in kept
    assert front.mine.post(f"/drafts/{draft}/discard").status_code == 303


def test_every_mail_the_hostile_cases_caused_has_the_headers_it_should(front: Front) -> None:
    with front.office.work() as session:
        messages = session.scalars(select(OutboxMessage).where(OutboxMessage.channel == MessageChannel.EMAIL)).all()
    assert len(messages) >= 4
    for message in messages:
        sent = message_from_bytes(compose(front.parts.settings, message).as_bytes(), policy=policy.SMTP)
        assert sent.get_all("To") == [message.recipient]
        assert not {"Bcc", "Cc", "Reply-To"} & set(sent)
        assert sent.get_content_type() == "text/plain", "an e-mail that is no page runs nothing"


def test_a_formula_of_an_applicants_is_no_formula_in_the_export(front: Front) -> None:
    formula = "=HYPERLINK(1)"
    facts = front.office.facts(enterprise_name=formula, name=formula)
    front.office.submit(facts, whole(), front.mine.actor)
    with front.office.work() as session:
        session.get_one(Applicant, front.mine.applicant.id).name = formula
    assert front.mine.post("/applications/start", service="replacement").status_code == 303
    answer = front.desk.browser("auditor").post("/audit/csv")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert any(formula in cell for row in rows for cell in row)
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\t"))]


def test_what_a_site_wrote_is_refused_or_text(front: Front) -> None:
    first = "91110000000000901"
    facts: dict[str, Any] = {
        "service": "new",
        "category": "other",
        "authority": "990001",
        "enterprise": {"name": f"企{EVIL}", "uscc": first + uscc_check_character(first)},
        "holder": {"name": EVIL[:60], "identity_number": IDENTITY, "mobile": "<s>1", "email": "a@example.invalid"},
        "files": [{"document": code, "part": code, "name": f"{EVIL}.pdf"} for code in DOCUMENTS],
    }
    data = {"application": as_part(facts), **sent_papers(*DOCUMENTS)}
    headers = front.site.headers(**{"Idempotency-Key": "evil"})
    answer = front.app.test_client().post("/api/v1/applications", data=data, headers=headers)
    assert answer.status_code == 201, answer.text
    number = answer.get_json()["number"]
    with front.office.work() as session:
        case = session.execute(text("SELECT id FROM application WHERE number = :n"), {"n": number}).scalar()
    page = front.desk.browser("pre-checker-a").get(f"/review/cases/{case}")
    assert "onerror=alert(1)" in page.text
    check(page.text, "a site's case")
    for path in ("/cases/", "/review/pre-check/"):
        check(front.desk.browser("pre-checker-a").get(path).text, path)


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd.jpg", "..\\..\\x.jpg", "a\r\nX: y.jpg", "\u202efdp.jpg", "/dev/null"]
)
def test_a_files_name_leads_nowhere(front: Front, name: str) -> None:
    draft = front.mine.start(Service.REPLACEMENT, reason="x", prior_key=str(len(name)))
    file = front.mine.add(draft, DOCUMENTS[0], a_strip(), name)
    [kept] = [each.name for each in front.mine.files(draft) if each.id == file]
    assert not set("/\\\r\n\u202e") & set(kept)
    assert front.mine.post(f"/drafts/{draft}/discard").status_code == 303
