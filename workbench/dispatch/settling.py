"""How what went wrong on the way is put right: a key sent on to its own authority, a damaged one made anew, a parcel
that does not come inquired after and declared lost. What can no longer be handed over has its certificate ended first.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.dispatch import carriers, consignments
from workbench.dispatch.consignments import get_consignment, live_items, lock_unseen, needed_remark, new_consignment
from workbench.dispatch.discrepancies import settle
from workbench.dispatch.models import Consignment, ConsignmentItem, Discrepancy
from workbench.dispatch.receiving import receive_case
from workbench.dispatch.telling import tell_of_loss
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind, Outcome
from workbench.kernel.clock import now
from workbench.kernel.db import widened
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import EVERYWHERE, Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand, permits
from workbench.keys.models import Token
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import revoke, valid_on
from workbench.keys.token_states import REFUSALS, Custodian, TokenMove, TokenState
from workbench.keys.tokens import hand_on

_NOT_OPENED: Final = (ConsignmentState.IN_TRANSIT, ConsignmentState.ARRIVED)
_ENDED_BY_WORDS: Final = (DiscrepancyKind.UNKNOWN, DiscrepancyKind.BLANK)
_TO_BE_MADE_ANEW: Final = (State.MADE, State.IN_TRANSIT, State.AT_AUTHORITY, State.AWAITING_COLLECTION)


def send_on(session: Session, actor: Actor, discrepancy_id: int, carrier_code: str, waybill: str) -> Consignment:
    """Send another authority's key on to it, under a waybill of its own. Its finder learns nothing but the parcel.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: no such finding of the actor's authority.
        Conflict: it has been settled, the key is no longer there, or the waybill is on another parcel.
        Invalid: the waybill number is in another form than the company's.
    """
    demand(actor, Permission.KEY_RECEIVE)
    found = _get_open(session, actor, discrepancy_id, DiscrepancyKind.OTHER_AUTHORITY)
    consignment = get_consignment(session, actor, found.consignment_id, lock=True)
    assert found.belongs_to_id is not None
    assert found.token_id is not None
    with widened(session, EVERYWHERE):
        onward = _forward(session, actor, found, consignment.authority_id, carrier_code, waybill)
    found.sent_on_with = f"{onward.carrier_code} {onward.waybill}"
    settle(session, actor, consignment, found, "sent_on")
    return onward


def keep_extra(session: Session, actor: Actor, discrepancy_id: int) -> Discrepancy:
    """A key of this authority that stood on no packing list belongs here: it goes the way of the others.

    Raises:
        NotAllowed, NotFound, Conflict: as `send_on`.
    """
    demand(actor, Permission.KEY_RECEIVE)
    found = _get_open(session, actor, discrepancy_id, DiscrepancyKind.EXTRA)
    settle(session, actor, get_consignment(session, actor, found.consignment_id, lock=True), found, "kept")
    return found


def settle_in_words(session: Session, actor: Actor, discrepancy_id: int, words: str) -> Discrepancy:
    """What else was done about a finding, such as a foreign object or a blank token that was sent back.

    Raises:
        NotAllowed: the actor neither receives nor dispatches keys.
        NotFound, Conflict: as `send_on`.
        Invalid: no words, or too many.
    """
    demand(actor, Permission.KEY_RECEIVE if permits(actor, Permission.KEY_RECEIVE) else Permission.KEY_DISPATCH)
    found = _get_open(session, actor, discrepancy_id, *_ENDED_BY_WORDS)
    consignment = get_consignment(session, actor, found.consignment_id, lock=True)
    settle(session, actor, consignment, found, needed_remark(words))
    return found


def make_anew(session: Session, actor: Actor, discrepancy_id: int, remark: str) -> Application:
    """A key that came damaged is not handed over: its certificate ends, its token is set aside, its case made anew.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound, Conflict: as `send_on`; Conflict as well when its enterprise has taken it all the same.
        Invalid: no remark.
    """
    said, found, consignment, token = _lock_damaged(session, actor, discrepancy_id, remark)
    if token.state == TokenState.HANDED_OVER:
        raise Conflict(REFUSALS[TokenState.HANDED_OVER], serial=token.serial)
    application = _give_up(
        session, actor, token, consignment, TokenMove.SPOIL, RevocationReason.CESSATION_OF_OPERATION, said
    )
    settle(session, actor, consignment, found, "made_anew")
    return application


def use_all_the_same(session: Session, actor: Actor, discrepancy_id: int, remark: str) -> Discrepancy:
    """A key that was called damaged can be handed over after all, or has been: it goes the way of the others.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound, Conflict: as `send_on`.
        Invalid: no remark.
    """
    said, found, consignment, token = _lock_damaged(session, actor, discrepancy_id, remark)
    if (token.custodian, token.custodian_ref) == (Custodian.AUTHORITY, token.authority_id):
        receive_case(session, system_actor("dispatch"), token)
    settle(session, actor, consignment, found, said)
    return found


def is_missing(session: Session, consignment: Consignment) -> bool:
    """Whether something that was handed to the courier has not come: the parcel itself, even when each of its keys has
    turned up in another one, or a key of it."""
    if consignment.handed_over_at is None:
        return False
    return consignment.state in _NOT_OPENED or bool(live_items(session, consignment))


def open_inquiry(session: Session, actor: Actor, consignment_id: int, remark: str) -> Consignment:
    """Ask the courier where a parcel is, and say so; asked again, the newer words stand beside the older in the log.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such consignment.
        Conflict: nothing of it is missing.
        Invalid: no remark.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    if not is_missing(session, consignment):
        raise Conflict(N_("Nothing of consignment %(number)s is missing."), number=consignment.number)
    said = needed_remark(remark)
    consignment.inquiry_at, consignment.inquiry_remark = now(), said
    consignment.version += 1
    consignments.record(session, "consignment.inquiry_opened", actor, consignment, remark=said)
    session.flush()
    return consignment


