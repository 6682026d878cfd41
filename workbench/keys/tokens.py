"""The verbs of a token: whatever happens to it is one custody entry, written here and nowhere else.

The database holds each entry against the one before; what does not fit is refused there, whoever sent it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import (
    HELD_ELSEWHERE,
    NAMELESS,
    REFUSALS,
    TOKEN_TRANSITIONS,
    Custodian,
    TokenMove,
    TokenState,
    find_token_transition,
)

MAX_REMARK: Final = 500
"""Characters of what is said about a hand-over."""
ELSEWHERE: Final = "–"
"""In the place of model and box, of a token that came in no delivery of ours."""
AT_ONCE: Final = 1_000
"""Tokens taken in by one statement."""


class Handing(TypedDict, total=False):
    """What a move may say besides who makes it.

    Attributes:
        to_ref: who of the new custodian's kind: a member of staff, an authority; none where there is only one.
        authority_id, application_id: whose the token is from then on; left out, it is nobody's.
        place: where it was handed over, if that matters.
        remark: why; some moves demand it.
    """

    to_ref: int | None
    authority_id: int | None
    application_id: int | None
    place: str | None
    remark: str | None


def get_token(session: Session, serial: str, *, lock: bool = False) -> Token:
    """The token of a serial number, locked against other writers when asked.

    Raises:
        NotFound: none inside the session's reach.
    """
    statement = select(Token).where(Token.serial == serial.strip())
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    token = session.scalars(statement).one_or_none()
    if token is None:
        raise NotFound(N_("There is no token %(serial)s in stock."), serial=serial.strip()[:80])
    return token


def take_in(session: Session, actor: Actor, serial: str, *, model: str, box: str) -> Token:
    """A new token's first entry: from the supplier into the vendor's stock. The caller records the delivery as a whole.

    Raises:
        sqlalchemy.exc.IntegrityError: a token with this serial is known already.
    """
    at = now()
    token = Token(serial=serial, model=model, box=box, imported_at=at, moved_at=at)
    session.add(token)
    session.flush()
    session.refresh(token)
    _write(session, token, TokenMove.IMPORT, actor)
    return token


def take_in_many(session: Session, actor: Actor, found: Sequence[tuple[str, str, str]]) -> None:
    """As `take_in`, for thousands of tokens of one delivery: each (serial, model, box).

    Serials are taken in in their order, so that two deliveries of the same tokens wait for each other and don't lock
    each other out.

    Raises:
        sqlalchemy.exc.IntegrityError: a token with one of these serials is known already.
    """
    at = now()
    ordered = sorted(found)
    for start in range(0, len(ordered), AT_ONCE):
        part = ordered[start : start + AT_ONCE]
        rows = [
            {"serial": serial, "model": model, "box": box, "imported_at": at, "moved_at": at}
            for serial, model, box in part
        ]
        ids = session.scalars(insert(Token).returning(Token.id), rows).all()
        session.execute(insert(CustodyEntry), [_first_entry(token_id, at, actor) for token_id in ids])


def _first_entry(token_id: int, at: datetime, actor: Actor) -> dict[str, Any]:
    transition = TOKEN_TRANSITIONS[(TokenState.UNKNOWN, TokenMove.IMPORT)]
    return {
        "token_id": token_id,
        "seq": 1,
        "at": at,
        "event": transition.event,
        "from_custodian": Custodian.SUPPLIER.value,
        "to_custodian": transition.to.value,
        "state_before": TokenState.UNKNOWN.value,
        "state_after": transition.after.value,
        "actor": actor.label,
        "actor_name": actor.name,
        "address": actor.address,
    }


def recognise(
    session: Session, actor: Actor, serial: str, *, enterprise_id: int, authority_id: int, application_id: int
) -> Token:
    """A token that was made elsewhere and is met in its enterprise's hands: what it was before is on no record of ours.

    Raises:
        sqlalchemy.exc.IntegrityError: a token with this serial is known already.
    """
    at = now()
    token = Token(serial=serial.strip(), model=ELSEWHERE, box=ELSEWHERE, imported_at=at, moved_at=at)
    session.add(token)
    session.flush()
    session.refresh(token)
    return move_locked(
        session,
        token,
        TokenMove.RECOGNISE,
        actor,
        to_ref=enterprise_id,
        authority_id=authority_id,
        application_id=application_id,
    )


def move(session: Session, token_id: int, what: TokenMove, actor: Actor, **handing: Unpack[Handing]) -> Token:
    """Make one move of the token's transition table.

    Raises:
        NotFound: no such token inside the session's reach.
        Conflict: the token is not in a state that allows this.
        Invalid: a remark is missing or too long.
    """
    token = session.scalars(
        select(Token).where(Token.id == token_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if token is None:
        raise NotFound(N_("There is no such token."))
    return move_locked(session, token, what, actor, **handing)


def move_locked(session: Session, token: Token, what: TokenMove, actor: Actor, **handing: Unpack[Handing]) -> Token:
    """As `move`, of a token that this transaction has locked, as `get_token` does; raises Conflict and Invalid."""
    entry = _write(session, token, what, actor, **handing)
    audit.record(
        session,
        f"token.{entry.event}",
        actor,
        subject=f"token:{token.id}",
        case_id=entry.application_id,
        authority_id=entry.authority_id,
        before={"state": entry.state_before, "custodian": entry.from_custodian},
        after={
            "state": entry.state_after,
            "custodian": entry.to_custodian,
            "serial": token.serial,
            "remark": entry.remark,
        },
    )
    return token


def hand_on(
    session: Session,
    token: Token,
    what: TokenMove,
    actor: Actor,
    *,
    to_ref: int | None = None,
    place: str | None = None,
    remark: str | None = None,
) -> Token:
    """As `move`, of a key that stays its case's and authority's whoever holds it."""
    handing = Handing(
        to_ref=to_ref,
        authority_id=token.authority_id,
        application_id=token.application_id,
        place=place,
        remark=remark,
    )
    return move(session, token.id, what, actor, **handing)


def _write(session: Session, token: Token, what: TokenMove, actor: Actor, **handing: Unpack[Handing]) -> CustodyEntry:
    transition = find_token_transition(TokenState(token.state), what)
    if transition is None:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if transition.held_by is not None and Custodian(token.custodian) not in transition.held_by:
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    remark = (handing.get("remark") or "").strip() or None
    if transition.needs_remark and remark is None:
        raise Invalid(N_("Say why; it is recorded."))
    if remark is not None and len(remark) > MAX_REMARK:
        raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
    entry = CustodyEntry(
        token_id=token.id,
        seq=token.custody_seq + 1,
        at=max(now(), token.moved_at),
        event=transition.event,
        from_custodian=token.custodian,
        from_ref=token.custodian_ref,
        to_custodian=transition.to.value,
        to_ref=None if transition.to.value in NAMELESS else handing.get("to_ref"),
        state_before=token.state,
        state_after=transition.after.value,
        authority_id=handing.get("authority_id"),
        application_id=handing.get("application_id"),
        actor=actor.label,
        actor_name=actor.name,
        address=actor.address,
        place=handing.get("place"),
        remark=remark,
    )
    session.add(entry)
    session.flush()
    _follow(token, entry)
    return entry


def _follow(token: Token, entry: CustodyEntry) -> None:
    """Say of a token what the database has just written into its row (`follow_custody`), without asking for it."""
    written = {
        "custody_seq": entry.seq,
        "custodian": entry.to_custodian,
        "custodian_ref": entry.to_ref,
        "state": entry.state_after,
        "moved_at": entry.at,
        "authority_id": entry.authority_id,
        "application_id": entry.application_id,
    }
    for name, value in written.items():
        set_committed_value(token, name, value)
