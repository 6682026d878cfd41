"""Clocks of cases in the database: started, paused and stopped by moves, and recomputed when the calendar changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
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
from workbench.kernel.identity import Actor
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


def load_calendar(session: Session) -> WorkingCalendar:
    """The calendar as the table holds it now. Years without a notice count plain weeks and say so."""
    days = [
        CalendarDay(each.day, DayKind(each.kind), each.name, each.name_en)
        for each in session.scalars(select(CalendarException))
    ]
    years = frozenset(session.scalars(select(CalendarYear.year)))
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
    session.flush()
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
        NotAllowed: the actor may not manage the calendar.
    """
    demand(actor, Permission.CALENDAR_MANAGE)
    exceptions = days if days is not None else days_from_chinesecalendar(year)
    for old in session.scalars(select(CalendarException)):
        if old.day.year == year:
            session.delete(old)
    session.flush()
    session.add_all(
        CalendarException(day=each.day, kind=each.kind.value, name=each.name, name_en=each.name_en)
        for each in exceptions
    )
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


def recompute_open_cases(session: Session, actor: Actor) -> int:
    """Work out every running clock anew; each due date that moves is recorded on its case. Returns how many."""
    calendar = load_calendar(session)
    rows = session.scalars(select(CaseClock).where(CaseClock.stopped_at.is_(None), CaseClock.paused_at.is_(None))).all()
    changed: dict[int, CaseClock] = {}
    for row in rows:
        due = clocks.due(_clock(row), calendar)
        if due is not None and (due.at != row.due_at or due.provisional != row.provisional):
            row.due_at, row.provisional = due.at, due.provisional
            changed[row.application_id] = row
    session.flush()
    moved = 0
    for application in session.scalars(select(Application).where(Application.id.in_(changed))):
        before = application.due_at
        _set_due(application, _running(session, application))
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
    session.flush()
    return moved


def _running(session: Session, application: Application) -> Sequence[CaseClock]:
    return session.scalars(
        select(CaseClock).where(CaseClock.application_id == application.id, CaseClock.stopped_at.is_(None))
    ).all()