def declare_lost(session: Session, actor: Actor, consignment_id: int, remark: str) -> list[str]:
    """Give up what has not come: certificates end, tokens are lost, cases go back to production, enterprises are told,
    and so are the authority's supervisors.

    A parcel of which nothing came is lost as a whole; of one that was opened, what was missing is.

    Returns:
        The serials that are lost; none when every key of a parcel that never came has turned up elsewhere.

    Raises:
        NotAllowed, NotFound, Invalid: as `open_inquiry`.
        Conflict: no inquiry was opened, or nothing is missing.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    said = needed_remark(remark)
    if consignment.inquiry_at is None:
        raise Conflict(N_("Open an inquiry with the courier first."))
    lock_unseen(session, consignment)
    if not is_missing(session, consignment):
        raise Conflict(N_("Nothing of consignment %(number)s is missing."), number=consignment.number)
    items = live_items(session, consignment)
    serials = [_lose(session, actor, consignment, item, said) for item in items]
    if consignment.opened_at is None:
        consignment.state, consignment.lost_at = ConsignmentState.LOST.value, now()
    consignment.version += 1
    consignments.record(session, "consignment.declared_lost", actor, consignment, keys=len(serials), remark=said)
    if serials and consignment.kind != ConsignmentKind.RETURN:
        tell_of_loss(session, consignment, serials, said)
    session.flush()
    return serials


def find_again(session: Session, actor: Actor, serial: str, remark: str) -> Token:
    """A key that was declared lost has turned up: its certificate has ended, so it is set aside to be destroyed.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such token.
        Conflict: it was not lost.
        Invalid: no remark.
    """
    demand(actor, Permission.KEY_DISPATCH)
    token = session.scalars(select(Token).where(Token.serial == serial.strip()).with_for_update()).one_or_none()
    if token is None:
        raise NotFound(N_("There is no token %(serial)s in stock."), serial=serial.strip()[:80])
    return hand_on(session, token, TokenMove.FIND, actor, remark=needed_remark(remark))


def _get_open(session: Session, actor: Actor, discrepancy_id: int, *kinds: DiscrepancyKind) -> Discrepancy:
    found = session.scalars(
        select(Discrepancy)
        .where(Discrepancy.id == discrepancy_id, Discrepancy.kind.in_([each.value for each in kinds]))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None or not actor.scope.covers(found.authority_id):
        raise NotFound(N_("There is no such finding."))
    if found.settled_at is not None:
        raise Conflict(N_("This finding has been settled already."))
    return found


def _lock_damaged(
    session: Session, actor: Actor, discrepancy_id: int, remark: str
) -> tuple[str, Discrepancy, Consignment, Token]:
    """What the vendor decides on: remark, finding, parcel and key. The key's case is locked first and then the key, as
    the counter locks them that may be handing it over."""
    demand(actor, Permission.KEY_DISPATCH)
    found = _get_open(session, actor, discrepancy_id, DiscrepancyKind.DAMAGED)
    said = needed_remark(remark)
    consignment = get_consignment(session, actor, found.consignment_id, lock=True)
    token = session.get_one(Token, found.token_id)
    session.get_one(Application, token.application_id, with_for_update=True, populate_existing=True)
    session.refresh(token, with_for_update=True)
    return said, found, consignment, token


def _forward(
    session: Session, actor: Actor, found: Discrepancy, from_id: int, carrier_code: str, waybill: str
) -> Consignment:
    token = session.scalars(
        select(Token).where(Token.id == found.token_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    if (token.state, token.custodian, token.custodian_ref) != (TokenState.PERSONALISED, Custodian.AUTHORITY, from_id):
        raise Conflict(N_("Key %(serial)s is no longer in your hands."), serial=token.serial)
    assert token.authority_id is not None
    assert token.application_id is not None
    onward = new_consignment(session, actor, token.authority_id, ConsignmentKind.FORWARD, from_id)
    carrier = carriers.give_waybill(session, onward, carrier_code, waybill)
    at = now()
    session.add(
        ConsignmentItem(
            consignment_id=onward.id,
            authority_id=onward.authority_id,
            box=1,
            token_id=token.id,
            application_id=token.application_id,
            packed_at=at,
            packed_by_id=actor.id,
        )
    )
    hand_on(session, token, TokenMove.SEND_ON, actor, to_ref=onward.id, place=onward.number)
    onward.sealed_at = onward.handed_over_at = at
    onward.handed_over_by_id, onward.state = actor.id, ConsignmentState.IN_TRANSIT.value
    onward.due_on = load_calendar(session).add_working_days(local_day(at), carrier.usual_days)
    consignments.record(session, "consignment.sent_on", actor, onward, serial=token.serial, waybill=onward.waybill)
    session.flush()
    return onward


def _lose(session: Session, actor: Actor, consignment: Consignment, item: ConsignmentItem, said: str) -> str:
    token = session.get_one(Token, item.token_id)
    _give_up(session, actor, token, consignment, TokenMove.LOSE, RevocationReason.KEY_COMPROMISE, said)
    item.outcome, item.settled_at = Outcome.LOST.value, now()
    missing = session.scalars(
        select(Discrepancy).where(
            Discrepancy.consignment_id == consignment.id,
            Discrepancy.token_id == token.id,
            Discrepancy.kind == DiscrepancyKind.MISSING.value,
            Discrepancy.settled_at.is_(None),
        )
    ).one_or_none()
    if missing is not None:
        settle(session, actor, consignment, missing, "declared_lost")
    return token.serial


def _give_up(
    session: Session,
    actor: Actor,
    token: Token,
    consignment: Consignment,
    what: TokenMove,
    reason: RevocationReason,
    said: str,
) -> Application:
    """End what stands on a token, move the token where it is now, and send its case back to production."""
    for certificate_id in session.scalars(valid_on(token.id)).all():
        revoke(session, certificate_id, said, actor, reason=reason)
    application = session.get_one(Application, token.application_id)
    if token.state in (TokenState.PERSONALISED, TokenState.SURRENDERED):
        hand_on(session, token, what, actor, place=consignment.number, remark=said)
    if application.state in _TO_BE_MADE_ANEW:
        # From the counter it is the counter's move; the vendor, who decides on what was reported, makes it for them.
        at_counter = application.state in (State.AT_AUTHORITY, State.AWAITING_COLLECTION)
        mover = system_actor("dispatch") if at_counter else actor
        advance(session, application.id, Action.RETURN_TO_PRODUCTION, mover, remark=said)
    return application
