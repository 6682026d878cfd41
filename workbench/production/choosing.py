"""Which case is made next: approved, its seal prepared, nobody at it, and not one this person has decided on before."""

from typing import Final

from sqlalchemy import ColumnElement, Exists, Select, and_, func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application, CaseDecider
from workbench.cases.words import Desk, Service, State
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.keys.models import Seal
from workbench.keys.queries import LIMIT_OF_KEYS, valid_keys_of
from workbench.production.models import Making
from workbench.production.revoking import EndsBecause

BENCH_SERVICES: Final = (Service.NEW.value, Service.ADDITIONAL.value, Service.REPLACEMENT.value)
"""What is made at a bench; a renewal is made where its token is, at the holder's."""
_HINTS: Final = (
    (EndsBecause.DAMAGED, ("损坏", "坏", "无法", "不能", "失灵", "damaged", "broken")),
    (EndsBecause.CHANGED, ("变更", "更名", "改名", "换人", "changed")),
)


def ready_cases(actor: Actor) -> Select[Application]:
    """Cases this person may make now, the most urgent first."""
    own_desk = (
        select(CaseDecider.desk)
        .where(CaseDecider.application_id == Application.id, CaseDecider.staff_id == actor.id)
        .scalar_subquery()
    )
    return (
        approved_cases()
        .where(
            func.coalesce(own_desk, Desk.PRODUCTION.value) == Desk.PRODUCTION.value,
            has_seal(),
            ~is_being_made(),
        )
        .order_by(Application.due_at, Application.id)
    )


def approved_cases() -> Select[Application]:
    """Cases that wait for production at a bench."""
    return select(Application).where(
        Application.state == State.PRODUCTION.value, Application.service.in_(BENCH_SERVICES)
    )


def has_seal() -> Exists:
    """The condition that a case's seal has been prepared."""
    return select(Seal.id).where(Seal.application_id == Application.id, Seal.superseded_at.is_(None)).exists()


def is_being_made() -> Exists:
    """The condition that a token has been allocated to the case."""
    return select(Making.id).where(Making.application_id == Application.id, Making.state == "open").exists()


def holds_enough() -> ColumnElement[bool]:
    """The condition that the enterprise of a case holds as many valid certificates as it may, so that no further one
    can be made for it; a replacement ends one of them."""
    held = valid_keys_of(Application.uscc, now()).correlate(Application).scalar_subquery()
    return and_(Application.service != Service.REPLACEMENT.value, held >= LIMIT_OF_KEYS)


def claim_case(session: Session, actor: Actor, application_id: int | None = None) -> Application | None:
    """The chosen case, or the most urgent one that a key can be made for, locked for this transaction; rows that others
    hold are skipped."""
    wanted = Application.id == application_id if application_id is not None else ~holds_enough()
    statement = ready_cases(actor).where(wanted)
    statement = statement.limit(1).with_for_update(of=Application, skip_locked=True)
    while True:
        found = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
        # Whoever let go of the case since the statement began has begun with it: only another statement sees that.
        begun = select(Making.id).where(Making.application_id == found.id, Making.state == "open") if found else None
        if begun is None or session.scalar(begun) is None:
            return found


def suggest_why_it_ends(reason: str | None) -> EndsBecause:
    """Why the old key of a replacement ends, from the enterprise's words; lost when they say nothing clear, because
    that assumes the worst of where the key is."""
    said = (reason or "").lower()
    return next((each for each, words in _HINTS if any(word in said for word in words)), EndsBecause.LOST)
