"""The verbs of the packing table: a scanned key goes into a box and comes out again.

A key that doesn't belong is refused by name: whose it is, where it lies, what it lacks. A scan repeated is harmless.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.dispatch import consignments
from workbench.dispatch.consignments import MOST_KEYS, get_packing, move_item
from workbench.dispatch.fitness import has_good_certificate
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.naming import Named
from workbench.kernel.arguments import scanned_text
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate, Token
from workbench.keys.token_states import HELD_ELSEWHERE, REFUSALS, Custodian, TokenMove, TokenState
from workbench.keys.tokens import get_token
from workbench.organisation.models import Authority, Staff

LONGEST_SERIAL: Final = 64
MOST_BOXES: Final = 99


@dataclass(frozen=True)
class Packed:
    """A key in its box. `repeated` when it lay there before this scan; `count` are the keys of the consignment."""

    item: ConsignmentItem
    serial: str
    enterprise_name: str
    repeated: bool
    count: int


@dataclass(frozen=True)
class Line:
    """One key by serial number, enterprise and box."""

    serial: str
    enterprise_name: str
    box: int


def clean_serial(untrusted: str) -> str:
    """A serial number as it was scanned, whatever a Chinese input method made of it."""
    return scanned_text(untrusted, LONGEST_SERIAL)


def pack(session: Session, actor: Actor, consignment_id: int, serial: str, box: int | None = None) -> Packed:
    """Put a scanned key into a box, the last one unless named; a key that lies in the consignment stays where it is.

    Two packers who scan the same key wait for each other: the second is told who has packed it.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such consignment, or no key of this serial.
        Invalid: there is no such box.
        Conflict: the consignment isn't being packed or is full; the key is another authority's, lies in another
            consignment, is no finished key, or its certificate or case isn't fit to travel.
    """
    consignment = get_packing(session, actor, consignment_id)
    box = consignment.boxes if box is None else box
    if not 1 <= box <= consignment.boxes:
        raise Invalid(N_("There is no box %(box)d in this consignment."), box=box)
    token = find_key(session, serial)
    here = find_live_item(session, token.id)
    if here is not None and here.consignment_id == consignment.id:
        return _packed(session, token, here, repeated=True)
    against = why_not(session, consignment, token, here)
    if against is not None:
        raise against
    if _count(session, consignment.id) >= MOST_KEYS:
        raise Conflict(N_("A consignment holds %(limit)d keys at most: seal it and open another."), limit=MOST_KEYS)
    assert token.application_id is not None
    item = ConsignmentItem(
        consignment_id=consignment.id,
        authority_id=consignment.authority_id,
        box=box,
        token_id=token.id,
        application_id=token.application_id,
        packed_at=now(),
        packed_by_id=actor.id,
    )
    session.add(item)
    move_item(session, actor, consignment, item, token, TokenMove.PACK, to_ref=actor.id)
    _changed(session, actor, consignment)
    session.flush()
    return _packed(session, token, item, repeated=False)


def unpack(session: Session, actor: Actor, consignment_id: int, serial: str) -> ConsignmentItem:
    """Take a key out of its box and put it back into the vendor's stock.

    Raises:
        NotAllowed, NotFound: as `pack`.
        Conflict: the consignment isn't being packed, or the key doesn't lie in it.
    """
    consignment = get_packing(session, actor, consignment_id)
    token = find_key(session, serial)
    item = find_live_item(session, token.id)
    if item is None or item.consignment_id != consignment.id:
        raise Conflict(N_("Key %(serial)s does not lie in this consignment."), serial=token.serial)
    consignments.give_back(session, actor, consignment, item)
    _changed(session, actor, consignment)
    session.flush()
    return item


def add_box(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    """Begin another box. One that is still empty is used first, so that pressing twice does nothing twice.

    What a second person has checked stays checked: an empty box alters no contents, and none is sealed.

    Raises:
        NotAllowed, NotFound, Conflict: as `unpack`.
    """
    consignment = get_packing(session, actor, consignment_id)
    filled = consignments.count_by_box(session, consignment)
    if filled.get(consignment.boxes) and consignment.boxes < MOST_BOXES:
        consignment.boxes += 1
        consignment.version += 1
        session.flush()
    return consignment


def drop_box(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    """Take the last box away again, which is empty; what a second person has checked stays checked.

    Raises:
        NotAllowed, NotFound: as `pack`.
        Conflict: it is the only one, or keys lie in it, or the consignment isn't being packed.
    """
    consignment = get_packing(session, actor, consignment_id)
    if consignments.count_by_box(session, consignment).get(consignment.boxes):
        raise Conflict(N_("Keys lie in box %(box)d: take them out first."), box=consignment.boxes)
    if consignment.boxes == 1:
        raise Conflict(N_("A consignment has one box at least."))
    consignment.boxes -= 1
    consignment.version += 1
    session.flush()
    return consignment


def find_key(session: Session, serial: str) -> Token:
    """The key of a scanned serial number, locked.

    Raises:
        Invalid: nothing was scanned.
        NotFound: the house knows no such token.
    """
    wanted = clean_serial(serial)
    if not wanted:
        raise Invalid(N_("Scan or type a serial number."))
    try:
        return get_token(session, wanted, lock=True)
    except NotFound as error:
        raise NotFound(N_("“%(serial)s” is none of our keys."), serial=wanted) from error


def find_live_item(session: Session, token_id: int) -> ConsignmentItem | None:
    """Where a key lies packed or travels now."""
    return session.scalars(
        select(ConsignmentItem)
        .where(ConsignmentItem.token_id == token_id, ConsignmentItem.settled_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()


def why_not(
    session: Session, consignment: Consignment, token: Token, here: ConsignmentItem | None
) -> WorkbenchError | None:
    """What speaks against packing a key that doesn't lie in this consignment, in the words of the refusal."""
    if token.authority_id is not None and token.authority_id != consignment.authority_id:
        whose = session.get_one(Authority, token.authority_id)
        return Conflict(
            N_("Key %(serial)s is for another authority: %(authority)s."),
            serial=token.serial,
            authority=Named(whose.name_zh, whose.name_en),
        )
    if here is not None:
        return _packed_elsewhere(session, token, here)
    if token.state != TokenState.PERSONALISED:
        return Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if token.custodian != Custodian.VENDOR_STOCK:
        return Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    return _why_case_not(session, token)


