"""What the counter's screen sends: when it was captured is the browser's word, as far as it is an instant."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from workbench.collection.hand_over_forms import read_comparison
from workbench.kernel.clock import clock_at

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def captured_at(said: str) -> datetime:
    with clock_at(NOW):
        form = {"client_id": str(uuid4()), "stamping": "passed", "captured_at": said}
        return read_comparison(form).captured_at


def test_the_browser_says_when_it_was() -> None:
    assert captured_at("2026-11-24T09:00:00+08:00") == datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "said", ["", "soon", "2026-11-24T09:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_instant_is_now(said: str) -> None:
    assert captured_at(said) == NOW
