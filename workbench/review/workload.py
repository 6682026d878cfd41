"""Who has how much in hand, and each person's own day. Counts for people to act on, never a ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from workbench.cases import claims
from workbench.cases.calendar import local_day
from workbench.cases.models import Application, CaseEvent
from workbench.cases.states import REVIEW_PERMISSIONS, REVIEW_STATES
from workbench.cases.words import Desk
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Actor
from workbench.kernel.paging import Bounded
from workbench.kernel.permissions import PERMISSIONS, Permission, demand, permits
from workbench.organisation.queries import list_own_desk
from workbench.review.models import Review
from workbench.review.queue import QueueFilter, QueueRow, counts, page

CHART_DAYS: Final = 14


@dataclass(frozen=True)
class PersonLoad:
    """One person: cases in hand now, since when the oldest of them, and verdicts given today."""

    staff_id: int
    name: str
    desks: tuple[Desk, ...]
    in_hand: int
    oldest_claim_at: datetime | None
    decided_today: int


@dataclass(frozen=True)
class Workload:
    """The people of a supervisor, and for each of their desks the case that has to be decided first."""

    people: tuple[PersonLoad, ...]
    most_urgent: Mapping[Desk, QueueRow | None]


@dataclass(frozen=True)
class DayCount:
    """How many cases came to the desk and how many this person decided on one day in Asia/Shanghai."""

    day: date
    received: int
    decided: int


@dataclass(frozen=True)
class MyDay:
    """One person's day at one desk; `days` are the last CHART_DAYS, oldest first, today included."""

    desk: Desk
    waiting: Bounded
    due_today: Bounded
    overdue: Bounded
    in_hand: Bounded
    done_today: int
    days: tuple[DayCount, ...]


def load_workload(session: Session, actor: Actor) -> Workload:
    """The workload of the people the actor answers for. Raises NotAllowed for anyone else."""
    people = load_people(session, actor)
    return Workload(
        people=people,
        most_urgent={
            desk: next(iter(page(session, actor, QueueFilter(desk=desk), size=1).rows), None)
            for desk in dict.fromkeys(desk for each in people for desk in each.desks)
        },
    )


def load_people(session: Session, actor: Actor) -> tuple[PersonLoad, ...]:
    """Those of the actor's people who decide at a desk. Raises NotAllowed for who reads no workload."""
    demand(actor, Permission.WORKLOAD_READ)
    people = list_own_desk(session, actor)
    desks = {each.id: _desks(frozenset().union(*(PERMISSIONS[role] for role in each.role_set))) for each in people}
    ids = [each.id for each in people if desks[each.id]]
    held = {
        row.claimed_by_id: (row.n, row.oldest)
        for row in session.execute(
            select(Application.claimed_by_id, func.count().label("n"), func.min(Application.claimed_at).label("oldest"))
            .where(Application.claimed_by_id.in_(ids), claims.is_held(now()))
            .group_by(Application.claimed_by_id)
        )
    }
    decided = _decided_today(session, ids)
    return tuple(
        PersonLoad(
            each.id, each.name, desks[each.id], *held.get(each.id, (0, None)), decided_today=decided.get(each.id, 0)
        )
        for each in people
        if desks[each.id]
    )


def my_day(session: Session, actor: Actor) -> MyDay | None:
    """The actor's own day at the desk the actor decides at; None for someone who decides at none."""
    desk = next((each for each, permission in REVIEW_PERMISSIONS.items() if permits(actor, permission)), None)
    if desk is None or actor.id is None:
        return None
    found = counts(session, actor, desk)
    today = local_day(now())
    days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    received = _per_day(session, days[0], desk=desk)
    decided = _per_day(session, days[0], staff_id=actor.id)
    return MyDay(
        desk=desk,
        waiting=found.waiting,
        due_today=found.due_today,
        overdue=found.overdue,
        in_hand=found.mine,
        done_today=decided.get(today, 0),
        days=tuple(DayCount(day, received.get(day, 0), decided.get(day, 0)) for day in days),
    )


def _desks(permissions: frozenset[Permission]) -> tuple[Desk, ...]:
    return tuple(desk for desk, permission in REVIEW_PERMISSIONS.items() if permission in permissions)


def _decided_today(session: Session, staff_ids: Sequence[int]) -> Mapping[int, int]:
    rows = session.execute(
        select(Review.decided_by_id, func.count())
        .where(Review.decided_by_id.in_(staff_ids), Review.decided_at >= _start_of(local_day(now())))
        .group_by(Review.decided_by_id)
    )
    return {staff_id: n for staff_id, n in rows if staff_id is not None}


def _per_day(
    session: Session, first: date, *, desk: Desk | None = None, staff_id: int | None = None
) -> Mapping[date, int]:
    """Arrivals at a desk, or one person's decisions, by day from `first` on."""
    if desk is not None:
        at: InstrumentedAttribute[Any] = CaseEvent.at
        wanted = [CaseEvent.state_after == REVIEW_STATES[desk].value]
    else:
        at = Review.decided_at
        wanted = [Review.decided_by_id == staff_id]
    day = func.date(func.timezone(SHANGHAI.key, at)).label("day")
    rows = session.execute(select(day, func.count()).where(*wanted, at >= _start_of(first)).group_by(day))
    return {each: n for each, n in rows}


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)
