"""How what went wrong is put right, on a real database: a key sent on reaches its own authority, a damaged or lost one
has its certificate ended and its case made anew with everyone told, and nothing is settled twice.
"""

import pytest
from sqlalchemy import select

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.doors import Door, open_doors
from tests.support.keys import MadeKey, made_key
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.dispatch import receiving, settling
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind, Finding
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Role
from workbench.kernel.outbox import OutboxMessage
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import Custodian, TokenMove, TokenState
from workbench.keys.tokens import hand_on
from workbench.organisation.models import Staff

ONWARD = "SF1234567890199"


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


def finding(door: Door, serial: str, kind: DiscrepancyKind) -> Discrepancy:
    """What was noted of a serial."""
    return door.table.read(
        lambda session: session.scalars(
            select(Discrepancy).where(Discrepancy.serial == serial, Discrepancy.kind == kind.value)
        ).one()
    )


def certificate(door: Door, key: MadeKey) -> Certificate:
    """The certificate on the key."""
    return door.table.read(
        lambda session: session.scalars(select(Certificate).where(Certificate.key_number == key.serial)).one()
    )


def mails(door: Door, key: MadeKey, template: str) -> list[OutboxMessage]:
    """What the enterprise of this key was sent."""
    return door.table.read(
        lambda session: list(
            session.scalars(
                select(OutboxMessage).where(
                    OutboxMessage.case_id == key.application_id, OutboxMessage.event.endswith(template)
                )
            )
        )
    )


def misrouted(door: Door) -> tuple[MadeKey, Consignment]:
    """A key of the second authority that lay in a parcel of the first."""
    (foreign,) = door.table.keys(1, authority=1)
    parcel = door.opened(door.table.keys(1))
    door.scan(parcel, foreign.serial)
    return foreign, parcel


def test_a_key_sent_on_reaches_its_own_authority(door: Door) -> None:
    foreign, parcel = misrouted(door)
    noted = finding(door, foreign.serial, DiscrepancyKind.OTHER_AUTHORITY)
    onward = door.table.do(settling.send_on, noted.id, "sf", ONWARD, who=door.first)
    ids = door.table.office.authority_ids
    assert (onward.kind, onward.authority_id, onward.from_authority_id) == (ConsignmentKind.FORWARD, ids[1], ids[0])
    assert (onward.state, onward.waybill) == (ConsignmentState.IN_TRANSIT, ONWARD)
    assert door.table.token(foreign).custodian == Custodian.COURIER
    assert door.found(parcel) == {(foreign.serial, DiscrepancyKind.OTHER_AUTHORITY): "sent_on"}
    with pytest.raises(Conflict, match="settled already"):
        door.table.do(settling.send_on, noted.id, "sf", "SF1234567890198", who=door.first)

    assert door.table.do(receiving.find_parcel, ONWARD, who=door.second).id == onward.id
    door.table.do(receiving.open_parcel, onward.id, who=door.second)
    assert door.scan(onward, foreign.serial, door.second).finding is Finding.RIGHT
    token = door.table.token(foreign)
    assert (token.custodian, token.custodian_ref) == (Custodian.AUTHORITY, ids[1])
    assert door.case(foreign) == State.AT_AUTHORITY
    assert door.table.hands(foreign)[-3:] == [Custodian.AUTHORITY, Custodian.COURIER, Custodian.AUTHORITY]


def test_sending_on_is_the_finder_s_and_its_waybill_has_to_fit(door: Door) -> None:
    foreign, parcel = misrouted(door)
    noted = finding(door, foreign.serial, DiscrepancyKind.OTHER_AUTHORITY)
    with pytest.raises(NotFound):
        door.table.do(settling.send_on, noted.id, "sf", ONWARD, who=door.second)
    with pytest.raises(NotAllowed):
        door.table.do(settling.send_on, noted.id, "sf", ONWARD)
    with pytest.raises(Invalid):
        door.table.do(settling.send_on, noted.id, "sf", "nothing like it", who=door.first)
    with pytest.raises(Conflict):
        door.table.do(settling.send_on, noted.id, "sf", parcel.waybill, who=door.first)
    assert door.table.token(foreign).custodian == Custodian.AUTHORITY
    assert finding(door, foreign.serial, DiscrepancyKind.OTHER_AUTHORITY).settled_at is None


def test_what_its_own_authority_has_is_sent_on_by_nobody(door: Door) -> None:
    (key,) = door.table.keys(1, authority=1)
    own = door.sent([key], authority=1, waybill="SF1234567890155")
    parcel = door.opened(door.table.keys(1))
    door.scan(parcel, key.serial)
    noted = finding(door, key.serial, DiscrepancyKind.OTHER_AUTHORITY)
    door.table.do(receiving.open_parcel, own.id, who=door.second)
    door.scan(own, key.serial, door.second)
    assert door.found(parcel) == {(key.serial, DiscrepancyKind.OTHER_AUTHORITY): "found_elsewhere"}
    with pytest.raises(Conflict, match="settled already"):
        door.table.do(settling.send_on, noted.id, "sf", ONWARD, who=door.first)
    # Nor when the finding was left open by other means than a scan.
    with door.table.office.work() as session:
        open_again = session.get_one(Discrepancy, noted.id)
        open_again.settled_at = open_again.settled_by = open_again.settlement = None
    with pytest.raises(Conflict, match="no longer in your hands"):
        door.table.do(settling.send_on, noted.id, "sf", ONWARD, who=door.first)
    token = door.table.token(key)
    assert (token.custodian, token.custodian_ref) == (Custodian.AUTHORITY, door.table.office.authority_ids[1])


