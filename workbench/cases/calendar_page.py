"""What the calendar page shows of a year: twelve months of days, the exceptions as runs, and the deadlines."""

import calendar as months
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import extract, select
from sqlalchemy.orm import Session

from workbench.cases.calendar import (
    CalendarDay,
    CalendarMissing,
    DayKind,
    DayNote,
    WorkingCalendar,
    days_from_chinesecalendar,
    local_day,
)
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, years_to_load
from workbench.cases.models import CalendarException, CalendarYear
from workbench.cases.states import CLOCK_SERVICES
from workbench.cases.words import Service
from workbench.kernel.clock import now
from workbench.kernel.messages import N_

CLOCK_NAMES: Final[Mapping[ClockKind, str]] = {
    ClockKind.PRE_CHECK: N_("Pre-check"),
    ClockKind.RE_CHECK_AND_PRODUCTION: N_("Re-check and production"),
    ClockKind.RENEWAL: N_("Certificate renewal"),
    ClockKind.NOTICE: N_("Telling the enterprise"),
}


@dataclass(frozen=True)
class Cell:
    """One day of the grid. `kind`: "off" or "works" for a day the notice names, else "weekend", "plain", "outside"."""

    day: date
    kind: str
    name: str
    name_en: str
    today: bool


@dataclass(frozen=True)
class Month:
    """A month's name day and its weeks, Monday first."""

    first: date
    weeks: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Deadline:
    """How many working days a clock of a service runs."""

    service: Service
    clock: ClockKind
    days: int


def find_year(session: Session, year: int) -> CalendarYear | None:
    """The notice of a year, when it is loaded."""
    return session.get(CalendarYear, year)


def list_years(session: Session) -> list[tuple[int, bool]]:
    """The years the page offers, each with whether its notice is loaded: those loaded, this one and the next."""
    loaded = set(session.scalars(select(CalendarYear.year)))
    this = local_day(now()).year
    return [(year, year in loaded) for year in sorted(loaded | {this, this + 1} | set(years_to_load(session)))]


def list_days(session: Session, year: int) -> list[CalendarDay]:
    """The exceptions of a year in order."""
    rows = session.scalars(
        select(CalendarException).where(extract("year", CalendarException.day) == year).order_by(CalendarException.day)
    )
    return [CalendarDay(row.day, DayKind(row.kind), row.name, row.name_en) for row in rows]


def bundled_days(year: int) -> Sequence[CalendarDay] | None:
    """What the calendar library knows of a year; None when it does not have it."""
    try:
        return days_from_chinesecalendar(year)
    except CalendarMissing:
        return None


def months_of(year: int, days: Sequence[CalendarDay]) -> list[Month]:
    """The twelve months with their exceptions marked."""
    known = {each.day: each for each in days}
    today = local_day(now())
    pages = months.Calendar(firstweekday=0)
    return [
        Month(
            date(year, month, 1),
            [
                [_cell(day, month, known.get(day), today) for day in week]
                for week in pages.monthdatescalendar(year, month)
            ],
        )
        for month in range(1, 13)
    ]


def _cell(day: date, month: int, named: CalendarDay | None, today: date) -> Cell:
    if day.month != month:
        kind = "outside"
    elif named is not None:
        kind = "off" if named.kind is DayKind.HOLIDAY else "works"
    else:
        kind = "weekend" if day.isoweekday() > 5 else "plain"
    name, name_en = (named.name, named.name_en) if named is not None else ("", "")
    return Cell(day, kind, name, name_en, today=day == today and kind != "outside")


def runs_of(year: int, days: Sequence[CalendarDay]) -> tuple[DayNote, ...]:
    """The exceptions of a year as runs of neighbouring days."""
    calendar = WorkingCalendar(days, {year}, allow_provisional=True)
    return calendar.explain(date(year - 1, 12, 31), date(year, 12, 31))


def list_deadlines(session: Session) -> list[Deadline]:
    """Every clock of every service with its working days."""
    return [
        Deadline(service, clock, days_of(session, service, clock))
        for service in Service
        for clock in ClockKind
        if service in CLOCK_SERVICES[clock]
    ]
