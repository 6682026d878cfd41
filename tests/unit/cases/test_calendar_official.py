"""The packaged calendar against the notices, and every due date of 2024–2026 against a slow reference."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from workbench.cases.calendar import (
    CalendarMissing,
    WorkingCalendar,
    days_from_chinesecalendar,
    due_at,
    due_date,
    working_days_left,
)

Works = Callable[[date], bool]
YEARS = (2024, 2025, 2026)
DAY = timedelta(days=1)


def every_day() -> Iterator[date]:
    day = date(2024, 1, 1)
    while day.year <= 2026:
        yield day
        day += DAY


def slow_last_day(start: date, working_days: int, works: Works) -> date:
    """Strike off days one by one; the day of the start is not struck off."""
    left, day = working_days, start
    while left:
        day = day + DAY
        if works(day):
            left = left - 1
    return day


def slow_due(start: date, working_days: int, works: Works) -> datetime:
    """Midnight in Shanghai is 16:00 UTC of the day before; written out, so as not to trust the code under test."""
    last = slow_last_day(start, working_days, works)
    return datetime(last.year, last.month, last.day, 16, 0, tzinfo=UTC)


def test_hand_entered_notices_agree_with_their_own_day_counts(notices: list[dict[str, str]]) -> None:
    for row in notices:
        first, last = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
        assert (last - first).days + 1 == int(row["days"]), row
        assert first.year == int(row["year"]), row
        if row["kind"] == "make_up_workday":
            assert first.isoweekday() in (6, 7), f"a make-up workday on a weekday: {row}"


@pytest.mark.parametrize("year", YEARS)
def test_packaged_calendar_is_the_notice(year: int, notice_days: dict[date, tuple[str, str]]) -> None:
    packaged = {day.day: (day.kind.value, day.name) for day in days_from_chinesecalendar(year)}
    official = {day: entry for day, entry in notice_days.items() if day.year == year}
    assert {day: kind for day, (kind, _) in packaged.items()} == {day: kind for day, (kind, _) in official.items()}
    for day, (_, name) in packaged.items():
        assert name in official[day][1].split("、"), f"{day}: {name} is not what the notice says"


def test_every_day_is_worked_or_not_as_the_notices_say(calendar: WorkingCalendar, works: Works) -> None:
    wrong = [day for day in every_day() if calendar.is_working(day) != works(day)]
    assert wrong == []


@pytest.mark.parametrize("working_days", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("at", [time(0, 0), time(23, 59, 59)])
def test_due_date_of_every_day(working_days: int, at: time, calendar: WorkingCalendar, works: Works) -> None:
    checked = 0
    for day in every_day():
        start = datetime.combine(day, at, ZoneInfo("Asia/Shanghai")).astimezone(UTC)
        if slow_last_day(day, working_days, works).year == 2027:
            with pytest.raises(CalendarMissing) as missing:
                due_at(start, working_days, calendar)
            assert missing.value.year == 2027
            continue
        assert due_at(start, working_days, calendar) == slow_due(day, working_days, works), day
        checked += 1
    assert checked >= 1096 - 14


@pytest.mark.parametrize("working_days", [1, 2, 3, 5, 7])
def test_provisional_due_date_of_every_day(working_days: int, lenient: WorkingCalendar, works: Works) -> None:
    for day in every_day():
        due = due_date(datetime.combine(day, time(9), ZoneInfo("Asia/Shanghai")), working_days, lenient)
        assert due.at == slow_due(day, working_days, works), day
        assert due.provisional == (due.day >= date(2026, 12, 29)), day


def test_days_left_count_down_with_the_working_days(calendar: WorkingCalendar, works: Works) -> None:
    due = datetime(2026, 10, 9, 16, tzinfo=UTC)
    left = {
        day: working_days_left(datetime.combine(day, time(12), ZoneInfo("Asia/Shanghai")), due, calendar)
        for day in every_day()
        if date(2026, 9, 1) <= day <= date(2026, 10, 31)
    }
    last = date(2026, 10, 9)
    for day, days_left in left.items():
        early, late = min(day, last), max(day, last)
        between = sum(works(early + DAY * i) for i in range(1, (late - early).days + 1))
        assert days_left == (between if day <= last else -between), day
    assert left[date(2026, 10, 9)] == 0
    assert left[date(2026, 9, 30)] == 2
    assert left[date(2026, 10, 10)] == -1  # the Saturday is worked
    assert left[date(2026, 10, 11)] == -1
    assert left[date(2026, 10, 12)] == -2


@pytest.mark.parametrize("year", [2003, 2027, 2099])
def test_a_year_the_package_lacks_is_refused(year: int) -> None:
    with pytest.raises(CalendarMissing) as missing:
        days_from_chinesecalendar(year)
    assert missing.value.year == year
