"""A key that waits for its enterprise: found by its case or by itself, coded, ended. A wait that another room ended
behind the counter's back, as when a key was found faulty, is closed when the case comes again.
"""

import secrets
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.collection.models import Pickup
from workbench.collection.words import Ending
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.keys.models import Token
from workbench.keys.token_states import HELD_ELSEWHERE, REFUSALS, Custodian, TokenState

CODE_DIGITS: Final = 8
"""Digits of a pick-up code (decision: unique among the keys that wait)."""
_TRIES: Final = 8


def find_pickup(session: Session, application_id: int, *, lock: bool = False) -> Pickup | None:
    """The open wait of a case's key."""
    statement = select(Pickup).where(Pickup.application_id == application_id, Pickup.ended_at.is_(None))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def get_pickup(session: Session, actor: Actor, pickup_id: int, *, lock: bool = False) -> Pickup:
    """One wait inside the actor's authority, locked against other writers when asked.

    Raises:
        NotFound: there is none, or it belongs to another authority.
    """
    statement = select(Pickup).where(Pickup.id == pickup_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    pickup = session.scalars(statement).one_or_none()
    if pickup is None or not actor.scope.covers(pickup.authority_id):
        raise NotFound(N_("There is no such key waiting."))
    return pickup


def token_at_authority(session: Session, application: Application) -> Token:
    """The case's finished key, locked, as it lies at the case's authority.

    Raises:
        Conflict: there is none, or somebody else holds it.
    """
    token = session.scalars(
        select(Token)
        .where(
            Token.application_id == application.id,
            Token.state.in_([TokenState.PERSONALISED.value, TokenState.HANDED_OVER.value]),
        )
        .order_by(Token.moved_at.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if token is None:
        raise Conflict(N_("Case %(number)s has no finished key."), number=application.number)
    if token.state != TokenState.PERSONALISED:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if token.custodian != Custodian.AUTHORITY or token.custodian_ref != application.authority_id:
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    return token


def open_pickup(session: Session, actor: Actor, application: Application) -> Pickup:
    """Begin the wait of a key that lies at its authority, with a code of its own. The case's row is locked.

    Raises:
        Conflict: the key is elsewhere.
    """
    left_over = find_pickup(session, application.id, lock=True)
    if left_over is not None:
        end(session, actor, left_over, Ending.GONE)
    token = token_at_authority(session, application)
    received_at = token.moved_at
    for _ in range(_TRIES):
        pickup = Pickup(
            application_id=application.id,
            authority_id=application.authority_id,
            token_id=token.id,
            code=new_code(),
            site_id=application.pickup_site_id,
            received_at=received_at,
        )
        try:
            with session.begin_nested():
                session.add(pickup)
        except IntegrityError:
            # Another authority's key bears the same code, which this session cannot see.
            continue
        return pickup
    raise Conflict(N_("No pick-up code is free just now: try again."))


def new_code() -> str:
    """Eight digits that say nothing."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def end(session: Session, actor: Actor, pickup: Pickup, because: Ending) -> None:
    """The wait is over; the row is locked."""
    pickup.ended_at, pickup.ended_because = now(), because.value
    if because is Ending.GONE:
        record(session, "pickup.gone", actor, pickup)
    session.flush()


def record(session: Session, action: str, actor: Actor, pickup: Pickup, **told: object) -> None:
    """One audit entry of a wait, in its case's chain. The code stays out: it opens a hand-over."""
    audit.record(
        session,
        action,
        actor,
        subject=f"pickup:{pickup.id}",
        case_id=pickup.application_id,
        authority_id=pickup.authority_id,
        after={key: value for key, value in told.items() if value is not None},
    )
