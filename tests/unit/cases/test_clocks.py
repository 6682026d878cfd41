"""Clocks with pauses, each rule by example and all of them against a model that walks from day to day."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.cases import clocks
from workbench.cases.calendar import CalendarMissing, WorkingCalendar
from workbench.cases.clocks import Clock, ClockError, ClockKind
from workbench.kernel.clock import SHANGHAI

Works = Callable[[date], bool]
DAY = timedelta(days=1)
EPOCH = datetime(2024, 1, 1, tzinfo=SHANGHAI)

steps = st.lists(st.integers(0, 12 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)), max_size=9)
starts = st.integers(0, 800 * 24 * 60).map(lambda minutes: EPOCH + timedelta(minutes=minutes))


def on(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=SHANGHAI)


def due_day(clock: Clock, calendar: WorkingCalendar) -> date:
    due = clocks.due(clock, calendar)
    assert due is not None
    return due.day


def run_history(days: int, begin: datetime, gaps: list[timedelta], calendar: WorkingCalendar) -> Clock:
    """Pause and resume in turn, one gap after another."""
    clock, at = clocks.start(ClockKind.PRE_CHECK, days, begin), begin
    for gap in gaps:
        at += gap
        clock = clocks.pause(clock, at, calendar) if clock.is_running else clocks.resume(clock, at, calendar)
    return clock


class DayWalk:
    """The reference: every single day is walked, and it is the desk's if it had the case by the evening before."""

    def __init__(self, begin: datetime, gaps: list[timedelta], works: Works) -> None:
        self.works = works
        instants = [begin]
        for gap in gaps:
            instants.append(instants[-1] + gap)
        self.local = [instant.astimezone(SHANGHAI).date() for instant in instants]

    def used(self) -> int:
        """Days of the closed stretches only, as a set: no day may be charged twice."""
        charged: set[date] = set()
        for begin, end in zip(self.local[0::2], self.local[1::2], strict=False):
            day = begin
            while day < end:
                day += DAY
                if self.works(day):
                    assert day not in charged
                    charged.add(day)
        return len(charged)

    def due_day(self, days: int) -> date:
        left, day = days - self.used(), self.local[-1]
        if left <= 0:
            while not self.works(day):
                day += DAY
            return day
        while left:
            day += DAY
            left -= 1 if self.works(day) else 0
        return day


@given(days=st.integers(1, 8), begin=starts, gaps=steps)
def test_any_history_agrees_with_walking_the_days(
    days: int, begin: datetime, gaps: list[timedelta], calendar: WorkingCalendar, works: Works
) -> None:
    clock, walk = run_history(days, begin, gaps, calendar), DayWalk(begin, gaps, works)
    assert clock.used_days == walk.used()
    if len(gaps) % 2:
        assert clocks.due(clock, calendar) is None
    else:
        assert due_day(clock, calendar) == walk.due_day(days)


@given(days=st.integers(1, 8), begin=starts, ran=st.integers(0, 20_000), away=st.integers(0, 20_000))
def test_being_away_never_brings_the_due_date_nearer(
    days: int, begin: datetime, ran: int, away: int, calendar: WorkingCalendar
) -> None:
    through = clocks.start(ClockKind.PRE_CHECK, days, begin)
    gaps = [timedelta(minutes=ran), timedelta(minutes=away)]
    back = run_history(days, begin, gaps, calendar)
    back_later = run_history(days, begin, [gaps[0], gaps[1] + DAY], calendar)
    assert due_day(through, calendar) <= due_day(back, calendar) <= due_day(back_later, calendar)


@given(days=st.integers(1, 8), begin=starts, later=st.integers(0, 10), hour=st.integers(0, 23))
def test_away_and_back_on_one_day_changes_no_due_date_ahead(
    days: int, begin: datetime, later: int, hour: int, calendar: WorkingCalendar
) -> None:
    clock = clocks.start(ClockKind.PRE_CHECK, days, begin)
    local_midnight = begin.replace(hour=0, minute=0) + later * DAY
    sent, back = local_midnight + timedelta(hours=hour), local_midnight + timedelta(hours=23, minutes=59)
    assume(sent >= begin and not clocks.is_late(clock, sent, calendar))
    returned = clocks.resume(clocks.pause(clock, sent, calendar), back, calendar)
    assert due_day(returned, calendar) == due_day(clock, calendar)


@given(days=st.integers(1, 8), begin=starts, gaps=steps)
def test_a_longer_clock_is_never_due_earlier(
    days: int, begin: datetime, gaps: list[timedelta], calendar: WorkingCalendar
) -> None:
    shorter, longer = (run_history(n, begin, gaps, calendar) for n in (days, days + 1))
    if shorter.is_running:
        assert due_day(shorter, calendar) <= due_day(longer, calendar)


def test_the_pause_day_is_used_the_start_and_resumption_days_are_not(calendar: WorkingCalendar) -> None:
    clock = clocks.start(ClockKind.RE_CHECK_AND_PRODUCTION, 5, on(3, 2))  # Monday
    paused = clocks.pause(clock, on(3, 4), calendar)  # Tuesday and Wednesday are used
    assert (paused.used_days, paused.paused_at, clocks.due(paused, calendar)) == (2, on(3, 4), None)
    resumed = clocks.resume(paused, on(3, 12), calendar)  # Thursday; Friday, Monday, Tuesday remain
    assert (resumed.started_at, resumed.paused_at, due_day(resumed, calendar)) == (on(3, 12), None, date(2026, 3, 17))