def test_an_extra_key_is_kept_and_a_foreign_object_explained(door: Door) -> None:
    listed, stray = door.table.keys(2)
    parcel = door.opened([listed])
    door.scan(parcel, stray.serial)
    door.scan(parcel, "6901234567892")
    door.table.do(settling.keep_extra, finding(door, stray.serial, DiscrepancyKind.EXTRA).id, who=door.first)
    thing = finding(door, "6901234567892", DiscrepancyKind.UNKNOWN)
    with pytest.raises(Invalid):
        door.table.do(settling.settle_in_words, thing.id, "  ", who=door.first)
    door.table.do(settling.settle_in_words, thing.id, "已退回快递员", who=door.first)
    assert door.found(parcel) == {
        (stray.serial, DiscrepancyKind.EXTRA): "kept",
        ("6901234567892", DiscrepancyKind.UNKNOWN): "已退回快递员",
    }


@pytest.mark.parametrize("seen_late", [False, True])
def test_a_damaged_key_is_made_anew(door: Door, seen_late: bool) -> None:
    key = made_key(door.table.office)
    parcel = door.opened([key])
    if seen_late:
        door.scan(parcel, key.serial)
    door.scan(parcel, key.serial, damaged=True, remark="外壳裂开")
    noted = finding(door, key.serial, DiscrepancyKind.DAMAGED)
    with pytest.raises(NotAllowed):
        door.table.do(settling.make_anew, noted.id, "外壳裂开，重新制作", who=door.first)
    with pytest.raises(Invalid):
        door.table.do(settling.make_anew, noted.id, "")
    door.table.do(settling.make_anew, noted.id, "外壳裂开，重新制作")
    assert door.case(key) == State.PRODUCTION
    assert certificate(door, key).state == "revoked"
    assert door.table.token(key).state == TokenState.SPOILED
    assert door.found(parcel) == {(key.serial, DiscrepancyKind.DAMAGED): "made_anew"}
    assert len(mails(door, key, "returned_to_production")) == 1


@pytest.mark.parametrize("seen_late", [False, True])
def test_a_key_called_damaged_may_be_used_all_the_same_and_called_damaged_again(door: Door, seen_late: bool) -> None:
    key = made_key(door.table.office)
    parcel = door.opened([key])
    if seen_late:
        door.scan(parcel, key.serial)
    door.scan(parcel, key.serial, damaged=True, remark="外壳划痕")
    noted = finding(door, key.serial, DiscrepancyKind.DAMAGED)
    with pytest.raises(NotAllowed):
        door.table.do(settling.use_all_the_same, noted.id, "只是划痕", who=door.first)
    with pytest.raises(Invalid):
        door.table.do(settling.use_all_the_same, noted.id, " ")
    door.table.do(settling.use_all_the_same, noted.id, "只是划痕，不影响使用")
    assert (door.case(key), certificate(door, key).state) == (State.AT_AUTHORITY, "valid")
    assert door.found(parcel) == {(key.serial, DiscrepancyKind.DAMAGED): "只是划痕，不影响使用"}
    with pytest.raises(Conflict):
        door.table.do(settling.make_anew, noted.id, "还是重做")
    if seen_late:
        assert not door.scan(parcel, key.serial, damaged=True, remark="插头松动").repeated
        assert door.found(parcel) == {(key.serial, DiscrepancyKind.DAMAGED): None}
        assert finding(door, key.serial, DiscrepancyKind.DAMAGED).remark == "插头松动"


def test_damage_of_a_key_that_was_handed_over_can_be_settled(door: Door) -> None:
    key = made_key(door.table.office)
    parcel = door.opened([key])
    door.scan(parcel, key.serial)
    door.scan(parcel, key.serial, damaged=True, remark="外壳划痕")
    with door.table.office.work() as session:
        token = session.scalars(select(Token).where(Token.serial == key.serial)).one()
        enterprise_id = session.get_one(Application, key.application_id).enterprise_id
        hand_on(session, token, TokenMove.HAND_OVER, door.first, to_ref=enterprise_id)
    noted = finding(door, key.serial, DiscrepancyKind.DAMAGED)
    with pytest.raises(Conflict):
        door.table.do(settling.make_anew, noted.id, "已领取")
    door.table.do(settling.use_all_the_same, noted.id, "已领取，使用正常")
    assert door.table.token(key).state == TokenState.HANDED_OVER
    assert finding(door, key.serial, DiscrepancyKind.DAMAGED).settled_at is not None


