"""Paper applications at the counter: a form that posts without scripts, files kept through mistakes, a receipt."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import html5lib
import pytest
from sqlalchemy import func, select

from tests.integration.documents.conftest import SIX, Browser, actor, facts, six
from tests.unit.documents import samples
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.documents.attachments import list_attachments
from workbench.documents.drafting import read_draft
from workbench.documents.service import current_submission
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.parts import Parts

Browsers = Callable[[str], Browser]
NEW = "/desk/paper/new?service=new"


def fields(**changes: Any) -> dict[str, Any]:
    known = facts(1, serial=77)
    return {
        "enterprise_name": known.enterprise_name,
        "uscc": known.uscc,
        "category": "other",
        "holder_name": known.holder.name,
        "holder_identity_number": known.holder.identity_number,
        "holder_mobile": known.holder.mobile,
        "holder_email": known.holder.email,
        "pickup_site_id": "",
        **changes,
    }


def scans(*codes: str, content: bytes | None = None) -> dict[str, Any]:
    return {f"file-{code}": (io.BytesIO(content or samples.pdf(1)), f"{code}.pdf") for code in codes}


def references(page: str) -> list[str]:
    return re.findall(r'name="draft" value="([^"]+)"', page)


def cases(parts: Parts) -> int:
    with parts.work() as session:
        return session.scalar(select(func.count()).select_from(Application)) or 0


@pytest.mark.parametrize("service", ["new", "additional", "replacement", "renewal"])
def test_each_service_shows_its_own_form(browsers: Browsers, service: str) -> None:
    page = browsers("clerk-a").get(f"/desk/paper/new?service={service}")
    assert page.status_code == 200
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page.text)
    assert ('name="reason"' in page.text) == (service in {"additional", "replacement"})
    assert ('name="prior_key"' in page.text) == (service == "replacement")
    assert [code for code in SIX if f'data-slot="{code}"' in page.text] == list(SIX)


def test_a_paper_application_goes_in_with_one_post_and_gets_a_receipt(parts: Parts, browsers: Browsers) -> None:
    answer = browsers("clerk-a").post(NEW, **fields(), **scans(*SIX))
    assert answer.status_code == 303
    receipt = browsers("clerk-a").get(answer.location)
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(receipt.text)
    number = re.search(r"EK\d{11}", receipt.text)
    assert number
    assert "11010519491231002X" not in receipt.text
    assert browsers("clerk-b").get(answer.location).status_code == 404
    with parts.work() as session:
        case = session.scalars(select(Application).where(Application.number == number.group())).one()
        assert case.due_at is not None
        in_time = (case.due_at - timedelta(seconds=1)).astimezone(SHANGHAI)
        assert (case.channel, case.state) == ("counter", "pre_check")
        assert len(list_attachments(session, [current_submission(session, case).id])) == 6
    assert f"pre-check decides by {in_time:%a} {in_time.day} {in_time:%b}" in receipt.text


def test_every_mistake_is_told_at_once_and_examined_files_are_kept(parts: Parts, browsers: Browsers) -> None:
    before = cases(parts)
    clerk = browsers("clerk-a")
    files = scans("application_form", "business_licence")
    files["file-authorisation"] = (io.BytesIO(b"<html>"), "letter.pdf")
    answer = clerk.post(NEW, **fields(uscc="911", holder_email="nobody"), **files)
    assert answer.status_code == 400
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    for sentence in ("has 18 characters", "not an e-mail address", "letter.pdf: This is a web page", "is missing"):
        assert sentence in answer.text, sentence
    assert cases(parts) == before
    kept = references(answer.text)
    assert len(kept) == 2
    rest = scans("seal_confirmation", "user_id_card", "authorisation", "user_agreement")
    answer = clerk.post(NEW, draft=kept, **fields(), **rest)
    assert answer.status_code == 303
    assert cases(parts) == before + 1


def test_a_slot_with_too_many_files_is_refused_before_any_is_opened(parts: Parts, browsers: Browsers) -> None:
    many = [(io.BytesIO(b"never opened"), f"{number}.pdf") for number in range(11)]
    answer = browsers("clerk-a").post(NEW, **fields(), **scans(*SIX[1:]), **{f"file-{SIX[0]}": many})
    assert answer.status_code == 400
    assert "At most 10 files may be attached to one document." in answer.text
    assert "3.pdf" not in answer.text


def test_a_file_is_examined_as_soon_as_it_is_chosen(parts: Parts, browsers: Browsers) -> None:
    clerk = browsers("clerk-a")
    photo = samples.saved(samples.picture(), "JPEG")
    values = {"service": "new", "slot": "user_id_card"}
    answer = clerk.post("/desk/paper/files", **values, file=(io.BytesIO(photo), "正面.jpg"))
    assert answer.status_code == 200
    assert answer.json
    assert (answer.json["name"], answer.json["pages"], answer.json["size"]) == ("正面.jpg", 1, len(photo))
    assert answer.json["thumbnail"].startswith("data:image/webp;base64,")
    refused = clerk.post("/desk/paper/files", **values, file=(io.BytesIO(b""), "leer.jpg"))
    assert (refused.status_code, refused.json) == (
        422,
        {"problem": "leer.jpg: The file is empty. Please save or scan it again."},
    )
    for wrong in ({"slot": "passport"}, {"service": "gift"}):
        sent = {**values, **wrong, "file": (io.BytesIO(photo), "x.jpg")}
        assert clerk.post("/desk/paper/files", **sent).status_code == 404
    assert browsers("auditor").post("/desk/paper/files", **values).status_code == 403


def test_a_word_is_good_for_its_author_alone(parts: Parts, browsers: Browsers) -> None:
    sent = {"service": "new", "slot": "authorisation", "file": (io.BytesIO(samples.pdf(2)), "x.pdf")}
    answer = browsers("clerk-a").post("/desk/paper/files", **sent)
    assert answer.json
    word = answer.json["reference"]
    mine, other = actor(parts, "clerk-a"), actor(parts, "clerk-b")
    file = read_draft(parts.secrets, mine, parts.blobs, word)
    assert file is not None
    assert (file.document_code, len(file.sizes)) == ("authorisation", 2)
    assert read_draft(parts.secrets, other, parts.blobs, word) is None
    assert read_draft(parts.secrets, mine, parts.blobs, word[:-2] + "xx") is None
    page = browsers("clerk-a").post(NEW, draft=["forged"], **fields())
    assert "waited too long" in page.text


def test_corrections_on_paper_keep_what_was_not_faulted(
    parts: Parts, browsers: Browsers, case_of: Callable[..., Application], authority_ids: list[int]
) -> None:
    case = case_of(authority_ids[0], six())
    with parts.work() as session:
        row = session.get_one(Application, case.id)
        row.state, row.due_at, row.due_clock, row.due_from = State.RETURNED.value, None, None, None
        first = {a.document_code: a.id for a in list_attachments(session, [current_submission(session, row).id])}
    clerk = browsers("clerk-a")
    assert case.number in clerk.get("/desk/paper/").text
    assert case.number in clerk.get(f"/desk/paper/?q={case.number[-5:]}").text
    assert case.number not in clerk.get("/desk/paper/?q=%25").text
    assert case.number not in browsers("clerk-b").get("/desk/paper/").text
    path = f"/desk/paper/{case.id}/resubmit"
    assert browsers("clerk-b").get(path).status_code == 404
    page = clerk.get(path)
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page.text)
    assert "11010519491231002X" not in page.text
    kept = [str(number) for code, number in first.items() if code != "authorisation"]
    changed = fields(holder_identity_number="", enterprise_name="示例远航二号有限公司", answer="已补盖公章")
    answer = clerk.post(path, keep=kept, **changed, **scans("authorisation"))
    assert answer.status_code == 303, answer.text
    with parts.work() as session:
        row = session.get_one(Application, case.id)
        submission = current_submission(session, row)
        second = {a.document_code: a for a in list_attachments(session, [submission.id])}
    assert (row.round, row.enterprise_name, row.uscc) == (2, "示例远航二号有限公司", case.uscc)
    assert (submission.answer, submission.holder.identity_masked) == ("已补盖公章", "1****************X")
    assert {code for code, each in second.items() if each.carried_from_id} == set(SIX) - {"authorisation"}
    assert clerk.get(path).status_code == 409


def test_an_entered_case_is_due_in_the_future(parts: Parts, browsers: Browsers) -> None:
    answer = browsers("clerk-a").post(NEW, **fields(), **scans(*SIX))
    number = int(answer.location.split("/")[3])
    with parts.work() as session:
        due_at = session.get_one(Application, number).due_at
    assert due_at is not None
    assert due_at > now()


@pytest.mark.parametrize("login", ["re-checker", "auditor", "administrator"])
def test_only_who_enters_cases_may(browsers: Browsers, login: str) -> None:
    for path in ("/desk/paper/new", "/desk/paper/"):
        assert browsers(login).get(path).status_code == 403
