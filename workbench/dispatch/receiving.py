"""The verbs of the authority's door: a parcel arrives, is opened, and each key is scanned. What does not agree with the
packing list is named by serial the moment it is seen; what was missing is named when the opening is closed.

A key changes hands when it is seen, not when its box is. Openings add up: none alters what an earlier one wrote.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.dispatch import consignments
from workbench.dispatch.carriers import normalise_waybill
from workbench.dispatch.consignments import get_consignment, lock_unseen
from workbench.dispatch.discrepancies import (
    add_discrepancy,
    find_discrepancy,
    note_damage_of_stray,
    settle_found,
)
from workbench.dispatch.models import Consignment, Discrepancy, Receipt, ReceiptLine
from workbench.dispatch.packing import clean_serial, find_live_item
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind, Finding, Outcome
from workbench.kernel.clock import now
from workbench.kernel.db import widened
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import EVERYWHERE, Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Token
from workbench.keys.token_states import HELD_ELSEWHERE, REFUSALS, Custodian, TokenMove, TokenState
from workbench.keys.tokens import hand_on

MAX_REMARK: Final = 500
"""Characters of what is said about a key."""
_BY_FINDING: Final = {
    Finding.DAMAGED: DiscrepancyKind.DAMAGED,
    Finding.EXTRA: DiscrepancyKind.EXTRA,
    Finding.OTHER_AUTHORITY: DiscrepancyKind.OTHER_AUTHORITY,
    Finding.BLANK: DiscrepancyKind.BLANK,
    Finding.UNKNOWN: DiscrepancyKind.UNKNOWN,
}
_BLANK: Final = N_("Token %(serial)s is ours but blank: lay it aside for the vendor and give it to nobody.")
_STILL_WHOLE: Final = frozenset({Finding.RIGHT.value, Finding.EXTRA.value})


@dataclass(frozen=True)
class Seen:
    """What a scan turned out to be. `enterprise` is told of own keys only; `belongs_to_id` of another authority's.

    `why` is a msgid of %(serial)s: what an own token is that is no key to be handed over, such as one declared lost.
    """

    serial: str
    finding: Finding
    repeated: bool
    enterprise: str | None = None
    belongs_to_id: int | None = None
    why: str | None = None


def find_parcel(session: Session, actor: Actor, scanned: str) -> Consignment:
    """The consignment on whose label this number stands: its own or its waybill's.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: none is on its way to the actor's authority under this number.
    """
    demand(actor, Permission.KEY_RECEIVE)
    number = normalise_waybill(scanned)
    found = session.scalars(
        select(Consignment)
        .where(
            or_(Consignment.number == number, Consignment.waybill == number),
            Consignment.kind != ConsignmentKind.RETURN.value,
            Consignment.handed_over_at.is_not(None),
        )
        .order_by(Consignment.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None or not actor.scope.covers(found.authority_id):
        raise NotFound(N_("No parcel with the number %(number)s is on its way to you."), number=number[:40])
    return found


def arrive(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    """A parcel has come and is not opened yet. Said twice, it is written once.

    Raises:
        NotAllowed, NotFound: the actor receives no keys, or there is no such parcel.
        Conflict: it is not under way.
    """
    consignment = get_inward(session, actor, consignment_id, lock=True)
    if consignment.state in (ConsignmentState.ARRIVED, ConsignmentState.OPENED, ConsignmentState.CLOSED):
        return consignment
    if consignment.state == ConsignmentState.LOST:
        raise Conflict(
            N_("Consignment %(number)s was declared lost and its certificates have ended: tell the vendor."),
            number=consignment.number,
        )
    if consignment.state != ConsignmentState.IN_TRANSIT:
        raise Conflict(N_("Consignment %(number)s is not under way."), number=consignment.number)
    _step(consignment, ConsignmentState.ARRIVED)
    consignment.arrived_at = now()
    consignments.record(session, "consignment.arrived", actor, consignment)
    session.flush()
    return consignment


def open_parcel(session: Session, actor: Actor, consignment_id: int) -> Receipt:
    """Begin an opening, or go on with the one that is under way. A closed consignment may be opened again.

    Raises:
        NotAllowed, NotFound: as `arrive`.
        Conflict: the parcel has not arrived, or is lost.
    """
    consignment = arrive(session, actor, consignment_id)
    receipt = find_open_receipt(session, consignment.id)
    if receipt is not None:
        return receipt
    count = session.scalar(select(func.count()).where(Receipt.consignment_id == consignment.id)) or 0
    receipt = Receipt(
        consignment_id=consignment.id,
        authority_id=consignment.authority_id,
        number=count + 1,
        opened_at=now(),
        opened_by_id=actor.id,
    )
    session.add(receipt)
    _step(consignment, ConsignmentState.OPENED)
    consignment.opened_at = consignment.opened_at or now()
    consignment.closed_at = None
    consignments.record(session, "consignment.opened_at_authority", actor, consignment, number=receipt.number)
    session.flush()
    return receipt


def scan_key(
    session: Session,
    actor: Actor,
    consignment_id: int,
    scanned: str,
    *,
    damaged: bool = False,
    remark: str = "",
    photo_sha256: str | None = None,
) -> Seen:
    """Take what was scanned out of the parcel: right, damaged, extra, another authority's, a blank, or none of ours.

    Args:
        damaged: the key can't be handed over as it is; a remark says why.

    Raises:
        NotAllowed, NotFound: as `arrive`.
        Conflict: the parcel is not open.
        Invalid: nothing was scanned, or a damaged key comes without a remark.
    """
    consignment = get_inward(session, actor, consignment_id, lock=True)
    receipt = find_open_receipt(session, consignment.id)
    if receipt is None:
        raise Conflict(N_("Open the parcel first."))
    serial, said = clean_serial(scanned), _clean_remark(remark)
    if not serial:
        raise Invalid(N_("Nothing was scanned."))
    known = session.scalars(
        select(ReceiptLine).where(ReceiptLine.consignment_id == consignment.id, ReceiptLine.serial == serial)
    ).one_or_none()
    if damaged and said is None:
        raise Invalid(N_("Say what is damaged; the vendor reads it."))
    if known is not None and damaged and known.finding in _STILL_WHOLE:
        return _note_damage(session, actor, consignment, known, said, photo_sha256)
    if known is not None and damaged and known.finding == Finding.OTHER_AUTHORITY:
        noted = note_damage_of_stray(session, actor, consignment, serial, said, photo_sha256)
        return _seen(session, known, repeated=not noted)
    if known is not None:
        return _seen(session, known, repeated=True)
    line = _judge(session, actor, consignment, receipt, serial, damaged=damaged)
    line.remark, line.photo_sha256 = said, photo_sha256
    session.add(line)
    session.flush()
    _note_discrepancy(session, actor, consignment, line)
    what = "consignment.key_scanned"
    consignments.record(session, what, actor, consignment, serial=serial, finding=line.finding, remark=said)
    return _seen(session, line, repeated=False)


def close_parcel(session: Session, actor: Actor, consignment_id: int, *, complete: bool) -> list[str]:
    """End an opening. When everything has been taken out, what did not come is missing, by serial.

    Args:
        complete: the boxes are empty; otherwise the rest is scanned at another time.

    Returns:
        The serials that are missing; none when the opening only pauses.

    Raises:
        NotAllowed, NotFound: as `arrive`.
        Conflict: the parcel is not open.
    """
    consignment = get_inward(session, actor, consignment_id, lock=True)
    receipt = find_open_receipt(session, consignment.id)
    if receipt is None:
        raise Conflict(N_("Open the parcel first."))
    receipt.closed_at = now()
    missing: list[str] = []
    if complete:
        for token in lock_unseen(session, consignment).values():
            missing.append(token.serial)
            add_discrepancy(session, actor, consignment, token.serial, DiscrepancyKind.MISSING, token.id)
        _step(consignment, ConsignmentState.CLOSED)
        consignment.closed_at = now()
    action = "consignment.received" if complete else "consignment.opening_paused"
    consignments.record(session, action, actor, consignment, number=receipt.number, missing=missing)
    session.flush()
    return missing


def find_open_receipt(session: Session, consignment_id: int) -> Receipt | None:
    """The opening that is under way."""
    return session.scalars(
        select(Receipt).where(Receipt.consignment_id == consignment_id, Receipt.closed_at.is_(None))
    ).one_or_none()


def get_inward(session: Session, actor: Actor, consignment_id: int, *, lock: bool = False) -> Consignment:
    """A parcel that was sent to the actor's authority, locked against other writers when asked.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: there is none, or it was never handed to a courier.
    """
    demand(actor, Permission.KEY_RECEIVE)
    consignment = get_consignment(session, actor, consignment_id, lock=lock)
    if consignment.kind == ConsignmentKind.RETURN or consignment.handed_over_at is None:
        raise NotFound(N_("There is no such consignment."))
    return consignment


def receive_case(session: Session, actor: Actor, token: Token) -> None:
    """The case of a key that came: one that no packing list named was never said to be on its way."""
    application = session.get_one(Application, token.application_id)
    if application.state == State.MADE:
        advance(session, application.id, Action.HAND_TO_COURIER, system_actor("receipt"))
    if application.state == State.IN_TRANSIT:
        advance(session, application.id, Action.RECEIVE, actor)


def _judge(
    session: Session, actor: Actor, consignment: Consignment, receipt: Receipt, serial: str, *, damaged: bool
) -> ReceiptLine:
    """What a scanned key is; a key of ours is in the authority's hands from here on."""
    line = ReceiptLine(
        consignment_id=consignment.id,
        authority_id=consignment.authority_id,
        receipt_id=receipt.id,
        serial=serial,
        at=now(),
        by_id=actor.id,
        finding=Finding.UNKNOWN.value,
    )
    token = session.scalars(select(Token).where(Token.serial == serial).with_for_update()).one_or_none()
    if token is None:
        return _judge_beyond(session, actor, consignment, line)
    line.token_id = token.id
    if token.state != TokenState.PERSONALISED:
        return line
    item = find_live_item(session, token.id)
    here = item is not None and item.consignment_id == consignment.id
    line.finding = (Finding.DAMAGED if damaged else Finding.RIGHT if here else Finding.EXTRA).value
    if item is not None:
        outcome = Outcome.DAMAGED if damaged else Outcome.RECEIVED if here else Outcome.MISROUTED
        item.outcome, item.settled_at = outcome.value, now()
    _take(session, actor, consignment, token)
    if not damaged:
        receive_case(session, actor, token)
    settle_found(session, actor, token, consignment)
    return line


