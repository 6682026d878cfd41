"""Parcels under way through their pages: the latest first, notes by hand, lists, an inquiry, and a parcel given up."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.doors import Door, open_doors
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from workbench.cases.words import State
from workbench.dispatch import transit
from workbench.dispatch.models import Consignment
from workbench.dispatch.words import TrackingStatus
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.identity import Role

TRANSIT = "/desk/dispatch/transit"
SECOND = "SF1234567890124"
AN_HOUR_AGO = f"{datetime.now(SHANGHAI) - timedelta(hours=1):%Y-%m-%d %H:%M}"


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


@pytest.fixture
def desk(table: Table, fresh_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The application over the table's office."""
    with open_desk(fresh_database, tmp_path, table.office) as desk:
        yield desk


@pytest.fixture
def dispatcher(desk: Desk) -> DeskBrowser:
    """A dispatcher who reads English, signed in."""
    return desk.browser(Role.DISPATCHER)


def overdue(door: Door, parcel: Consignment, days: int = 30) -> None:
    """Let a parcel be due so many days ago."""
    with door.table.office.work() as session:
        due_on = datetime.now(UTC).date() - timedelta(days=days)
        session.execute(update(Consignment).where(Consignment.id == parcel.id).values(due_on=due_on))


def sent_before(door: Door, parcel: Consignment, days: int) -> None:
    """Let a parcel have been handed over so many days ago."""
    with door.table.office.work() as session:
        at = datetime.now(UTC) - timedelta(days=days)
        session.execute(update(Consignment).where(Consignment.id == parcel.id).values(handed_over_at=at))