def _packed_elsewhere(session: Session, token: Token, here: ConsignmentItem) -> WorkbenchError:
    other = session.get_one(Consignment, here.consignment_id)
    return Conflict(
        N_("Key %(serial)s lies in box %(box)d of consignment %(number)s, packed by %(name)s."),
        serial=token.serial,
        box=here.box,
        number=other.number,
        name=session.get_one(Staff, here.packed_by_id).name,
    )


def _why_case_not(session: Session, token: Token) -> WorkbenchError | None:
    case = session.get(Application, token.application_id) if token.application_id is not None else None
    if case is None:
        return Conflict(N_("Key %(serial)s belongs to no case."), serial=token.serial)
    if case.state != State.MADE:
        return Conflict(
            N_("Key %(serial)s: its case %(number)s is not waiting for dispatch."),
            serial=token.serial,
            number=case.number,
        )
    if not session.scalar(select(has_good_certificate()).select_from(Token).where(Token.id == token.id)):
        return Conflict(
            N_("Key %(serial)s holds no valid certificate: it must not be sent. Hand it to production."),
            serial=token.serial,
        )
    return None


def list_packed(session: Session, consignment_id: int) -> list[Line]:
    """The keys in a consignment now, box by box in the order in which they were packed."""
    rows = session.execute(
        select(Token.serial, Application.enterprise_name, ConsignmentItem.box)
        .join(ConsignmentItem, ConsignmentItem.token_id == Token.id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .where(ConsignmentItem.consignment_id == consignment_id, ConsignmentItem.settled_at.is_(None))
        .order_by(ConsignmentItem.box, ConsignmentItem.id)
    )
    return [Line(serial, name, box) for serial, name, box in rows]


def _changed(session: Session, actor: Actor, consignment: Consignment) -> None:
    """The contents are others than a second person saw."""
    consignment.version += 1
    if consignment.checked_by_id is not None:
        consignment.checked_by_id = consignment.checked_at = None
        consignments.record(session, "consignment.check_void", actor, consignment)


def _count(session: Session, consignment_id: int) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(ConsignmentItem)
            .where(ConsignmentItem.consignment_id == consignment_id, ConsignmentItem.settled_at.is_(None))
        )
        or 0
    )


def _packed(session: Session, token: Token, item: ConsignmentItem, *, repeated: bool) -> Packed:
    name = session.scalar(
        select(Certificate.enterprise_name)
        .where(Certificate.token_id == token.id)
        .order_by(Certificate.id.desc())
        .limit(1)
    )
    return Packed(item, token.serial, name or "", repeated, _count(session, item.consignment_id))
