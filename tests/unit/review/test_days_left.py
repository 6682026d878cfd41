"""Working days left for a whole page of the queue are those of each case alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.calendar import WorkingCalendar, days_from_chinesecalendar, working_days_left
from workbench.review.queue import days_left

CALENDAR = WorkingCalendar(
    [day for year in (2025, 2026) for day in days_from_chinesecalendar(year)], {2025, 2026}, allow_provisional=True
)
NOW = datetime(2026, 2, 20, 3, 0, tzinfo=UTC)
HOURS = st.integers(-24 * 200, 24 * 40)


@given(st.sets(HOURS, max_size=12))
def test_a_page_counts_as_each_case_alone(hours: set[int]) -> None:
    dues = [NOW + timedelta(hours=each) for each in hours]
    assert days_left(dues, NOW, CALENDAR) == {due: working_days_left(NOW, due, CALENDAR) for due in dues}
