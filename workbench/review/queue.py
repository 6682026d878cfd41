"""The queue: cases in order of urgency, narrowed by filters that live in the URL, one keyset page at a time.

Every read here walks an index and stops early, so that it costs the same with a hundred cases and with a million. It
shows what the session's scope reaches and refuses nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Self, get_args

from sqlalchemy import Row, ScalarSelect, Select, func, select
from sqlalchemy.orm import Session

from workbench.cases import claims
from workbench.cases.calendar import (
    WorkingCalendar,
    last_day,
    local_day,
    working_days_left,
)
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.states import REVIEW_STATES
from workbench.cases.words import Category, Desk, Service, State
from workbench.kernel.arguments import authority_id, member, storable
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Actor
from workbench.kernel.paging import Bounded
from workbench.kernel.permissions import Permission, demand
from workbench.organisation.models import Authority, Staff
from workbench.review import paging
from workbench.review.search import MAX_QUERY, Found, matching

BOUND: Final = 1000
"""Counting stops here: a person needs "17" or "1000+", never "83,214"."""

SOON: Final = timedelta(days=3)
Round = Literal["first", "again"]
Due = Literal["overdue", "today", "soon"]
Holding = Literal["mine", "free", "others"]


@dataclass(frozen=True)
class QueueFilter:
    """What the queue is narrowed to. With a desk, its cases by urgency; without, every case, newest first."""

    desk: Desk | None = None
    state: State | None = None
    service: Service | None = None
    category: Category | None = None
    authority_id: int | None = None
    round: Round | None = None
    due: Due | None = None
    holder: Holding | None = None
    q: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str], desk: Desk | None) -> Self:
        """Read a URL's arguments; whatever makes no sense is left out, because people edit and share addresses."""
        return cls(
            desk=desk,
            state=None if desk is not None else member(State, args.get("state")),
            service=member(Service, args.get("service")),
            category=member(Category, args.get("category")),
            authority_id=authority_id(args.get("authority")),
            round=_one_of(Round, args.get("round")),
            due=_one_of(Due, args.get("due")),
            holder=_one_of(Holding, args.get("holder")),
            q=storable(args.get("q", ""))[:MAX_QUERY],
        )

    def to_args(self) -> dict[str, str]:
        """The URL arguments that `from_args` reads back; the desk is part of the path, not of them."""
        named = {"authority" if each.name == "authority_id" else each.name: each.name for each in fields(self)}
        return {key: str(getattr(self, name)) for key, name in named.items() if name != "desk" and getattr(self, name)}


class Flag(StrEnum):
    """What a row of the queue wants noticed."""

    REPLACEMENT = "replacement"
    RETURNED_BEFORE = "returned_before"
    OTHERS_WORK_ON_IT = "others_work_on_it"
    PROVISIONAL_DUE = "provisional_due"


@dataclass(frozen=True)
class QueueRow:
    """One case as the queue shows it. `working_days_left` is 0 today and negative when late."""

    id: int
    number: str
    enterprise_name: str
    uscc: str
    service: Service
    category: Category
    authority_id: int
    authority_short: str
    state: State
    round: int
    submitted_at: datetime
    due_at: datetime | None
    due_from: datetime | None
    due_clock: str | None
    due_provisional: bool
    working_days_left: int | None
    claimed_by_id: int | None
    claimed_by_name: str | None
    claim_ends_at: datetime | None
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class QueuePage:
    """One page. `after` and `before` are what the next and the previous page are asked for with; None at the ends."""

    rows: tuple[QueueRow, ...]
    after: str | None
    before: str | None
    total: Bounded
    calendar: WorkingCalendar


@dataclass(frozen=True)
class QueueCounts:
    """The bar above a desk: all its cases, those in the actor's hands, those due today, those late."""

    waiting: Bounded
    mine: Bounded
    due_today: Bounded
    overdue: Bounded


def page(
    session: Session,
    actor: Actor,
    filter: QueueFilter,  # noqa: A002 - what it is called everywhere
    *,
    after: str | None = None,
    before: str | None = None,
    size: int = 50,
) -> QueuePage:
    """One page of the queue, at most `size` rows, after or before a cursor; a cursor nobody gave out means the start.

    Raises:
        NotAllowed: the actor does not read cases.
    """
    demand(actor, Permission.CASE_READ)
    found = matching(session, _narrow(select(Application), filter, actor), filter.q)
    order = paging.BY_NEWEST if filter.desk is None else paging.BY_URGENCY
    columns = found.statement.with_only_columns(*_COLUMNS).outerjoin(Staff, Staff.id == Application.claimed_by_id)
    slice_ = paging.read(
        session, columns.join(Authority, Authority.id == Application.authority_id), order, after, before, size
    )
    calendar, at = load_calendar(session), now()
    left = days_left({each.due_at for each in slice_.rows if each.due_at is not None}, at, calendar)
    return QueuePage(
        rows=tuple(_row(each, actor, at, left.get(each.due_at)) for each in slice_.rows),
        after=slice_.after,
        before=slice_.before,
        total=_total(session, filter, found, slice_, alone=after is None and before is None),
        calendar=calendar,
    )


