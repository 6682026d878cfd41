"""Reads of returns: what is packed at the authority, which parcels travel back, what the vendor has to destroy."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.words import ConsignmentKind, ConsignmentState
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, permits
from workbench.keys.destroying import is_open
from workbench.keys.models import Destruction, Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.organisation.models import Authority, Staff

MOST_SHOWN = 300
_UNDER_WAY = (ConsignmentState.IN_TRANSIT.value, ConsignmentState.OPENED.value)
_RETURN = Consignment.kind == ConsignmentKind.RETURN.value


@dataclass(frozen=True)
class ReturnRow:
    """A return on its way: whose it is, and how many of its keys have not been taken in."""

    consignment: Consignment
    authority_zh: str
    authority_en: str
    left: int


@dataclass(frozen=True)
class ToDestroy:
    """A key that waits to be destroyed, and who has proposed it."""

    token: Token
    enterprise_name: str | None
    proposal: Destruction | None
    proposed_by: str | None


def count_at_work(session: Session, actor: Actor) -> int:
    """Returns that are on their way or being taken in, and what somebody else proposed to destroy and the reader may
    sign."""
    under_way = session.scalar(select(func.count()).select_from(Consignment).where(_RETURN, _is_under_way())) or 0
    return under_way + (_count_to_sign(session, actor) if may_dispose(actor) else 0)


def may_dispose(actor: Actor) -> bool:
    """Whether somebody decides about what lies at the vendor to be destroyed."""
    return permits(actor, Permission.KEY_DISPOSE) and actor.scope.everything


def _count_to_sign(session: Session, actor: Actor) -> int:
    waits = (_lies_at_vendor(), is_open(), Destruction.proposed_by_id != actor.id)
    return session.scalar(select(func.count()).select_from(Destruction).join(Token).where(*waits)) or 0


def find_packing(session: Session) -> Consignment | None:
    """The return that lies open at the reader's authority."""
    return session.scalars(
        select(Consignment)
        .where(_RETURN, Consignment.state == ConsignmentState.PACKING.value)
        .order_by(Consignment.id.desc())
        .limit(1)
    ).one_or_none()


def list_keys(session: Session, consignment_id: int) -> Sequence[tuple[str, str]]:
    """Serials and enterprises of what lies in a return, newest first."""
    rows = session.execute(
        select(Token.serial, Application.enterprise_name)
        .join(ConsignmentItem, ConsignmentItem.token_id == Token.id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .where(ConsignmentItem.consignment_id == consignment_id, ConsignmentItem.settled_at.is_(None))
        .order_by(ConsignmentItem.id.desc())
    )
    return [(serial, name) for serial, name in rows]


def count_waiting(session: Session) -> int:
    """Keys handed back or withdrawn that lie at the reader's authority."""
    lies = (Token.state == TokenState.SURRENDERED.value, Token.custodian == Custodian.AUTHORITY.value)
    return session.scalar(select(func.count()).select_from(Token).where(*lies)) or 0


def list_returns(session: Session) -> list[ReturnRow]:
    """Returns under way, the oldest first."""
    left = select(func.count()).where(
        ConsignmentItem.consignment_id == Consignment.id, ConsignmentItem.settled_at.is_(None)
    )
    rows = session.execute(
        select(Consignment, Authority.name_zh, Authority.name_en, left.scalar_subquery())
        .join(Authority, Authority.id == Consignment.authority_id)
        .where(_RETURN, _is_under_way())
        .order_by(Consignment.id)
        .limit(MOST_SHOWN)
    )
    return [ReturnRow(*row) for row in rows]


def list_to_destroy(session: Session) -> list[ToDestroy]:
    """Keys at the vendor that came back, and those set aside as spoiled; proposed ones first."""
    rows = session.execute(
        select(Token, Application.enterprise_name, Destruction, Staff.name)
        .outerjoin(Application, Application.id == Token.application_id)
        .outerjoin(Destruction, and_(Destruction.token_id == Token.id, is_open()))
        .outerjoin(Staff, Staff.id == Destruction.proposed_by_id)
        .where(_lies_at_vendor())
        .order_by(Destruction.id.is_(None), Token.moved_at, Token.id)
        .limit(MOST_SHOWN)
    )
    return [ToDestroy(*row) for row in rows]


def _lies_at_vendor() -> ColumnElement[bool]:
    came_back = and_(Token.state == TokenState.SURRENDERED.value, Token.custodian == Custodian.VENDOR_STOCK.value)
    return or_(came_back, Token.state == TokenState.SPOILED.value)


def _is_under_way() -> ColumnElement[bool]:
    return Consignment.state.in_(_UNDER_WAY)
