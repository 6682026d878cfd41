"""A case goes in with its papers, whole or not at all, and comes back with what was corrected."""

import hashlib
from collections.abc import Callable

import pikepdf
import pytest
from sqlalchemy import func, select

from tests.integration.documents.conftest import SIX, SYSTEM, actor, facts, six
from tests.unit.documents import samples
from workbench.cases.facts import InvalidFacts
from workbench.cases.models import Application
from workbench.cases.words import Channel, Service, State
from workbench.documents.attachments import list_attachments
from workbench.documents.limits import MAX_FILES_PER_SLOT
from workbench.documents.models import Attachment, Page
from workbench.documents.preview import Renderer
from workbench.documents.requirements import effective_documents
from workbench.documents.service import current_submission, facts_for_resubmission, resubmit_case, submit_case
from workbench.documents.uploads import IncomingFile, UploadRefused
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts


def returned(parts: Parts, application_id: int) -> None:
    """Put a case back to the enterprise without a desk; the desks have tests of their own."""
    with parts.work() as session:
        case = session.get_one(Application, application_id)
        case.state = State.RETURNED.value
        case.due_at = case.due_clock = case.due_from = None


def test_every_service_asks_for_what_it_was_seeded_with(
    parts: Parts, renderer: Renderer, authority_ids: list[int]
) -> None:
    with parts.work() as session:
        for serial, service in enumerate(Service, start=1):
            files = [file for file in six() if service is not Service.RENEWAL or file.document_code != "authorisation"]
            case = submit_case(session, parts, renderer, facts(authority_ids[0], service, serial), files, SYSTEM)
            submission = current_submission(session, case)
            documents = effective_documents(session, submission.requirement_version_id, submission.extra_version_id)
            assert [document.code for document in documents] == list(SIX)
            assert all(document.items for document in documents)
            form_items = {item.code for item in documents[0].items}
            assert ("prior_key_matches" in form_items) == (service is Service.REPLACEMENT)
            assert documents[4].required == (service is not Service.RENEWAL)


def test_bytes_are_kept_bit_for_bit_and_the_first_page_is_ready(
    parts: Parts, renderer: Renderer, authority_ids: list[int]
) -> None:
    content = samples.pdf(3)
    files = [IncomingFile("business_licence", "../../执照\u202e.pdf", content)]
    files += [file for file in six() if file.document_code != "business_licence"]
    with parts.work() as session:
        case = submit_case(session, parts, renderer, facts(authority_ids[0]), files, SYSTEM)
        submission = current_submission(session, case)
        licence = {a.document_code: a for a in list_attachments(session, [submission.id])}["business_licence"]
        entry = session.scalars(
            select(AuditEntry).where(
                AuditEntry.action == "attachment.uploaded", AuditEntry.subject == f"attachment:{licence.id}"
            )
        ).one()
    assert parts.blobs.get(licence.sha256) == content
    assert licence.untrusted_name == "执照.pdf"
    assert (licence.page_count, licence.preview) == (3, "waiting")
    assert [page.image_sha256 is None for page in licence.pages] == [False, True, True]
    assert {(page.width, page.height) for page in licence.pages} == {(1600, 2264)}
    assert entry.after is not None
    assert entry.after["sha256"] == hashlib.sha256(content).hexdigest()
    assert (entry.after["size"], entry.after["kind"]) == (len(content), "pdf")


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb.png": (lambda: samples.png_claiming(30_000, 30_000), "million pixels"),
    "truncated.pdf": (lambda: samples.pdf(1)[:60], "damaged"),
    "svg.pdf": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "web page"),
    "page.pdf": (lambda: b"<!doctype html><script>alert(1)</script>", "web page"),
    "empty.pdf": (lambda: b"", "empty"),
    "many.pdf": (lambda: samples.pdf(10_000), "pages"),
    "word.pdf": (lambda: b"PK\x03\x04 something else", "no PDF"),
    "locked.pdf": (
        lambda: samples.pdf(1, encryption=pikepdf.Encryption(owner="a", user="b")),
        "password",
    ),
}


def test_hostile_files_are_refused_all_at_once_and_nothing_is_left(
    parts: Parts, renderer: Renderer, authority_ids: list[int]
) -> None:
    files = [IncomingFile("application_form", name, make()) for name, (make, _) in HOSTILE.items()]
    with parts.work() as session:
        before = session.scalar(select(func.count()).select_from(Application))
    with pytest.raises(UploadRefused) as refused, parts.work() as session:
        submit_case(session, parts, renderer, facts(authority_ids[0]), [*six(), *files], SYSTEM)
    said = {problem.name: problem.reason for problem in refused.value.problems}
    assert said.keys() == HOSTILE.keys()
    for name, (_, remedy) in HOSTILE.items():
        assert remedy in said[name], name
    with parts.work() as session:
        assert session.scalar(select(func.count()).select_from(Application)) == before


