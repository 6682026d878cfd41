"""Clocks of cases in the database: started, paused and stopped by moves, and recomputed when the calendar changes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases import clocks
from workbench.cases.calendar import (
    CalendarDay,
    DayKind,
    DueDate,
    WorkingCalendar,
    days_from_chinesecalendar,
    local_day,
)
from workbench.cases.clocks import Clock, ClockKind
from workbench.cases.models import Application, CalendarException, CalendarYear, CaseClock, ServiceDeadline
from workbench.cases.states import CLOCK_SERVICES, ClockMove
from workbench.cases.words import Service
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.db import scope_of, set_scope
from workbench.kernel.errors import Invalid
from workbench.kernel.identity import EVERYWHERE, Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand

DEFAULT_DAYS: Final = {
    ClockKind.PRE_CHECK: 2,
    ClockKind.RE_CHECK_AND_PRODUCTION: 5,
    ClockKind.RENEWAL: 3,
    ClockKind.NOTICE: 3,
}
"""Working days (DOMAIN: deadlines)."""

LOOK_AHEAD: Final = timedelta(days=60)
"""How far ahead the calendar has to be official before a banner asks for the next notice."""

MOST_DAYS: Final = 60
"""The longest deadline an administrator may set; the table refuses more."""


@dataclass(frozen=True)
class DueChange:
    """A due date that a calendar would move."""

    number: str
    before: datetime | None
    after: datetime


def load_calendar(session: Session) -> WorkingCalendar:
    """The calendar as the table holds it now. Years without a notice count plain weeks and say so."""
    rows = session.execute(
        select(CalendarException.day, CalendarException.kind, CalendarException.name, CalendarException.name_en)
    )
    return _calendar(
        frozenset((day, kind, name, name_en) for day, kind, name, name_en in rows),
        frozenset(session.scalars(select(CalendarYear.year))),
    )


@lru_cache(maxsize=8)
def _calendar(rows: frozenset[tuple[date, str, str, str]], years: frozenset[int]) -> WorkingCalendar:
    """The calendar of just these rows: made once, so that the due dates it has counted stay counted."""
    days = [CalendarDay(day, DayKind(kind), name, name_en) for day, kind, name, name_en in rows]
    return WorkingCalendar(days, years, allow_provisional=True)


def years_to_load(session: Session) -> list[int]:
    """Years that deadlines may soon touch and whose notice is not loaded: what the banner names."""
    known = set(session.scalars(select(CalendarYear.year)))
    today = local_day(now())
    return sorted({today.year, (today + LOOK_AHEAD).year} - known)


def move_clocks(
    session: Session, application: Application, moves: Iterable[tuple[ClockMove, ClockKind]], at: datetime
) -> None:
    """Apply a transition's clock moves and set the case's due date to the earliest that runs.

    A clock a service does not know, and a move that finds nothing to act on, are left alone: a case returned by the
    pre-check has no re-check clock to pause. RESUME starts a clock that has never run.
    """
    with session.no_autoflush:  # the case is written once, with its due date
        calendar = load_calendar(session)
        running = {
            ClockKind(row.kind): row
            for row in session.scalars(
                select(CaseClock).where(CaseClock.application_id == application.id, CaseClock.stopped_at.is_(None))
            )
        }
    for move, kind in moves:
        if Service(application.service) in CLOCK_SERVICES[kind]:
            row = _move(session, application, running.get(kind), move, kind, at, calendar)
            if row is not None:
                running[kind] = row
    _set_due(application, [row for row in running.values() if row.stopped_at is None])


def _move(
    session: Session,
    application: Application,
    row: CaseClock | None,
    move: ClockMove,
    kind: ClockKind,
    at: datetime,
    calendar: WorkingCalendar,
) -> CaseClock | None:
    if row is None:
        if move not in (ClockMove.START, ClockMove.RESUME):
            return None
        row = CaseClock(application_id=application.id, authority_id=application.authority_id)
        clock = clocks.start(kind, days_of(session, Service(application.service), kind), at)
    elif move is ClockMove.START:
        clock = clocks.start(kind, row.days, at)
    elif move is ClockMove.STOP:
        clock = clocks.stop(_clock(row), at)
    elif move is ClockMove.PAUSE:
        clock = clocks.pause(_clock(row), at, calendar) if row.paused_at is None else _clock(row)
    else:
        clock = clocks.resume(_clock(row), at, calendar) if row.paused_at is not None else _clock(row)
    _keep(row, clock, clocks.due(clock, calendar))
    session.add(row)
    return row


def days_of(session: Session, service: Service, kind: ClockKind) -> int:
    """Working days of a clock: the service's own, or the default."""
    own = session.get(ServiceDeadline, (service.value, kind.value))
    return own.days if own is not None else DEFAULT_DAYS[kind]


