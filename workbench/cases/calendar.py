"""Working days by the State Council's yearly notices, and when a period counted in them ends.

A year without its notice is never guessed silently: it raises `CalendarMissing`, or, where the caller asked for
provisional answers, plain weekends are used and every result that touched it says so.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import chinese_calendar

from workbench.kernel.clock import SHANGHAI

_ONE_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)

_FIRST_UNSURE_DAY = 29
"""From 29 December on, the next year's notice may settle a day (that for 2019 did so with 29 to 31 December 2018)."""

NOTICE_NAMES = {"清明": "清明节", "端午": "端午节", "中秋": "中秋节"}
"""chinesecalendar's short names, as the notices write them."""


class DayKind(StrEnum):
    """How a day differs from the plain Monday-to-Friday week; only such days are stored."""

    HOLIDAY = "holiday"
    MAKE_UP_WORKDAY = "make_up_workday"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day a notice takes off or makes a working day, with the holiday it belongs to."""

    day: date
    kind: DayKind
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class DayNote:
    """A run of neighbouring exceptional days of one kind, `first` to `last` inclusive, and the holidays it is for."""

    first: date
    last: date
    kind: DayKind
    names: tuple[str, ...]
    names_en: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DueDate:
    """When a period ends: `at` is the first UTC instant that is late; `notes` say why it is not a plain week's answer.

    `provisional` means that a day was counted which a notice still to be loaded may change.
    """

    at: datetime
    provisional: bool
    notes: tuple[DayNote, ...]

    @property
    def day(self) -> date:
        """The last day in time, in Asia/Shanghai."""
        return last_day(self.at)


class CalendarMissing(Exception):
    """A year was needed for which no official calendar is loaded."""

    def __init__(self, year: int) -> None:
        super().__init__(f"no official calendar is loaded for {year}")
        self.year = year


def local_day(at: datetime) -> date:
    """The calendar day in Asia/Shanghai on which an instant falls. Raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(SHANGHAI).date()


def last_day(due: datetime) -> date:
    """The last day in time for a due instant, which is itself 24:00 and so already the next day."""
    return local_day(due - _INSTANT)


