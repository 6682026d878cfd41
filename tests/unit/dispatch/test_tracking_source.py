"""The courier's interface, asked over HTTP: troubles are tried again, garbage and silence are failures, and nothing
that lies ahead or elsewhere is believed.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import AnyUrl

from tests.support.courier import Courier, running_courier
from workbench.dispatch.tracking_source import LARGEST_ANSWER, HttpSource, Patience, SourceFailed
from workbench.dispatch.words import TrackingStatus
from workbench.kernel import whole_answers

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
EVENT = {"time": "2026-11-24T15:04:00+08:00", "status": "签收", "place": "示例市", "words": "已签收", "id": "7"}
HASTY = Patience(connect=0.5, answer=0.5, backoff=0.01)


@pytest.fixture
def courier() -> Iterator[Courier]:
    """A courier on the loopback."""
    with running_courier() as courier:
        yield courier


def ask(courier: Courier, url: str | None = None) -> list[tuple[TrackingStatus, str]]:
    """What the courier says of one parcel: status and reference."""
    source = HttpSource(AnyUrl(url or courier.url), HASTY)
    try:
        return [(each.status, each.ref) for each in source.events_of("sf", "SF 1/2", NOW)]
    finally:
        source.close()


def test_events_are_read_and_the_parcel_is_named_in_the_address(courier: Courier) -> None:
    courier.answers = [[EVENT, {**EVENT, "id": "8", "status": "飞行中"}]]
    assert ask(courier) == [(TrackingStatus.DELIVERED, "7"), (TrackingStatus.UNDER_WAY, "8")]
    assert courier.asked == ["/track/sf/SF%201%2F2"]


def test_name_and_password_ride_along(courier: Courier) -> None:
    ask(courier, courier.url.replace("//", "//house:p%40ss@"))
    assert courier.authorisations == ["Basic aG91c2U6cEBzcw=="]


def test_what_lies_in_the_future_is_left_out(courier: Courier) -> None:
    courier.answers = [[{**EVENT, "time": "2026-11-25T15:04:00+08:00"}]]
    assert ask(courier) == []


@pytest.mark.parametrize(
    "odd",
    [{"id": "\x00"}, {"time": "0001-01-01T00:00:00+14:00"}, {"time": "9999-12-31T23:59:59-14:00"}],
    ids=["a reference that cannot be kept", "before the calendar", "behind it"],
)
def test_an_event_that_cannot_be_kept_is_left_out(courier: Courier, odd: dict[str, str]) -> None:
    courier.answers = [[{**EVENT, **odd}, EVENT]]
    assert ask(courier) == [(TrackingStatus.DELIVERED, "7")]


def test_troubles_are_tried_again(courier: Courier) -> None:
    courier.answers = [500, 503, [EVENT]]
    assert ask(courier) == [(TrackingStatus.DELIVERED, "7")]
    assert len(courier.asked) == 3


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (403, 1), (404, 1), (302, 1)])
def test_what_stays_troubled_is_a_failure(courier: Courier, status: int, tries: int) -> None:
    courier.answers = [status]
    with pytest.raises(SourceFailed, match=str(status)) as failed:
        ask(courier)
    assert len(courier.asked) == tries
    assert failed.value.answered is (status == 404)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"events": 7}',
        b'{"events": [{"time": "2026-11-24 15:04", "status": "x"}]}',
        b"\xff" * 9,
    ],
)
def test_garbage_is_a_failure(courier: Courier, garbage: bytes) -> None:
    courier.answers = [garbage]
    with pytest.raises(SourceFailed, match="cannot be read") as failed:
        ask(courier)
    assert failed.value.answered


def test_an_answer_without_end_is_not_read_to_its_end(courier: Courier) -> None:
    courier.answers = [b" " * (LARGEST_ANSWER + 10)]
    with pytest.raises(SourceFailed, match="too much"):
        ask(courier)


def test_the_time_out_is_one_for_the_whole_answer(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=61)
    monkeypatch.setattr(whole_answers, "monotonic", lambda: next(clock))
    courier.answers = [[EVENT]]
    with pytest.raises(SourceFailed, match="not reached"):
        ask(courier)


def test_silence_and_a_closed_door_are_failures(courier: Courier) -> None:
    courier.delay = 2
    with pytest.raises(SourceFailed, match="not reached"):
        ask(courier)
    with pytest.raises(SourceFailed, match="not reached"):
        ask(courier, "http://127.0.0.1:1/track")
