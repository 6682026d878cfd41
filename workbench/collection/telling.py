"""Telling the enterprise that its key can be collected: within three working days of receipt, with a code and what to
bring; then reminding it, three times at most, as long as the key waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from workbench.cases import notices
from workbench.cases.models import Application
from workbench.cases.service import advance, get_case
from workbench.cases.states import Action
from workbench.cases.words import State
from workbench.collection import pickups
from workbench.collection.models import Pickup
from workbench.collection.originals import originals_of
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, WorkbenchError
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand

MOST_REMINDERS: Final = 3
"""Reminders of one key (decision: three at most)."""
MOST_AT_ONCE: Final = 200
"""Enterprises told by one click, and reminders of one transaction."""


@dataclass(frozen=True)
class NotTold:
    """A case whose enterprise was not told, and why."""

    number: str
    refusal: WorkbenchError


@dataclass(frozen=True)
class Told:
    """What telling several came to."""

    pickups: Sequence[Pickup]
    refused: Sequence[NotTold]


def notify(session: Session, actor: Actor, application_id: int) -> Pickup:
    """Tell one enterprise that its key can be collected; the key waits from then on under a code.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: no such case inside the actor's authority.
        Conflict: the key does not lie here untold.
    """
    demand(actor, Permission.KEY_RECEIVE)
    application = get_case(session, actor, application_id, lock=True)
    if application.state != State.AT_AUTHORITY:
        raise Conflict(
            N_("The enterprise of case %(number)s has been told, or its key is not here."), number=application.number
        )
    pickup = pickups.open_pickup(session, actor, application)
    pickup.notified_at, pickup.notified_by = now(), actor.label
    details = {"pickup_code": pickup.code, "bring": bring_list(session, application)}
    advance(session, application.id, Action.NOTIFY, actor, details=details)
    pickups.record(session, "pickup.notified", actor, pickup, site=pickup.site_id)
    session.flush()
    return pickup


def notify_many(session: Session, actor: Actor, application_ids: Iterable[int]) -> Told:
    """Tell several; what cannot be told is named and does not hold the others up.

    Raises:
        NotAllowed: the actor receives no keys.
    """
    demand(actor, Permission.KEY_RECEIVE)
    told: list[Pickup] = []
    refused: list[NotTold] = []
    # In one order, so that two people who tell the same enterprises wait for each other and don't lock each other out.
    for application_id in sorted(set(application_ids))[:MOST_AT_ONCE]:
        try:
            with session.begin_nested():
                told.append(notify(session, actor, application_id))
        except WorkbenchError as refusal:
            number = session.scalar(select(Application.number).where(Application.id == application_id))
            refused.append(NotTold(number or str(application_id), refusal))
    return Told(told, refused)


def bring_list(session: Session, application: Application) -> list[Mapping[str, Any]]:
    """The originals to bring, named in both languages."""
    return [{"zh": each.document.name_zh, "en": each.document.name_en} for each in originals_of(session, application)]


def event_of(pickup_id: int, number: int) -> str:
    """By what the outbox knows a reminder."""
    return f"pickup:{pickup_id}:reminder:{number}"


def remind_due(parts: Parts) -> int:
    """Remind every enterprise whose key has waited another period; returns how many. Run again, it does nothing."""
    reminded, seen = 0, 0
    while True:
        with parts.work() as session:
            due = session.scalars(
                select(Pickup)
                .join(Application, Application.id == Pickup.application_id)
                .where(Pickup.id > seen, *_is_due(parts.settings.reminder_days))
                .order_by(Pickup.id)
                .limit(MOST_AT_ONCE)
                .with_for_update(of=Pickup, skip_locked=True)
            ).all()
            for pickup in due:
                _remind(session, pickup)
        if not due:
            return reminded
        reminded, seen = reminded + len(due), due[-1].id


def _is_due(days: int) -> tuple[ColumnElement[bool], ...]:
    last_told = func.coalesce(Pickup.reminded_at, Pickup.notified_at)
    return (
        Pickup.ended_at.is_(None),
        Pickup.reminders < MOST_REMINDERS,
        and_(last_told.is_not(None), last_told <= now() - timedelta(days=days)),
        Application.state == State.AWAITING_COLLECTION.value,
    )


def _remind(session: Session, pickup: Pickup) -> None:
    application = session.get_one(Application, pickup.application_id)
    pickup.reminders += 1
    pickup.reminded_at = now()
    waited = (now() - (pickup.notified_at or pickup.received_at)).days
    notices.write(
        session,
        application,
        "collect_reminder",
        event=event_of(pickup.id, pickup.reminders),
        details={
            "pickup_code": pickup.code,
            "bring": bring_list(session, application),
            "waited": waited,
            "last": pickup.reminders == MOST_REMINDERS,
        },
    )
    pickups.record(session, "pickup.reminded", system_actor("reminders"), pickup, count=pickup.reminders)
    session.flush()
