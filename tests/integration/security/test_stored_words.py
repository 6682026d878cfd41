"""Whatever strangers wrote stays text: on pages, in data for scripts, in mail headers, in file names, in CSV."""

import csv
import io
import json
import re
from email import message_from_bytes, policy
from typing import Any

import pytest
from html5lib import HTMLParser
from sqlalchemy import text
from werkzeug.http import parse_options_header

from tests.integration.security.conftest import EVIL, Prey
from workbench.cases.facts import InvalidFacts
from workbench.documents.preview import Kind
from workbench.documents.uploads import display_name
from workbench.kernel.clock import now
from workbench.kernel.mail import compose, deliver
from workbench.kernel.outbox import OutboxMessage, SendFailed

SCREENS = {
    "pre-checker-b": ["/desk/", "/cases/", "/review/pre-check/", "/review/cases/{case}", "/desk/paper/{case}/receipt",
                      "/desk/paper/new?service=new", "/desk/account/"],
    "authority-supervisor-b": ["/review/pre-check/", "/desk/colleagues/", "/remark-templates/"],
    "re-checker": ["/cases/", "/review/re-check/", "/review/cases/{case}"],
    "auditor": ["/audit/", "/review/cases/{case}", "/desk/colleagues/"],
    "administrator": ["/desk/staff/", "/desk/staff/{staff}", "/desk/pickup-sites/", "/operations/mail/",
                      "/desk/pickup-sites/edit/?id={site}", "/remark-templates/", "/remark-templates/edit/?id=1",
                      "/desk/requirements/", "/desk/requirements/new/", "/calendar/"],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def hostile_names(prey: Prey) -> None:
    """People, authorities and check-lists with hostile names too."""
    with prey.desk.office.work() as session:
        session.execute(text("UPDATE staff SET name = :evil WHERE login <> 'auditor'"), {"evil": EVIL[:60]})
        session.execute(text("UPDATE authority SET name_zh = :e, name_en = :f"), {"e": EVIL, "f": EVIL})
        session.execute(text("UPDATE required_document SET name_zh = :e, name_en = :e, bracket_zh = :e"), {"e": EVIL})
        session.execute(text("UPDATE check_item SET label_zh = :e, label_en = :e, fault_zh = :e"), {"e": EVIL})


@pytest.mark.parametrize(("login", "path"), [(login, path) for login, paths in SCREENS.items() for path in paths])
def test_no_stored_word_becomes_an_element_or_an_attribute(prey: Prey, login: str, path: str) -> None:
    own = prey.own
    answer = prey.desk.browser(login).get(path.format(case=own.case, staff=own.staff, site=own.site))
    assert answer.status_code == 200
    parser = HTMLParser(strict=False)
    tree = parser.parse(answer.text)
    names = [str(element.tag).rpartition("}")[2] for element in tree.iter() if isinstance(element.tag, str)]
    assert not [element for element in tree.iter() if any(name.startswith("on") for name in element.attrib)]
    sources = [element.get("src", "") for element in tree.iter() if str(element.tag).endswith("}img")]
    assert "x" not in sources
    assert "49" not in re.findall(r"svg/onload=alert\(2\)>(\d+)", answer.text), "a template was rendered"
    for element in tree.iter():
        if str(element.tag).endswith("}script") and element.get("type") == "application/json":
            json.loads(element.text or "null")
    assert names.count("body") == 1


def test_the_walk_above_did_meet_the_hostile_words(prey: Prey) -> None:
    for login, path in (("pre-checker-b", "/cases/"), ("administrator", "/desk/staff/"), ("auditor", "/audit/")):
        assert "onerror=alert(1)" in prey.desk.browser(login).get(path).text, path
    page = prey.desk.browser("pre-checker-b").get(f"/review/cases/{prey.own.case}").text
    assert page.count("onerror=alert(1)") > 5


@pytest.mark.parametrize(
    "email",
    [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\nBcc: c@d.example",
        "a@b.example,c@d.example",
        "a@b.example;c@d.example",
        "<c@d.example>a@b.example",
        '"x"@c.example,a@b.example',
        "c@d.example(a@b.example",
        "a@b.example\u2028Bcc:c@d.example",
        "a@b.example\x85Bcc:c@d.example",
        "a@b@c.example",
        "a:c@d.example",
        "a@.example",
        "a@b",
    ],
)
def test_an_address_is_one_address(prey: Prey, email: str) -> None:
    with pytest.raises(InvalidFacts) as refused:
        prey.desk.office.submit(prey.desk.office.facts(email=email))
    assert set(refused.value.problems) == {"holder_email"}


@pytest.mark.parametrize(
    "email", ["a@b.example", "first.last+tag@sub.b.example", "用户@例子.example", "o'b@b-c.example"]
)
def test_addresses_people_have_are_taken(prey: Prey, email: str) -> None:
    assert prey.desk.office.submit(prey.desk.office.facts(email=email))


@pytest.mark.parametrize("field", ["enterprise_name", "name", "mobile"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\x00", "\x0b"])
def test_names_hold_no_line_ends(prey: Prey, field: str, end: str) -> None:
    stated: dict[str, Any] = {field: f"示例{end}Bcc: c@d.example"}
    with pytest.raises(InvalidFacts):
        prey.desk.office.submit(prey.desk.office.facts(**stated))


@pytest.mark.parametrize("field", ["enterprise_name", "name"])
def test_names_hold_nothing_that_nobody_sees(prey: Prey, field: str) -> None:
    unseen: dict[str, Any] = {field: "\u200b\u202e"}
    with pytest.raises(InvalidFacts):
        prey.desk.office.submit(prey.desk.office.facts(**unseen))
    turned: dict[str, Any] = {field: "\u202e示例\u200b甲乙"}
    facts = prey.desk.office.facts(**turned).normalised()
    kept = {"enterprise_name": facts.enterprise_name, "name": facts.holder.name}
    assert kept[field] == "示例甲乙"


@pytest.mark.parametrize("field", ["recipient", "subject"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x0b", "\x1c"])
def test_a_message_never_gains_a_header(prey: Prey, field: str, end: str) -> None:
    """Whatever came into the outbox: the message is refused, or the words stay inside their header."""
    values = {"recipient": "a@b.example", "subject": "示例", field: f"a@b.example{end}Bcc: c@d.example"}
    message = OutboxMessage(id=1, event="e", body="示例", created_at=now(), **values)
    try:
        sent = compose(prey.desk.parts.settings, message).as_bytes()
    except (ValueError, IndexError):
        with pytest.raises(SendFailed):
            deliver(prey.desk.parts.settings, message)
        return
    read = message_from_bytes(sent, policy=policy.SMTP)
    assert "Bcc" not in read
    assert set(read.keys()) <= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
                                "Content-Transfer-Encoding", "MIME-Version"}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        f"{EVIL}.pdf",
        "a\r\nSet-Cookie: x=y.pdf",
        '"; filename=evil.exe; x=".pdf',
        "../../etc/passwd",
        "证照\u202efdp.exe",
        "x" * 400,
    ],
)
def test_a_hostile_name_stays_inside_its_header(prey: Prey, name: str) -> None:
    with prey.desk.office.work() as session:
        digest = prey.desk.parts.blobs.put(b"%PDF-1.7 bytes of nobody")
        session.execute(
            text("UPDATE attachment SET untrusted_name = :name, sha256 = :digest WHERE id = :id"),
            {"name": display_name(name, Kind.PDF), "digest": digest, "id": prey.own.attachment},
        )
    browser = prey.desk.browser("pre-checker-b")
    answer = browser.get(f"/documents/attachments/{prey.own.attachment}/download")
    assert answer.status_code == 200
    kind, options = parse_options_header(answer.headers["Content-Disposition"])
    assert kind == "attachment"
    assert set(options) <= {"filename", "filename*"}
    assert "Set-Cookie" not in answer.headers or "x=y" not in answer.headers["Set-Cookie"]
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_no_cell_of_an_export_is_a_formula(prey: Prey) -> None:
    formula = '=HYPERLINK("http://evil.example",1)'
    with prey.desk.office.work() as session:
        session.execute(text("UPDATE staff SET name = :f WHERE login = 'dispatcher'"), {"f": formula})
    prey.desk.browser("dispatcher")
    answer = prey.desk.browser("auditor").post("/audit/csv")
    rows: list[list[Any]] = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert len(rows) > 10
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\t"))]
    assert any(formula in cell for row in rows for cell in row)


def test_a_line_end_in_an_address_makes_no_second_line_of_the_log(
    prey: Prey, capfd: pytest.CaptureFixture[str]
) -> None:
    prey.desk.browser("auditor").get("/nothing%0d%0a%7b%22event%22:%22forged%22%7d")
    lines = [line for line in capfd.readouterr().err.splitlines() if "forged" in line]
    assert all("/nothing" in line for line in lines)
