"""The verbs of a consignment from its opening to the courier's hands: opened for one authority, sealed, handed over, or
undone before that. What is sealed cannot be changed; what is unfit to travel is named and stays.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.dispatch import carriers
from workbench.dispatch.fitness import refuse_unfit
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, Outcome
from workbench.kernel import audit
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Token
from workbench.keys.token_states import Custodian, TokenMove
from workbench.keys.tokens import move_locked
from workbench.organisation.models import Authority

MOST_KEYS: Final = 500
"""Keys of one consignment: as many as are handed over in one transaction."""
MAX_REMARK: Final = 500
"""Characters."""


def get_consignment(session: Session, actor: Actor, consignment_id: int, *, lock: bool = False) -> Consignment:
    """One consignment inside the actor's authority, locked against other writers when asked.

    Raises:
        NotFound: there is none, or it is another authority's.
    """
    statement = select(Consignment).where(Consignment.id == consignment_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    consignment = session.scalars(statement).one_or_none()
    if consignment is None or not actor.scope.covers(consignment.authority_id):
        raise NotFound(N_("There is no such consignment."))
    return consignment


def new_consignment(
    session: Session, actor: Actor, authority_id: int, kind: ConsignmentKind, from_authority_id: int | None = None
) -> Consignment:
    """A consignment that is being packed, under the next number. The caller has judged who may open it."""
    count = session.execute(text("SELECT nextval('consignment_number')")).scalar_one()
    consignment = Consignment(
        number=f"YB{now().astimezone(SHANGHAI).year}{count:07d}",
        kind=kind.value,
        authority_id=authority_id,
        from_authority_id=from_authority_id,
        created_at=now(),
        packer_id=actor.id,
    )
    session.add(consignment)
    session.flush()
    session.refresh(consignment)
    record(session, "consignment.opened", actor, consignment, number=consignment.number, kind=kind.value)
    return consignment


def open_consignment(session: Session, actor: Actor, authority_id: int) -> Consignment:
    """Begin to pack for an authority.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: there is no such authority, or it takes no part any more.
    """
    demand(actor, Permission.KEY_DISPATCH)
    authority = session.get(Authority, authority_id)
    if authority is None or not authority.active:
        raise NotFound(N_("There is no such authority."))
    return new_consignment(session, actor, authority_id, ConsignmentKind.OUTWARD)


def seal(
    session: Session,
    actor: Actor,
    consignment_id: int,
    *,
    seen_version: int | None = None,
    must_be_checked: bool = False,
) -> Consignment:
    """Close the boxes: from here on the contents are frozen.

    Args:
        seen_version: the version the packer was looking at; another one stops the seal.
        must_be_checked: whether this house wants a second person's check first.

    Raises:
        NotAllowed, NotFound: the actor doesn't dispatch keys, or there is no such consignment.
        Conflict: it is not being packed, has changed, holds no key or an empty box, was not checked, or a key in it may
            no longer be sent.
    """
    consignment = get_packing(session, actor, consignment_id)
    if seen_version is not None and seen_version != consignment.version:
        raise Conflict(N_("The consignment has changed since this page was opened: look at it again."))
    filled = count_by_box(session, consignment)
    empty = [box for box in range(1, consignment.boxes + 1) if not filled.get(box)]
    if not filled:
        raise Conflict(N_("Consignment %(number)s holds no key yet."), number=consignment.number)
    if empty:
        raise Conflict(N_("Box %(box)d is empty: put a key in, or take the box away."), box=empty[0])
    if must_be_checked and consignment.checked_by_id is None:
        raise Conflict(N_("A second person has to check the pack before it is sealed."))
    refuse_unfit(session, consignment)
    _step(consignment, ConsignmentState.SEALED)
    consignment.sealed_at = now()
    record(session, "consignment.sealed", actor, consignment, keys=sum(filled.values()), boxes=consignment.boxes)
    session.flush()
    return consignment


def unseal(session: Session, actor: Actor, consignment_id: int, remark: str) -> Consignment:
    """Open a sealed consignment again, as long as it is in the house.

    Raises:
        NotAllowed, NotFound: as `seal`.
        Conflict: it is not sealed, or the courier has it.
        Invalid: no remark.
    """
    consignment = _get_in_house(session, actor, consignment_id)
    if consignment.state != ConsignmentState.SEALED:
        raise Conflict(N_("Consignment %(number)s is not sealed."), number=consignment.number)
    said = needed_remark(remark)
    _step(consignment, ConsignmentState.PACKING)
    consignment.sealed_at = None
    record(session, "consignment.unsealed", actor, consignment, remark=said)
    session.flush()
    return consignment


def cancel(session: Session, actor: Actor, consignment_id: int, remark: str = "") -> Consignment:
    """Undo a consignment before the courier has it: every key goes back into the vendor's stock.

    Raises:
        NotAllowed, NotFound: as `seal`.
        Conflict: the courier has it, or it was cancelled before.
        Invalid: it holds keys and no remark was given.
    """
    consignment = _get_in_house(session, actor, consignment_id)
    items = live_items(session, consignment)
    said = needed_remark(remark) if items else remark.strip()[:MAX_REMARK]
    for item in items:
        give_back(session, actor, consignment, item)
    _step(consignment, ConsignmentState.CANCELLED)
    record(session, "consignment.cancelled", actor, consignment, keys=len(items), remark=said)
    session.flush()
    return consignment


def hand_over(session: Session, actor: Actor, consignment_id: int, carrier_code: str, waybill: str) -> Consignment:
    """Give a sealed consignment to the courier: each key changes hands, each case moves and each enterprise is told.

    It is due by the company's usual time, counted in working days from tomorrow.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such consignment or courier company.
        Invalid: the waybill number is in another form than the company's.
        Conflict: it is not sealed, the waybill is on another consignment, a key in it may no longer be sent, or one was
            found elsewhere since it was sealed.
    """
    consignment = _get_in_house(session, actor, consignment_id)
    if consignment.state != ConsignmentState.SEALED:
        raise Conflict(
            N_("Consignment %(number)s is not sealed: seal it before it is handed over."), number=consignment.number
        )
    carrier = carriers.give_waybill(session, consignment, carrier_code, waybill)
    _refuse_changed(session, consignment)
    refuse_unfit(session, consignment)
    items = live_items(session, consignment)
    tokens = _lock_tokens(session, items)
    authority = session.get_one(Authority, consignment.authority_id)  # held, so that each notice finds it at hand
    for item in items:
        token = tokens[item.token_id]
        move_item(session, actor, consignment, item, token, TokenMove.HAND_TO_COURIER, to_ref=consignment.id)
        advance(session, item.application_id, Action.HAND_TO_COURIER, actor)
    at = now()
    _step(consignment, ConsignmentState.IN_TRANSIT)
    consignment.handed_over_at, consignment.handed_over_by_id = at, actor.id
    consignment.due_on = load_calendar(session).add_working_days(local_day(at), carrier.usual_days)
    record(
        session,
        "consignment.handed_over",
        actor,
        consignment,
        keys=len(items),
        authority=authority.code,
        carrier=carrier.code,
        waybill=consignment.waybill,
        due_on=consignment.due_on.isoformat(),
    )
    session.flush()
    return consignment


def correct_waybill(
    session: Session, actor: Actor, consignment_id: int, carrier_code: str, waybill: str, remark: str
) -> Consignment:
    """Put another waybill number on a consignment under way: the one that was scanned was not the parcel's.

    Raises:
        NotAllowed, NotFound, Invalid: as `hand_over`, or no remark.
        Conflict: it is not under way, or the waybill is on another consignment.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if consignment.state != ConsignmentState.IN_TRANSIT:
        raise Conflict(N_("Consignment %(number)s is not under way."), number=consignment.number)
    said = needed_remark(remark)
    before = {"carrier": consignment.carrier_code, "waybill": consignment.waybill}
    carrier = carriers.give_waybill(session, consignment, carrier_code, waybill)
    consignment.version += 1
    record(
        session,
        "consignment.waybill_corrected",
        actor,
        consignment,
        before=before,
        carrier=carrier.code,
        waybill=consignment.waybill,
        remark=said,
    )
    session.flush()
    return consignment


