"""The verbs of the two review desks: open, mark, draft, decide. Only the holder of a case's claim writes.

A decision is written once, with every required item answered and a remark; the database holds the same rules.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases import claims
from workbench.cases.models import Application, Submission
from workbench.cases.service import MAX_REMARK, advance, get_case
from workbench.cases.states import REVIEW_PERMISSIONS, Action
from workbench.cases.words import Desk, Verdict
from workbench.documents.models import Attachment, Page, RequiredDocument
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import demand
from workbench.review.case_parts import CaseFile
from workbench.review.hand import in_hand, review_of, submission_of, take_in_hand
from workbench.review.marks import Blocker, Line, MarkValue, blockers_of, documents_of, needs_marks
from workbench.review.models import Mark, Review
from workbench.review.remarks import Fault, describe

NOTICE_LOCALE: Final = "zh"
"""Enterprises are written to in Chinese."""

_ACTIONS: Final[Mapping[tuple[Desk, Verdict], Action]] = {
    (Desk.PRE_CHECK, Verdict.PASSED): Action.PRE_CHECK_PASS,
    (Desk.PRE_CHECK, Verdict.FAILED): Action.PRE_CHECK_FAIL,
    (Desk.RE_CHECK, Verdict.PASSED): Action.RE_CHECK_PASS,
    (Desk.RE_CHECK, Verdict.FAILED): Action.RE_CHECK_FAIL,
}


class NotYet(Invalid):
    """The check-list does not allow the verdict yet; `blockers` says which items stand in the way."""

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        super().__init__(blockers[0].reason)
        self.blockers = tuple(blockers)


def blockers(case_file: CaseFile, verdict: Verdict) -> list[Blocker]:
    """What stands in the way of a verdict on a case as it was loaded; the button says it before anyone presses."""
    return blockers_of(case_file.lines, verdict)


def open_review(session: Session, actor: Actor, application_id: int, desk: Desk) -> Review:
    """The review of the current round at a desk, made on first opening with the marks that carry over.

    Raises:
        NotFound: no such case inside the actor's authority.
        NotAllowed: the actor does not decide at this desk, or has decided on this case at another.
        Conflict: the case is not at this desk.
    """
    application = get_case(session, actor, application_id, lock=True)
    demand(actor, REVIEW_PERMISSIONS[desk])
    if claims.desk_of(application) is not desk:
        raise Conflict(N_("The case is no longer where this can be done."))
    if claims.barred(session, application.id, desk, actor.id):
        raise NotAllowed(N_("You have decided on this case at another desk: a second person has to look at it here."))
    return review_of(session, application, desk)


def save_draft(session: Session, actor: Actor, application_id: int, text: str, *, seen_version: int) -> None:
    """Keep a remark that is still being written. Extends the claim; raises as `mark` does."""
    if len(text) > MAX_REMARK:
        raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
    application, desk = in_hand(session, actor, application_id, seen_version)
    review_of(session, application, desk).draft_remark = text.replace("\x00", "")
    session.flush()


def decide(
    session: Session, actor: Actor, application_id: int, verdict: Verdict, remark: str, *, seen_version: int
) -> Application:
    """Pass or fail a case at the desk it is at. The same person saying the same again is answered as the first time.

    Raises:
        NotFound: no such case inside the actor's authority.
        NotAllowed: the actor does not decide here, or has decided on this case at another desk.
        Stale: the case has moved since `seen_version`, with what happened.
        Conflict: somebody else has the case in hand.
        NotYet: required items are open, or a fail names no fault.
        Invalid: the remark is missing or too long.
    """
    application = get_case(session, actor, application_id, lock=True)
    if application.version != seen_version and _said_before(session, actor, application, verdict):
        return application
    desk = take_in_hand(session, actor, application, seen_version)
    submission = submission_of(session, application)
    review = review_of(session, application, desk, submission)
    documents = documents_of(session, submission)
    marks = {each.check_item_id: each for each in session.scalars(select(Mark).where(Mark.review_id == review.id))}
    standing = blockers_of(_lines(session, submission, documents, marks), verdict)
    if standing:
        raise NotYet(standing)
    remark = remark.replace("\x00", "").strip()
    faults = [describe(each, NOTICE_LOCALE) for each in faults_of(session, documents, marks)]
    advance(
        session,
        application.id,
        _ACTIONS[desk, verdict],
        actor,
        remark=remark,
        seen_version=seen_version,
        details={"faults": faults if verdict is Verdict.FAILED else ()},
    )
    review.verdict, review.remark = verdict.value, remark
    review.decided_by_id, review.decided_at = actor.id, now()
    review.draft_remark = ""
    session.flush()
    return application


def faults_of(session: Session, documents: Sequence[RequiredDocument], marks: Mapping[int, Mark]) -> list[Fault]:
    """The faults among the marks, in the order of the check-list; pages count through all files of a document."""
    wanted = [each for each in marks.values() if each.value == MarkValue.FAULT and each.region is not None]
    pages = _page_numbers(session, [each.region["page_id"] for each in wanted if each.region is not None])
    return [
        Fault(
            document_zh=document.name_zh,
            document_en=document.name_en,
            sentence_zh=item.fault_zh,
            sentence_en=item.fault_en,
            note=found.note,
            page=pages.get(found.region["page_id"]) if found.region is not None else None,
        )
        for document in documents
        for item in document.items
        if (found := marks.get(item.id)) is not None and found.value == MarkValue.FAULT
    ]


def _lines(
    session: Session, submission: Submission, documents: Sequence[RequiredDocument], marks: Mapping[int, Mark]
) -> list[Line]:
    with_files = set(
        session.scalars(select(Attachment.document_code).where(Attachment.submission_id == submission.id).distinct())
    )
    return [
        Line(
            document.code,
            item.id,
            needed=item.required and needs_marks(document, document.code in with_files),
            value=MarkValue(marks[item.id].value) if item.id in marks else None,
        )
        for document in documents
        for item in document.items
    ]


def _said_before(session: Session, actor: Actor, application: Application, verdict: Verdict) -> bool:
    """Whether this person has given this verdict in the current round: nobody decides twice in one."""
    return (
        session.scalars(
            select(Review.id)
            .join(Submission, Submission.id == Review.submission_id)
            .where(
                Submission.application_id == application.id,
                Submission.round == application.round,
                Review.decided_by_id == actor.id,
                Review.verdict == verdict.value,
            )
        ).first()
        is not None
    )


def _page_numbers(session: Session, page_ids: Sequence[int]) -> dict[int, int]:
    """On which page of its document each page is, counting from 1 through all files of the document."""
    if not page_ids:
        return {}
    slots = (
        select(Attachment.submission_id, Attachment.document_code)
        .join(Page, Page.attachment_id == Attachment.id)
        .where(Page.id.in_(page_ids))
        .distinct()
        .subquery()
    )
    rows = session.execute(
        select(Attachment.submission_id, Attachment.document_code, Page.id)
        .join(Page, Page.attachment_id == Attachment.id)
        .join(
            slots,
            (slots.c.submission_id == Attachment.submission_id) & (slots.c.document_code == Attachment.document_code),
        )
        .order_by(Attachment.submission_id, Attachment.document_code, Attachment.position, Page.index)
    )
    seen: dict[tuple[int, str], int] = {}
    numbers: dict[int, int] = {}
    for submission_id, code, page_id in rows:
        seen[submission_id, code] = numbers[page_id] = seen.get((submission_id, code), 0) + 1
    return numbers
