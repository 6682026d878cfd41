"""Old keys that an enterprise hands back: each is scanned, belongs to the enterprise at the counter, and waits for its
destruction by two people. A key that another authority handed out comes into the hands of the one that takes it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.collection.finding import normalise
from workbench.kernel import audit
from workbench.kernel.db import widened
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.identity import EVERYWHERE, Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Token
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import revoke, valid_on
from workbench.keys.token_states import Custodian, TokenMove, TokenState
from workbench.keys.tokens import move

LONGEST_SERIAL = 64


def surrender(session: Session, actor: Actor, application_id: int, scanned: str) -> Token:
    """Take an old key back over the counter while a case of its enterprise is there. Scanned again, it is taken once.

    A certificate that is still valid on it ends: nobody holds its key any more.

    Raises:
        NotAllowed: the actor hands no keys over.
        NotFound: no such case inside the actor's authority.
        Invalid: nothing was scanned.
        Conflict: no key of this enterprise bears the number, or the enterprise does not hold it.
    """
    demand(actor, Permission.KEY_COLLECT)
    application = get_case(session, actor, application_id)
    serial = normalise(scanned)[:LONGEST_SERIAL]
    if not serial:
        raise Invalid(N_("Nothing was scanned."))
    with widened(session, EVERYWHERE):
        token = _get_held(session, application, serial)
        if token.state == TokenState.SURRENDERED:
            return token
        own = token.authority_id == application.authority_id
        move(
            session,
            token.id,
            TokenMove.SURRENDER,
            actor,
            to_ref=application.authority_id,
            authority_id=application.authority_id,
            application_id=token.application_id if own else application.id,
        )
        for each in session.scalars(valid_on(token.id)).all():
            revoke(session, each, f"电子钥匙 {serial} 已交回", actor, reason=RevocationReason.SUPERSEDED)
    audit.record(
        session,
        "key.surrendered",
        actor,
        subject=f"case:{application.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        after={"serial": token.serial},
    )
    session.flush()
    return token


def _get_held(session: Session, application: Application, serial: str) -> Token:
    """The enterprise's key of this number; of anybody else's no more is said than that it is none."""
    token = session.scalars(select(Token).where(Token.serial == serial).with_for_update()).one_or_none()
    if token is not None and token.state == TokenState.SURRENDERED:
        taken_here = token.custodian == Custodian.AUTHORITY and token.custodian_ref == application.authority_id
        if taken_here and _enterprise_of(session, token) == application.enterprise_id:
            return token
    if (
        token is None
        or token.state != TokenState.HANDED_OVER
        or token.custodian != Custodian.ENTERPRISE
        or token.custodian_ref != application.enterprise_id
    ):
        raise Conflict(N_("%(serial)s is no key in this enterprise's hands."), serial=serial)
    return token


def _enterprise_of(session: Session, token: Token) -> int | None:
    return session.scalar(select(Application.enterprise_id).where(Application.id == token.application_id))
