"""The calendar's rules one by one: what is refused, what is provisional, what is explained, and how it reads."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.calendar import (
    CalendarDay,
    CalendarMissing,
    DayKind,
    DayNote,
    WorkingCalendar,
    days_from_chinesecalendar,
    due_at,
    due_date,
    last_day,
    local_day,
    working_days_left,
)
from workbench.cases.calendar_text import describe, describe_notes
from workbench.kernel.clock import SHANGHAI

days_of_2024_to_2026 = st.dates(date(2024, 1, 1), date(2026, 11, 30))


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=SHANGHAI)


def plain(*years: int, allow_provisional: bool = False) -> WorkingCalendar:
    return WorkingCalendar([], set(years), allow_provisional=allow_provisional)


def test_a_day_entered_twice_is_refused() -> None:
    day = CalendarDay(date(2026, 10, 1), DayKind.HOLIDAY, "国庆节", "National Day")
    with pytest.raises(ValueError, match="2026-10-01"):
        WorkingCalendar([day, day], {2026})


def test_naive_instants_and_negative_counts_are_refused(calendar: WorkingCalendar) -> None:
    with pytest.raises(ValueError, match="time zone"):
        due_at(datetime(2026, 3, 2, 9), 2, calendar)  # noqa: DTZ001 - naive is the point
    with pytest.raises(ValueError, match="forward"):
        calendar.add_working_days(date(2026, 3, 2), -1)


def test_a_day_belongs_to_shanghai_not_to_utc(calendar: WorkingCalendar) -> None:
    last_second_of_monday = datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC)
    first_second_of_tuesday = datetime(2026, 3, 2, 16, 0, 0, tzinfo=UTC)
    assert local_day(last_second_of_monday) == date(2026, 3, 2)
    assert local_day(first_second_of_tuesday) == date(2026, 3, 3)
    assert due_at(last_second_of_monday, 1, calendar) == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert due_at(first_second_of_tuesday, 1, calendar) == datetime(2026, 3, 4, 16, tzinfo=UTC)


def test_the_due_instant_is_the_first_that_is_late(calendar: WorkingCalendar) -> None:
    due = due_at(noon(2026, 3, 5), 1, calendar)  # Thursday → Friday 24:00
    assert last_day(due) == date(2026, 3, 6)
    assert working_days_left(due - timedelta(microseconds=1), due, calendar) == 0
    assert working_days_left(due, due, calendar) == -1  # Saturday
    assert working_days_left(noon(2026, 3, 9), due, calendar) == -1  # Monday
    assert working_days_left(noon(2026, 3, 10), due, calendar) == -2


def test_zero_days_end_with_the_day_itself_or_the_next_worked_one(calendar: WorkingCalendar) -> None:
    assert calendar.add_working_days(date(2026, 3, 6), 0) == date(2026, 3, 6)
    assert calendar.add_working_days(date(2026, 3, 7), 0) == date(2026, 3, 9)
    assert calendar.add_working_days(date(2026, 10, 2), 0) == date(2026, 10, 8)


def test_next_year_is_missing_until_its_notice_is_loaded(calendar: WorkingCalendar, lenient: WorkingCalendar) -> None:
    start = noon(2026, 12, 30)
    assert due_at(start, 1, calendar) == datetime(2026, 12, 31, 16, tzinfo=UTC)
    with pytest.raises(CalendarMissing, match="2027"):
        due_at(start, 2, calendar)
    due = due_date(start, 2, lenient)
    assert (due.at, due.provisional) == (datetime(2027, 1, 1, 16, tzinfo=UTC), True)
    new_year = CalendarDay(date(2027, 1, 1), DayKind.HOLIDAY, "元旦", "New Year's Day")
    loaded = WorkingCalendar([*days_from_chinesecalendar(2026), new_year], {2026, 2027})
    due = due_date(start, 2, loaded)
    assert (due.day, due.provisional) == (date(2027, 1, 4), False)


def test_the_end_of_december_waits_for_the_next_notice() -> None:
    """The notice for 2019 made Saturday 29 December 2018 a workday and took Monday the 31st off."""
    before = WorkingCalendar([d for d in days_from_chinesecalendar(2018) if d.day < date(2018, 12, 29)], {2018})
    guess = due_date(noon(2018, 12, 27), 2, before)
    assert (guess.day, guess.provisional) == (date(2018, 12, 31), True)
    after = WorkingCalendar([*days_from_chinesecalendar(2018), *days_from_chinesecalendar(2019)], {2018, 2019})
    due = due_date(noon(2018, 12, 27), 2, after)
    assert (due.day, due.provisional) == (date(2018, 12, 29), False)
    assert describe(due, "zh_Hans_CN") == "12月29日 周六：12月29日周六上班"


def test_only_counted_days_make_a_due_date_provisional_or_explain_it(calendar: WorkingCalendar) -> None:
    next_year = plain(2027, allow_provisional=True)
    assert not next_year.due_from(date(2026, 12, 31), 1).provisional
    assert next_year.due_from(date(2026, 12, 31), 0).provisional
    worked_saturday = calendar.due_from(date(2026, 10, 10), 0)
    assert describe(worked_saturday, "en") == "Sat 10 Oct: Sat 10 Oct works"
    assert calendar.due_from(date(2026, 10, 10), 1).notes == ()


def test_explanation_of_the_national_day_week(calendar: WorkingCalendar) -> None:
    due = due_date(noon(2026, 9, 30), 2, calendar)
    assert due.notes == (
        DayNote(date(2026, 10, 1), date(2026, 10, 7), DayKind.HOLIDAY, ("国庆节",), ("National Day",)),
        DayNote(date(2026, 10, 10), date(2026, 10, 10), DayKind.MAKE_UP_WORKDAY, ("国庆节",), ("National Day",)),
    )
    assert describe(due, "zh_Hans_CN") == "10月9日 周五：10月1–7日国庆节放假，10月10日周六上班"
    assert describe(due, "en") == "Fri 9 Oct: 1–7 Oct National Day holiday, Sat 10 Oct works"


def test_explanation_names_both_holidays_and_runs_over_a_month(calendar: WorkingCalendar) -> None:
    autumn = due_date(noon(2025, 9, 26), 3, calendar)
    assert describe(autumn, "zh_Hans_CN") == "9月30日 周二：9月28日周日上班"
    autumn = due_date(noon(2025, 9, 30), 3, calendar)
    assert describe(autumn, "zh_Hans_CN") == "10月11日 周六：10月1–8日国庆节、中秋节放假，10月11日周六上班"
    assert describe(autumn, "en") == (
        "Sat 11 Oct: 1–8 Oct National Day and Mid-autumn Festival holiday, Sat 11 Oct works"
    )
    dragon_boat = due_date(noon(2025, 5, 30), 1, calendar)
    assert describe(dragon_boat, "zh_Hans_CN") == "6月3日 周二：5月31日–6月2日端午节放假"
    assert describe(dragon_boat, "en") == "Tue 3 Jun: 31 May – 2 Jun Dragon Boat Festival holiday"


def test_explanation_shows_a_holiday_whole_even_when_it_had_begun(calendar: WorkingCalendar) -> None:
    assert describe(due_date(noon(2026, 10, 4), 1, calendar), "en") == "Thu 8 Oct: 1–7 Oct National Day holiday"


def test_a_plain_week_needs_no_reason_and_a_provisional_one_says_so(lenient: WorkingCalendar) -> None:
    week = due_date(noon(2026, 3, 6), 2, lenient)
    assert (week.notes, describe(week, "en"), describe(week, "zh")) == ((), "Tue 10 Mar", "3月10日 周二")
    later = due_date(noon(2027, 3, 5), 2, lenient)
    assert describe(later, "en") == "Tue 9 Mar (provisional: official calendar not loaded)"
    assert describe(later, "zh") == "3月9日 周二（暂定：官方日历尚未载入）"


def test_a_run_of_make_up_workdays_is_one_note() -> None:
    weekend = [CalendarDay(date(2026, 3, d), DayKind.MAKE_UP_WORKDAY, "示例节", "Example Day") for d in (7, 8)]
    notes = WorkingCalendar(weekend, {2026}).explain(date(2026, 3, 5), date(2026, 3, 8))
    assert describe_notes(notes, "en") == "7–8 Mar work"
    assert describe_notes(notes, "zh") == "3月7–8日上班"


@given(day=days_of_2024_to_2026, n=st.integers(1, 15))
def test_the_due_day_is_worked_and_counts_back(day: date, n: int, calendar: WorkingCalendar) -> None:
    last = calendar.add_working_days(day, n)
    assert calendar.is_working(last)
    assert calendar.working_days_between(day, last) == n
    assert calendar.working_days_between(day, last - timedelta(days=1)) == n - 1


@given(one=days_of_2024_to_2026, other=days_of_2024_to_2026, n=st.integers(0, 10))
def test_later_starts_and_longer_periods_never_end_earlier(
    one: date, other: date, n: int, calendar: WorkingCalendar
) -> None:
    early, late = sorted((one, other))
    assert calendar.add_working_days(early, n) <= calendar.add_working_days(late, n)
    assert calendar.add_working_days(early, n) <= calendar.add_working_days(early, n + 1)


@given(day=days_of_2024_to_2026, n=st.integers(1, 12))
def test_notes_are_exactly_the_days_that_differ_from_a_plain_week(day: date, n: int, calendar: WorkingCalendar) -> None:
    due = calendar.due_from(day, n)
    noted = {
        note.first + timedelta(days=i): note.kind
        for note in due.notes
        for i in range((note.last - note.first).days + 1)
    }
    between = [day + timedelta(days=i) for i in range(1, (due.day - day).days + 1)]
    for odd in (d for d in between if calendar.is_working(d) != (d.weekday() < 5)):
        assert odd in noted
    for noted_day, kind in noted.items():
        assert calendar.is_working(noted_day) == (kind is DayKind.MAKE_UP_WORKDAY)
    assert list(noted) == sorted(noted)
