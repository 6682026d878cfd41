"""The verbs of the bench: a scanned token meets an approved case, and the two stay together until a verified key leaves
them, or the maker parts them again.

Whatever goes wrong, the making stays where it was. It ends in three ways: made, put back (nothing had been asked of the
CA), or the token spoiled (what the CA had issued is ended, and the case waits for another token).
"""

import secrets as random
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.claims import barred
from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import Desk, Service
from workbench.kernel.clock import now
from workbench.kernel.crypto import seal_secret
from workbench.kernel.errors import Conflict, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Certificate, Token
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.keys.token_states import REFUSALS, TokenMove, TokenState
from workbench.keys.tokens import get_token, move, move_locked
from workbench.production import issuing
from workbench.production.ca.connector import RevocationReason
from workbench.production.choosing import claim_case, ready_cases, suggest_why_it_ends
from workbench.production.journal import record_step
from workbench.production.models import Batch, BenchStation, Making
from workbench.production.revoking import REASONS, EndsBecause, order_revocation
from workbench.production.standing import go_on

PIN_DIGITS: Final = 8
"""Length of a user PIN: what every kind of token takes, and nobody guesses in ten tries."""


def scan(
    session: Session,
    parts: Parts,
    actor: Actor,
    station_id: int,
    serial: str,
    *,
    application_id: int | None = None,
    ends_because: EndsBecause | None = None,
) -> Making:
    """A maker scans a token: a blank one meets the chosen or the most urgent case, one in the making is taken up again.

    Args:
        application_id: the case the maker has chosen; None for the most urgent.
        ends_because: why the old key of a replacement ends; None leaves it to the enterprise's words.

    Raises:
        NotAllowed: the actor doesn't make keys, or has decided on the case at another desk.
        NotFound: no such token in stock, no such case waiting, or no case at all.
        Conflict: the token can't be used, another is in work here, or the enterprise holds as many keys as it may.
    """
    demand(actor, Permission.KEY_PRODUCE)
    station = _lock_station(session, actor, station_id)
    here = find_open(session, station.id)
    token = get_token(session, serial)
    if here is not None and here.token_id == token.id:
        return here
    if here is not None:
        raise Conflict(
            N_("Token %(serial)s is still in work here: finish it, leave it for later or put it back first."),
            serial=session.get_one(Token, here.token_id).serial,
        )
    if token.state == TokenState.ALLOCATED:
        return _take_up(session, actor, station, token)
    # Locked only now: who takes up a making locks that first, as everybody who ends one does.
    token = get_token(session, serial, lock=True)
    if token.state != TokenState.BLANK:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    application = _next_case(session, actor, application_id)
    return _begin(session, parts, actor, station, token, application, ends_because)