def said(door: Door, parcel: Consignment, status: TrackingStatus, hours_ago: int) -> None:
    """What the courier said so many hours ago."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    door.table.do(
        transit.note_by_hand, parcel.id, at=at, status=status, place="示例市", words="示例", ref=f"{status}{hours_ago}"
    )


def test_late_parcels_come_first_and_each_group_is_counted(dispatcher: DeskBrowser, door: Door) -> None:
    on_time = door.sent(door.table.keys(1))
    late = door.sent(door.table.keys(2), waybill=SECOND)
    overdue(door, late)
    sent_before(door, on_time, days=2)
    said(door, on_time, TrackingStatus.DELIVERED, 30)
    page = dispatcher.open(f"{TRANSIT}/")
    assert page.index(late.number) < page.index(on_time.number)
    assert re.search(r"\d+ working days late", page)
    only_late = dispatcher.open(f"{TRANSIT}/?view=late")
    assert late.number in only_late
    assert on_time.number not in only_late
    unconfirmed = dispatcher.open(f"{TRANSIT}/?view=unconfirmed")
    assert on_time.number in unconfirmed
    assert late.number not in unconfirmed
    said(door, on_time, TrackingStatus.PROBLEM, 1)
    assert on_time.number not in dispatcher.open(f"{TRANSIT}/?view=unconfirmed")
    assert on_time.number in dispatcher.open(f"{TRANSIT}/?view=problem&authority={on_time.authority_id}&q={WAYBILL}")


def test_what_was_delivered_an_hour_ago_is_not_flagged(dispatcher: DeskBrowser, door: Door) -> None:
    parcel = door.sent(door.table.keys(1))
    said(door, parcel, TrackingStatus.DELIVERED, 1)
    assert parcel.number not in dispatcher.open(f"{TRANSIT}/?view=unconfirmed")


def test_a_call_is_written_down_once(dispatcher: DeskBrowser, door: Door) -> None:
    page = f"{TRANSIT}/{door.sent(door.table.keys(1)).id}"
    ref = re.search(r'name="ref"[^>]*value="([^"]+)"', dispatcher.open(page))
    assert ref is not None
    call = {"at": AN_HOUR_AGO, "status": "problem", "place": "示例市", "words": "地址不详", "ref": ref.group(1)}
    for _twice in range(2):
        assert dispatcher.send(f"{page}/events", page, **call).status_code == 303
    assert dispatcher.open(page).count("地址不详") == 1
    for wrong in ({"at": "soon"}, {"words": ""}, {"at": "2099-01-05 09:30"}, {"at": "0001-01-01 00:00"}):
        assert dispatcher.send(f"{page}/events", page, **{**call, **wrong}).status_code == 400


def test_a_list_is_imported_or_refused_by_line(dispatcher: DeskBrowser, door: Door) -> None:
    parcel = door.sent(door.table.keys(1))

    def send(text: str) -> str:
        sent = (io.BytesIO(text.encode("gb18030")), "示例.csv")
        answer = dispatcher.send(f"{TRANSIT}/import", f"{TRANSIT}/", list=sent)
        return answer.text if answer.status_code == 400 else dispatcher.open(f"{TRANSIT}/")

    good = f"{WAYBILL},{AN_HOUR_AGO},运输中,示例市,到达转运中心\n"
    refused = send(good + f"SF0000000000000,{AN_HOUR_AGO},运输中\n")
    assert "Line 2: No parcel of ours travels under the waybill SF0000000000000." in refused
    assert "Line 2: “0001-01-01 00:00” is no time" in send(f"{good}{WAYBILL},0001-01-01 00:00,运输中\n")
    early = send(f"{good}{WAYBILL},1900-01-01 00:00,运输中\n")
    assert "Line 2: At “1900-01-01 00:00” the courier did not have the parcel yet." in early
    assert "到达转运中心" not in dispatcher.open(f"{TRANSIT}/{parcel.id}")
    assert "1 event is new" in send(good)
    assert "0 events are new" in send(good)
    assert "到达转运中心" in dispatcher.open(f"{TRANSIT}/{parcel.id}")


def test_a_parcel_is_asked_after_and_given_up(dispatcher: DeskBrowser, door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.sent(keys)
    page = f"{TRANSIT}/{parcel.id}"
    assert "Declare lost" not in dispatcher.open(page)
    assert dispatcher.send(f"{page}/inquiry", page, remark="").status_code == 400
    assert dispatcher.send(f"{page}/lost", page, remark="遗失").status_code == 409
    dispatcher.send(f"{page}/inquiry", page, remark="已请快递公司查找")
    shown = dispatcher.open(page)
    assert f"Declare 1 key of consignment {parcel.number} lost ({key.serial})?" in shown
    assert dispatcher.send(f"{page}/lost", page, remark="快递公司确认遗失").status_code == 303
    assert door.case(key) == State.PRODUCTION
    assert "Declared lost" in dispatcher.open(page)
    assert parcel.number not in dispatcher.open(f"{TRANSIT}/")


def test_what_an_opened_parcel_lacks_is_asked_after_at_once_and_said_to_be_lost(
    dispatcher: DeskBrowser, door: Door
) -> None:
    here, gone = keys = door.table.keys(2)
    parcel = door.opened(keys)
    door.scan(parcel, here.serial)
    door.close(parcel)
    page = f"{TRANSIT}/{parcel.id}"
    (asking,) = re.findall(rf'href="({page}[^"]+)"', dispatcher.open("/desk/dispatch/differences/"))
    ready = r'<details class="card" open>\s*<summary>Ask the courier.*?<textarea[^>]* autofocus'
    assert re.search(ready, dispatcher.open(asking), re.DOTALL)
    assert not re.search("<textarea[^>]* autofocus", dispatcher.open(page))
    dispatcher.send(f"{page}/inquiry", page, remark="已请快递公司查找")
    assert "Asked after" in dispatcher.open(page)
    dispatcher.send(f"{page}/lost", page, remark="快递公司确认遗失")
    dispatcher.open(page)
    shown = dispatcher.open(page)
    assert "Asked after" not in shown
    assert "The courier was asked" in shown
    assert "Declared lost" in shown
    assert gone.serial in shown


def test_the_counter_sees_nothing_of_it(desk: Desk) -> None:
    desk.browser(Role.COUNTER_STAFF).open(f"{TRANSIT}/", 403)


def test_an_auditor_reads_findings_and_settles_none(desk: Desk, door: Door) -> None:
    parcel = door.opened(door.table.keys(1))
    door.scan(parcel, "6901234567892")
    auditor = desk.browser(Role.AUDITOR)
    shown = auditor.open("/desk/dispatch/differences/?kind=unknown")
    assert "6901234567892" in shown
    assert "/explain" not in shown
    act = "/desk/dispatch/differences/1/explain"
    auditor.send(act, "/desk/dispatch/differences/", remark="示例")
    assert door.found(parcel)[("6901234567892", "unknown")] is None