def get_packing(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    """A consignment whose contents may change, locked, for one who dispatches keys.

    Raises:
        NotAllowed, NotFound: the actor doesn't, or there is none.
        Conflict: it is no longer being packed.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if consignment.state == ConsignmentState.SEALED:
        raise Conflict(
            N_("Consignment %(number)s is sealed: its contents are frozen. Unseal it first."), number=consignment.number
        )
    if consignment.state != ConsignmentState.PACKING:
        raise Conflict(N_("Consignment %(number)s is no longer being packed."), number=consignment.number)
    return consignment


def _get_in_house(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if consignment.state == ConsignmentState.CANCELLED:
        raise Conflict(N_("Consignment %(number)s was cancelled."), number=consignment.number)
    if consignment.state not in (ConsignmentState.PACKING, ConsignmentState.SEALED):
        raise Conflict(N_("The courier has consignment %(number)s already."), number=consignment.number)
    return consignment


def live_items(session: Session, consignment: Consignment) -> list[ConsignmentItem]:
    """What lies in it now, in the order in which rows are locked: that of the cases."""
    return list(
        session.scalars(
            select(ConsignmentItem)
            .where(ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.settled_at.is_(None))
            .order_by(ConsignmentItem.application_id)
            .execution_options(populate_existing=True)
        )
    )


def lock_unseen(session: Session, consignment: Consignment) -> dict[int, Token]:
    """The keys of a consignment that nobody has seen since, by id, locked. Whoever finds one in another parcel at this
    moment is waited for, so that what was found is neither missed nor given up."""
    tokens = _lock_tokens(session, live_items(session, consignment))
    return {item.token_id: tokens[item.token_id] for item in live_items(session, consignment)}


def count_by_box(session: Session, consignment: Consignment) -> dict[int, int]:
    """How many keys lie in each box that is not empty."""
    rows = session.execute(
        select(ConsignmentItem.box, func.count())
        .where(ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.settled_at.is_(None))
        .group_by(ConsignmentItem.box)
    )
    return {box: count for box, count in rows}


def give_back(session: Session, actor: Actor, consignment: Consignment, item: ConsignmentItem) -> None:
    """Take a key out of a consignment in the house and put it back into the vendor's stock. One that was set aside as
    spoiled meanwhile is where spoiled keys are, and stays there."""
    token = _lock_tokens(session, [item])[item.token_id]
    if token.custodian == Custodian.PACKER:
        move_item(session, actor, consignment, item, token, TokenMove.UNPACK)
    item.outcome, item.settled_at = Outcome.TAKEN_OUT.value, now()


def _refuse_changed(session: Session, consignment: Consignment) -> None:
    """Stop a sealed consignment of which a key turned up elsewhere: its packing list names what is not in it."""
    gone = session.scalars(
        select(Token.serial)
        .join(ConsignmentItem, ConsignmentItem.token_id == Token.id)
        .where(
            ConsignmentItem.consignment_id == consignment.id,
            ConsignmentItem.settled_at >= consignment.sealed_at,
        )
        .order_by(Token.serial)
    ).all()
    if gone:
        raise Conflict(
            N_("Found elsewhere since the boxes were sealed: %(serials)s. Unseal, look into the boxes and seal again."),
            serials="、".join(gone),
        )


def _lock_tokens(session: Session, items: Sequence[ConsignmentItem]) -> dict[int, Token]:
    """The tokens of these items, locked in one order for everybody."""
    found = session.scalars(
        select(Token)
        .where(Token.id.in_([item.token_id for item in items]))
        .order_by(Token.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {token.id: token for token in found}


def move_item(
    session: Session,
    actor: Actor,
    consignment: Consignment,
    item: ConsignmentItem,
    token: Token,
    what: TokenMove,
    to_ref: int | None = None,
) -> None:
    """Move a consignment's key, locked by this transaction, from hand to hand; whose it is stays as it was."""
    move_locked(
        session,
        token,
        what,
        actor,
        to_ref=to_ref,
        authority_id=consignment.authority_id,
        application_id=item.application_id,
        place=consignment.number,
    )


def needed_remark(remark: str) -> str:
    """A remark that has to be given.

    Raises:
        Invalid: it is missing or too long.
    """
    said = remark.strip()
    if not said:
        raise Invalid(N_("Say why; it is recorded."))
    if len(said) > MAX_REMARK:
        raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
    return said


def record(
    session: Session,
    action: str,
    actor: Actor,
    consignment: Consignment,
    *,
    before: dict[str, Any] | None = None,
    **after: Any,
) -> None:
    """Write what happened to a consignment into the audit log."""
    audit.record(
        session,
        action,
        actor,
        subject=f"consignment:{consignment.id}",
        authority_id=consignment.authority_id,
        before=before,
        after=after,
    )


def _step(consignment: Consignment, state: ConsignmentState) -> None:
    consignment.state = state.value
    consignment.version += 1
