"""The case in a person's hands: locked, at the version they saw, claimed, with its round's review at the desk."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.cases import claims
from workbench.cases.models import Application, CaseEvent, Submission
from workbench.cases.service import get_case
from workbench.cases.words import Desk
from workbench.config import settings
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.review.carry import carry_over
from workbench.review.case_parts import EventView
from workbench.review.models import Review


class Stale(Conflict):
    """The page is older than the case; `events` is what happened meanwhile, oldest first."""

    def __init__(self, events: Sequence[EventView]) -> None:
        super().__init__(N_("The case has changed since this page was opened."))
        self.events = tuple(events)


def in_hand(session: Session, actor: Actor, application_id: int, seen_version: int) -> tuple[Application, Desk]:
    """The locked case in the actor's hands: a claim that ran out is taken up again unless somebody else has it.

    Raises:
        NotFound, NotAllowed: no such case, or not the actor's to decide.
        Stale: the case has moved since `seen_version`.
        Conflict: somebody else has it in hand, or it is at no review desk.
    """
    application = get_case(session, actor, application_id, lock=True)
    return application, take_in_hand(session, actor, application, seen_version)


def take_in_hand(session: Session, actor: Actor, application: Application, seen_version: int) -> Desk:
    """Claim a case whose row the caller has locked, or keep the claim; the desk it is at. Raises as `in_hand` does."""
    if application.version != seen_version:
        raise Stale(_events_since(session, application, seen_version))
    desk = claims.desk_of(application)
    if desk is None:
        raise Conflict(N_("The case is no longer where this can be done."))
    claims.claim_locked(session, actor, application, minutes=settings().claim_minutes)
    return desk


def review_of(session: Session, application: Application, desk: Desk, submission: Submission | None = None) -> Review:
    """The review of the current round at a desk; made on first touch, with the marks that carry over."""
    submission = submission or submission_of(session, application)
    made = session.execute(
        insert(Review)
        .values(
            application_id=application.id,
            authority_id=application.authority_id,
            submission_id=submission.id,
            desk=desk.value,
            opened_at=now(),
        )
        .on_conflict_do_nothing(index_elements=["submission_id", "desk"])
        .returning(Review.id)
    ).scalar()
    review = session.scalars(
        select(Review).where(Review.submission_id == submission.id, Review.desk == desk.value)
    ).one()
    if made is not None:
        carry_over(session, review, submission)
    return review


def submission_of(session: Session, application: Application) -> Submission:
    """The current round."""
    return session.scalars(
        select(Submission).where(Submission.application_id == application.id, Submission.round == application.round)
    ).one()


def _events_since(session: Session, application: Application, seen_version: int) -> Sequence[EventView]:
    """Version n is the case after its n-th move, so what follows the n-th event happened meanwhile."""
    rows = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.application_id == application.id)
        .order_by(CaseEvent.id)
        .offset(max(0, min(seen_version, application.version)))
    )
    return [EventView.of(each) for each in rows]