def test_missing_unknown_and_overfull_slots_are_told_together(
    parts: Parts, renderer: Renderer, authority_ids: list[int]
) -> None:
    files = [file for file in six() if file.document_code != "user_agreement"]
    files += [IncomingFile("passport", "p.pdf", samples.pdf(1))]
    files += [files[0]] * MAX_FILES_PER_SLOT
    with pytest.raises(UploadRefused) as refused, parts.work() as session:
        submit_case(session, parts, renderer, facts(authority_ids[0]), files, SYSTEM)
    assert {problem.document_code for problem in refused.value.problems} == {
        "user_agreement",
        "passport",
        "application_form",
    }


def test_wrong_facts_are_told_before_any_file_is_opened(
    parts: Parts, renderer: Renderer, authority_ids: list[int]
) -> None:
    wrong = facts(authority_ids[0])
    with pytest.raises(InvalidFacts) as invalid, parts.work() as session:
        submit_case(session, parts, renderer, type(wrong)(**{**vars(wrong), "uscc": "1"}), [], SYSTEM)
    assert list(invalid.value.problems) == ["uscc"]


def test_a_clerk_cannot_enter_a_case_for_another_authority(
    parts: Parts, renderer: Renderer, authority_ids: list[int], clerk: Actor
) -> None:
    with pytest.raises(NotFound), parts.work(clerk.scope) as session:
        submit_case(session, parts, renderer, facts(authority_ids[1]), six(), clerk)


def test_resubmission_carries_what_stays_and_tells_an_identical_upload_apart(
    parts: Parts, renderer: Renderer, authority_ids: list[int], case_of: Callable[..., Application], clerk: Actor
) -> None:
    case = case_of(authority_ids[0])
    returned(parts, case.id)
    with parts.work(clerk.scope) as session:
        first = {a.document_code: a for a in list_attachments(session, [current_submission(session, case).id])}
        page = session.get_one(Page, first["business_licence"].pages[0].id)
        page.rotation = 90
    kept = [attachment.id for code, attachment in first.items() if code not in {"authorisation", "user_id_card"}]
    again = IncomingFile("authorisation", "again.pdf", parts.blobs.get(first["authorisation"].sha256))
    changed = IncomingFile("user_id_card", "card.png", samples.saved(samples.picture(), "PNG"))
    with parts.work(clerk.scope) as session:
        known = facts_for_resubmission(session, parts, session.get_one(Application, case.id), Channel.COUNTER)
        resubmit_case(session, parts, renderer, case.id, known, [again, changed], kept, clerk, "已更正")
    with parts.work(clerk.scope) as session:
        case = session.get_one(Application, case.id)
        submission = current_submission(session, case)
        second = {a.document_code: a for a in list_attachments(session, [submission.id])}
    assert (case.round, case.state, submission.answer) == (2, "pre_check", "已更正")
    assert submission.holder.identity_fingerprint
    for code in SIX:
        assert (second[code].carried_from_id == first[code].id) == (code not in {"authorisation", "user_id_card"})
    licence = second["business_licence"]
    assert licence.pages[0].image_sha256 == first["business_licence"].pages[0].image_sha256
    assert licence.pages[0].rotation == 90
    assert second["authorisation"].sha256 == first["authorisation"].sha256
    assert second["authorisation"].id != first["authorisation"].id
    assert second["user_id_card"].preview == "ready", "one picture has nothing to wait for"


def test_a_file_of_another_case_cannot_be_kept(
    parts: Parts, renderer: Renderer, authority_ids: list[int], case_of: Callable[..., Application]
) -> None:
    case, other = case_of(authority_ids[0]), case_of(authority_ids[0])
    returned(parts, case.id)
    with parts.work() as session:
        foreign = list_attachments(session, [current_submission(session, other).id])[0].id
    with pytest.raises(Invalid), parts.work() as session:
        resubmit_case(session, parts, renderer, case.id, facts(authority_ids[0]), six(), [foreign], SYSTEM)
    with parts.work() as session:
        assert session.get_one(Application, case.id).round == 1


def test_a_case_that_is_not_with_the_enterprise_cannot_be_resubmitted(
    parts: Parts, renderer: Renderer, authority_ids: list[int], case_of: Callable[..., Application]
) -> None:
    case = case_of(authority_ids[0])
    with pytest.raises(Conflict), parts.work() as session:
        resubmit_case(session, parts, renderer, case.id, facts(authority_ids[0]), six(), [], SYSTEM)


def test_attachments_of_another_authority_are_out_of_reach(
    parts: Parts, authority_ids: list[int], case_of: Callable[..., Application]
) -> None:
    case = case_of(authority_ids[0])
    stranger = actor(parts, "clerk-b")
    with parts.work(stranger.scope) as session:
        assert session.scalars(select(Attachment).where(Attachment.application_id == case.id)).all() == []