def test_paused_on_the_day_it_started_nothing_is_used(calendar: WorkingCalendar) -> None:
    paused = clocks.pause(clocks.start(ClockKind.PRE_CHECK, 2, on(3, 2, 9)), on(3, 2, 17), calendar)
    assert paused.used_days == 0
    assert due_day(clocks.resume(paused, on(3, 9), calendar), calendar) == date(2026, 3, 11)


def test_holidays_and_weekends_at_the_desk_are_not_used(calendar: WorkingCalendar) -> None:
    clock = clocks.start(ClockKind.RENEWAL, 3, on(9, 30))
    assert clocks.pause(clock, on(10, 7), calendar).used_days == 0
    assert clocks.pause(clock, on(10, 10), calendar).used_days == 3  # Thursday, Friday and the worked Saturday


def test_with_nothing_left_it_is_due_on_the_day_it_is_back(calendar: WorkingCalendar) -> None:
    clock = clocks.start(ClockKind.PRE_CHECK, 2, on(3, 2))
    assert not clocks.is_late(clock, on(3, 4, 23), calendar)
    paused = clocks.pause(clock, on(3, 4, 23), calendar)
    assert paused.used_days == 2
    assert due_day(clocks.resume(paused, on(3, 12), calendar), calendar) == date(2026, 3, 12)
    assert due_day(clocks.resume(paused, on(3, 14), calendar), calendar) == date(2026, 3, 16)  # Saturday → Monday


def test_lateness_before_a_pause_is_told_and_not_carried_on(calendar: WorkingCalendar) -> None:
    clock = clocks.start(ClockKind.PRE_CHECK, 2, on(3, 2))
    midnight = datetime(2026, 3, 4, 16, tzinfo=UTC)
    assert not clocks.is_late(clock, midnight - timedelta(microseconds=1), calendar)
    assert clocks.is_late(clock, midnight, calendar)
    paused = clocks.pause(clock, on(3, 6), calendar)
    assert paused.used_days == 4
    assert not clocks.is_late(paused, on(3, 20), calendar)
    assert due_day(clocks.resume(paused, on(3, 12), calendar), calendar) == date(2026, 3, 12)


def test_a_stopped_clock_is_due_no_more_and_stays_stopped(calendar: WorkingCalendar) -> None:
    running = clocks.start(ClockKind.NOTICE, 3, on(3, 2))
    stopped = clocks.stop(running, on(3, 3))
    assert (stopped.stopped_at, clocks.due(stopped, calendar)) == (on(3, 3), None)
    assert clocks.stop(clocks.pause(running, on(3, 3), calendar), on(3, 4)).stopped_at == on(3, 4)
    with pytest.raises(ClockError):
        clocks.pause(stopped, on(3, 4), calendar)
    with pytest.raises(ClockError):
        clocks.resume(stopped, on(3, 4), calendar)
    with pytest.raises(ClockError):
        clocks.stop(stopped, on(3, 4))


def test_pausing_twice_and_resuming_what_runs_are_refused(calendar: WorkingCalendar) -> None:
    running = clocks.start(ClockKind.PRE_CHECK, 2, on(3, 2))
    with pytest.raises(ClockError):
        clocks.resume(running, on(3, 3), calendar)
    with pytest.raises(ClockError):
        clocks.pause(clocks.pause(running, on(3, 3), calendar), on(3, 3), calendar)


def test_bad_starts_are_refused(calendar: WorkingCalendar) -> None:
    with pytest.raises(ValueError, match="one working day"):
        clocks.start(ClockKind.PRE_CHECK, 0, on(3, 2))
    with pytest.raises(ValueError, match="time zone"):
        clocks.start(ClockKind.PRE_CHECK, 2, datetime(2026, 3, 2))  # noqa: DTZ001 - naive is the point


def test_a_clock_a_little_behind_another_machines_does_no_harm(calendar: WorkingCalendar) -> None:
    running = clocks.start(ClockKind.PRE_CHECK, 2, on(3, 2))
    just_before = on(3, 2) - timedelta(milliseconds=5)
    paused = clocks.pause(running, just_before, calendar)
    assert (paused.used_days, paused.paused_at) == (0, on(3, 2))
    assert clocks.resume(paused, just_before, calendar).started_at == on(3, 2)
    assert clocks.stop(paused, just_before).stopped_at == on(3, 2)


def test_a_missing_year_is_refused_before_the_case_comes_back(
    calendar: WorkingCalendar, lenient: WorkingCalendar
) -> None:
    paused = clocks.pause(clocks.start(ClockKind.RENEWAL, 3, on(12, 24)), on(12, 24, 12), calendar)
    with pytest.raises(CalendarMissing, match="2027"):
        clocks.resume(paused, on(12, 30), calendar)
    due = clocks.due(clocks.resume(paused, on(12, 30), lenient), lenient)
    assert due is not None
    assert due.provisional
