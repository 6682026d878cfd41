"""Messages leave by the outbox: each is a row of the transaction that caused it, sent by the worker afterwards.

One message per event: the `event` key is unique, so telling twice tells once. A secret travels beside the body, sealed,
and is put in its place while the message is handed over: nobody who reads the outbox reads it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workbench.kernel import tasks
from workbench.kernel.clock import now
from workbench.kernel.db import Base, Numbered

SECRET_PLACE: Final = "⟦secret⟧"  # noqa: S105 - where one goes
"""Where in a body its secret stands once it is handed over. In the body of a message without one it means nothing."""
_NEXT_ID: Final = text("SELECT nextval(pg_get_serial_sequence('outbox_message', 'id'))")


class MessageState(StrEnum):
    """Where a message is on its way."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class MessageChannel(StrEnum):
    """By what a message travels."""

    EMAIL = "email"
    SMS = "sms"


class OutboxMessage(Numbered, Base):
    """One e-mail to one address, or one short message to one telephone (without a subject), as it will be sent."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_time"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state_known"),
        CheckConstraint("channel IN ('email', 'sms')", name="channel_known"),
        CheckConstraint("state <> 'sent' OR secret_ciphertext IS NULL", name="secret_gone_when_sent"),
        Index("ix_outbox_message_unsent", "created_at", postgresql_where=text("state <> 'sent'")),
    )

    event: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(server_default=MessageChannel.EMAIL)
    recipient: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=MessageState.WAITING)
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    case_id: Mapped[int | None]
    secret_ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)


class SendFailed(Exception):
    """The message could not be handed over; `final` when trying again cannot help."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def post(
    session: Session,
    *,
    event: str,
    recipient: str,
    subject: str,
    body: str,
    case_id: int | None = None,
    channel: MessageChannel = MessageChannel.EMAIL,
    secret_ciphertext: bytes | None = None,
) -> None:
    """Put a message into the outbox; it is sent after this transaction commits, or never if it does not.

    Args:
        event: what the message tells of, unique for ever, such as `case:17:round:2:pre_check_failed`.
        secret_ciphertext: a secret as `crypto.seal_secret` gives it, for the SECRET_PLACE of the body.

    Raises:
        ValueError: a secret that has no place in the body.
    """
    if secret_ciphertext is not None and SECRET_PLACE not in body:
        raise ValueError("a secret needs a place in the body")
    values: dict[str, Any] = {
        "event": event,
        "channel": channel.value,
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "created_at": now(),
        "case_id": case_id,
        "secret_ciphertext": secret_ciphertext,
    }
    # Nothing is read back: whoever causes an e-mail about an account may write it and not see it.
    message_id = session.execute(_NEXT_ID).scalar_one()
    new = insert(OutboxMessage).values(id=message_id, **values).on_conflict_do_nothing()
    if session.connection().execute(new.execution_options(preserve_rowcount=True)).rowcount == 1:
        tasks.enqueue(session, "send_message", message_id=message_id)
