"""The packing table: what goes into a box, what is refused in which words, and two packers who reach for one key."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.support.casework import SYSTEM
from tests.support.keys import MadeKey
from workbench.cases.models import Application
from workbench.dispatch import checking, consignments, packing
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.identity import Role
from workbench.keys import service
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import move, take_in


def test_a_packed_key_is_in_its_packers_hands(table: Table) -> None:
    key = table.keys(1)[0]
    consignment = table.open()
    packed = table.do(packing.pack, consignment.id, f" {key.serial} ")
    assert (packed.item.box, packed.count, packed.repeated) == (1, 1, False)
    assert packed.enterprise_name.startswith("示例")
    token = table.token(key)
    assert (token.custodian, token.custodian_ref, token.state) == ("packer", table.packer.id, "personalised")
    assert (token.authority_id, token.application_id) == (consignment.authority_id, key.application_id)
    assert re.fullmatch(r"YB20\d{9}", consignment.number)


def test_a_repeated_scan_is_harmless_and_says_where_the_key_lies(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.packed(keys[:1])
    table.do(packing.add_box, consignment.id)
    table.do(packing.pack, consignment.id, keys[1].serial)
    again = table.do(packing.pack, consignment.id, keys[0].serial, who=table.second)
    assert (again.repeated, again.item.box, again.count) == (True, 1, 2)
    assert table.hands(keys[0])[-1] == "packer"
    assert len(table.hands(keys[0])) == 4


def test_wide_characters_of_an_input_method_are_the_serial_too(table: Table) -> None:
    key = table.keys(1)[0]
    wide = "".join(chr(ord(each) + 0xFEE0) for each in key.serial)
    assert table.do(packing.pack, table.open().id, wide).serial == key.serial


def spoiled(table: Table, key: MadeKey) -> None:
    with table.office.work() as session:
        token = session.scalars(select(Token).where(Token.serial == key.serial)).one()
        move(
            session,
            token.id,
            TokenMove.SPOIL,
            SYSTEM,
            authority_id=token.authority_id,
            application_id=token.application_id,
            remark="示例",
        )


def revoked(table: Table, key: MadeKey) -> None:
    with table.office.work() as session:
        found = session.scalars(select(Certificate).where(Certificate.key_number == key.serial)).one()
        service.revoke(session, found.id, "示例", SYSTEM)


def elsewhere(table: Table, key: MadeKey) -> None:
    with table.office.work() as session:
        session.get_one(Application, key.application_id).state = "production"


@pytest.mark.parametrize(
    ("spoil_it", "said"),
    [
        (spoiled, "Token %(serial)s was set aside as spoiled."),
        (revoked, "Key %(serial)s holds no valid certificate: it must not be sent. Hand it to production."),
        (elsewhere, "Key %(serial)s: its case %(number)s is not waiting for dispatch."),
    ],
)
def test_a_key_that_is_not_fit_to_travel_is_refused(
    table: Table, spoil_it: Callable[[Table, MadeKey], None], said: str
) -> None:
    key = table.keys(1)[0]
    spoil_it(table, key)
    with pytest.raises(Conflict) as refused:
        table.do(packing.pack, table.open().id, key.serial)
    assert refused.value.reason == said
    assert refused.value.values["serial"] == key.serial


def test_an_expired_certificate_does_not_travel(table: Table) -> None:
    key = table.keys(1)[0]
    consignment = table.open()
    with clock_at(now() + timedelta(days=800)), pytest.raises(Conflict, match="no valid certificate"):
        table.do(packing.pack, consignment.id, key.serial)


def test_a_blank_token_and_a_stranger_are_told_apart(table: Table) -> None:
    with table.office.work() as session:
        take_in(session, SYSTEM, "BLANK1", model="示例", box="示例")
    consignment = table.open()
    with pytest.raises(Conflict, match="blank"):
        table.do(packing.pack, consignment.id, "BLANK1")
    with pytest.raises(NotFound, match="6901234567892"):
        table.do(packing.pack, consignment.id, "6901234567892")
    with pytest.raises(Invalid):
        table.do(packing.pack, consignment.id, "  ")


def test_a_key_of_another_authority_is_refused_by_its_name(table: Table) -> None:
    key = table.keys(1, authority=1)[0]
    with pytest.raises(Conflict) as refused:
        table.do(packing.pack, table.open().id, key.serial)
    whose = refused.value.values["authority"]
    assert (whose, whose.en) == ("示例机构2", "Example 2")
    assert table.hands(key)[-1] == "vendor_stock"


def test_a_key_in_another_consignment_is_refused_by_place_and_packer(table: Table) -> None:
    key = table.keys(1)[0]
    first = table.packed([key])
    with pytest.raises(Conflict) as refused:
        table.do(packing.pack, table.open(who=table.second).id, key.serial, who=table.second)
    values = refused.value.values
    assert (values["number"], values["box"], values["name"]) == (first.number, 1, "示例packer")


def test_a_key_taken_out_is_in_stock_again_and_can_be_packed_again(table: Table) -> None:
    key = table.keys(1)[0]
    consignment = table.packed([key])
    table.do(packing.unpack, consignment.id, key.serial)
    token = table.token(key)
    assert (token.custodian, token.custodian_ref, token.application_id) == ("vendor_stock", None, key.application_id)
    with pytest.raises(Conflict, match="does not lie"):
        table.do(packing.unpack, consignment.id, key.serial)
    assert not table.do(packing.pack, consignment.id, key.serial).repeated
    outcomes = table.read(lambda session: list(session.scalars(select(ConsignmentItem.outcome))))
    assert sorted(outcomes, key=str) == [None, "taken_out"]


def test_a_key_spoiled_in_its_box_can_be_taken_out_and_stays_spoiled(table: Table) -> None:
    key = table.keys(1)[0]
    consignment = table.packed([key])
    spoiled(table, key)
    table.do(packing.unpack, consignment.id, key.serial)
    assert table.token(key).custodian == "spoiled"


def test_boxes_are_added_when_the_last_is_filled_and_dropped_when_it_is_empty(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.open()
    assert table.do(packing.add_box, consignment.id).boxes == 1
    table.do(packing.pack, consignment.id, keys[0].serial)
    assert table.do(packing.add_box, consignment.id).boxes == 2
    assert table.do(packing.add_box, consignment.id).boxes == 2
    assert table.do(packing.pack, consignment.id, keys[1].serial).item.box == 2
    with pytest.raises(Conflict, match="box 2"):
        table.do(packing.drop_box, consignment.id)
    table.do(packing.unpack, consignment.id, keys[1].serial)
    assert table.do(packing.drop_box, consignment.id).boxes == 1
    with pytest.raises(Invalid):
        table.do(packing.pack, consignment.id, keys[1].serial, 2)
    table.do(packing.unpack, consignment.id, keys[0].serial)
    with pytest.raises(Conflict, match="one box at least"):
        table.do(packing.drop_box, consignment.id)


def test_nobody_but_dispatchers_packs(table: Table) -> None:
    key = table.keys(1)[0]
    consignment = table.open()
    maker = table.office.hire("maker", Role.KEY_MAKER)
    counter = table.office.hire("counter", Role.COUNTER_STAFF, authority_id=consignment.authority_id)
    for who in (maker, counter):
        with pytest.raises(NotAllowed):
            table.do(packing.pack, consignment.id, key.serial, who=who)
        with pytest.raises(NotAllowed):
            table.do(packing.unpack, consignment.id, key.serial, who=who)


def test_one_of_two_packers_wins_a_key_and_the_other_is_told_by_whom(table: Table) -> None:
    keys = table.keys(8)
    mine, yours = table.open(), table.open(who=table.second)
    told: list[WorkbenchError] = []
    won: dict[str, list[str]] = {"packer": [], "second": []}
    start = threading.Barrier(2)

    def scan(name: str, consignment: Consignment, serials: list[str]) -> None:
        who = table.packer if name == "packer" else table.second
        for serial in serials:
            start.wait(20)
            try:
                table.do(packing.pack, consignment.id, serial, who=who)
                won[name].append(serial)
            except Conflict as refused:
                told.append(refused)

    serials = [key.serial for key in keys]
    threads = [
        threading.Thread(target=scan, args=("packer", mine, serials)),
        threading.Thread(target=scan, args=("second", yours, serials)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won["packer"] + won["second"]) == sorted(serials)
    assert len(told) == len(serials)
    for refused in told:
        winner = "packer" if refused.values["serial"] in won["packer"] else "second"
        assert refused.values["name"] == f"示例{winner}"
    live = select(func.count()).select_from(ConsignmentItem).where(ConsignmentItem.settled_at.is_(None))
    assert table.read(lambda session: session.scalar(live)) == len(serials)


def test_a_second_person_scans_everything_again_and_differences_are_named(table: Table) -> None:
    keys, strange = table.keys(4), table.keys(1, authority=1)[0]
    consignment = table.packed(keys[:3])
    with pytest.raises(NotAllowed, match="second person"):
        table.do(checking.check_pack, consignment.id, [key.serial for key in keys[:3]])
    scanned = [keys[0].serial, keys[0].serial, keys[2].serial, keys[3].serial, strange.serial, "nothing"]
    found = table.do(checking.check_pack, consignment.id, scanned, who=table.second)
    assert [line.serial for line in found.missing] == [keys[1].serial]
    said = {each.serial: each.against.reason if each.against else None for each in found.extra}
    assert said == {
        keys[3].serial: None,
        strange.serial: "Key %(serial)s is for another authority: %(authority)s.",
        "nothing": "“%(serial)s” is none of our keys.",
    }
    assert checked_by(table, consignment) is None
    assert "consignment.check_differed" in actions(table, consignment)

    assert table.do(checking.check_pack, consignment.id, [key.serial for key in keys[:3]], who=table.second).agrees
    assert checked_by(table, consignment) == table.second.id
    table.do(packing.pack, consignment.id, keys[3].serial)
    assert checked_by(table, consignment) is None
    assert actions(table, consignment)[-1] == "consignment.check_void"


def test_a_second_person_may_count_instead(table: Table) -> None:
    keys = table.keys(3)
    consignment = table.packed(keys[:2])
    table.do(packing.add_box, consignment.id)
    table.do(packing.pack, consignment.id, keys[2].serial)
    with pytest.raises(Conflict) as refused:
        table.do(checking.check_counts, consignment.id, {1: 3, 2: 1}, who=table.second)
    assert (refused.value.values["box"], refused.value.values["counted"], refused.value.values["listed"]) == (1, 3, 2)
    with pytest.raises(Conflict):
        table.do(checking.check_counts, consignment.id, {1: 2}, who=table.second)
    table.do(checking.check_counts, consignment.id, {1: 2, 2: 1}, who=table.second)
    assert checked_by(table, consignment) == table.second.id


def test_an_empty_box_that_comes_and_goes_leaves_the_check_as_it_is(table: Table) -> None:
    keys = table.keys(3)
    consignment = table.packed(keys[:2])
    table.do(checking.check_counts, consignment.id, {1: 2}, who=table.second)
    version = table.do(packing.add_box, consignment.id).version
    assert table.do(packing.drop_box, consignment.id).version > version
    assert checked_by(table, consignment) == table.second.id
    assert "consignment.check_void" not in actions(table, consignment)
    table.do(packing.add_box, consignment.id)
    table.do(packing.pack, consignment.id, keys[2].serial)
    assert checked_by(table, consignment) is None


def test_who_packed_a_single_key_may_not_check(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.packed(keys[:1])
    table.do(packing.pack, consignment.id, keys[1].serial, who=table.second)
    with pytest.raises(NotAllowed):
        table.do(checking.check_counts, consignment.id, {1: 2}, who=table.second)


def test_a_sealed_consignment_is_frozen(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.sealed(keys[:1])
    for verb, arguments in (
        (packing.pack, (keys[1].serial,)),
        (packing.unpack, (keys[0].serial,)),
        (packing.add_box, ()),
        (checking.check_counts, ({1: 1},)),
    ):
        with pytest.raises(Conflict, match="frozen"):
            table.do(verb, consignment.id, *arguments)
    table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    with pytest.raises(Conflict, match="no longer"):
        table.do(packing.pack, consignment.id, keys[1].serial)


def checked_by(table: Table, consignment: Consignment) -> int | None:
    return table.read(lambda session: session.get_one(Consignment, consignment.id).checked_by_id)


def actions(table: Table, consignment: Consignment) -> list[str]:
    chain = select(AuditEntry.action).where(AuditEntry.chain == f"consignment:{consignment.id}")
    return table.read(lambda session: list(session.scalars(chain.order_by(AuditEntry.seq))))
