"""The counter's records: keys that wait for their enterprise, each comparison of originals, each hand-over.

An attempt is kept whatever came of it; what a browser captured without a line carries its own id and is taken once.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from workbench.cases.models import CaseOwned
from workbench.kernel.db import Base, Numbered


class HandOverTerms(Base):
    """The terms that a collector signs under. Published, never edited: a receipt shows those of its day."""

    __tablename__ = "hand_over_terms"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text_zh: Mapped[str]
    text_en: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]

    def __str__(self) -> str:
        return str(self.version)


class Pickup(Numbered, CaseOwned, Base):
    """A key that waits at an authority, from its receipt until it is handed over or disposed of."""

    __tablename__ = "pickup"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            CheckConstraint("ended_because IN ('collected', 'disposed', 'gone')", name="end_known"),
            CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="ended_whole"),
            CheckConstraint("disposal IN ('destroy', 'return')", name="disposal_known"),
            CheckConstraint(
                "(disposal IS NULL) = (proposed_by_id IS NULL) AND (disposal IS NULL) = (proposed_at IS NULL)",
                name="proposed_whole",
            ),
            CheckConstraint("(signed_by_id IS NULL) = (signed_at IS NULL)", name="signed_when"),
            CheckConstraint("signed_by_id IS NULL OR disposal IS NOT NULL", name="signed_what"),
            CheckConstraint("signed_by_id <> proposed_by_id", name="two_people"),
            Index("uq_pickup_open", "application_id", unique=True, postgresql_where=text("ended_at IS NULL")),
            Index("uq_pickup_token_open", "token_id", unique=True, postgresql_where=text("ended_at IS NULL")),
            Index("uq_pickup_code_open", "code", unique=True, postgresql_where=text("ended_at IS NULL")),
            Index("ix_pickup_waiting", "authority_id", "received_at", postgresql_where=text("ended_at IS NULL")),
        )

    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    code: Mapped[str] = mapped_column(String(8))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("pickup_site.id"))
    received_at: Mapped[datetime]
    notified_at: Mapped[datetime | None]
    notified_by: Mapped[str | None]
    reminders: Mapped[int] = mapped_column(server_default="0")
    reminded_at: Mapped[datetime | None]
    disposal: Mapped[str | None]
    disposal_remark: Mapped[str | None]
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    signed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class StampingAttempt(Numbered, CaseOwned, Base):
    """One comparison of the paper originals with what the desks saw, and the final stamping it ended in.

    `originals` lists document, whether it matches and the remark, as they were ticked.
    """

    __tablename__ = "stamping_attempt"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            CheckConstraint("outcome IN ('passed', 'refused')", name="outcome_known"),
            CheckConstraint("length(remark) > 0", name="has_remark"),
            Index("ix_stamping_attempt_application", "application_id", "at"),
        )

    client_id: Mapped[UUID] = mapped_column(unique=True)
    at: Mapped[datetime]
    captured_at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str]
    originals: Mapped[list[Any]]
    remark: Mapped[str]


class HandOver(Numbered, CaseOwned, Base):
    """A key in its enterprise's hands: who took it, by what right, under which terms, with what signature."""

    __tablename__ = "hand_over"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            CheckConstraint("collector IN ('holder', 'delegate')", name="collector_known"),
            CheckConstraint(
                "(collector = 'delegate') = (identity_ciphertext IS NOT NULL) "
                "AND (collector = 'delegate') = (letter_sha256 IS NOT NULL)",
                name="delegate_is_proven",
            ),
            CheckConstraint("(signature_sha256 IS NULL) <> (slip_sha256 IS NULL)", name="signed_one_way"),
            Index("uq_hand_over_token", "token_id", unique=True),
        )

    client_id: Mapped[UUID] = mapped_column(unique=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("stamping_attempt.id"), unique=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    at: Mapped[datetime]
    captured_at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    collector: Mapped[str]
    collector_name: Mapped[str]
    identity_ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    identity_masked: Mapped[str | None]
    letter_sha256: Mapped[str | None] = mapped_column(String(64))
    signature_sha256: Mapped[str | None] = mapped_column(String(64))
    slip_sha256: Mapped[str | None] = mapped_column(String(64))
    terms_version: Mapped[int] = mapped_column(ForeignKey("hand_over_terms.version"))
    surrendered_token_id: Mapped[int | None] = mapped_column(ForeignKey("token.id"))
