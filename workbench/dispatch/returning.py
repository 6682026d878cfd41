"""Keys that go back to the vendor: those handed back by their enterprises or never collected. The authority packs them
by scan and gives them to the courier; the vendor takes each in by scan. Certificates have ended before; what is still
in use is refused by name.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.dispatch import carriers, consignments
from workbench.dispatch.consignments import MOST_KEYS, get_consignment, live_items, new_consignment
from workbench.dispatch.discrepancies import add_discrepancy, settle_found
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.packing import Packed, clean_serial, find_live_item
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind, Outcome
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Token
from workbench.keys.service import valid_on
from workbench.keys.token_states import HELD_ELSEWHERE, REFUSALS, Custodian, TokenMove, TokenState
from workbench.keys.tokens import get_token, hand_on

_UNDER_WAY = (ConsignmentState.IN_TRANSIT, ConsignmentState.OPENED)


def open_return(session: Session, actor: Actor) -> Consignment:
    """Begin to pack keys that go back, or go on with the return that lies open at the actor's authority.

    Raises:
        NotAllowed: the actor receives no keys, or works for no single authority.
    """
    demand(actor, Permission.KEY_RECEIVE)
    if actor.scope.everything or len(actor.scope.authority_ids) != 1:
        raise NotAllowed(N_("Returns are packed at an issuing authority."))
    (authority_id,) = actor.scope.authority_ids
    known = session.scalars(
        select(Consignment)
        .where(
            Consignment.kind == ConsignmentKind.RETURN.value,
            Consignment.state == ConsignmentState.PACKING.value,
            Consignment.authority_id == authority_id,
        )
        .order_by(Consignment.id.desc())
        .limit(1)
    ).one_or_none()
    return known or new_consignment(session, actor, authority_id, ConsignmentKind.RETURN, authority_id)


def pack_return(session: Session, actor: Actor, consignment_id: int, scanned: str) -> Packed:
    """Put a key into a return. It stays in the authority's hands until the courier has it; a scan repeated is harmless.

    Raises:
        NotAllowed, NotFound: the actor receives no keys, there is no such return, or no such key here.
        Invalid: nothing was scanned.
        Conflict: the return is closed or full, or the key is none that goes back or lies elsewhere.
    """
    consignment = _get_packing(session, actor, consignment_id)
    token = _find(session, scanned)
    here = find_live_item(session, token.id)
    if here is not None and here.consignment_id == consignment.id:
        return _packed(session, token, here, repeated=True)
    _refuse_unless_returned(session, consignment, token)
    if (token.custodian, token.custodian_ref) != (Custodian.AUTHORITY, consignment.authority_id):
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    if here is not None:
        raise Conflict(N_("Key %(serial)s lies in another return."), serial=token.serial)
    if token.application_id is None:
        raise Conflict(N_("Key %(serial)s belongs to no case."), serial=token.serial)
    _refuse_valid(session, token)
    if _count(session, consignment) >= MOST_KEYS:
        raise Conflict(N_("A consignment holds %(limit)d keys at most: seal it and open another."), limit=MOST_KEYS)
    item = ConsignmentItem(
        consignment_id=consignment.id,
        authority_id=consignment.authority_id,
        box=1,
        token_id=token.id,
        application_id=token.application_id,
        packed_at=now(),
        packed_by_id=actor.id,
    )
    session.add(item)
    consignment.version += 1
    session.flush()
    return _packed(session, token, item, repeated=False)


def unpack_return(session: Session, actor: Actor, consignment_id: int, scanned: str) -> ConsignmentItem:
    """Take a key out of a return again.

    Raises:
        NotAllowed, NotFound, Invalid: as `pack_return`.
        Conflict: the return is closed, or the key does not lie in it.
    """
    consignment = _get_packing(session, actor, consignment_id)
    token = _find(session, scanned)
    item = find_live_item(session, token.id)
    if item is None or item.consignment_id != consignment.id:
        raise Conflict(N_("Key %(serial)s does not lie in this consignment."), serial=token.serial)
    item.outcome, item.settled_at = Outcome.TAKEN_OUT.value, now()
    consignment.version += 1
    session.flush()
    return item


def send_return(session: Session, actor: Actor, consignment_id: int, carrier_code: str, waybill: str) -> Consignment:
    """Seal a return and give it to the courier: each key changes hands.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: no such return or courier company.
        Invalid: the waybill number is in another form than the company's.
        Conflict: nothing lies in it, it has gone already, or the waybill is on another parcel.
    """
    consignment = _get_packing(session, actor, consignment_id)
    items = live_items(session, consignment)
    if not items:
        raise Conflict(N_("Consignment %(number)s holds no key yet."), number=consignment.number)
    carrier = carriers.give_waybill(session, consignment, carrier_code, waybill)
    for item in items:
        token = session.get_one(Token, item.token_id)
        hand_on(session, token, TokenMove.SEND_ON, actor, to_ref=consignment.id, place=consignment.number)
    at = now()
    consignment.sealed_at = consignment.handed_over_at = at
    consignment.handed_over_by_id, consignment.state = actor.id, ConsignmentState.IN_TRANSIT.value
    consignment.due_on = load_calendar(session).add_working_days(local_day(at), carrier.usual_days)
    consignment.version += 1
    consignments.record(
        session,
        "consignment.handed_over",
        actor,
        consignment,
        keys=len(items),
        carrier=carrier.code,
        waybill=consignment.waybill,
    )
    session.flush()
    return consignment


def take_in(session: Session, actor: Actor, scanned: str) -> Packed:
    """A key that came back is in the vendor's stock again, to be destroyed. Scanned twice, it is taken in once.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such key.
        Invalid: nothing was scanned.
        Conflict: it is on no return that is under way.
    """
    demand(actor, Permission.KEY_DISPATCH)
    token = _find(session, scanned, lock=False)
    item = find_live_item(session, token.id) or _last_return(session, token)
    consignment = get_consignment(session, actor, item.consignment_id, lock=True) if item is not None else None
    if item is None or consignment is None or consignment.kind != ConsignmentKind.RETURN:
        raise Conflict(N_("Key %(serial)s is on no return to the vendor."), serial=token.serial)
    token = _find(session, scanned)  # locked after its parcel, as everywhere
    session.refresh(item)
    if item.outcome == Outcome.RECEIVED:
        return _packed(session, token, item, repeated=True)
    if consignment.handed_over_at is None or token.custodian != Custodian.COURIER:
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    hand_on(session, token, TokenMove.TAKE_RETURN, actor, place=consignment.number)
    item.outcome, item.settled_at = Outcome.RECEIVED.value, now()
    settle_found(session, actor, token, consignment)
    _step_in(session, actor, consignment)
    return _packed(session, token, item, repeated=False)


def close_return(session: Session, actor: Actor, consignment_id: int) -> list[str]:
    """The box of a return is empty: what has not come is missing, by serial. The courier is asked for it.

    Raises:
        NotAllowed, NotFound: the actor doesn't dispatch keys, or there is no such return.
        Conflict: none of it was taken in yet.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if consignment.kind != ConsignmentKind.RETURN:
        raise NotFound(N_("There is no such consignment."))
    if consignment.state != ConsignmentState.OPENED:
        raise Conflict(N_("Take a key of it in first."))
    missing = []
    for item in live_items(session, consignment):
        token = session.get_one(Token, item.token_id)
        missing.append(token.serial)
        add_discrepancy(session, actor, consignment, token.serial, DiscrepancyKind.MISSING, token.id)
    _close(session, actor, consignment, missing)
    return missing


