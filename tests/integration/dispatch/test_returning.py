"""Keys that go back to the vendor, on a real database: packed by scan, taken in once by scan, destroyed by two."""

from pathlib import Path

import pytest

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.doors import Door, counter_staff, open_doors
from tests.support.database import Database
from tests.support.desk import open_desk
from tests.support.keys import MadeKey, withdraw
from workbench.dispatch import receiving, returning, settling
from workbench.dispatch.models import Consignment
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind
from workbench.kernel.errors import Conflict, NotAllowed, NotFound
from workbench.kernel.identity import Role
from workbench.keys import destroying
from workbench.keys.token_states import Custodian, TokenState
from workbench.keys.tokens import get_token

BACK = "SF1234567890777"


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


def surrendered(door: Door, count: int) -> list[MadeKey]:
    """Keys at the first authority that nobody collected: their certificates have ended."""
    keys = door.table.keys(count)
    parcel = door.opened(keys)
    for key in keys:
        door.scan(parcel, key.serial)
        with door.table.office.work() as session:
            withdraw(session, key.serial)
    door.close(parcel)
    return keys


def sent_back(door: Door, keys: list[MadeKey]) -> Consignment:
    """A return of these keys with the courier."""
    back = door.table.do(returning.open_return, who=door.first)
    for key in keys:
        door.table.do(returning.pack_return, back.id, key.serial, who=door.first)
    return door.table.do(returning.send_return, back.id, "sf", BACK, who=door.first)


def test_keys_go_back_and_are_taken_in_once(door: Door) -> None:
    first, second = keys = surrendered(door, 2)
    back = door.table.do(returning.open_return, who=door.first)
    assert door.table.do(returning.open_return, who=door.first).id == back.id
    assert not door.table.do(returning.pack_return, back.id, first.serial, who=door.first).repeated
    assert door.table.do(returning.pack_return, back.id, first.serial, who=door.first).repeated
    door.table.do(returning.unpack_return, back.id, first.serial, who=door.first)
    assert door.table.token(first).custodian == Custodian.AUTHORITY
    sent = sent_back(door, keys)
    assert (sent.id, sent.kind, sent.state) == (back.id, ConsignmentKind.RETURN, ConsignmentState.IN_TRANSIT)
    assert door.table.token(first).custodian == Custodian.COURIER
    with pytest.raises(NotFound):
        door.table.do(receiving.find_parcel, BACK, who=door.first)
    with pytest.raises(NotAllowed):
        door.table.do(returning.take_in, first.serial, who=door.first)
    assert not door.table.do(returning.take_in, first.serial).repeated
    assert door.parcel(back).state == ConsignmentState.OPENED
    assert door.table.do(returning.take_in, first.serial).repeated
    door.table.do(returning.take_in, second.serial)
    assert door.parcel(back).state == ConsignmentState.CLOSED
    token = door.table.token(first)
    assert (token.state, token.custodian) == (TokenState.SURRENDERED, Custodian.VENDOR_STOCK)
    proposal = door.table.do(destroying.propose_destruction, first.serial, "退回销毁")
    door.table.do(destroying.sign_destruction, proposal.id, who=door.table.second)
    assert door.table.token(first).state == TokenState.DESTROYED


def test_what_does_not_go_back_is_refused_by_name(door: Door) -> None:
    (old,) = surrendered(door, 1)
    (usable,) = keys = door.table.keys(1)
    parcel = door.opened(keys, waybill="SF1234567890124")
    door.scan(parcel, usable.serial)
    back = door.table.do(returning.open_return, who=door.first)
    with pytest.raises(Conflict, match="waits for its enterprise") as told:
        door.table.do(returning.pack_return, back.id, usable.serial, who=door.first)
    assert told.value.values == {"serial": usable.serial}
    with pytest.raises(NotFound, match="none of our keys"):
        door.table.do(returning.pack_return, back.id, "6901234567892", who=door.first)
    with pytest.raises(Conflict, match="no key yet"):
        door.table.do(returning.send_return, back.id, "sf", BACK, who=door.first)
    with pytest.raises(NotFound):
        door.table.do(returning.pack_return, back.id, old.serial, who=door.second)
    with pytest.raises(NotAllowed):
        door.table.do(returning.open_return)
    with pytest.raises(Conflict, match="on no return"):
        door.table.do(returning.take_in, old.serial)


