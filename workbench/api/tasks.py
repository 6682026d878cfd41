"""Telling registration sites of every move of their cases: at least once, under an id that never changes.

The job is part of the transaction that moved the case. Running twice makes no second delivery and sends nothing that
was taken. Messages are signed as Standard Webhooks asks (webhook-id, webhook-timestamp, webhook-signature).
"""

import base64
import hashlib
import hmac
import json
from typing import Final

from cryptography.fernet import InvalidToken
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.api import delivery
from workbench.api.answers import EventData, WebhookMessage
from workbench.api.models import Webhook, WebhookDelivery
from workbench.api.queries import event_name
from workbench.api.service import DELIVER_TASK, key_of_secret, secret_of
from workbench.api.words import DeliveryState
from workbench.cases.models import Application, CaseEvent
from workbench.cases.service import ANNOUNCE_TASK
from workbench.cases.words import State
from workbench.kernel import tasks
from workbench.kernel.clock import now
from workbench.kernel.mail import GrowingPauses
from workbench.kernel.parts import Parts

MAX_ATTEMPTS: Final = 10
"""With pauses of 4, 16, 64 … seconds and at most six hours: given up after some 18 hours."""
LONGEST_ERROR: Final = 500


@tasks.app.task(name=ANNOUNCE_TASK)
def announce_event(event_id: int) -> None:
    """Make a delivery of this event to the webhook of the case's site, unless there is one."""
    with tasks.parts().work() as session:
        rows = session.execute(
            select(Webhook.id, Webhook.applicant_id)
            .join(Application, Application.applicant_id == Webhook.applicant_id)
            .join(CaseEvent, CaseEvent.application_id == Application.id)
            .where(CaseEvent.id == event_id, Webhook.active)
        ).all()
        for row in rows:
            made = session.execute(
                insert(WebhookDelivery)
                .values(webhook_id=row.id, applicant_id=row.applicant_id, event_id=event_id, created_at=now())
                .on_conflict_do_nothing(index_elements=["webhook_id", "event_id"])
                .returning(WebhookDelivery.id)
            ).scalar()
            if made is not None:
                tasks.enqueue(session, DELIVER_TASK, delivery_id=made)


@tasks.app.task(name=DELIVER_TASK, retry=GrowingPauses())
def deliver_webhook(delivery_id: int) -> None:
    """Send one delivery unless it was taken.

    Raises:
        NotDelivered: it will be tried again, with growing pauses.
    """
    failure = attempt(tasks.parts(), delivery_id)
    if failure is not None:
        raise failure


def attempt(parts: Parts, delivery_id: int) -> delivery.NotDelivered | None:
    """Send it once and write down what came of it; the failure when it is to be tried again."""
    with parts.work() as session:
        row = session.get(WebhookDelivery, delivery_id, with_for_update=True)
        if row is None or row.state != DeliveryState.WAITING:
            return None
        webhook = session.get_one(Webhook, row.webhook_id)
        if not webhook.active:
            row.state, row.last_error = DeliveryState.FAILED, "the webhook was removed"
            return None
        row.attempts += 1
        try:
            _send(parts, webhook, event_name(row.event_id), message_of(session, row.event_id))
        except delivery.NotDelivered as failure:
            row.last_error = str(failure)[:LONGEST_ERROR]
            if row.attempts < MAX_ATTEMPTS:
                return failure
            row.state = DeliveryState.FAILED
        else:
            row.state, row.sent_at, row.last_error = DeliveryState.SENT, now(), None
    return None


def _send(parts: Parts, webhook: Webhook, message_id: str, body: bytes) -> None:
    try:
        key = key_of_secret(secret_of(parts.secrets, webhook))
    except InvalidToken as error:
        raise delivery.NotDelivered("no key of this installation opens the webhook's secret") from error
    delivery.post(webhook.url, body, sign(key, message_id, body), inside=parts.settings.webhooks_inside)


def message_of(session: Session, event_id: int) -> bytes:
    """The body: the event and where the case then stood. Nothing personal; the site reads the case for the rest."""
    event, number = session.execute(
        select(CaseEvent, Application.number)
        .join(Application, Application.id == CaseEvent.application_id)
        .where(CaseEvent.id == event_id)
    ).one()
    message = WebhookMessage(
        id=event_name(event.id),
        type=f"application.{event.event}",
        timestamp=event.at,
        data=EventData(number=number, event=event.event, state=State(event.state_after), round=event.round),
    )
    return json.dumps(message.as_json(), separators=(",", ":")).encode()


def sign(key: bytes, message_id: str, body: bytes) -> dict[str, str]:
    """The headers by which the site tells that a message is ours, whole and fresh (Standard Webhooks 1.0)."""
    at = str(int(now().timestamp()))
    signed = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