def _step_in(session: Session, actor: Actor, consignment: Consignment) -> None:
    """The first key that is taken in opens a return, the last one closes it."""
    at = now()
    if consignment.state in _UNDER_WAY:
        consignment.arrived_at = consignment.arrived_at or at
        consignment.opened_at = consignment.opened_at or at
        consignment.state = ConsignmentState.OPENED.value
    consignment.version += 1
    session.flush()
    if not live_items(session, consignment) and consignment.closed_at is None:
        _close(session, actor, consignment, [])


def _close(session: Session, actor: Actor, consignment: Consignment, missing: list[str]) -> None:
    consignment.state, consignment.closed_at = ConsignmentState.CLOSED.value, now()
    consignment.version += 1
    consignments.record(session, "consignment.received", actor, consignment, missing=missing)
    session.flush()


def _get_packing(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    demand(actor, Permission.KEY_RECEIVE)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if consignment.kind != ConsignmentKind.RETURN:
        raise NotFound(N_("There is no such consignment."))
    if consignment.state != ConsignmentState.PACKING:
        raise Conflict(N_("Consignment %(number)s is no longer being packed."), number=consignment.number)
    return consignment


def _find(session: Session, scanned: str, *, lock: bool = True) -> Token:
    serial = clean_serial(scanned)
    if not serial:
        raise Invalid(N_("Scan or type a serial number."))
    try:
        return get_token(session, serial, lock=lock)
    except NotFound as error:
        raise NotFound(N_("“%(serial)s” is none of our keys."), serial=serial) from error


def _refuse_unless_returned(session: Session, consignment: Consignment, token: Token) -> None:
    """Only what was handed back or withdrawn goes back; a finished key that lies here is told its own way."""
    if token.state == TokenState.SURRENDERED:
        return
    lies_here = (token.custodian, token.custodian_ref) == (Custodian.AUTHORITY, consignment.authority_id)
    if token.state != TokenState.PERSONALISED or not lies_here:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if _is_valid(session, token):
        raise Conflict(
            N_(
                "Key %(serial)s is good: its certificate is valid and it waits for its enterprise. Hand it over under "
                "Counter hand-over; when nobody collects it, two people withdraw it under Waiting keys."
            ),
            serial=token.serial,
        )
    raise Conflict(
        N_("Key %(serial)s holds no valid certificate and was not withdrawn: ask the vendor what is to be done."),
        serial=token.serial,
    )


def _refuse_valid(session: Session, token: Token) -> None:
    if _is_valid(session, token):
        raise Conflict(N_("The certificate on key %(serial)s is still valid: revoke it first."), serial=token.serial)


def _is_valid(session: Session, token: Token) -> bool:
    return session.scalars(valid_on(token.id).limit(1)).one_or_none() is not None


def _last_return(session: Session, token: Token) -> ConsignmentItem | None:
    """The return by which a key came back before."""
    return session.scalars(
        select(ConsignmentItem)
        .join(Consignment, Consignment.id == ConsignmentItem.consignment_id)
        .where(ConsignmentItem.token_id == token.id, Consignment.kind == ConsignmentKind.RETURN.value)
        .order_by(ConsignmentItem.id.desc())
        .limit(1)
    ).one_or_none()


def _count(session: Session, consignment: Consignment) -> int:
    live = (ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.settled_at.is_(None))
    return session.scalar(select(func.count()).where(*live)) or 0


def _packed(session: Session, token: Token, item: ConsignmentItem, *, repeated: bool) -> Packed:
    name = session.scalar(select(Application.enterprise_name).where(Application.id == item.application_id)) or ""
    consignment = session.get_one(Consignment, item.consignment_id)
    return Packed(item, token.serial, name, repeated, _count(session, consignment))