def test_what_a_return_lacks_is_asked_after_and_given_up(door: Door) -> None:
    came, gone = keys = surrendered(door, 2)
    back = sent_back(door, keys)
    with pytest.raises(Conflict):
        door.table.do(returning.close_return, back.id)
    door.table.do(returning.take_in, came.serial)
    assert door.table.do(returning.close_return, back.id) == [gone.serial]
    door.table.do(settling.open_inquiry, back.id, "查找")
    assert door.table.do(settling.declare_lost, back.id, "遗失") == [gone.serial]
    assert door.table.token(gone).state == TokenState.LOST
    assert door.found(back) == {(gone.serial, DiscrepancyKind.MISSING): "declared_lost"}


def test_a_missing_one_that_comes_later_is_taken_in(door: Door) -> None:
    came, late = keys = surrendered(door, 2)
    back = sent_back(door, keys)
    door.table.do(returning.take_in, came.serial)
    door.table.do(returning.close_return, back.id)
    door.table.do(returning.take_in, late.serial)
    assert door.found(back) == {(late.serial, DiscrepancyKind.MISSING): "found_later"}
    assert door.table.token(late).custodian == Custodian.VENDOR_STOCK


def test_a_key_is_destroyed_by_those_who_hold_it(door: Door) -> None:
    (key,) = surrendered(door, 1)
    second = counter_staff(door.table.office, "counter-0-b")
    with pytest.raises(Conflict, match="at an issuing authority"):
        door.table.do(destroying.propose_destruction, key.serial, "示例")
    proposal = door.table.do(destroying.propose_destruction, key.serial, "示例", who=door.first)
    with door.table.office.work(second) as session:
        get_token(session, key.serial)  # as it was before it left, in the memory of whoever signs
        sent_back(door, [key])
        with pytest.raises(Conflict, match="with the courier"):
            destroying.sign_destruction(session, second, proposal.id)
    door.table.do(returning.take_in, key.serial)
    with pytest.raises(Conflict, match="in the vendor's stock"):
        door.table.do(destroying.sign_destruction, proposal.id, who=second)
    door.table.do(destroying.sign_destruction, proposal.id)
    assert door.table.token(key).state == TokenState.DESTROYED


def test_the_screen_packs_takes_in_and_destroys(door: Door, fresh_database: Database, tmp_path: Path) -> None:
    (key,) = surrendered(door, 1)
    page = "/desk/dispatch/returns/"
    with open_desk(fresh_database, tmp_path, door.table.office) as desk:
        clerk, vendor = desk.browser(Role.COUNTER_STAFF), desk.browser(Role.DISPATCHER)
        second = desk.browser(Role.VENDOR_SUPERVISOR)
        assert "1 key handed back or withdrawn lies here." in clerk.open(page)
        clerk.send(f"{page}pack", page, serial="6901234567892")
        assert "none of our keys" in clerk.open(page)
        clerk.send(f"{page}pack", page, serial=key.serial)
        back = door.table.do(returning.open_return, who=door.first)
        assert f"return {back.number} with 1 key" in clerk.open(page)
        refused = clerk.send(f"{page}{back.id}/send", page, carrier="sf", waybill="EA123456789CN")
        assert 'value="EA123456789CN"' in clerk.open(refused.headers["Location"])
        clerk.send(f"{page}{back.id}/send", page, carrier="sf", waybill=BACK)
        assert BACK in vendor.open(page)
        vendor.send(f"{page}take-in", page, serial=key.serial)
        vendor.send(f"{page}propose", page, remark="退回销毁")
        assert "Select at least one key." in vendor.open(page)
        vendor.send(f"{page}propose", page, serial=key.serial, remark="退回销毁")
        assert "A second person signs." in vendor.open(page)
        counts = [each.client.get("/desk/counts").get_json()["returns.index"] for each in (vendor, second, clerk)]
        assert counts == [0, 1, 0]
        vendor.send(f"{page}1/sign", page)
        assert "a second person has to sign" in vendor.open(page)
        second.send(f"{page}1/sign", page)
        assert "the key is destroyed" in second.open(page)
    assert door.table.token(key).state == TokenState.DESTROYED
