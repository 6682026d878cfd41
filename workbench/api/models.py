"""Keys of registration sites, what each already asked for, and what it is to be told."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import ApplicantOwned


class ApiKey(Numbered, Base):
    """The key a registration site shows. Only its hash is kept; `hint` are its first characters, to tell keys apart."""

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("cardinality(scopes) >= 1", name="has_a_scope"),)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(12))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiRequest(ApplicantOwned, Base):
    """A request that was carried out under an idempotency key: asked again, it is answered again and not repeated."""

    __tablename__ = "api_request"

    applicant_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("applicant.id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None]
    at: Mapped[datetime]


class Webhook(Numbered, ApplicantOwned, Base):
    """Where a registration site wants to be told. The secret signs what is sent and is kept encrypted."""

    __tablename__ = "webhook"

    url: Mapped[str] = mapped_column(String(500))
    secret_ciphertext: Mapped[bytes]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]


class WebhookDelivery(Numbered, ApplicantOwned, Base):
    """One event on its way to one webhook; told once per event, tried until it is taken or given up."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state_known"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_time"),
        Index("ix_webhook_delivery_unsent", "created_at", postgresql_where=text("state <> 'sent'")),
    )

    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("case_event.id"))
    state: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
