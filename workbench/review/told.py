"""What an applicant is told of the desks' work: failed verdicts with their remark and, by document, the faults found.

Nothing undecided is read here, and nobody's name: whoever shows this adds the words of a language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import CaseEvent, Submission
from workbench.cases.words import Desk, Verdict
from workbench.documents.models import Attachment, CheckItem, Page, RequiredDocument
from workbench.review.marks import MarkValue
from workbench.review.models import Mark, Review

LETTER: Final = "seal_confirmation"
RETURNED_FROM_PRODUCTION: Final = "production_failed"


@dataclass(frozen=True)
class ToldFault:
    """One check item that was found faulty.

    Attributes:
        region: x, y, w, h as fractions of the unrotated page, or None when the desk drew none.
        page_index: the page's place in its file, from 0.
    """

    item_code: str
    label_zh: str
    label_en: str
    fault_zh: str
    fault_en: str
    note: str | None
    region: dict[str, float] | None
    page_id: int | None
    page_index: int | None
    attachment_id: int | None


@dataclass(frozen=True)
class ToldDocument:
    """A document with its faults, in the order of the check-list; without any, the remark says what is wrong."""

    code: str
    name_zh: str
    name_en: str
    faults: tuple[ToldFault, ...]


@dataclass(frozen=True)
class ToldReview:
    """One desk's failed verdict on one round, as it was sent."""

    round: int
    desk: Desk
    remark: str
    decided_at: datetime
    documents: tuple[ToldDocument, ...]


def failed_reviews(session: Session, application_id: int, round_: int | None = None) -> list[ToldReview]:
    """Every failed verdict of a case, the oldest first; of one round only when `round_` is given."""
    statement = (
        select(Review, Submission.round)
        .join(Submission, Submission.id == Review.submission_id)
        .where(Review.application_id == application_id, Review.verdict == Verdict.FAILED.value)
        .order_by(Submission.round, Review.decided_at)
    )
    if round_ is not None:
        statement = statement.where(Submission.round == round_)
    rows = session.execute(statement).all()
    faults = _faults_of(session, [row.Review.id for row in rows])
    reviewed = [
        ToldReview(
            round=row.round,
            desk=Desk(row.Review.desk),
            remark=row.Review.remark,
            decided_at=row.Review.decided_at,
            documents=faults.get(row.Review.id, ()),
        )
        for row in rows
    ]
    returned = _returned_from_production(session, application_id, round_)
    return sorted((*reviewed, *returned), key=lambda each: (each.round, each.decided_at))


def _returned_from_production(session: Session, application_id: int, round_: int | None) -> list[ToldReview]:
    """Production marks no items: what it sends back is the one paper it works from, with a remark."""
    statement = (
        select(CaseEvent, RequiredDocument)
        .join(
            Submission, (Submission.application_id == CaseEvent.application_id) & (Submission.round == CaseEvent.round)
        )
        .join(RequiredDocument, RequiredDocument.version_id == Submission.requirement_version_id)
        .where(
            CaseEvent.application_id == application_id,
            CaseEvent.event == RETURNED_FROM_PRODUCTION,
            RequiredDocument.code == LETTER,
        )
    )
    if round_ is not None:
        statement = statement.where(CaseEvent.round == round_)
    return [
        ToldReview(
            round=event.round,
            desk=Desk.PRODUCTION,
            remark=event.remark or "",
            decided_at=event.at,
            documents=(ToldDocument(letter.code, letter.name_zh, letter.name_en, ()),),
        )
        for event, letter in session.execute(statement)
    ]


def _faults_of(session: Session, review_ids: Sequence[int]) -> dict[int, tuple[ToldDocument, ...]]:
    """By review, the documents with faults, in the order of the check-list."""
    rows = session.execute(
        select(Mark, CheckItem, RequiredDocument)
        .join(CheckItem, CheckItem.id == Mark.check_item_id)
        .join(RequiredDocument, RequiredDocument.id == CheckItem.document_id)
        .where(Mark.review_id.in_(review_ids), Mark.value == MarkValue.FAULT.value)
        .order_by(Mark.review_id, RequiredDocument.version_id, RequiredDocument.position, CheckItem.position)
    ).all()
    pages = _pages_of(session, [row.Mark for row in rows])
    told: dict[int, tuple[ToldDocument, ...]] = {}
    for review_id, of_review in groupby(rows, key=lambda row: row.Mark.review_id):
        told[review_id] = tuple(
            _document(list(of_document), pages)
            for _, of_document in groupby(of_review, key=lambda row: row.RequiredDocument.id)
        )
    return told


def _pages_of(session: Session, marks: Sequence[Mark]) -> dict[int, tuple[int, int]]:
    """By page id, its file and its place in it."""
    ids = [mark.region["page_id"] for mark in marks if mark.region]
    rows = session.execute(
        select(Page.id, Attachment.id, Page.index)
        .join(Attachment, Attachment.id == Page.attachment_id)
        .where(Page.id.in_(ids))
    )
    return {page_id: (attachment_id, index) for page_id, attachment_id, index in rows}


def _document(rows: Sequence[Any], pages: dict[int, tuple[int, int]]) -> ToldDocument:
    document = rows[0].RequiredDocument
    faults = tuple(_fault(row.Mark, row.CheckItem, pages) for row in rows)
    return ToldDocument(document.code, document.name_zh, document.name_en, faults)


def _fault(mark: Mark, item: CheckItem, pages: dict[int, tuple[int, int]]) -> ToldFault:
    page_id = mark.region["page_id"] if mark.region else None
    attachment_id, index = pages.get(page_id, (None, None)) if page_id is not None else (None, None)
    return ToldFault(
        item_code=item.code,
        label_zh=item.label_zh,
        label_en=item.label_en,
        fault_zh=item.fault_zh,
        fault_en=item.fault_en,
        note=(mark.note or "").strip() or None,
        region={key: float(mark.region[key]) for key in ("x", "y", "w", "h")} if mark.region else None,
        page_id=page_id if attachment_id is not None else None,
        page_index=index,
        attachment_id=attachment_id,
    )
