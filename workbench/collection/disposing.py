"""A key nobody collected, after the period that is configured: one person proposes to destroy or to return it, another
signs. Its certificate ends, the case closes, and the key is destroyed here or waits to travel back.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import advance, get_case
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.collection.models import Pickup
from workbench.collection.pickups import end, get_pickup, record, token_at_authority
from workbench.collection.words import Disposal, Ending
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import revoke, valid_on
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import hand_on

MAX_REMARK: Final = 500


def is_uncollected(pickup: Pickup, uncollected_days: int, at: datetime) -> bool:
    """Whether a key has waited so long that it may be disposed of; days are calendar days from its receipt."""
    return pickup.ended_at is None and at - pickup.received_at >= timedelta(days=uncollected_days)


def propose_disposal(
    session: Session, actor: Actor, pickup_id: int, disposal: Disposal, remark: str, *, uncollected_days: int
) -> Pickup:
    """Propose what is done with an uncollected key. What was proposed before stands until it is withdrawn.

    Raises:
        NotAllowed: the actor disposes of no keys.
        NotFound: no such key waits inside the actor's authority.
        Conflict: it no longer waits, has not waited long enough, or something else is proposed.
        Invalid: no remark, or one that is too long.
    """
    demand(actor, Permission.KEY_DISPOSE)
    pickup, application = _get_waiting(session, actor, pickup_id)
    if not is_uncollected(pickup, uncollected_days, now()):
        raise Conflict(N_("A key may be disposed of when it has waited for %(days)s days."), days=uncollected_days)
    said = remark.strip()
    if not 0 < len(said) <= MAX_REMARK:
        raise Invalid(N_("Say in 1 to %(limit)s characters why; it is recorded."), limit=MAX_REMARK)
    if pickup.disposal is not None:
        raise Conflict(N_("Something is proposed for the key of case %(number)s already."), number=application.number)
    pickup.disposal, pickup.disposal_remark = disposal.value, said
    pickup.proposed_by_id, pickup.proposed_at = actor.id, now()
    record(session, "disposal.proposed", actor, pickup, disposal=disposal.value, remark=said)
    session.flush()
    return pickup


def withdraw_disposal(session: Session, actor: Actor, pickup_id: int) -> Pickup:
    """Take a proposal back; the key goes on waiting.

    Raises:
        NotAllowed, NotFound, Conflict: as `propose_disposal`; Conflict when nothing is proposed.
    """
    demand(actor, Permission.KEY_DISPOSE)
    pickup, _ = _get_waiting(session, actor, pickup_id)
    if pickup.disposal is None:
        raise Conflict(N_("Nothing is proposed for this key."))
    record(session, "disposal.withdrawn", actor, pickup, disposal=pickup.disposal, remark=pickup.disposal_remark)
    pickup.disposal = pickup.disposal_remark = pickup.proposed_by_id = pickup.proposed_at = None
    session.flush()
    return pickup


def sign_disposal(session: Session, actor: Actor, pickup_id: int) -> Pickup:
    """The second person signs, and it is done: certificate, key and case end in one transaction.

    Raises:
        NotAllowed: the actor disposes of no keys, or is the one who proposed it.
        NotFound, Conflict: as `withdraw_disposal`.
    """
    demand(actor, Permission.KEY_DISPOSE)
    pickup, application = _get_waiting(session, actor, pickup_id)
    if pickup.disposal is None or pickup.disposal_remark is None:
        raise Conflict(N_("Nothing is proposed for this key."))
    if pickup.proposed_by_id == actor.id:
        raise NotAllowed(N_("You proposed this: a second person has to sign."))
    said = pickup.disposal_remark
    pickup.signed_by_id, pickup.signed_at = actor.id, now()
    token = token_at_authority(session, application)
    for each in session.scalars(valid_on(token.id)).all():
        revoke(session, each, said, actor, reason=RevocationReason.CESSATION_OF_OPERATION)
    hand_on(session, token, TokenMove.WITHDRAW, actor, to_ref=application.authority_id, remark=said)
    if pickup.disposal == Disposal.DESTROY:
        hand_on(session, token, TokenMove.DESTROY, actor, remark=said)
    advance(session, application.id, Action.DESTROY_KEY, actor, remark=said)
    end(session, actor, pickup, Ending.DISPOSED)
    record(session, "disposal.signed", actor, pickup, disposal=pickup.disposal, serial=token.serial, remark=said)
    session.flush()
    return pickup


def _get_waiting(session: Session, actor: Actor, pickup_id: int) -> tuple[Pickup, Application]:
    """The wait and its case, both locked, the case first as everywhere."""
    known = get_pickup(session, actor, pickup_id)
    application = get_case(session, actor, known.application_id, lock=True)
    pickup = get_pickup(session, actor, pickup_id, lock=True)
    if pickup.ended_at is not None or application.state != State.AWAITING_COLLECTION:
        raise Conflict(N_("The key of case %(number)s does not wait for collection."), number=application.number)
    return pickup, application