def _judge_beyond(session: Session, actor: Actor, consignment: Consignment, line: ReceiptLine) -> ReceiptLine:
    """A serial that is no key of this authority: another's, which is in this one's hands now, a blank token of nobody's
    yet, or none of ours."""
    with widened(session, EVERYWHERE):
        token = session.scalars(select(Token).where(Token.serial == line.serial).with_for_update()).one_or_none()
        if token is not None and token.authority_id is None and token.state == TokenState.BLANK:
            line.finding = Finding.BLANK.value
        if token is None or token.authority_id is None or token.state != TokenState.PERSONALISED:
            return line
        if token.custodian == Custodian.AUTHORITY and token.custodian_ref == token.authority_id:
            # Its own authority has seen it and may be handing it over: nobody takes it away by typing its number.
            return line
        item = find_live_item(session, token.id)
        if item is not None:
            item.outcome, item.settled_at = Outcome.MISROUTED.value, now()
        _take(session, actor, consignment, token)
        settle_found(session, actor, token, consignment)
        line.token_id, line.finding = token.id, Finding.OTHER_AUTHORITY.value
    return line


def _take(session: Session, actor: Actor, consignment: Consignment, token: Token) -> None:
    if token.custodian == Custodian.AUTHORITY and token.custodian_ref == consignment.authority_id:
        return
    to_ref, place = consignment.authority_id, consignment.number
    hand_on(session, token, TokenMove.RECEIVE, actor, to_ref=to_ref, place=place)


