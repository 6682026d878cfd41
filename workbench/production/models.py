"""The bench's own records: stations and who works there, each making step by step, and what was asked of a CA.

What is about to be asked is stored before it is asked, unique per case and purpose: no crash leaves two certificates.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from workbench.cases.models import CaseOwned
from workbench.kernel.db import Base, Numbered


class BenchStation(Numbered, Base):
    """A machine with a bench agent on it, known by its own credential. A holder's machine serves one renewal only."""

    __tablename__ = "bench_station"
    __table_args__ = (
        CheckConstraint("kind IN ('bench', 'holder')", name="kind_known"),
        CheckConstraint("(kind = 'holder') = (application_id IS NOT NULL)", name="holder_has_case"),
        CheckConstraint("(kind = 'holder') = (expires_at IS NOT NULL)", name="holder_expires"),
        CheckConstraint("(maker_id IS NULL) = (maker_since IS NULL)", name="maker_since_when"),
    )

    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    maker_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    maker_since: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    agent_version: Mapped[str | None]
    plugged: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))


class Batch(Numbered, Base):
    """Many keys made in a row at one station; it ends with the first fault."""

    __tablename__ = "batch"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'done', 'stopped')", name="state_known"),
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ended_when"),
        CheckConstraint("wanted BETWEEN 1 AND 500 AND made BETWEEN 0 AND wanted", name="counts_sane"),
        Index("uq_batch_running", "station_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    station_id: Mapped[int] = mapped_column(ForeignKey("bench_station.id"))
    maker_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    wanted: Mapped[int]
    made: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="running")
    reason: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Making(Numbered, CaseOwned, Base):
    """One case being made on one token. At most one of a case, of a token and of a station is open.

    The user PIN is kept sealed until it has been delivered, and nowhere else.
    """

    __tablename__ = "making"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        is_open = text("state = 'open'")
        return (
            cls.case_key(),
            CheckConstraint("state IN ('open', 'made', 'put_back', 'spoiled')", name="state_known"),
            CheckConstraint(
                "step IN ('token', 'key', 'certificate', 'seal', 'read_back', 'verified')", name="step_known"
            ),
            CheckConstraint("(state = 'made') = (step = 'verified')", name="made_is_verified"),
            CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended_when"),
            CheckConstraint("label_printed_at IS NULL OR state = 'made'", name="no_label_unverified"),
            CheckConstraint("pin_printed_at IS NULL OR state = 'made'", name="no_pin_unverified"),
            CheckConstraint("pin_delivered_at IS NULL OR pin_ciphertext IS NULL", name="pin_gone_when_delivered"),
            Index("uq_making_open_case", "application_id", unique=True, postgresql_where=is_open),
            Index("uq_making_open_token", "token_id", unique=True, postgresql_where=is_open),
            Index("uq_making_open_station", "station_id", unique=True, postgresql_where=is_open),
            Index("ix_making_application_id", "application_id"),
            Index("ix_making_maker", "maker_id", "ended_at"),
            Index("ix_making_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
            Index(
                "ix_making_pin_kept",
                "ended_at",
                postgresql_where=text("state = 'made' AND pin_ciphertext IS NOT NULL"),
            ),
            Index("ix_making_station", "station_id", "started_at"),
        )

    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    station_id: Mapped[int | None] = mapped_column(ForeignKey("bench_station.id"))
    maker_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    state: Mapped[str] = mapped_column(server_default="open")
    step: Mapped[str] = mapped_column(server_default="token")
    algorithm: Mapped[str]
    key_id: Mapped[str] = mapped_column(String(32))
    challenge: Mapped[str] = mapped_column(String(64))
    pin_ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    pin_printed_at: Mapped[datetime | None]
    pin_delivered_at: Mapped[datetime | None]
    ends_certificate_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"))
    ends_because: Mapped[str | None]
    old_key_removed_at: Mapped[datetime | None]
    fault: Mapped[str | None]
    fault_detail: Mapped[str | None]
    faulted_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    label_printed_at: Mapped[datetime | None]


class CertificateOrder(Numbered, CaseOwned, Base):
    """What is asked of the CA for a case, stored before it is asked. One per case and purpose is alive."""

    __tablename__ = "certificate_order"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.case_key(),
            CheckConstraint("state IN ('stored', 'pending', 'issued', 'rejected', 'abandoned')", name="state_known"),
            CheckConstraint("(state = 'issued') <= (certificate_id IS NOT NULL)", name="issued_has_certificate"),
            CheckConstraint("not_before < not_after", name="validity_runs"),
            Index(
                "uq_certificate_order_alive",
                "application_id",
                "purpose",
                unique=True,
                postgresql_where=text("state IN ('stored', 'pending', 'issued')"),
            ),
            Index("ix_certificate_order_open", "ordered_at", postgresql_where=text("state IN ('stored', 'pending')")),
            Index("ix_certificate_order_uscc", "uscc", postgresql_where=text("state IN ('stored', 'pending')")),
        )

    making_id: Mapped[int] = mapped_column(ForeignKey("making.id"))
    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    purpose: Mapped[str] = mapped_column(server_default="signing")
    transaction_id: Mapped[str] = mapped_column(String(32), unique=True)
    uscc: Mapped[str] = mapped_column(String(18))
    algorithm: Mapped[str]
    key_id: Mapped[str] = mapped_column(String(32))
    request: Mapped[bytes] = mapped_column(LargeBinary)
    request_sha256: Mapped[str] = mapped_column(String(64))
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="stored")
    ordered_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    ask_again_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    certificate_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"), unique=True)


class RevocationOrder(Numbered, Base):
    """What the CA is asked to end, stored before it is asked; a certificate is asked for once."""

    __tablename__ = "revocation_order"
    __table_args__ = (
        CheckConstraint("state IN ('stored', 'pending', 'done', 'rejected')", name="state_known"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_when"),
        Index("ix_revocation_order_open", "ordered_at", postgresql_where=text("state IN ('stored', 'pending')")),
    )

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), unique=True)
    transaction_id: Mapped[str] = mapped_column(String(32), unique=True)
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="stored")
    ordered_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    ask_again_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    done_at: Mapped[datetime | None]


class TrialEntry(Numbered, Base):
    """One certificate of the embedded authority: its register, by which asking twice is answered once."""

    __tablename__ = "trial_entry"
    __table_args__ = (
        CheckConstraint("(revoked_at IS NULL) = (revocation_reason IS NULL)", name="revoked_has_reason"),
        Index("ix_trial_entry_revoked", "algorithm", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    transaction_id: Mapped[str] = mapped_column(String(32), unique=True)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    algorithm: Mapped[str]
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[str | None]