def test_a_parcel_that_does_not_come_is_asked_after_and_declared_lost(door: Door) -> None:
    keys = [made_key(door.table.office) for _each in range(2)]
    parcel = door.sent(keys)
    with pytest.raises(Conflict, match="inquiry"):
        door.table.do(settling.declare_lost, parcel.id, "找不到")
    with pytest.raises(Invalid):
        door.table.do(settling.open_inquiry, parcel.id, " ")
    door.table.do(settling.open_inquiry, parcel.id, "请快递公司查找")
    assert sorted(door.table.do(settling.declare_lost, parcel.id, "快递公司确认遗失")) == sorted(
        each.serial for each in keys
    )
    assert door.parcel(parcel).state == ConsignmentState.LOST
    for key in keys:
        ended = certificate(door, key)
        assert (ended.state, ended.revocation_reason) == ("revoked", "keyCompromise")
        assert (door.table.token(key).state, door.table.token(key).custodian) == (TokenState.LOST, Custodian.LOST)
        assert door.case(key) == State.PRODUCTION
        assert len(mails(door, key, "returned_to_production")) == 1
    with pytest.raises(Conflict):
        door.table.do(settling.declare_lost, parcel.id, "再说一次")
    with pytest.raises(Conflict, match="declared lost"):
        door.table.do(receiving.arrive, parcel.id, who=door.first)


def test_a_parcel_that_never_comes_has_an_end_though_its_keys_turned_up_elsewhere(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.sent(keys)
    other = door.opened(door.table.keys(1), waybill=ONWARD)
    assert door.scan(other, key.serial).finding is Finding.EXTRA
    door.table.do(settling.open_inquiry, parcel.id, "请快递公司查找")
    assert door.table.do(settling.declare_lost, parcel.id, "快递公司确认遗失") == []
    assert door.parcel(parcel).state == ConsignmentState.LOST
    assert (door.case(key), certificate(door, key).state) == (State.AT_AUTHORITY, "valid")
    assert mails(door, key, "returned_to_production") == []
    with pytest.raises(Conflict, match="Nothing"):
        door.table.do(settling.open_inquiry, parcel.id, "还查什么")


def test_of_an_opened_parcel_only_what_is_missing_is_lost(door: Door) -> None:
    came, gone = keys = door.table.keys(2)
    parcel = door.opened(keys)
    door.scan(parcel, came.serial)
    door.close(parcel)
    door.table.do(settling.open_inquiry, parcel.id, "少了一把")
    assert door.table.do(settling.declare_lost, parcel.id, "找不到了") == [gone.serial]
    assert door.parcel(parcel).state == ConsignmentState.CLOSED
    assert (door.case(came), door.case(gone)) == (State.AT_AUTHORITY, State.PRODUCTION)
    assert door.found(parcel) == {(gone.serial, DiscrepancyKind.MISSING): "declared_lost"}
    with pytest.raises(Conflict, match="Nothing"):
        door.table.do(settling.open_inquiry, parcel.id, "还查什么")


def test_a_lost_key_that_turns_up_is_set_aside(door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    parcel = door.sent(keys)
    with pytest.raises(Conflict):
        door.table.do(settling.find_again, key.serial, "在仓库找到")
    door.table.do(settling.open_inquiry, parcel.id, "查找")
    door.table.do(settling.declare_lost, parcel.id, "遗失")
    other = door.opened(door.table.keys(1), waybill="SF1234567890124")
    seen = door.scan(other, key.serial)
    assert (seen.finding, seen.why) == (Finding.UNKNOWN, "Token %(serial)s was lost on the way.")
    with pytest.raises(NotAllowed):
        door.table.do(settling.find_again, key.serial, "在箱子里", who=door.first)
    door.table.do(settling.find_again, key.serial, "在箱子里")
    assert door.table.token(key).state == TokenState.SPOILED
    with pytest.raises(NotFound):
        door.table.do(settling.find_again, "nothing", "在箱子里")


def test_the_authority_s_supervisors_are_told_of_a_loss(door: Door) -> None:
    office = door.table.office
    key = made_key(office)
    supervisor = office.hire("supervisor", Role.AUTHORITY_SUPERVISOR, authority_id=office.authority_ids[0])
    stranger = office.hire("stranger", Role.AUTHORITY_SUPERVISOR, authority_id=office.authority_ids[1])
    with office.work() as session:
        for person, address in ((supervisor, "s@example.invalid"), (stranger, "t@example.invalid")):
            session.get_one(Staff, person.id).email = address
    parcel = door.sent([key])
    door.table.do(settling.open_inquiry, parcel.id, "查找")
    door.table.do(settling.declare_lost, parcel.id, "遗失")
    told = door.table.read(
        lambda session: session.scalars(select(OutboxMessage).where(OutboxMessage.event.contains(":lost:"))).all()
    )
    assert [each.recipient for each in told] == ["s@example.invalid"]
    assert parcel.number in told[0].subject
    assert key.serial in told[0].body