def counts(session: Session, actor: Actor, desk: Desk) -> QueueCounts:
    """What waits at a desk, each count stopping at BOUND. Raises NotAllowed for who does not read cases."""
    demand(actor, Permission.CASE_READ)

    def count(due: Due | None = None, holder: Holding | None = None) -> ScalarSelect[int]:
        wanted = QueueFilter(desk=desk, due=due, holder=holder)
        return _counting(_narrow(select(Application), wanted, actor)).scalar_subquery()

    found = session.execute(select(count(), count(holder="mine"), count(due="today"), count(due="overdue"))).one()
    return QueueCounts(*(Bounded(min(each, BOUND), each > BOUND) for each in found))


def days_left(dues: Iterable[datetime], at: datetime, calendar: WorkingCalendar) -> dict[datetime, int]:
    """`working_days_left` of many due instants, counting the days that late ones have in common only once."""
    left: dict[datetime, int] = {}
    late, counted_from = 0, local_day(at)
    for due in sorted(dues, reverse=True):
        if due > at:
            left[due] = working_days_left(at, due, calendar)
        else:
            late += calendar.working_days_between(last_day(due), counted_from)
            counted_from = last_day(due)
            left[due] = -max(1, late)
    return left


def end_of_today(at: datetime) -> datetime:
    """The instant at which the present day ends in Asia/Shanghai, in UTC."""
    tomorrow = local_day(at) + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=SHANGHAI).astimezone(UTC)


_COLUMNS = (
    Application.id,
    Application.number,
    Application.enterprise_name,
    Application.uscc,
    Application.service,
    Application.category,
    Application.authority_id,
    Authority.short_zh,
    Application.state,
    Application.round,
    Application.submitted_at,
    Application.due_at,
    Application.due_from,
    Application.due_clock,
    Application.due_provisional,
    Application.claimed_by_id,
    Staff.name.label("claimed_by_name"),
    Application.claim_ends_at,
)


def _narrow(statement: Select[Application], wanted: QueueFilter, actor: Actor) -> Select[Application]:
    at = now()
    state = REVIEW_STATES.get(wanted.desk) if wanted.desk is not None else wanted.state
    for column, value in (
        (Application.state, state),
        (Application.service, wanted.service),
        (Application.category, wanted.category),
        (Application.authority_id, wanted.authority_id),
    ):
        if value is not None:
            statement = statement.where(column == (value.value if isinstance(value, StrEnum) else value))
    if wanted.round is not None:
        statement = statement.where(Application.round == 1 if wanted.round == "first" else Application.round > 1)
    statement = _narrow_due(statement, wanted.due, at)
    if wanted.holder == "free":
        statement = statement.where(claims.is_free(at))
    elif wanted.holder is not None:
        mine = Application.claimed_by_id == actor.id
        statement = statement.where(claims.is_held(at), mine if wanted.holder == "mine" else ~mine)
    return statement


def _narrow_due(statement: Select[Application], due: Due | None, at: datetime) -> Select[Application]:
    if due == "overdue":
        return statement.where(Application.due_at <= at)
    if due == "today":
        return statement.where(Application.due_at > at, Application.due_at <= end_of_today(at))
    if due == "soon":
        return statement.where(Application.due_at > at, Application.due_at <= end_of_today(at) + SOON)
    return statement


def _total(
    session: Session,
    filter: QueueFilter,  # noqa: A002
    found: Found,
    slice_: paging.Slice,
    *,
    alone: bool,
) -> Bounded:
    """How many cases the list has; nothing is counted where the page or the search has told it already."""
    if alone and slice_.after is None:
        return Bounded(min(len(slice_.rows), BOUND), len(slice_.rows) > BOUND)
    if found.hits is not None and filter == QueueFilter(q=filter.q):
        return Bounded(min(found.hits, BOUND), found.hits > BOUND)
    return _count(session, found.statement)


def _count(session: Session, narrowed: Select[Application]) -> Bounded:
    found = session.execute(_counting(narrowed)).scalar_one()
    return Bounded(min(found, BOUND), found > BOUND)


def _counting(narrowed: Select[Application]) -> Select[int]:
    some = narrowed.with_only_columns(Application.id).limit(BOUND + 1).subquery()
    return select(func.count()).select_from(some)


def _row(found: Row[Any], actor: Actor, at: datetime, days_left: int | None) -> QueueRow:
    held = found.claim_ends_at is not None and found.claim_ends_at > at
    flags = (
        (Flag.REPLACEMENT, found.service == Service.REPLACEMENT),
        (Flag.RETURNED_BEFORE, found.round > 1),
        (Flag.OTHERS_WORK_ON_IT, held and found.claimed_by_id != actor.id),
        (Flag.PROVISIONAL_DUE, found.due_provisional),
    )
    return QueueRow(
        id=found.id,
        number=found.number,
        enterprise_name=found.enterprise_name,
        uscc=found.uscc,
        service=Service(found.service),
        category=Category(found.category),
        authority_id=found.authority_id,
        authority_short=found.short_zh,
        state=State(found.state),
        round=found.round,
        submitted_at=found.submitted_at,
        due_at=found.due_at,
        due_from=found.due_from,
        due_clock=found.due_clock,
        due_provisional=found.due_provisional,
        working_days_left=days_left,
        claimed_by_id=found.claimed_by_id if held else None,
        claimed_by_name=found.claimed_by_name if held else None,
        claim_ends_at=found.claim_ends_at if held else None,
        flags=tuple(flag for flag, shown in flags if shown),
    )


def _one_of(choices: Any, value: str | None) -> Any:
    return next((each for each in get_args(choices) if each == value), None)