def _note_damage(
    session: Session,
    actor: Actor,
    consignment: Consignment,
    line: ReceiptLine,
    said: str | None,
    photo_sha256: str | None,
) -> Seen:
    """A key that was scanned as whole shows damage: the line stays as it was written, the finding is a new one, or one
    that was settled is open again."""
    known = find_discrepancy(session, consignment, line.serial, DiscrepancyKind.DAMAGED)
    token = session.scalars(
        select(Token).where(Token.id == line.token_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    if (token.custodian, token.custodian_ref) != (Custodian.AUTHORITY, consignment.authority_id):
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    repeated = known is not None and known.settled_at is None
    if not repeated:
        found = add_discrepancy(session, actor, consignment, line.serial, DiscrepancyKind.DAMAGED, line.token_id)
        found.remark, found.photo_sha256 = said, photo_sha256
        session.flush()
    return replace(_seen(session, line, repeated=repeated), finding=Finding.DAMAGED)


def _note_discrepancy(session: Session, actor: Actor, consignment: Consignment, line: ReceiptLine) -> None:
    kind = _BY_FINDING.get(Finding(line.finding))
    if kind is None:
        return
    belongs_to_id = None
    if kind is DiscrepancyKind.OTHER_AUTHORITY:
        with widened(session, EVERYWHERE):
            belongs_to_id = session.scalars(select(Token.authority_id).where(Token.id == line.token_id)).one()
    found = add_discrepancy(session, actor, consignment, line.serial, kind, line.token_id)
    found.belongs_to_id, found.remark, found.photo_sha256 = belongs_to_id, line.remark, line.photo_sha256
    session.flush()


def _seen(session: Session, line: ReceiptLine, *, repeated: bool) -> Seen:
    finding = Finding(line.finding)
    enterprise, belongs_to_id, why = None, None, None
    if finding is Finding.OTHER_AUTHORITY:
        noted = session.scalars(
            select(Discrepancy.belongs_to_id).where(
                Discrepancy.consignment_id == line.consignment_id,
                Discrepancy.serial == line.serial,
                Discrepancy.kind == DiscrepancyKind.OTHER_AUTHORITY.value,
            )
        )
        belongs_to_id = noted.one_or_none()
    elif finding is Finding.BLANK:
        why = _BLANK
    elif line.token_id is not None:
        state, enterprise = session.execute(
            select(Token.state, Application.enterprise_name)
            .outerjoin(Application, Application.id == Token.application_id)
            .where(Token.id == line.token_id)
        ).one()
        why = REFUSALS[TokenState(state)] if finding is Finding.UNKNOWN else None
    return Seen(line.serial, finding, repeated, enterprise, belongs_to_id, why)


def _clean_remark(untrusted: str) -> str | None:
    said = untrusted.replace("\x00", "").strip()
    if len(said) > MAX_REMARK:
        raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
    return said or None


def _step(consignment: Consignment, state: ConsignmentState) -> None:
    consignment.state = state.value
    consignment.version += 1
