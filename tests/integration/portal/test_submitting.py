"""A finished form becomes a case exactly once, whoever presses how often, and never when something is in the way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from html5lib import HTMLParser
from sqlalchemy import func, select

from tests.support.casework import IDENTITY
from tests.support.database import TestServer
from tests.support.papers import SLOTS, Counter, a_strip, another_counter, as_scan, open_counter, texts_of
from workbench.cases.models import Application
from workbench.cases.words import Channel, Service, State, Verdict
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment
from workbench.documents.service import current_submission
from workbench.kernel.audit import AuditEntry
from workbench.kernel.crypto import open_identity
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.outbox import OutboxMessage
from workbench.portal.drafting import drafts
from workbench.portal.uploads import correcting, submitting
from workbench.portal.uploads.submitting import DraftIncomplete


@pytest.fixture(scope="module")
def house(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(database_server, tmp_path_factory.mktemp("submitting")) as counter:
        yield counter


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(2)


@pytest.fixture
def counter(house: Counter, numbers: Iterator[int]) -> Counter:
    """An enterprise of its own for each test: three cases are as many as one may have."""
    return another_counter(house.app, house.parts, house.office, next(numbers))


def submit(counter: Counter, draft_id: int) -> Application:
    with counter.work() as session:
        return submitting.submit_draft(session, counter.parts, counter.renderer, draft_id, counter.actor)


def test_a_form_becomes_a_case_with_its_papers(counter: Counter) -> None:
    draft_id = counter.start()
    counter.fill(draft_id)
    turned = counter.add(draft_id, "business_licence", a_strip(50), "second.jpg")
    counter.post(f"/drafts/{draft_id}/files/{turned}/turn", page="0")
    counter.post(f"/drafts/{draft_id}/files/{turned}/move", place="0")

    case_id = submit(counter, draft_id).id

    with counter.parts.work() as session:
        application = session.get_one(Application, case_id)
        submission = current_submission(session, application)
        attachments = list_attachments(session, [submission.id])
        assert (application.channel, application.state) == (Channel.PORTAL, State.PRE_CHECK)
        assert application.applicant_id == counter.applicant.id
        assert [each.untrusted_name for each in attachments if each.document_code == "business_licence"] == [
            "second.jpg",
            "scan.jpg",
        ]
        rotations = {each.untrusted_name: each.pages[0].rotation for each in attachments}
        assert (rotations["second.jpg"], rotations["scan.jpg"]) == (90, 0)
        assert open_identity(counter.parts.secrets, submission.holder.identity_ciphertext) == IDENTITY


def test_number_audit_and_mail_go_with_the_case(counter: Counter) -> None:
    draft_id = counter.start()
    counter.fill(draft_id)

    application = submit(counter, draft_id)

    with counter.work() as session:
        draft = counter.draft_in(session, draft_id)
        assert (draft.number, draft.result_id) == (application.number, application.id)
    with counter.parts.work() as session:
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.case_id == application.id)))
        mails = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == application.id)).all()
    assert {"case.submitted", "draft.submitted"} <= set(actions)
    assert len(mails) == 1


def test_what_is_missing_stops_and_leaves_nothing_behind(counter: Counter) -> None:
    draft_id = counter.start(holder_name="")
    counter.add(draft_id, "business_licence", a_strip())

    with pytest.raises(DraftIncomplete) as refused:
        submit(counter, draft_id)

    assert set(refused.value.problems) == {"holder_name"}
    assert refused.value.documents == ("application_form", "user_id_card")
    with counter.work() as session:
        assert counter.draft_in(session, draft_id).submitted_at is None
        assert session.scalar(select(func.count()).select_from(Application)) == 0


def test_a_void_print_stops_submission(counter: Counter) -> None:
    draft_id = counter.start()
    counter.fill(draft_id)
    for file in counter.files(draft_id):
        if file.document_code == "application_form":
            counter.post(f"/drafts/{draft_id}/files/{file.id}/remove")
    counter.add(draft_id, "application_form", as_scan(counter.printed(draft_id, "application_form"))[0])
    with counter.work() as session:
        drafts.save_values(session, counter.parts, counter.draft_in(session, draft_id), {"address": "示例市别处"})

    with pytest.raises(DraftIncomplete) as refused:
        submit(counter, draft_id)

    assert refused.value.documents == ("application_form",)


def test_200_submissions_at_once_are_one_case_and_all_lead_to_it(counter: Counter) -> None:
    draft_id = counter.start()
    counter.fill(draft_id)

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: submit(counter, draft_id).number, range(200)))

    assert len(set(numbers)) == 1
    with counter.parts.work() as session:
        own = Application.applicant_id == counter.applicant.id
        assert session.scalar(select(func.count()).select_from(Application).where(own)) == 1
        files = select(func.count()).select_from(Attachment).join(Application).where(own)
        assert session.scalar(files) == len(SLOTS)


def test_the_limit_of_keys_holds_when_two_forms_are_submitted_at_once(counter: Counter) -> None:
    made = []
    for reason in ("甲", "乙", "丙", "丁", "戊"):
        draft_id = counter.start(Service.ADDITIONAL, reason=reason)
        counter.fill(draft_id)
        made.append(draft_id)

    def attempt(draft_id: int) -> str:
        try:
            return submit(counter, draft_id).number
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(5) as pool:
        ends = list(pool.map(attempt, made))

    assert ends.count("refused") == 2
    assert len(set(ends)) == 4


def test_a_replacement_is_not_counted(counter: Counter) -> None:
    for reason in ("甲", "乙", "丙"):
        draft_id = counter.start(Service.ADDITIONAL, reason=reason)
        counter.fill(draft_id)
        submit(counter, draft_id)
    draft_id = counter.start(Service.REPLACEMENT, reason="遗失", prior_key="示例钥匙")
    counter.fill(draft_id)

    assert submit(counter, draft_id).service == Service.REPLACEMENT


def test_another_applicants_form_is_not_submitted(counter: Counter, house: Counter) -> None:
    draft_id = counter.start()
    counter.fill(draft_id)

    with pytest.raises(NotFound), house.work() as session:
        submitting.submit_draft(session, house.parts, house.renderer, draft_id, house.actor)


def test_a_correction_sends_new_files_and_keeps_the_others(counter: Counter) -> None:
    case_id = returned(counter)
    with counter.work() as session:
        draft_id = correcting.start_correction(session, counter.parts, case_id, counter.actor).id
    faulted = [code for code, slot in counter.slots(draft_id).items() if not slot.files]
    assert faulted == ["application_form"]
    kept = [file for file in counter.files(draft_id) if file.kept_from_id is not None]
    assert counter.post(f"/drafts/{draft_id}/files/{kept[0].id}/turn", page="0").status_code == 409
    page = counter.client.get(f"/drafts/{draft_id}/papers").text
    HTMLParser(strict=True).parse(page)
    assert "1 file kept from the round before" in texts_of(page)

    counter.add(draft_id, "application_form", a_strip(77), "corrected.jpg")
    application = submit(counter, draft_id)

    assert (application.id, application.round, application.state) == (case_id, 2, State.PRE_CHECK)
    with counter.parts.work() as session:
        submission = current_submission(session, session.get_one(Application, case_id))
        by_slot = {each.document_code: each for each in list_attachments(session, [submission.id])}
    assert by_slot["application_form"].untrusted_name == "corrected.jpg"
    assert by_slot["application_form"].carried_from_id is None
    assert by_slot["business_licence"].carried_from_id is not None
    assert submit(counter, draft_id).id == case_id, "sent twice is sent once"


def test_a_kept_file_can_be_replaced(counter: Counter) -> None:
    case_id = returned(counter)
    with counter.work() as session:
        draft_id = correcting.start_correction(session, counter.parts, case_id, counter.actor).id
    (kept,) = [file for file in counter.files(draft_id) if file.document_code == "business_licence"]
    counter.add(draft_id, "business_licence", a_strip(90), "new.jpg")
    counter.post(f"/drafts/{draft_id}/files/{kept.id}/remove")
    counter.add(draft_id, "application_form", a_strip(91))

    submit(counter, draft_id)

    with counter.parts.work() as session:
        submission = current_submission(session, session.get_one(Application, case_id))
        names = [each.untrusted_name for each in list_attachments(session, [submission.id])]
    assert "new.jpg" in names
    assert len(names) == len(SLOTS)


def test_the_pages_lead_from_confirmation_to_the_case(counter: Counter) -> None:
    draft_id = counter.start()
    address = f"/drafts/{draft_id}/confirm"
    page = counter.client.get(address).text
    HTMLParser(strict=True).parse(page)
    assert "still missing" in texts_of(page)
    assert counter.post(address, agreed="yes").status_code == 422
    counter.fill(draft_id)
    page = counter.client.get(address).text
    HTMLParser(strict=True).parse(page)
    assert IDENTITY not in page
    assert counter.post(address).status_code == 422, "without agreeing"

    first, second = counter.post(address, agreed="yes"), counter.post(address, agreed="yes")

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert counter.client.get(first.headers["Location"]).status_code == 200
    assert counter.client.get(address).headers["Location"] == first.headers["Location"]
    assert counter.client.get(f"/drafts/{draft_id}/papers").status_code in (303, 409)


def returned(counter: Counter) -> int:
    """A case of this applicant that the pre-check sent back because of its first document; returns its id."""
    draft_id = counter.start()
    counter.fill(draft_id)
    case_id = submit(counter, draft_id).id
    clerk = counter.office.clerk(f"clerk-{draft_id}")
    counter.office.decide(clerk, case_id, Verdict.FAILED)
    return case_id
