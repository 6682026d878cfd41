"""What the desks said of a case, round by round, with the pages they point at. Only what was decided is ever read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application, Submission
from workbench.documents.attachments import list_attachments
from workbench.portal.remarks.pictures import PagePicture, pictures_of
from workbench.review.told import ToldReview, failed_reviews


@dataclass(frozen=True)
class RoundRemarks:
    """One round: when it was sent, what the enterprise answered to the remark before, which desk failed it and why."""

    round: int
    submitted_at: datetime
    answer: str | None
    reviews: tuple[ToldReview, ...]


@dataclass(frozen=True)
class CaseRemarks:
    """The remarks on a case: of the current round, and of the rounds before, the newest first.

    `pages` are the pages that faults point at, by id.
    """

    current: RoundRemarks
    older: tuple[RoundRemarks, ...]
    pages: Mapping[int, PagePicture]

    @property
    def faulted(self) -> tuple[str, ...]:
        """Codes of the documents that are at fault in the current round, in the order of the check-list."""
        codes = (document.code for review in self.current.reviews for document in review.documents)
        return tuple(dict.fromkeys(codes))


def remarks_of(session: Session, application: Application) -> CaseRemarks:
    """Every failed review of the case that was decided, with the pages it points at."""
    submissions = session.scalars(
        select(Submission).where(Submission.application_id == application.id).order_by(Submission.round.desc())
    ).all()
    reviews = failed_reviews(session, application.id)
    rounds = [
        RoundRemarks(
            each.round, each.submitted_at, each.answer, tuple(told for told in reviews if told.round == each.round)
        )
        for each in submissions
    ]
    failed = [each.id for each in submissions if any(told.round == each.round for told in reviews)]
    pages = pictures_of(list_attachments(session, failed))
    return CaseRemarks(rounds[0], tuple(each for each in rounds[1:] if each.reviews), pages)
