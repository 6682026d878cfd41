"""Clocks that count a desk's working days and stand still while the case is with the enterprise.

Rules, for every function here (days are days in Asia/Shanghai; source: the deadlines table of the service):

1. The day on which a clock starts or resumes does not count.
2. A pause uses up the working days after that day, up to and including the day of the pause: the desk had it. Paused
   on the day it started or resumed, a clock has used nothing.
3. After a resumption `days - used_days` remain, counted as from a fresh start.
4. With nothing left, the clock is due at the end of the day of resumption if that is worked, otherwise of the next
   working day: nobody has to decide before the case is back, nobody gains a day by sending it away. So a pause and
   a resumption on one day change no due date that is still ahead.
5. A desk that was late when it paused gets the same due date as one that was not; its lateness is a fact of the time
   of the pause, which `is_late` tells and the case's history keeps. `used_days` may exceed `days`.

An instant before the latest start is taken as that start: machines' clocks may differ by milliseconds, and no
decision may fail for it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from workbench.cases.calendar import DueDate, WorkingCalendar, local_day


class ClockKind(StrEnum):
    """What a clock measures; its days are configured per service."""

    PRE_CHECK = "pre_check"
    RE_CHECK_AND_PRODUCTION = "re_check_and_production"
    RENEWAL = "renewal"
    NOTICE = "notice"


class ClockError(Exception):
    """A clock was asked for a move its condition does not allow; the caller has its states mixed up."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one case: `started_at` is the latest start or resumption, `used_days` what was used before it."""

    kind: ClockKind
    days: int
    started_at: datetime
    used_days: int = 0
    paused_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether days are being counted: neither paused nor stopped."""
        return self.paused_at is None and self.stopped_at is None


def start(kind: ClockKind, days: int, at: datetime) -> Clock:
    """A new clock of so many working days. Raises ValueError for less than one day or a naive instant."""
    if days < 1:
        raise ValueError("a clock needs at least one working day")
    return Clock(kind, days, _aware(at))


def pause(clock: Clock, at: datetime, calendar: WorkingCalendar) -> Clock:
    """Stop counting while the case is with the enterprise (rule 2).

    Raises ClockError unless the clock is running, CalendarMissing as the calendar does.
    """
    if not clock.is_running:
        raise ClockError("only a running clock can be paused")
    at = max(_aware(at), clock.started_at)
    used = calendar.working_days_between(local_day(clock.started_at), local_day(at))
    return replace(clock, used_days=clock.used_days + used, paused_at=at)


def resume(clock: Clock, at: datetime, calendar: WorkingCalendar) -> Clock:
    """Count again, now that the case is back (rules 3 and 4).

    Raises ClockError unless the clock is paused; CalendarMissing when the new due date can't be told, so that no case
    comes back to a desk without one.
    """
    if clock.paused_at is None or clock.stopped_at is not None:
        raise ClockError("only a paused clock can be resumed")
    resumed = replace(clock, started_at=max(_aware(at), clock.paused_at), paused_at=None)
    due(resumed, calendar)
    return resumed


def stop(clock: Clock, at: datetime) -> Clock:
    """End the clock for good, running or paused. Raises ClockError when it has ended before."""
    if clock.stopped_at is not None:
        raise ClockError("a clock stops once")
    return replace(clock, stopped_at=max(_aware(at), clock.paused_at or clock.started_at))


def due(clock: Clock, calendar: WorkingCalendar) -> DueDate | None:
    """When the clock is due; None while paused and after it stopped. Raises CalendarMissing as the calendar does."""
    if not clock.is_running:
        return None
    return calendar.due_from(local_day(clock.started_at), max(0, clock.days - clock.used_days))


def is_late(clock: Clock, at: datetime, calendar: WorkingCalendar) -> bool:
    """Whether a running clock's due date has passed at an instant; False for one that is paused or stopped.

    Ask before `pause` or `stop`: lateness is recorded with that event (rule 5).
    """
    due_date = due(clock, calendar)
    return due_date is not None and at >= due_date.at


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at
