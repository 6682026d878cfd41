"""What the desks said of a case, beside the papers they speak of: only reviews that were decided, only those that failed.

Nobody of the desks is named. Both languages travel along; the reader's is chosen where it is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application, Submission
from workbench.cases.words import Desk, Verdict
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment, CheckItem, RequiredDocument
from workbench.review.marks import MarkValue, documents_of
from workbench.review.models import Mark, Review


@dataclass(frozen=True)
class Region:
    """A place on a page as fractions of the page before any turning, with what it takes to draw the page upright.

    `number` counts the document's pages from 1 through all its files; width and height are pixels before turning.
    """

    page_id: int
    number: int
    width: int
    height: int
    rotation: int
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class FaultRemark:
    """One thing that is wrong: what was checked, what is the matter, and what the desk noted."""

    label_zh: str
    label_en: str
    fault_zh: str
    fault_en: str
    note: str | None
    region: Region | None


@dataclass(frozen=True)
class DocumentRemarks:
    """One document with its faults, in the order of the check-list."""

    code: str
    name_zh: str
    name_en: str
    bracket_zh: str
    bracket_en: str
    faults: tuple[FaultRemark, ...]


@dataclass(frozen=True)
class DeskRemark:
    """What one desk said of one round, and of which documents."""

    desk: Desk
    remark: str
    at: datetime
    documents: tuple[DocumentRemarks, ...]


@dataclass(frozen=True)
class RoundRemarks:
    """One round: when it was sent, what the enterprise answered to the remark before, what failed it."""

    round: int
    submitted_at: datetime
    answer: str | None
    desks: tuple[DeskRemark, ...]


@dataclass(frozen=True)
class CaseRemarks:
    """The remarks on a case: of the round that counts, and of the rounds before, the newest first."""

    current: RoundRemarks
    older: tuple[RoundRemarks, ...]

    @property
    def faulted(self) -> tuple[str, ...]:
        """Codes of the documents that are at fault in the current round, in the order of the check-list."""
        codes = (document.code for desk in self.current.desks for document in desk.documents)
        return tuple(dict.fromkeys(codes))


def remarks_of(session: Session, application: Application) -> CaseRemarks:
    """Every failed review of the case that was decided, round by round.

    What a desk is still working on is left out here, and hidden by the database from an applicant's session.
    """
    submissions = session.scalars(
        select(Submission).where(Submission.application_id == application.id).order_by(Submission.round.desc())
    ).all()
    reviews = session.scalars(
        select(Review)
        .where(Review.submission_id.in_([each.id for each in submissions]), Review.verdict == Verdict.FAILED.value)
        .order_by(Review.decided_at)
    ).all()
    faults = _faults(session, [each.id for each in reviews])
    pages = _pages(session, {each.submission_id for each in reviews})
    rounds = [
        RoundRemarks(
            submission.round,
            submission.submitted_at,
            submission.answer,
            tuple(
                DeskRemark(
                    Desk(each.desk),
                    each.remark,
                    each.decided_at,
                    tuple(_documents(documents_of(session, submission), faults.get(each.id, {}), pages)),
                )
                for each in reviews
                if each.submission_id == submission.id and each.remark is not None and each.decided_at is not None
            ),
        )
        for submission in submissions
    ]
    return CaseRemarks(rounds[0], tuple(each for each in rounds[1:] if each.desks))


def _faults(session: Session, review_ids: Sequence[int]) -> dict[int, dict[int, Mark]]:
    """The marks that name a fault, by review and check item."""
    found: dict[int, dict[int, Mark]] = {}
    for mark in session.scalars(
        select(Mark).where(Mark.review_id.in_(review_ids), Mark.value == MarkValue.FAULT.value)
    ):
        found.setdefault(mark.review_id, {})[mark.check_item_id] = mark
    return found


def _pages(session: Session, submission_ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """How each page of these submissions is drawn, by its id."""
    found: dict[int, Mapping[str, Any]] = {}
    counted: dict[tuple[int, str], int] = {}
    for attachment in list_attachments(session, submission_ids):
        for page in attachment.pages:
            number = counted[_slot(attachment)] = counted.get(_slot(attachment), 0) + 1
            found[page.id] = {
                "page_id": page.id,
                "number": number,
                "width": page.width,
                "height": page.height,
                "rotation": page.rotation,
            }
    return found


def _slot(attachment: Attachment) -> tuple[int, str]:
    return attachment.submission_id, attachment.document_code


def _documents(
    documents: Sequence[RequiredDocument], marks: Mapping[int, Mark], pages: Mapping[int, Mapping[str, Any]]
) -> Iterable[DocumentRemarks]:
    for document in documents:
        found = tuple(_fault(item, marks[item.id], pages) for item in document.items if item.id in marks)
        if found:
            yield DocumentRemarks(
                document.code,
                document.name_zh,
                document.name_en,
                document.bracket_zh,
                document.bracket_en,
                found,
            )


def _fault(item: CheckItem, mark: Mark, pages: Mapping[int, Mapping[str, Any]]) -> FaultRemark:
    place = mark.region or {}
    page = pages.get(place.get("page_id", 0))
    region = Region(**page, **{name: float(place[name]) for name in "xywh"}) if page is not None else None
    return FaultRemark(item.label_zh, item.label_en, item.fault_zh, item.fault_en, mark.note or None, region)
