"""Loads everything the case screen needs in a fixed number of queries, however many files, rounds and marks there are.

It only reads: opening a review, with what carries over, is a verb of the service.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from workbench.cases import claims
from workbench.cases.calendar import working_days_left
from workbench.cases.calendar_text import due_reason
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application, CaseEvent, Submission
from workbench.cases.service import get_case
from workbench.cases.states import REVIEW_PERMISSIONS
from workbench.cases.words import CATEGORY_NAMES, Category, Desk, Verdict
from workbench.documents.models import Attachment, Page, RequiredDocument
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand, permits
from workbench.organisation.models import Authority, PickupSite, Staff
from workbench.review import boxes, diff
from workbench.review.case_parts import (
    FIELD_NAMES,
    AttachmentView,
    CaseFile,
    ClaimView,
    DocumentStatus,
    DocumentView,
    EventView,
    FieldView,
    ItemView,
    MarkView,
    PageView,
    RoundView,
    VerdictView,
)
from workbench.review.marks import Line, MarkValue, documents_of, needs_marks
from workbench.review.models import Mark, Review

__all__ = [
    "AttachmentView",
    "CaseFile",
    "ClaimView",
    "DocumentStatus",
    "DocumentView",
    "EventView",
    "FieldView",
    "ItemView",
    "MarkView",
    "PageView",
    "RoundView",
    "VerdictView",
    "load",
]

NOT_SEARCHED: Final = frozenset({"reason"})
"""Values that stand on no page word by word."""


def load(session: Session, actor: Actor, application_id: int, desk: Desk | None, locale: str) -> CaseFile:
    """The case file as this person may see it, for deciding at `desk` or, without one, for reading.

    Raises:
        NotAllowed: the actor does not read cases.
        NotFound: no such case inside the actor's authority.
    """
    demand(actor, Permission.CASE_READ)
    application = get_case(session, actor, application_id)
    return _Loader(session, actor, application, desk, locale).load()


class _Loader:
    """One load: the rows of the case, gathered first, then put together."""

    def __init__(
        self, session: Session, actor: Actor, application: Application, desk: Desk | None, locale: str
    ) -> None:
        self.session, self.actor, self.application = session, actor, application
        self.desk = desk if desk is not None and claims.desk_of(application) is desk else None
        self.asked_desk = desk
        self.zh = locale.startswith("zh")
        self.locale = locale
        self.submissions = session.scalars(
            select(Submission)
            .where(Submission.application_id == application.id)
            .options(selectinload(Submission.holder))
            .order_by(Submission.round)
        ).all()
        self.submission = self.submissions[-1]
        self.stated = diff.form_values(self.submission, self.submission.holder)
        self.attachments = self._attachments()
        self.reviews = session.scalars(
            select(Review).where(Review.submission_id.in_([each.id for each in self.submissions]))
        ).all()
        self.names = self._names()
        self.marks = self._marks()
        self.changes = self._diff()

    def load(self) -> CaseFile:
        documents = documents_of(self.session, self.submission)
        own = self._own_review()
        authority = self.session.get_one(Authority, self.application.authority_id)
        site_id = self.application.pickup_site_id
        site = self.session.get(PickupSite, site_id) if site_id is not None else None
        calendar = load_calendar(self.session)
        due_from, due_at = self.application.due_from, self.application.due_at
        return CaseFile(
            application=self.application,
            authority_name=authority.name_zh if self.zh else authority.name_en,
            authority_short=authority.short_zh,
            pickup_site=site.name if site is not None else None,
            desk=self.desk,
            submission_id=self.submission.id,
            review_id=own.id if own is not None else None,
            draft_remark=own.draft_remark if own is not None else "",
            values=tuple(self._fields()),
            documents=tuple(self._document(each, own) for each in documents),
            rounds=tuple(self._round(each) for each in self.submissions),
            diff=self.changes,
            events=tuple(self._events()),
            claim=self._claim(),
            bar=self._bar(),
            due_reason=due_reason(calendar, due_from, due_at, self.locale) if due_from and due_at else None,
            working_days_left=working_days_left(now(), due_at, calendar) if due_at else None,
            lines=tuple(self._lines(documents, own)),
        )

    def _attachments(self) -> Mapping[str, list[Attachment]]:
        rows = self.session.scalars(
            select(Attachment)
            .where(Attachment.submission_id == self.submission.id)
            .options(selectinload(Attachment.pages))
            .order_by(Attachment.document_code, Attachment.position)
        )
        return {code: list(each) for code, each in groupby(rows, key=lambda each: each.document_code)}

    def _names(self) -> Mapping[int, str]:
        """Names of everyone the file speaks of: deciders, markers, who has it in hand."""
        markers = select(Mark.marked_by_id).where(Mark.review_id.in_([each.id for each in self.reviews]))
        known = {each.decided_by_id for each in self.reviews} | {self.application.claimed_by_id}
        wanted = Staff.id.in_(markers) | Staff.id.in_([each for each in known if each is not None])
        return {each.id: each.name for each in self.session.execute(select(Staff.id, Staff.name).where(wanted))}

    def _marks(self) -> Mapping[tuple[int, int], Mark]:
        """The marks of the current round by review and check item."""
        ids = [each.id for each in self.reviews if each.submission_id == self.submission.id]
        rows = self.session.scalars(select(Mark).where(Mark.review_id.in_(ids)))
        return {(each.review_id, each.check_item_id): each for each in rows}

    def _diff(self) -> diff.RoundDiff | None:
        if len(self.submissions) < 2:
            return None
        return diff.diff_rounds(self.session, self.submissions[-2], self.submission)

    def _own_review(self) -> Review | None:
        return self._review_at(self.desk) if self.desk is not None else None

    def _review_at(self, desk: Desk) -> Review | None:
        return next(
            (each for each in self.reviews if each.submission_id == self.submission.id and each.desk == desk), None
        )

    def _fields(self) -> Iterable[FieldView]:
        for key, stated in self.stated.items():
            if not stated.shown or key not in FIELD_NAMES:
                continue
            if key == "category":
                yield FieldView(key, FIELD_NAMES[key], CATEGORY_NAMES[Category(stated.shown)], translate=True)
            else:
                yield FieldView(key, FIELD_NAMES[key], stated.shown)

    def _document(self, document: RequiredDocument, own: Review | None) -> DocumentView:
        files = self.attachments.get(document.code, [])
        earlier = self._review_at(Desk.PRE_CHECK) if self.desk is Desk.RE_CHECK or self.desk is None else None
        later = self._review_at(Desk.RE_CHECK) if self.desk is None else own
        items = tuple(
            ItemView(
                id=item.id,
                code=item.code,
                label=item.label_zh if self.zh else item.label_en,
                fault=item.fault_zh if self.zh else item.fault_en,
                required=item.required,
                compares=item.compares,
                expected=self._expected(item.compares),
                mark=(shown := self._mark_view(later, item.id)),
                previous=self._mark_view(earlier, item.id),
                carried=shown is not None and shown.carried,
            )
            for item in document.items
        )
        changed = self._changed(document.code)
        return DocumentView(
            code=document.code,
            name=document.name_zh if self.zh else document.name_en,
            bracket=document.bracket_zh if self.zh else document.bracket_en,
            required=document.required,
            shows_identity=document.shows_identity,
            attachments=tuple(self._attachment(each, items) for each in files),
            items=items,
            status=_status(document, bool(files), items, changed),
            changed=changed,
        )

    def _expected(self, compares: str | None) -> str | None:
        return self.stated[compares].shown if compares is not None and compares in self.stated else None

    def _mark_view(self, review: Review | None, item_id: int) -> MarkView | None:
        found = self.marks.get((review.id, item_id)) if review is not None else None
        if found is None:
            return None
        name = self.names[found.marked_by_id]
        return MarkView(MarkValue(found.value), found.note, found.region, name, found.marked_at, found.carried)

    def _changed(self, code: str) -> bool:
        changes = self.changes.changed_documents if self.changes is not None else ()
        return any(each.code == code for each in changes)

    def _attachment(self, attachment: Attachment, items: Sequence[ItemView]) -> AttachmentView:
        return AttachmentView(
            id=attachment.id,
            name=attachment.untrusted_name,
            size=attachment.byte_size,
            kind=attachment.kind,
            preview=attachment.preview,
            problem=attachment.preview_problem,
            carried=attachment.carried_from_id is not None,
            pages=tuple(_page(each, items) for each in attachment.pages),
        )

    def _round(self, submission: Submission) -> RoundView:
        order = list(Desk)
        decided = [each for each in self.reviews if each.submission_id == submission.id]
        return RoundView(
            round=submission.round,
            submitted_at=submission.submitted_at,
            submitted_by=submission.submitted_by,
            answer=submission.answer,
            verdicts=tuple(
                VerdictView(
                    Desk(each.desk), Verdict(each.verdict), each.remark, self.names[each.decided_by_id], each.decided_at
                )
                for each in sorted(decided, key=lambda each: order.index(Desk(each.desk)))
                if each.verdict is not None
                and each.remark is not None
                and each.decided_by_id is not None
                and each.decided_at is not None
            ),
        )

    def _events(self) -> Iterable[EventView]:
        for each in self.session.scalars(
            select(CaseEvent).where(CaseEvent.application_id == self.application.id).order_by(CaseEvent.id)
        ):
            yield EventView.of(each)

    def _claim(self) -> ClaimView | None:
        holder = claims.holder_id(self.application)
        if holder is None or self.application.claimed_at is None or self.application.claim_ends_at is None:
            return None
        return ClaimView(
            by_id=holder,
            by_name=self.names[holder],
            since=self.application.claimed_at,
            ends_at=self.application.claim_ends_at,
            mine=holder == self.actor.id,
        )

    def _bar(self) -> str | None:
        if self.desk is None:
            return N_("The case is not at this desk any more.") if self.asked_desk is not None else None
        if not permits(self.actor, REVIEW_PERMISSIONS[self.desk]) or self.actor.kind != "staff":
            return N_("Your role reads cases but does not decide them here.")
        if claims.barred(self.session, self.application.id, self.desk, self.actor.id):
            return N_("You have decided on this case at another desk: a second person has to look at it here.")
        return None

    def _lines(self, documents: Sequence[RequiredDocument], own: Review | None) -> Iterable[Line]:
        for document in documents:
            needed = needs_marks(document, document.code in self.attachments)
            for item in document.items:
                found = self.marks.get((own.id, item.id)) if own is not None else None
                value = MarkValue(found.value) if found is not None else None
                yield Line(document.code, item.id, item.required and needed, value)


def _page(page: Page, items: Sequence[ItemView]) -> PageView:
    found = [
        box
        for item in items
        if item.expected and item.compares not in NOT_SEARCHED
        for box in boxes.find(page.words, item.expected, item.id)
    ]
    return PageView(page.id, page.index, page.width, page.height, page.rotation, tuple(found))


def _status(document: RequiredDocument, has_files: bool, items: Sequence[ItemView], changed: bool) -> DocumentStatus:
    values = [each.mark.value for each in items if each.mark is not None]
    if MarkValue.FAULT in values:
        return DocumentStatus.FAULT
    if not has_files and not values:
        return DocumentStatus.EMPTY
    if all(each.mark is not None for each in items if each.required):
        return DocumentStatus.OK
    return DocumentStatus.CHANGED if changed and not values else DocumentStatus.OPEN
