"""How pauses grow with failures."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from workbench.organisation.throttle import ACCOUNT_FAILURES, LONGEST_PAUSE, pause_after


def test_the_fifth_failure_costs_fifteen_minutes_and_each_further_one_doubles() -> None:
    minutes = [pause_after(failures) // timedelta(minutes=1) for failures in range(4, 12)]
    assert minutes == [0, 15, 30, 60, 120, 240, 240, 240]


@given(st.integers(min_value=0, max_value=1_000_000))
def test_pauses_never_shrink_and_never_exceed_the_longest(failures: int) -> None:
    assert pause_after(failures) <= pause_after(failures + 1) <= LONGEST_PAUSE
    assert (pause_after(failures) > timedelta(0)) == (failures >= ACCOUNT_FAILURES)