def _clock(row: CaseClock) -> Clock:
    return Clock(
        kind=ClockKind(row.kind),
        days=row.days,
        started_at=row.started_at,
        used_days=row.used_days,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
    )


def _keep(row: CaseClock, clock: Clock, due: DueDate | None) -> None:
    row.kind = clock.kind.value
    row.days = clock.days
    row.started_at = clock.started_at
    row.used_days = clock.used_days
    row.paused_at = clock.paused_at
    row.stopped_at = clock.stopped_at
    row.due_at = due.at if due is not None else None
    row.provisional = due.provisional if due is not None else False


def _set_due(application: Application, rows: Sequence[CaseClock]) -> None:
    earliest = min((row for row in rows if row.due_at is not None), key=lambda row: row.due_at or now(), default=None)
    application.due_at = earliest.due_at if earliest else None
    application.due_clock = earliest.kind if earliest else None
    application.due_from = earliest.started_at if earliest else None
    application.due_provisional = earliest.provisional if earliest else False


def load_year(
    session: Session, year: int, actor: Actor, *, days: Sequence[CalendarDay] | None = None, source: str
) -> int:
    """Load a year's notice, recompute every open case, record both; returns how many due dates moved.

    Args:
        days: the exceptions of the year; None takes them from chinesecalendar.
        source: where they come from, as the record will say.

    Raises:
        CalendarMissing: chinesecalendar does not have the year; it is never guessed.
        Invalid: a day lies outside the year its notice is for.
        NotAllowed: the actor may not manage the calendar.
    """
    demand(actor, Permission.CALENDAR_MANAGE)
    exceptions = _exceptions_of(year, days)
    for old in session.scalars(select(CalendarException)):
        if old.day.year == year:
            session.delete(old)
    session.flush()
    for each in exceptions:
        session.merge(CalendarException(day=each.day, kind=each.kind.value, name=each.name, name_en=each.name_en))
    session.merge(CalendarYear(year=year, source=source, loaded_at=now(), loaded_by=actor.label))
    session.flush()
    moved = recompute_open_cases(session, actor)
    audit.record(
        session,
        "calendar.year_loaded",
        actor,
        subject=f"calendar:{year}",
        after={"source": source, "exceptions": len(exceptions), "due_dates_moved": moved},
    )
    return moved


def preview_year(session: Session, year: int, days: Sequence[CalendarDay] | None = None) -> list[DueChange]:
    """Which due dates of open cases loading the year would move; changes nothing.

    Raises:
        CalendarMissing: `days` is None and chinesecalendar does not have the year.
        Invalid: a day lies outside the year its notice is for.
    """
    exceptions = {each.day: each for each in _exceptions_of(year, days)}
    kept = [
        CalendarDay(each.day, DayKind(each.kind), each.name, each.name_en)
        for each in session.scalars(select(CalendarException))
        if each.day.year != year and each.day not in exceptions
    ]
    years = frozenset(session.scalars(select(CalendarYear.year))) | {year}
    calendar = WorkingCalendar([*kept, *exceptions.values()], years, allow_provisional=True)
    changes: list[DueChange] = []
    with _every_authority(session):
        for application, rows in _open_cases(session, lock=False):
            dues = [due for row in rows if (due := clocks.due(_clock(row), calendar)) is not None]
            after = min((due.at for due in dues), default=None)
            if after is not None and after != application.due_at:
                changes.append(DueChange(application.number, application.due_at, after))
    return changes


