"""Measures working-day arithmetic: due dates of a thousand cases, against chinesecalendar walking from day to day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import chinese_calendar

from tests.bench import measure
from tests.bench.render import Row
from workbench.cases.calendar import WorkingCalendar, days_from_chinesecalendar, due_date, local_day

CASES = 1_000
WORKING_DAYS = 5
SAMPLES = 40


def rows() -> Iterator[Row]:
    """One line: a thousand due dates recomputed, the cases spread over the weeks of a year."""
    calendar = WorkingCalendar(days_from_chinesecalendar(2026), {2026})
    start = datetime(2026, 1, 5, tzinfo=UTC)
    starts = [start + timedelta(hours=8 * number) for number in range(CASES)]

    def ours() -> None:
        for instant in starts:
            due_date(instant, WORKING_DAYS, calendar)

    def theirs() -> None:
        for instant in starts:
            chinese_calendar.find_workday(WORKING_DAYS, local_day(instant))

    mine, peers = measure.by_turns(ours, theirs, SAMPLES, SAMPLES)
    yield measure.row("1,000 due dates recomputed", mine, "chinesecalendar", peers)
