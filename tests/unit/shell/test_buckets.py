"""Token buckets: never more than a minute's worth at once, never more than the rate in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.shell import buckets
from workbench.shell.buckets import Buckets


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@given(st.integers(1, 200), st.lists(st.floats(0, 90), max_size=300))
def test_no_more_is_granted_than_the_rate_allows(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    kept = Buckets(per_minute, clock=clock)
    granted = 0
    for pause in pauses:
        clock.at += pause
        granted += kept.take("a") == 0
    assert granted <= per_minute + clock.at * per_minute / 60 + 1e-6


@given(st.integers(1, 200))
def test_whoever_waits_as_told_is_let_in(per_minute: int) -> None:
    clock = Clock()
    kept = Buckets(per_minute, clock=clock)
    assert all(kept.take("a") == 0 for _ in range(per_minute))
    wait = kept.take("a")
    assert 0 < wait <= 60 / per_minute + 1e-6
    clock.at += wait + 1e-6
    assert kept.take("a") == 0
    assert kept.take("b") == 0


def test_names_do_not_pile_up() -> None:
    kept = Buckets(1)
    for each in range(buckets.MOST_NAMES + 10):
        kept.take(str(each))
    assert len(kept._kept) == buckets.MOST_NAMES
