"""Parcels opened at the authority, on a real database: each scanned key is named for what it is and changes hands once,
openings add up, and whoever finds another authority's key learns no more of it than where to send it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.doors import Door, counter_staff, open_doors
from tests.support.casework import SYSTEM
from tests.support.prints import texts_of
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.dispatch import receiving, settling
from workbench.dispatch.models import ConsignmentItem, Discrepancy, Receipt, ReceiptLine
from workbench.dispatch.receiving import Seen
from workbench.dispatch.receiving_papers import goods_received
from workbench.dispatch.words import ConsignmentState, DiscrepancyKind, Finding
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.keys.models import Certificate, CustodyEntry, Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.keys.tokens import take_in


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


def test_a_parcel_is_found_by_its_own_number_and_by_its_waybill(door: Door) -> None:
    parcel = door.sent(door.table.keys(1))
    for scanned in (parcel.number, parcel.number.lower(), f" {WAYBILL} ", "ＳＦ１２３４５６７８９０１２３"):
        assert door.table.do(receiving.find_parcel, scanned, who=door.first).id == parcel.id
    with pytest.raises(NotFound):
        door.table.do(receiving.find_parcel, parcel.number, who=door.second)
    sealed = door.table.sealed(door.table.keys(1))
    with pytest.raises(NotFound):
        door.table.do(receiving.find_parcel, sealed.number, who=door.first)
    with pytest.raises(NotAllowed):
        door.table.do(receiving.find_parcel, parcel.number)


def test_arriving_is_said_of_the_parcel_and_its_keys_stay_the_courier_s(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.sent(keys)
    for _again in range(2):
        door.table.do(receiving.arrive, parcel.id, who=door.first)
    assert door.parcel(parcel).state == ConsignmentState.ARRIVED
    assert door.table.token(key).custodian == Custodian.COURIER
    assert door.case(key) == State.IN_TRANSIT
    with pytest.raises(Conflict, match="Open the parcel first"):
        door.scan(parcel, key.serial)


def test_a_right_key_changes_hands_once_however_often_it_is_scanned(door: Door) -> None:
    first, second = keys = door.table.keys(2)
    parcel = door.opened(keys)
    seen = door.scan(parcel, f" {first.serial.lower().upper()} ")
    assert (seen.finding, seen.repeated) == (Finding.RIGHT, False)
    assert seen.enterprise
    hands = door.table.hands(first)
    assert hands[-2:] == [Custodian.COURIER, Custodian.AUTHORITY]
    again = door.scan(parcel, first.serial)
    assert (again.finding, again.repeated, again.enterprise) == (Finding.RIGHT, True, seen.enterprise)
    assert door.table.hands(first) == hands
    assert (door.case(first), door.case(second)) == (State.AT_AUTHORITY, State.IN_TRANSIT)
    assert door.table.token(first).custodian_ref == door.table.office.authority_ids[0]


def test_two_people_scan_the_same_keys_at_once(door: Door) -> None:
    keys = door.table.keys(6)
    parcel = door.opened(keys)
    colleague = counter_staff(door.table.office, "colleague")
    with ThreadPoolExecutor(2) as pool:
        found = [
            list(pool.map(lambda who, serial=key.serial: door.scan(parcel, serial, who), (door.first, colleague)))
            for key in keys
        ]
    assert [sorted(seen.repeated for seen in pair) for pair in found] == [[False, True]] * len(keys)
    assert all(door.table.hands(key).count(Custodian.AUTHORITY) == 1 for key in keys)
    lines = door.table.read(lambda session: session.scalar(select(func.count()).select_from(ReceiptLine)))
    assert lines == len(keys)


def test_what_is_in_nobody_s_stock_is_named_and_moves_nothing(door: Door) -> None:
    parcel = door.opened(door.table.keys(1))
    assert door.scan(parcel, "6901234567892", remark="一支 U 盘").finding is Finding.UNKNOWN
    assert door.found(parcel) == {("6901234567892", DiscrepancyKind.UNKNOWN): None}
    with pytest.raises(Invalid):
        door.scan(parcel, "  ")


def test_a_blank_token_of_the_house_is_named_for_what_it_is_and_moves_nothing(door: Door) -> None:
    parcel = door.opened(door.table.keys(1))
    with door.table.office.work() as session:
        take_in(session, SYSTEM, "BLANK1", model="示例", box="示例")
    for repeated in (False, True):
        seen = door.scan(parcel, "BLANK1")
        assert seen == Seen("BLANK1", Finding.BLANK, repeated, why=seen.why)
        assert "ours but blank" in (seen.why or "")
    assert door.found(parcel) == {("BLANK1", DiscrepancyKind.BLANK): None}
    token = door.table.read(lambda session: session.scalars(select(Token).where(Token.serial == "BLANK1")).one())
    assert (token.state, token.custodian) == (TokenState.BLANK, Custodian.VENDOR_STOCK)
    found = door.table.read(lambda session: session.scalars(select(Discrepancy.id)).one())
    door.table.do(settling.settle_in_words, found, "已退回制证中心", who=door.first)
    assert door.found(parcel) == {("BLANK1", DiscrepancyKind.BLANK): "已退回制证中心"}
    assert "空白介质" in "".join(texts_of(door.table.do(goods_received, parcel.id, who=door.first)))


def test_a_damaged_key_needs_words_and_its_case_waits(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.opened(keys)
    with pytest.raises(Invalid, match="damaged"):
        door.scan(parcel, key.serial, damaged=True)
    assert door.table.token(key).custodian == Custodian.COURIER
    seen = door.scan(parcel, key.serial, damaged=True, remark="外壳裂开", photo_sha256="0" * 64)
    assert seen.finding is Finding.DAMAGED
    assert door.table.token(key).custodian == Custodian.AUTHORITY
    assert door.case(key) == State.IN_TRANSIT
    assert door.found(parcel) == {(key.serial, DiscrepancyKind.DAMAGED): None}
    assert door.close(parcel) == []


def test_damage_seen_after_the_scan_is_said_without_altering_the_line(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.opened(keys)
    door.scan(parcel, key.serial)
    seen = door.scan(parcel, key.serial, damaged=True, remark="接口弯了")
    assert (seen.finding, seen.repeated) == (Finding.DAMAGED, False)
    assert door.scan(parcel, key.serial, damaged=True, remark="又说一次").repeated
    assert door.found(parcel) == {(key.serial, DiscrepancyKind.DAMAGED): None}
    line = door.table.read(lambda session: session.scalars(select(ReceiptLine)).one())
    assert (line.finding, line.remark) == (Finding.RIGHT, None)


def test_damage_to_another_authority_s_key_is_said_once_with_its_finding(door: Door) -> None:
    own, (stray,) = door.table.keys(1), door.table.keys(1, authority=1)
    parcel = door.opened(own)
    door.scan(parcel, stray.serial)
    seen = door.scan(parcel, stray.serial, damaged=True, remark="外壳碎裂", photo_sha256="0" * 64)
    assert (seen.finding, seen.repeated) == (Finding.OTHER_AUTHORITY, False)
    assert door.scan(parcel, stray.serial, damaged=True, remark="又说一次").repeated
    finding = door.table.read(lambda session: session.scalars(select(Discrepancy)).one())
    assert (finding.kind, finding.remark, finding.photo_sha256) == ("other_authority", "外壳碎裂", "0" * 64)
    noted = select(AuditEntry.after).where(AuditEntry.action == "discrepancy.damage_noted")
    (told,) = door.table.read(lambda session: session.scalars(noted).all())
    assert (told["serial"], told["remark"]) == (stray.serial, "外壳碎裂")


def test_damage_to_a_key_that_was_sent_on_is_refused(door: Door) -> None:
    own, (stray,) = door.table.keys(1), door.table.keys(1, authority=1)
    parcel = door.opened(own)
    door.scan(parcel, stray.serial)
    finding = door.table.read(lambda session: session.scalars(select(Discrepancy)).one())
    door.table.do(settling.send_on, finding.id, "sf", "SF1234567890125", who=door.first)
    with pytest.raises(Conflict, match="sent on"):
        door.scan(parcel, stray.serial, damaged=True, remark="外壳碎裂")


def test_a_key_of_this_authority_from_another_parcel_is_received_all_the_same(door: Door) -> None:
    listed, stray = door.table.keys(2)
    other = door.sent([stray], waybill="SF1234567890124")
    parcel = door.opened([listed])
    assert door.scan(parcel, stray.serial).finding is Finding.EXTRA
    assert door.case(stray) == State.AT_AUTHORITY
    assert door.table.token(stray).custodian == Custodian.AUTHORITY
    item = door.table.read(
        lambda session: session.scalars(select(ConsignmentItem).where(ConsignmentItem.consignment_id == other.id)).one()
    )
    assert item.outcome == "misrouted"
    door.table.do(receiving.open_parcel, other.id, who=door.first)
    assert door.close(other) == []


def test_a_key_that_was_never_packed_is_received_with_its_case(door: Door) -> None:
    listed, stray = door.table.keys(2)
    parcel = door.opened([listed])
    assert door.scan(parcel, stray.serial).finding is Finding.EXTRA
    assert door.table.hands(stray)[-2:] == [Custodian.VENDOR_STOCK, Custodian.AUTHORITY]
    assert door.case(stray) == State.AT_AUTHORITY


def test_another_authority_s_key_is_in_the_finder_s_hands_and_tells_only_where_it_belongs(door: Door) -> None:
    own = door.table.keys(1)
    (foreign,) = door.table.keys(1, authority=1)
    door.sent([foreign], authority=1, waybill="SF1234567890124")
    parcel = door.opened(own)
    seen = door.scan(parcel, foreign.serial)
    ids = door.table.office.authority_ids
    assert seen == Seen(foreign.serial, Finding.OTHER_AUTHORITY, False, None, ids[1])
    assert door.scan(parcel, foreign.serial) == Seen(foreign.serial, Finding.OTHER_AUTHORITY, True, None, ids[1])
    token = door.table.token(foreign)
    assert (token.custodian, token.custodian_ref, token.authority_id) == (Custodian.AUTHORITY, ids[0], ids[1])
    assert door.case(foreign) == State.IN_TRANSIT
    with door.table.office.work(door.first) as session:
        tables: tuple[type[Any], ...] = (Token, Certificate, Application, CustodyEntry)
        for table in tables:
            rows = session.scalars(select(table)).all()
            assert rows
            assert {each.authority_id for each in rows} == {ids[0]}, table
        (finding,) = session.scalars(select(Discrepancy)).all()
    assert (finding.serial, finding.belongs_to_id) == (foreign.serial, ids[1])


def test_a_session_is_narrow_again_after_a_scan(door: Door) -> None:
    own, (foreign,) = door.table.keys(1), door.table.keys(1, authority=1)
    parcel = door.opened(own)
    with door.table.office.work(door.first) as session:
        receiving.scan_key(session, door.first, parcel.id, foreign.serial)
        session.expire_all()
        assert session.scalars(select(Token.serial).where(Token.serial == foreign.serial)).all() == []
        assert session.scalar(select(func.current_setting("workbench.scope"))) == door.first.scope.as_setting()


def test_openings_add_up_and_none_alters_an_earlier_one(door: Door) -> None:
    first, second, third = keys = door.table.keys(3)
    parcel = door.opened(keys)
    door.scan(parcel, first.serial)
    assert door.close(parcel, complete=False) == []
    assert door.parcel(parcel).state == ConsignmentState.OPENED

    def lines() -> list[Any]:
        return door.table.read(
            lambda session: [
                (line.serial, line.receipt_id, line.finding, line.at)
                for line in session.scalars(select(ReceiptLine).order_by(ReceiptLine.id))
            ]
        )

    before = lines()
    door.table.do(receiving.open_parcel, parcel.id, who=door.first)
    assert door.scan(parcel, first.serial).repeated
    door.scan(parcel, second.serial)
    assert door.close(parcel) == [third.serial]
    assert lines()[:1] == before
    assert door.found(parcel) == {(third.serial, DiscrepancyKind.MISSING): None}
    assert door.table.token(third).custodian == Custodian.COURIER
    assert door.parcel(parcel).state == ConsignmentState.CLOSED

    again = door.table.do(receiving.open_parcel, parcel.id, who=door.first)
    assert again.number == 3
    assert door.parcel(parcel).closed_at is None
    assert door.scan(parcel, third.serial).finding is Finding.RIGHT
    assert door.found(parcel) == {(third.serial, DiscrepancyKind.MISSING): "found_later"}
    assert door.close(parcel) == []
    receipts = door.table.read(lambda session: session.scalars(select(Receipt).order_by(Receipt.id)).all())
    assert [each.number for each in receipts] == [1, 2, 3]
    assert all(each.closed_at is not None for each in receipts)


def test_missing_in_one_parcel_and_found_in_another_is_no_longer_missing(door: Door) -> None:
    here, astray = door.table.keys(2)
    first = door.opened([here, astray])
    door.scan(first, here.serial)
    assert door.close(first) == [astray.serial]
    second = door.opened(door.table.keys(1), waybill="SF1234567890124")
    assert door.scan(second, astray.serial).finding is Finding.EXTRA
    assert door.found(first) == {(astray.serial, DiscrepancyKind.MISSING): "found_elsewhere"}


def test_the_other_authority_s_door_stays_shut(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.opened(keys)
    verbs: tuple[Callable[..., Any], ...] = (
        receiving.arrive,
        receiving.open_parcel,
        partial(receiving.scan_key, scanned=key.serial),
        partial(receiving.close_parcel, complete=True),
    )
    for verb in verbs:
        with pytest.raises(NotFound):
            door.table.do(verb, parcel.id, who=door.second)
        with pytest.raises(NotAllowed):
            door.table.do(verb, parcel.id)
    assert door.table.token(key).custodian == Custodian.COURIER
