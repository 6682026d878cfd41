"""Destroying a key takes two people: one proposes and says why, another signs and does it. The key's certificate has
ended before, so nothing that could still be used is destroyed by mistake, and nothing destroyed can still be used.
"""

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Destruction, Token
from workbench.keys.service import valid_on
from workbench.keys.token_states import HELD_ELSEWHERE, REFUSALS, Custodian, TokenMove, TokenState
from workbench.keys.tokens import MAX_REMARK, get_token, hand_on

DESTROYABLE = frozenset({TokenState.SURRENDERED, TokenState.SPOILED})


def propose_destruction(session: Session, actor: Actor, serial: str, remark: str) -> Destruction:
    """Propose that a key be destroyed where it lies. Proposed again, the first proposal stands.

    Raises:
        NotAllowed: the actor disposes of no keys.
        NotFound: no such token inside the actor's reach.
        Conflict: it is none that is destroyed, somebody else holds it, or its certificate is still valid.
        Invalid: no remark, or one that is too long.
    """
    demand(actor, Permission.KEY_DISPOSE)
    token = get_token(session, serial, lock=True)
    if not _reaches(actor, token.authority_id):
        raise NotFound(N_("There is no token %(serial)s in stock."), serial=serial.strip()[:80])
    said = remark.strip()
    if not 0 < len(said) <= MAX_REMARK:
        raise Invalid(N_("Say in 1 to %(limit)s characters why; it is recorded."), limit=MAX_REMARK)
    _refuse_unless_destroyable(session, actor, token)
    known = find_proposal(session, token.id)
    if known is not None:
        return known
    proposal = Destruction(
        token_id=token.id,
        authority_id=token.authority_id,
        remark=said,
        proposed_at=now(),
        proposed_by_id=actor.id,
    )
    session.add(proposal)
    session.flush()
    _record(session, "destruction.proposed", actor, token, said)
    return proposal


def sign_destruction(session: Session, actor: Actor, destruction_id: int) -> Token:
    """The second person signs: the key is destroyed.

    Raises:
        NotAllowed: the actor disposes of no keys, or is the one who proposed it.
        NotFound: no such proposal inside the actor's reach.
        Conflict: it was signed or withdrawn, or somebody else holds the key by now.
    """
    proposal, token = _get_open(session, actor, destruction_id)
    if proposal.proposed_by_id == actor.id:
        raise NotAllowed(N_("You proposed this: a second person has to sign."))
    _refuse_unless_destroyable(session, actor, token)
    proposal.signed_at, proposal.signed_by_id = now(), actor.id
    hand_on(session, token, TokenMove.DESTROY, actor, remark=proposal.remark)
    _record(session, "destruction.signed", actor, token, proposal.remark)
    session.flush()
    return token


def withdraw_proposal(session: Session, actor: Actor, destruction_id: int) -> Destruction:
    """Take a proposal back.

    Raises:
        NotAllowed, NotFound, Conflict: as `sign_destruction`; the proposer may.
    """
    proposal, token = _get_open(session, actor, destruction_id)
    proposal.withdrawn_at = now()
    _record(session, "destruction.withdrawn", actor, token, proposal.remark)
    session.flush()
    return proposal


def find_proposal(session: Session, token_id: int) -> Destruction | None:
    """What is proposed for a token and neither signed nor withdrawn."""
    return session.scalars(select(Destruction).where(Destruction.token_id == token_id, is_open())).one_or_none()


def is_open() -> ColumnElement[bool]:
    """The condition that a proposal has been neither signed nor withdrawn."""
    return and_(Destruction.signed_at.is_(None), Destruction.withdrawn_at.is_(None))


def _get_open(session: Session, actor: Actor, destruction_id: int) -> tuple[Destruction, Token]:
    """A proposal and its token, locked: the token first, as whoever proposes or sends it away locks it."""
    demand(actor, Permission.KEY_DISPOSE)
    token = session.scalars(
        select(Token)
        .join(Destruction, Destruction.token_id == Token.id)
        .where(Destruction.id == destruction_id)
        .with_for_update(of=Token)
        .execution_options(populate_existing=True)
    ).one_or_none()
    proposal = session.get(Destruction, destruction_id, with_for_update=True, populate_existing=True)
    if token is None or proposal is None or not _reaches(actor, proposal.authority_id):
        raise NotFound(N_("There is no such proposal."))
    if proposal.signed_at is not None or proposal.withdrawn_at is not None:
        raise Conflict(N_("This proposal has been signed or withdrawn."))
    return proposal, token


def _reaches(actor: Actor, authority_id: int | None) -> bool:
    """Whether a key is the actor's to judge; one of no authority is the vendor's."""
    return actor.scope.everything or (authority_id is not None and actor.scope.covers(authority_id))


def _holds(actor: Actor, token: Token) -> bool:
    """Whether a key lies where the actor works: what an authority holds is destroyed there and what the vendor holds at
    the vendor's; where a key lies that was set aside, no custody says."""
    if token.custodian == Custodian.AUTHORITY:
        return not actor.scope.everything and token.custodian_ref in actor.scope.authority_ids
    if token.custodian == Custodian.VENDOR_STOCK:
        return actor.scope.everything
    return token.custodian == Custodian.SPOILED


def _refuse_unless_destroyable(session: Session, actor: Actor, token: Token) -> None:
    if TokenState(token.state) not in DESTROYABLE:
        raise Conflict(REFUSALS[TokenState(token.state)], serial=token.serial)
    if not _holds(actor, token):
        raise Conflict(HELD_ELSEWHERE[Custodian(token.custodian)], serial=token.serial)
    if session.scalars(valid_on(token.id).limit(1)).one_or_none() is not None:
        raise Conflict(N_("The certificate on key %(serial)s is still valid: revoke it first."), serial=token.serial)


def _record(session: Session, action: str, actor: Actor, token: Token, remark: str) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"token:{token.id}",
        case_id=token.application_id,
        authority_id=token.authority_id,
        after={"serial": token.serial, "remark": remark},
    )
