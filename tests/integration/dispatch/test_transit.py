"""What is said of parcels under way, on a real database: by hand, from lists, from the courier's interface; each event
once, lists whole or not at all, and a courier in trouble is left alone.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import AnyUrl
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.doors import Door, open_doors
from tests.support.courier import Courier, running_courier
from tests.support.database import Database
from workbench.config import Settings
from workbench.dispatch import transit
from workbench.dispatch.models import Consignment, TrackingEvent
from workbench.dispatch.polling import Round, poll
from workbench.dispatch.tracking_file import ListRefused, Told, told
from workbench.dispatch.tracking_source import HttpSource, Patience
from workbench.dispatch.transit import CLOCKS_BEHIND, Imported
from workbench.dispatch.words import TrackingStatus
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.parts import Parts, make_parts

EARLIER = datetime.now(UTC) - timedelta(hours=1)
SECOND = "SF1234567890124"
EVENT = {"time": EARLIER.isoformat(), "status": "delivered", "place": "示例市", "words": "已签收", "id": "7"}


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


@pytest.fixture
def parts(office: object, fresh_database: Database, tmp_path: Path) -> Iterator[Parts]:
    """What the worker works with."""
    parts = make_parts(Settings(var_dir=tmp_path / "var"), fresh_database.app_url)
    yield parts
    parts.engine.dispose()


def events(door: Door) -> list[tuple[int, str, str]]:
    """Everything that was said: parcel, source, words."""
    return door.table.read(
        lambda session: [
            (each.consignment_id, each.source, each.words)
            for each in session.scalars(select(TrackingEvent).order_by(TrackingEvent.id))
        ]
    )


def by_hand(door: Door, parcel: Consignment, ref: str = "a", words: str = "已到示例市", at: datetime = EARLIER) -> bool:
    """One note by hand."""
    return door.table.do(
        transit.note_by_hand,
        parcel.id,
        at=at,
        status=TrackingStatus.UNDER_WAY,
        place="示例市",
        words=words,
        ref=ref,
    )


def lines(*waybills: str, at: datetime = EARLIER) -> bytes:
    """A list with one event of each waybill."""
    when = f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return "".join(f"{each},{when},运输中,示例市,到达\n" for each in waybills).encode("gb18030")


def test_a_note_by_hand_is_kept_once(door: Door) -> None:
    parcel = door.sent(door.table.keys(1))
    assert by_hand(door, parcel)
    assert not by_hand(door, parcel)
    assert by_hand(door, parcel, ref="b")
    assert len(events(door)) == 2
    with pytest.raises(Invalid):
        by_hand(door, parcel, ref="c", words="  ")
    with pytest.raises(Invalid, match="future"):
        by_hand(door, parcel, ref="c", at=now() + timedelta(hours=1))
    with pytest.raises(Conflict):
        by_hand(door, door.table.sealed(door.table.keys(1)))
    with pytest.raises(NotAllowed):
        door.table.do(transit.import_list, lines(WAYBILL), who=door.first)


def test_a_list_is_taken_whole_and_once(door: Door) -> None:
    first = door.sent(door.table.keys(1))
    second = door.sent(door.table.keys(1, authority=1), authority=1, waybill=SECOND)
    assert door.table.do(transit.import_list, lines(WAYBILL, SECOND)) == Imported(2, 0, 2)
    assert door.table.do(transit.import_list, lines(WAYBILL, SECOND)) == Imported(0, 2, 2)
    assert [each[:2] for each in events(door)] == [(first.id, "file"), (second.id, "file")]


def test_what_happened_before_a_parcel_was_handed_over_is_not_of_it(door: Door, parts: Parts) -> None:
    """A waybill number that came again, or a mistyped year, would count as delivered at once."""
    parcel = door.sent(door.table.keys(1))
    early = now() - CLOCKS_BEHIND - timedelta(minutes=2)
    with pytest.raises(Invalid, match="did not have the parcel yet"):
        by_hand(door, parcel, at=early)
    with pytest.raises(ListRefused) as refused:
        door.table.do(transit.import_list, lines(WAYBILL) + lines(WAYBILL, at=early))
    assert [each.line for each in refused.value.problems] == [2]
    late = now() + timedelta(hours=1)
    said = [told(at, TrackingStatus.DELIVERED, "", "已签收") for at in (early, late, EARLIER)]
    assert door.table.do(transit.note_from_carrier, parcel.id, said) == 1
    assert [each[1] for each in events(door)] == ["carrier"]


def test_one_unknown_waybill_stops_the_whole_list(door: Door) -> None:
    door.sent(door.table.keys(1))
    with pytest.raises(ListRefused) as refused:
        door.table.do(transit.import_list, lines(WAYBILL, "SF0000000000000", WAYBILL))
    assert [each.line for each in refused.value.problems] == [2]
    assert events(door) == []


def test_the_courier_is_asked_about_what_is_under_way(door: Door, parts: Parts) -> None:
    parcel = door.sent(door.table.keys(1))
    door.opened(door.table.keys(1), waybill=SECOND)
    with running_courier() as courier:
        courier.answers = [[EVENT, EVENT]]
        assert asked(courier, parts) == Round(1, 1, 0, given_up=False)
        assert asked(courier, parts) == Round(1, 0, 0, given_up=False)
        assert courier.asked == [f"/track/sf/{WAYBILL}"] * 2
    assert events(door) == [(parcel.id, "carrier", "已签收")]
    assert door.parcel(parcel).state == "in_transit"


def test_a_courier_in_trouble_is_left_alone_until_the_next_round(door: Door, parts: Parts) -> None:
    for place in range(5):
        door.sent(door.table.keys(1), waybill=f"SF123456789000{place}")
    with running_courier() as courier:
        courier.answers = [500]
        assert asked(courier, parts) == Round(3, 0, 3, given_up=True)
        courier.answers = [404, b"garbage", [EVENT]]
        assert asked(courier, parts) == Round(5, 3, 2, given_up=False)


def test_what_the_courier_says_oddly_of_one_parcel_stops_no_other(door: Door, parts: Parts) -> None:
    for place in range(5):
        door.sent(door.table.keys(1), waybill=f"SF123456789000{place}")
    with running_courier() as courier:
        courier.answers = [[{**EVENT, "id": "\x00"}, EVENT], b"garbage", b"garbage", b"garbage", [EVENT]]
        assert asked(courier, parts) == Round(5, 2, 3, given_up=False)


def test_an_error_about_one_parcel_stops_no_other_and_is_logged(door: Door, parts: Parts) -> None:
    first = door.sent(door.table.keys(1))
    second = door.sent(door.table.keys(1), waybill=SECOND)
    with capture_logs() as logs:
        assert poll(parts, _Stumbling(WAYBILL)) == Round(2, 1, 1, given_up=False)
    assert [each[0] for each in events(door)] == [second.id]
    assert [(each["event"], each["consignment"]) for each in logs] == [("tracking_not_kept", first.id)]


class _Stumbling:
    """A courier's interface that nobody knows how to ask about one waybill."""

    def __init__(self, waybill: str) -> None:
        self._waybill = waybill

    def events_of(self, carrier_code: str, waybill: str, at: datetime) -> Sequence[Told]:
        if waybill == self._waybill:
            raise OverflowError("date value out of range")
        return [told(at, TrackingStatus.UNDER_WAY, "示例市", "到达")]


def asked(courier: Courier, parts: Parts) -> Round:
    """One round of asking, without patience."""
    source = HttpSource(AnyUrl(courier.url), Patience(answer=1, backoff=0.01, tries=1))
    try:
        return poll(parts, source)
    finally:
        source.close()
