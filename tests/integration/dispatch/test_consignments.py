"""A consignment from its opening to the courier: sealed, unsealed, undone, handed over, all of it at once."""

import threading

import pytest
from sqlalchemy import func, select

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.doors import open_doors
from tests.integration.dispatch.test_packing import actions, revoked
from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application, CaseEvent
from workbench.dispatch import consignments, packing
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.words import ConsignmentState
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Role
from workbench.kernel.outbox import OutboxMessage
from workbench.keys.models import CustodyEntry
from workbench.keys.token_states import Custodian


def test_keys_cases_and_enterprises_move_together(table: Table) -> None:
    keys = table.keys(3)
    consignment = table.sealed(keys)
    gone = table.do(consignments.hand_over, consignment.id, "sf", f" {WAYBILL.lower()[:6]} {WAYBILL[6:]}")
    assert (gone.state, gone.waybill, gone.carrier_code, gone.handed_over_by_id) == (
        "in_transit",
        WAYBILL,
        "sf",
        table.packer.id,
    )
    for key in keys:
        token = table.token(key)
        assert (token.custodian, token.custodian_ref) == ("courier", consignment.id)
    states = select(Application.state).where(Application.id.in_([key.application_id for key in keys]))
    assert table.read(lambda session: session.scalars(states).all()) == ["in_transit"] * 3
    mails = select(OutboxMessage.case_id).where(OutboxMessage.event.endswith(":handed_to_courier"))
    assert set(table.read(lambda session: session.scalars(mails).all())) == {key.application_id for key in keys}
    places = select(CustodyEntry.place).where(CustodyEntry.event.in_(["packed", "handed_to_courier"])).distinct()
    assert table.read(lambda session: session.scalars(places).all()) == [consignment.number]
    events = select(func.count()).select_from(CaseEvent).where(CaseEvent.event == "handed_to_courier")
    assert table.read(lambda session: session.scalar(events)) == 3
    assert actions(table, consignment) == ["consignment.opened", "consignment.sealed", "consignment.handed_over"]


def test_it_is_due_by_the_companys_usual_time_in_working_days(table: Table) -> None:
    gone = table.do(consignments.hand_over, table.sealed(table.keys(1)).id, "ems", "1000000000001")
    expected = table.read(lambda session: load_calendar(session).add_working_days(local_day(now()), 3))
    assert gone.due_on == expected


def test_nothing_of_it_stays_when_one_key_may_no_longer_travel(table: Table) -> None:
    keys = table.keys(3)
    consignment = table.sealed(keys)
    revoked(table, keys[1])
    with pytest.raises(Conflict) as refused:
        table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    assert refused.value.values == {"serials": keys[1].serial, "count": 1}
    assert [table.hands(key)[-1] for key in keys] == ["packer"] * 3
    stored = table.read(lambda session: session.get_one(Consignment, consignment.id))
    assert (stored.state, stored.waybill) == ("sealed", None)
    assert table.read(lambda session: session.scalar(select(func.count()).select_from(OutboxMessage))) == 0


