"""Reads of the organisation: authorities in the official order, staff by filter, one's own recent sign-ins."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from workbench.kernel.identity import Actor, Role
from workbench.organisation.models import Authority, PickupSite, SignInAttempt, Staff

VENDOR = "vendor"
"""What a filter by employer calls the vendor."""


def list_authorities(session: Session, *, active_only: bool = False) -> Sequence[Authority]:
    """The authorities in the official order."""
    query = select(Authority).order_by(Authority.position, Authority.id)
    return session.scalars(query.where(Authority.active) if active_only else query).all()


@dataclass(frozen=True)
class StaffFilter:
    """What the staff list is narrowed to. `employer` is an authority's code, 'vendor' or empty for all."""

    employer: str = ""
    role: Role | None = None
    words: str = ""
    inactive: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL conditions on staff and its outer-joined authority."""
        found: list[ColumnElement[bool]] = [Staff.active.is_(not self.inactive)]
        if self.employer == VENDOR:
            found.append(Staff.authority_id.is_(None))
        elif self.employer:
            found.append(Authority.code == self.employer)
        if self.role is not None:
            found.append(Staff.roles.contains([self.role.value]))
        if self.words:
            found.append(or_(*(each.icontains(self.words, autoescape=True) for each in (Staff.name, Staff.login))))
        return found


def list_staff(session: Session, narrowed: StaffFilter, page: int = 1, size: int = 50) -> tuple[int, Sequence[Staff]]:
    """How many people the filter leaves, and one page of them: the vendor's, then authorities in official order."""
    conditions = narrowed.conditions()
    joined = select(Staff).outerjoin(Staff.authority).where(*conditions)
    total = session.scalar(select(func.count()).select_from(joined.subquery())) or 0
    rows = session.scalars(
        joined.options(joinedload(Staff.authority))
        .order_by(Authority.position.nulls_first(), Staff.login)
        .offset((page - 1) * size)
        .limit(size)
    ).all()
    return total, rows


def list_own_desk(session: Session, actor: Actor) -> Sequence[Staff]:
    """The active staff a supervisor answers for: the own authority's, or the vendor's. An auditor sees everybody."""
    query = select(Staff).outerjoin(Staff.authority).options(joinedload(Staff.authority)).where(Staff.active)
    if not actor.scope.everything:
        query = query.where(Staff.authority_id.in_(actor.scope.authority_ids))
    elif Role.AUDITOR not in actor.roles:
        query = query.where(Staff.authority_id.is_(None))
    return session.scalars(query.order_by(Authority.position.nulls_first(), Staff.login)).all()


def list_recent_attempts(session: Session, login: str, limit: int = 5) -> Sequence[SignInAttempt]:
    """The newest tries at signing in under this login, right or wrong."""
    return session.scalars(
        select(SignInAttempt).where(SignInAttempt.login == login).order_by(SignInAttempt.at.desc()).limit(limit)
    ).all()


def list_authorities_without_site(session: Session) -> Sequence[Authority]:
    """Authorities that take part and have no open pick-up site: their applicants would not know where to go."""
    has_site = exists().where(PickupSite.authority_id == Authority.id, PickupSite.active)
    return session.scalars(
        select(Authority).where(Authority.active, ~has_site).order_by(Authority.position, Authority.id)
    ).all()