class WorkingCalendar:
    """Which days are worked, from exceptions to the plain week and the years whose notice is loaded.

    Immutable: build a new one when the table changes. Answers are kept per (day, count), so that recomputing a
    million cases costs a few seconds.
    """

    def __init__(
        self, exceptions: Iterable[CalendarDay], official_years: AbstractSet[int], *, allow_provisional: bool = False
    ) -> None:
        """Raises ValueError when two exceptions are for the same day."""
        self._exceptions: dict[date, CalendarDay] = {}
        for exception in exceptions:
            if exception.day in self._exceptions:
                raise ValueError(f"{exception.day} is in the calendar twice")
            self._exceptions[exception.day] = exception
        self.official_years = frozenset(official_years)
        self.allow_provisional = allow_provisional
        self._dues: dict[tuple[date, int], DueDate] = {}

    def is_working(self, day: date) -> bool:
        """Whether a day is worked. Raises CalendarMissing for a year not loaded, unless provisional is allowed."""
        if not self.allow_provisional and day.year not in self.official_years:
            raise CalendarMissing(day.year)
        exception = self._exceptions.get(day)
        if exception is None:
            return day.weekday() < 5
        return exception.kind is DayKind.MAKE_UP_WORKDAY

    def is_settled(self, day: date) -> bool:
        """Whether no notice still to be loaded can change this day.

        The last days of December also need the next year's notice, which sometimes reaches back for New Year's Day.
        """
        if day.year not in self.official_years:
            return False
        unsure = day.month == 12 and day.day >= _FIRST_UNSURE_DAY
        return not unsure or day.year + 1 in self.official_years

    def add_working_days(self, start: date, n: int) -> date:
        """The n-th working day after `start`; for n = 0, `start` itself if it is worked, else the next working day.

        Raises ValueError for a negative n and CalendarMissing as `is_working` does.
        """
        if n < 0:
            raise ValueError("working days are counted forward")
        day, counted = start, 0
        if n == 0:
            day, n = start - _ONE_DAY, 1
        while counted < n:
            day += _ONE_DAY
            counted += self.is_working(day)
        return day

    def working_days_between(self, after: date, through: date) -> int:
        """Count working days later than `after`, up to and including `through`; 0 when `through` is not later."""
        span = (through - after).days
        return sum(self.is_working(after + timedelta(days=i)) for i in range(1, span + 1))

    def due_from(self, start: date, working_days: int) -> DueDate:
        """When a period of so many working days ends that starts on `start` (a day in Asia/Shanghai).

        DOMAIN rule: the day on which a period starts does not count; it ends at 24:00 of its last working day.
        0 days means by the end of `start`, or of the next working day. Raises as `add_working_days` does.
        """
        key = (start, working_days)
        found = self._dues.get(key)
        if found is None:
            last = self.add_working_days(start, working_days)
            at = datetime.combine(last + _ONE_DAY, time.min, SHANGHAI).astimezone(UTC)
            first = start if working_days == 0 else start + _ONE_DAY
            counted = (first + timedelta(days=i) for i in range((last - first).days + 1))
            provisional = not all(self.is_settled(day) for day in counted)
            found = self._dues[key] = DueDate(at, provisional, self.explain(first - _ONE_DAY, last))
        return found

    def explain(self, start: date, due: date) -> tuple[DayNote, ...]:
        """Which exceptional days lie after `start` up to `due`, as whole runs in order of time.

        A make-up workday right after `due` is told too: without it, a reader would take the week to be over.
        """
        notes: list[DayNote] = []
        day = start + _ONE_DAY
        while day <= due:
            if day in self._exceptions:
                notes.append(self._run_around(day))
                day = notes[-1].last
            day += _ONE_DAY
        following = self._exceptions.get(day) if day == due + _ONE_DAY else None
        if following is not None and following.kind is DayKind.MAKE_UP_WORKDAY:
            notes.append(self._run_around(day))
        return tuple(notes)

    def _run_around(self, day: date) -> DayNote:
        kind = self._exceptions[day].kind
        first = last = day
        while self._has(first - _ONE_DAY, kind):
            first -= _ONE_DAY
        while self._has(last + _ONE_DAY, kind):
            last += _ONE_DAY
        run = [self._exceptions[first + timedelta(days=i)] for i in range((last - first).days + 1)]
        names, names_en = dict.fromkeys(d.name for d in run), dict.fromkeys(d.name_en for d in run)
        return DayNote(first, last, kind, tuple(names), tuple(names_en))

    def _has(self, day: date, kind: DayKind) -> bool:
        found = self._exceptions.get(day)
        return found is not None and found.kind is kind


def due_date(start: datetime, working_days: int, calendar: WorkingCalendar) -> DueDate:
    """When a period that starts at an instant ends, with its reasons. Raises as `WorkingCalendar.due_from` does."""
    return calendar.due_from(local_day(start), working_days)


def due_at(start: datetime, working_days: int, calendar: WorkingCalendar) -> datetime:
    """The first UTC instant after a period of so many working days; `start` may fall on any day, worked or not."""
    return due_date(start, working_days, calendar).at


def working_days_left(now: datetime, due: datetime, calendar: WorkingCalendar) -> int:
    """How many working days are left, as whole days in Asia/Shanghai.

    In time (now < due): the working days after today up to and including the last day, so 0 means due today.
    Late: minus the working days after the last day up to and including today, and at least -1, so that a case due
    on Friday is overdue by one on Saturday, Sunday and Monday, and by two on Tuesday.
    """
    today, last = local_day(now), last_day(due)
    if now < due:
        return calendar.working_days_between(today, last)
    return -max(1, calendar.working_days_between(last, today))


def days_from_chinesecalendar(year: int) -> tuple[CalendarDay, ...]:
    """The exceptions that the chinesecalendar package knows for a year, in order of date.

    Holidays include the weekend days within them, so that an explanation can say "1–7 Oct".
    Raises CalendarMissing for a year the package does not have.
    """
    day, days = date(year, 1, 1), []
    while day.year == year:
        try:
            is_off, name = chinese_calendar.get_holiday_detail(day)
        except NotImplementedError:
            raise CalendarMissing(year) from None
        if name is not None:
            kind = DayKind.HOLIDAY if is_off else DayKind.MAKE_UP_WORKDAY
            chinese = chinese_calendar.Holiday(name).chinese
            days.append(CalendarDay(day, kind, NOTICE_NAMES.get(chinese, chinese), name))
        day += _ONE_DAY
    return tuple(days)