def _exceptions_of(year: int, days: Sequence[CalendarDay] | None) -> Sequence[CalendarDay]:
    exceptions = days if days is not None else days_from_chinesecalendar(year)
    for each in exceptions:
        reaches_back = each.day >= date(year - 1, 12, 29)
        if not (reaches_back and each.day.year <= year):
            raise Invalid(
                N_("%(day)s does not belong to the notice for %(year)d."), day=each.day.isoformat(), year=year
            )
    return exceptions


@contextmanager
def _every_authority(session: Session) -> Iterator[None]:
    """Reach every authority's clocks for a moment: the calendar is one for all, and who keeps it is shown no case."""
    own = scope_of(session)
    set_scope(session, EVERYWHERE)
    try:
        yield
        session.flush()
    finally:
        set_scope(session, own)


def _open_cases(session: Session, *, lock: bool) -> Iterator[tuple[Application, list[CaseClock]]]:
    """Cases on which a clock runs, each with its clocks that were not stopped. Cases are locked before their clocks, as
    `advance()` does.
    """
    running = select(CaseClock.application_id).where(CaseClock.stopped_at.is_(None), CaseClock.paused_at.is_(None))
    cases = select(Application).where(Application.id.in_(running)).order_by(Application.id)
    if lock:
        cases = cases.with_for_update().execution_options(populate_existing=True)
    applications = session.scalars(cases).all()
    rows = select(CaseClock).where(CaseClock.stopped_at.is_(None), CaseClock.application_id.in_(running))
    by_case: dict[int, list[CaseClock]] = {}
    for row in session.scalars(rows.execution_options(populate_existing=lock)):
        by_case.setdefault(row.application_id, []).append(row)
    for application in applications:
        yield application, by_case.get(application.id, [])


def recompute_open_cases(session: Session, actor: Actor) -> int:
    """Work out every running clock anew, in all authorities; each due date that moves is recorded on its case.

    Returns how many moved.
    """
    with _every_authority(session):
        return _recompute(session, actor, load_calendar(session))


def _recompute(session: Session, actor: Actor, calendar: WorkingCalendar) -> int:
    moved = 0
    for application, rows in _open_cases(session, lock=True):
        for row in rows:
            due = clocks.due(_clock(row), calendar)
            if due is not None:
                row.due_at, row.provisional = due.at, due.provisional
        before = application.due_at
        _set_due(application, rows)
        if application.due_at != before:
            moved += 1
            audit.record(
                session,
                "case.due_date_moved",
                actor,
                subject=f"case:{application.id}",
                case_id=application.id,
                authority_id=application.authority_id,
                before={"due_at": before.isoformat() if before else None},
                after={"due_at": application.due_at.isoformat() if application.due_at else None},
            )
    return moved


def set_days(session: Session, service: Service, kind: ClockKind, days: int, actor: Actor) -> bool:
    """Say how many working days a clock of a service runs from now on; clocks that run keep what they started with.

    Returns False when nothing changed.

    Raises:
        Invalid: not 1 to 60 days, or a clock this service does not know.
        NotAllowed: the actor may not manage the calendar.
    """
    demand(actor, Permission.CALENDAR_MANAGE)
    if not 1 <= days <= MOST_DAYS or service not in CLOCK_SERVICES[kind]:
        raise Invalid(N_("A deadline has 1 to %(most)d working days."), most=MOST_DAYS)
    before = days_of(session, service, kind)
    if before == days:
        return False
    session.merge(ServiceDeadline(service=service.value, clock=kind.value, days=days))
    audit.record(
        session,
        "calendar.deadline_changed",
        actor,
        subject=f"deadline:{service.value}:{kind.value}",
        before={"days": before},
        after={"days": days},
    )
    return True