def begin_next(
    session: Session, parts: Parts, actor: Actor, station: BenchStation, batch_id: int, serials: Sequence[str]
) -> tuple[Making, Token] | None:
    """The next key of a batch: the first of these tokens that is blank and in stock meets the most urgent case.

    Args:
        station: locked by the caller, with nothing in work.

    Returns:
        The making with its token; None when none of the tokens can be used.

    Raises:
        NotAllowed, NotFound, Conflict: as `scan`.
    """
    demand(actor, Permission.KEY_PRODUCE)
    # Tokens that others reach for at this moment are skipped; the agents of one machine may see the same ones.
    token = session.scalars(
        select(Token)
        .where(Token.serial.in_(serials), Token.state == TokenState.BLANK.value)
        .order_by(Token.serial)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if token is None:
        return None
    application = _next_case(session, actor, None)
    return _begin(session, parts, actor, station, token, application, None, batch_id=batch_id), token


def retry(session: Session, actor: Actor, making_id: int) -> Making:
    """Take the reason for standing still away, so that the agent is given its order again.

    Raises:
        NotAllowed, NotFound, Conflict: as `get_open`.
    """
    making = get_open(session, actor, making_id)
    order = issuing.lock_order(session, making.application_id)
    if order is not None and order.state in issuing.OPEN:
        order.ask_again_at = None
    go_on(making)
    record_step(session, "making.retried", actor, making)
    return making


def leave(session: Session, actor: Actor, making_id: int) -> Making:
    """Leave token and case together for later and free the bench; whoever scans the token takes it up again.

    Raises:
        NotAllowed, NotFound, Conflict: as `get_open`.
    """
    making = get_open(session, actor, making_id)
    making.station_id = None
    record_step(session, "making.left", actor, making)
    session.flush()
    return making


def put_back(session: Session, actor: Actor, making_id: int) -> Making:
    """Part token and case: the token goes back into stock, the case waits for another.

    Raises:
        NotAllowed, NotFound: as `get_open`.
        Conflict: a certificate has been asked for, so that the token is no longer blank for anyone else.
    """
    making = get_open(session, actor, making_id)
    if issuing.find_order(session, making.application_id) is not None:
        raise Conflict(N_("A certificate has been asked for this token: finish it, or set the token aside as spoiled."))
    _end(making, "put_back")
    move(session, making.token_id, TokenMove.PUT_BACK, actor)
    record_step(session, "making.put_back", actor, making)
    session.flush()
    return making


def spoil(session: Session, parts: Parts, actor: Actor, making_id: int, remark: str) -> Making:
    """Set the token aside: what the CA issued for it is ended, the case waits for another token.

    Raises:
        NotAllowed, NotFound, Conflict: as `get_open`.
        Invalid: no remark.
    """
    making = get_open(session, actor, making_id)
    if issuing.is_being_asked(session, making.application_id):
        raise Conflict(N_("The CA has been asked and has not answered yet: wait for its answer, or leave the token."))
    move(session, making.token_id, TokenMove.SPOIL, actor, remark=remark)
    _end(making, "spoiled")
    order = issuing.lock_order(session, making.application_id)
    if order is not None:
        order.state = "abandoned"
        assert order.certificate_id is not None
        reason = RevocationReason.CESSATION_OF_OPERATION
        order_revocation(session, parts, order.certificate_id, reason, remark.strip(), actor)
    record_step(session, "making.spoiled", actor, making, remark=remark.strip())
    session.flush()
    return making


def finish(session: Session, making: Making, actor: Actor) -> None:
    """What stands on the token was verified: the key is made, and the case goes on to dispatch.

    Raises:
        NotAllowed: the maker may not have made this case after all.
        Conflict: the case is elsewhere by now.
    """
    advance(session, making.application_id, Action.PRODUCE, actor)
    _move_for(session, making, TokenMove.PERSONALISE, actor)
    making.step = "verified"
    go_on(making)
    _end(making, "made")
    if making.batch_id is not None:
        session.get_one(Batch, making.batch_id, with_for_update=True).made += 1
    record_step(session, "making.verified", actor, making)
    session.flush()


def get_open(session: Session, actor: Actor, making_id: int) -> Making:
    """A making that is not ended, locked, for one who may work on it.

    Raises:
        NotAllowed: the actor doesn't make keys, or has decided on the case at another desk.
        NotFound: no such making.
        Conflict: it has ended.
    """
    demand(actor, Permission.KEY_PRODUCE)
    making = session.scalars(
        select(Making).where(Making.id == making_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if making is None:
        raise NotFound(N_("There is no such key in work."))
    if making.state != "open":
        raise Conflict(N_("This key is no longer in work."))
    refuse_decider(session, making.application_id, actor)
    return making


def find_open(session: Session, station_id: int) -> Making | None:
    """What is in work at a station."""
    return session.scalars(select(Making).where(Making.station_id == station_id, Making.state == "open")).one_or_none()


def refuse_decider(session: Session, application_id: int, actor: Actor) -> None:
    """Stop who has decided on the case at another desk (DOMAIN: the maker of a key is not its re-checker).

    Raises:
        NotAllowed: the actor has.
    """
    if barred(session, application_id, Desk.PRODUCTION, actor.id):
        raise NotAllowed(N_("You have decided on this case at another desk: a second person has to make its key."))


def _lock_station(session: Session, actor: Actor, station_id: int) -> BenchStation:
    station = session.scalars(
        select(BenchStation)
        .where(BenchStation.id == station_id, BenchStation.kind == "bench", BenchStation.revoked_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if station is None:
        raise NotFound(N_("There is no such bench."))
    if station.maker_id != actor.id:
        raise Conflict(N_("Somebody else works at this bench now: take it first."))
    return station


def _next_case(session: Session, actor: Actor, application_id: int | None) -> Application:
    application = claim_case(session, actor, application_id)
    if application is not None:
        return application
    if application_id is None and session.scalars(ready_cases(actor).limit(1)).first() is not None:
        raise Conflict(
            N_("Whoever waits for a key holds %(limit)s valid certificates, as many as an enterprise may."),
            limit=LIMIT_OF_KEYS,
        )
    if application_id is None:
        raise NotFound(N_("No approved case with a prepared seal is waiting."))
    refuse_decider(session, application_id, actor)
    raise NotFound(N_("The chosen case can't be made now: its seal is not prepared, or somebody else has begun."))


def _begin(
    session: Session,
    parts: Parts,
    actor: Actor,
    station: BenchStation,
    token: Token,
    application: Application,
    ends_because: EndsBecause | None,
    *,
    batch_id: int | None = None,
) -> Making:
    """Token and case are locked and free: from here on they belong together."""
    ends, why = None, None
    if application.service == Service.REPLACEMENT:
        ends = _find_replaced(session, application)
        why = ends_because or suggest_why_it_ends(application.reason)
    issuing.abandon_made(session, application.id)
    issuing.refuse_over_limit(session, application.uscc, ends_id=ends.id if ends else None)
    making = Making(
        authority_id=application.authority_id,
        application_id=application.id,
        token_id=token.id,
        station_id=station.id,
        maker_id=actor.id,
        batch_id=batch_id,
        algorithm=parts.settings.key_algorithm,
        key_id=random.token_hex(16),
        challenge=random.token_hex(32),
        pin_ciphertext=seal_secret(parts.secrets, new_pin()),
        ends_certificate_id=ends.id if ends else None,
        ends_because=why,
        started_at=now(),
    )
    session.add(making)
    session.flush()
    move_locked(
        session,
        token,
        TokenMove.ALLOCATE,
        actor,
        to_ref=actor.id,
        authority_id=application.authority_id,
        application_id=application.id,
    )
    record_step(session, "making.started", actor, making, serial=token.serial)
    if ends is not None and why is not None and ends.state == "valid":
        order_revocation(session, parts, ends.id, REASONS[why], application.reason or why.value, actor)
    return making


def _take_up(session: Session, actor: Actor, station: BenchStation, token: Token) -> Making:
    found = session.scalar(select(Making.id).where(Making.token_id == token.id, Making.state == "open"))
    if found is None:
        raise Conflict(N_("This key is no longer in work."))
    making = get_open(session, actor, found)
    if making.station_id is not None and making.station_id != station.id:
        raise Conflict(N_("Token %(serial)s is in work at another bench."), serial=token.serial)
    making.station_id = station.id
    if making.maker_id != actor.id:
        _move_for(session, making, TokenMove.ALLOCATE, actor)
        making.maker_id = actor.id
    record_step(session, "making.taken_up", actor, making, serial=token.serial)
    session.flush()
    return making


def new_pin() -> str:
    """A random user PIN of PIN_DIGITS digits that are not all the same."""
    while True:
        pin = "".join(random.choice("0123456789") for _ in range(PIN_DIGITS))
        if len(set(pin)) > 1:
            return pin


def _find_replaced(session: Session, application: Application) -> Certificate | None:
    """The newest certificate on the key that a replacement names; None where the key is of another system."""
    return session.scalars(
        select(Certificate)
        .where(Certificate.key_number == (application.prior_key or "").strip(), Certificate.uscc == application.uscc)
        .order_by((Certificate.state == "valid").desc(), Certificate.not_after.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()


def _move_for(session: Session, making: Making, what: TokenMove, actor: Actor) -> None:
    """Move a making's token into the maker's hands or the stock, as the token of its case."""
    move(
        session,
        making.token_id,
        what,
        actor,
        to_ref=actor.id,
        authority_id=making.authority_id,
        application_id=making.application_id,
    )


def _end(making: Making, state: str) -> None:
    making.state, making.ended_at = state, now()
    if state != "made":
        making.pin_ciphertext = None