def test_a_seal_wants_keys_in_every_box_and_keys_that_may_be_sent(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.open()
    with pytest.raises(Conflict, match="no key"):
        table.do(consignments.seal, consignment.id)
    table.do(packing.pack, consignment.id, keys[0].serial)
    table.do(packing.add_box, consignment.id)
    with pytest.raises(Conflict, match="Box 2 is empty"):
        table.do(consignments.seal, consignment.id)
    table.do(packing.pack, consignment.id, keys[1].serial)
    revoked(table, keys[1])
    with pytest.raises(Conflict, match=keys[1].serial):
        table.do(consignments.seal, consignment.id)
    table.do(packing.unpack, consignment.id, keys[1].serial)
    table.do(packing.drop_box, consignment.id)
    assert table.do(consignments.seal, consignment.id).state == "sealed"


def test_a_seal_speaks_of_what_was_on_the_screen(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.packed(keys[:1])
    seen = table.read(lambda session: session.get_one(Consignment, consignment.id).version)
    table.do(packing.pack, consignment.id, keys[1].serial, who=table.second)
    with pytest.raises(Conflict, match="has changed"):
        table.do(consignments.seal, consignment.id, seen_version=seen)


def test_a_house_may_want_the_second_look(table: Table) -> None:
    consignment = table.packed(table.keys(1))
    with pytest.raises(Conflict, match="second person"):
        table.do(consignments.seal, consignment.id, must_be_checked=True)


def test_unsealing_says_why_and_opens_the_boxes_again(table: Table) -> None:
    keys = table.keys(2)
    consignment = table.sealed(keys[:1])
    with pytest.raises(Invalid):
        table.do(consignments.unseal, consignment.id, " ")
    assert table.do(consignments.unseal, consignment.id, "示例：少放一把").state == "packing"
    assert table.do(packing.pack, consignment.id, keys[1].serial).count == 2
    with pytest.raises(Conflict, match="not sealed"):
        table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    with pytest.raises(Conflict, match="not sealed"):
        table.do(consignments.unseal, consignment.id, "示例")


def test_a_cancelled_consignment_gives_its_keys_back(table: Table) -> None:
    keys = table.keys(3)
    consignment = table.sealed(keys)
    with pytest.raises(Invalid):
        table.do(consignments.cancel, consignment.id)
    assert table.do(consignments.cancel, consignment.id, "示例").state == "cancelled"
    assert [table.hands(key)[-1] for key in keys] == ["vendor_stock"] * 3
    live = select(func.count()).select_from(ConsignmentItem).where(ConsignmentItem.settled_at.is_(None))
    assert table.read(lambda session: session.scalar(live)) == 0
    assert table.packed(keys).number != consignment.number
    with pytest.raises(Conflict, match="was cancelled"):
        table.do(consignments.cancel, consignment.id, "示例")


def test_an_empty_consignment_is_cancelled_without_words(table: Table) -> None:
    assert table.do(consignments.cancel, table.open().id).state == "cancelled"


def test_nothing_is_undone_once_the_courier_has_it(table: Table) -> None:
    consignment = table.sealed(table.keys(1))
    table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    for verb in (consignments.cancel, consignments.unseal):
        with pytest.raises(Conflict, match="courier has"):
            table.do(verb, consignment.id, "示例")
    with pytest.raises(Conflict, match="courier has"):
        table.do(consignments.hand_over, consignment.id, "sf", "SF9999999999999")


def test_what_was_found_elsewhere_since_the_seal_stops_the_hand_over(table: Table) -> None:
    door = open_doors(table)
    found, *others = keys = table.keys(2)
    sealed = table.sealed(keys)
    parcel = door.opened(table.keys(1, authority=1), authority=1, waybill="SF1234567890155")
    door.scan(parcel, found.serial, door.second)
    with pytest.raises(Conflict, match=f"boxes were sealed: {found.serial}"):
        table.do(consignments.hand_over, sealed.id, "sf", WAYBILL)
    table.do(consignments.unseal, sealed.id, "示例：逐把核对")
    table.do(consignments.seal, sealed.id)
    assert table.do(consignments.hand_over, sealed.id, "sf", WAYBILL).state == ConsignmentState.IN_TRANSIT
    assert {table.token(key).custodian for key in others} == {Custodian.COURIER}


def test_two_hand_overs_at_once_are_one(table: Table) -> None:
    keys = table.keys(5)
    consignment = table.sealed(keys)
    said: list[str] = []

    def hand(waybill: str) -> None:
        try:
            said.append(table.do(consignments.hand_over, consignment.id, "sf", waybill).waybill or "")
        except Conflict:
            said.append("refused")

    threads = [threading.Thread(target=hand, args=(f"SF123456789012{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said)[1:] == ["refused", "refused"]
    assert [table.hands(key).count("courier") for key in keys] == [1] * 5


def test_a_waybill_is_corrected_in_words(table: Table) -> None:
    consignment = table.sealed(table.keys(1))
    with pytest.raises(Conflict, match="not under way"):
        table.do(consignments.correct_waybill, consignment.id, "sf", WAYBILL, "示例")
    table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    with pytest.raises(Invalid):
        table.do(consignments.correct_waybill, consignment.id, "yto", "YT1000000000001", "")
    changed = table.do(consignments.correct_waybill, consignment.id, "yto", "YT1000000000001", "示例：贴错单")
    assert (changed.carrier_code, changed.waybill) == ("yto", "YT1000000000001")
    assert actions(table, consignment)[-1] == "consignment.waybill_corrected"


def test_only_dispatchers_send_and_only_to_authorities_that_take_part(table: Table) -> None:
    maker = table.office.hire("maker", Role.KEY_MAKER)
    consignment = table.sealed(table.keys(1))
    with pytest.raises(NotAllowed):
        table.do(consignments.open_consignment, table.office.authority_ids[0], who=maker)
    for verb, arguments in (
        (consignments.seal, ()),
        (consignments.unseal, ("示例",)),
        (consignments.cancel, ("示例",)),
        (consignments.hand_over, ("sf", WAYBILL)),
    ):
        with pytest.raises(NotAllowed):
            table.do(verb, consignment.id, *arguments, who=maker)
    with pytest.raises(NotFound):
        table.do(consignments.open_consignment, 999)


def test_counter_staff_reach_their_own_consignments_alone(table: Table) -> None:
    consignment = table.open()
    own, other = (
        table.office.hire(f"counter{place}", Role.COUNTER_STAFF, authority_id=table.office.authority_ids[place])
        for place in (0, 1)
    )
    assert table.do(consignments.get_consignment, consignment.id, who=own).id == consignment.id
    with pytest.raises(NotFound):
        table.do(consignments.get_consignment, consignment.id, who=other)
