"""Parcels of keys: what was packed for which authority, how it travels, what was found when it was opened.

Contents freeze when a consignment is sealed. What came is written line by line, and a later opening never changes an
earlier one.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Sequence,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from workbench.dispatch.words import (
    ConsignmentKind,
    ConsignmentState,
    DiscrepancyKind,
    Finding,
    Outcome,
    TrackingStatus,
)
from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import AuthorityScoped

CONSIGNMENT_NUMBER = Sequence("consignment_number", metadata=Base.metadata)
"""What consignment numbers count; gaps mean nothing."""


def _known(column: str, words: Any) -> CheckConstraint:
    listed = ", ".join(repr(each.value) for each in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Carrier(Base):
    """A courier company: how its waybill numbers look and how long it usually takes. Data an administrator edits."""

    __tablename__ = "carrier"
    __table_args__ = (CheckConstraint("usual_days BETWEEN 1 AND 60", name="days_sane"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    waybill_pattern: Mapped[str]
    waybill_example: Mapped[str]
    usual_days: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=text("true"))

    def __str__(self) -> str:
        return self.name_zh


class Consignment(Numbered, AuthorityScoped, Base):
    """Keys that travel together: to an authority, on from one to another, or back to the vendor.

    `authority_id` is where it goes; of a return, where it comes from. So whoever opens it or hands it over reaches it.
    """

    __tablename__ = "consignment"
    __table_args__ = (
        UniqueConstraint("id", "authority_id"),
        _known("kind", ConsignmentKind),
        _known("state", ConsignmentState),
        CheckConstraint("(carrier_code IS NULL) = (waybill IS NULL)", name="waybill_of_carrier"),
        CheckConstraint("checked_by_id <> packer_id", name="checked_by_another"),
        CheckConstraint("(checked_by_id IS NULL) = (checked_at IS NULL)", name="checked_when"),
        CheckConstraint("state IN ('packing', 'cancelled') OR sealed_at IS NOT NULL", name="sealed_when"),
        CheckConstraint(
            "state IN ('packing', 'sealed', 'cancelled') OR (handed_over_at IS NOT NULL AND waybill IS NOT NULL)",
            name="handed_over_when",
        ),
        Index(
            "uq_consignment_waybill",
            "carrier_code",
            "waybill",
            unique=True,
            postgresql_where=text("waybill IS NOT NULL AND state <> 'cancelled'"),
        ),
        Index("ix_consignment_authority_state", "authority_id", "state", "id"),
        Index("ix_consignment_state", "state", "due_on", "id"),
    )

    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="packing")
    from_authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    created_at: Mapped[datetime]
    packer_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    boxes: Mapped[int] = mapped_column(server_default="1")
    checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    checked_at: Mapped[datetime | None]
    sealed_at: Mapped[datetime | None]
    carrier_code: Mapped[str | None] = mapped_column(ForeignKey("carrier.code"))
    waybill: Mapped[str | None] = mapped_column(String(40))
    handed_over_at: Mapped[datetime | None]
    handed_over_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    due_on: Mapped[date | None]
    arrived_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    inquiry_at: Mapped[datetime | None]
    inquiry_remark: Mapped[str | None]
    lost_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")


class ConsignmentOwned(AuthorityScoped):
    """A row of one consignment. Its authority cannot differ from the consignment's."""

    consignment_id: Mapped[int]

    @staticmethod
    def consignment_key() -> ForeignKeyConstraint:
        """The composite key that ties the row to its consignment and the consignment's authority."""
        return ForeignKeyConstraint(["consignment_id", "authority_id"], ["consignment.id", "consignment.authority_id"])


class ConsignmentItem(Numbered, ConsignmentOwned, Base):
    """One key in one box. A key lies in one consignment at a time."""

    __tablename__ = "consignment_item"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.consignment_key(),
            _known("outcome", Outcome),
            CheckConstraint("(outcome IS NULL) = (settled_at IS NULL)", name="settled_when"),
            Index("uq_consignment_item_live", "token_id", unique=True, postgresql_where=text("settled_at IS NULL")),
            Index("ix_consignment_item_consignment", "consignment_id", "box", "id"),
        )

    box: Mapped[int]
    token_id: Mapped[int] = mapped_column(ForeignKey("token.id"))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    packed_at: Mapped[datetime]
    packed_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class TrackingEvent(Numbered, ConsignmentOwned, Base):
    """Where a parcel was said to be, by whom. What a source has said once is not taken twice."""

    __tablename__ = "tracking_event"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.consignment_key(),
            _known("status", TrackingStatus),
            UniqueConstraint("consignment_id", "source", "source_ref"),
            Index("ix_tracking_event_consignment", "consignment_id", "at"),
        )

    at: Mapped[datetime]
    status: Mapped[str]
    place: Mapped[str | None]
    words: Mapped[str]
    source: Mapped[str]
    source_ref: Mapped[str]
    noted_at: Mapped[datetime]
    noted_by: Mapped[str]


class Receipt(Numbered, ConsignmentOwned, Base):
    """One opening of a consignment at the authority: who stood there, from when to when."""

    __tablename__ = "receipt"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.consignment_key(),
            UniqueConstraint("consignment_id", "number"),
            Index("uq_receipt_open", "consignment_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        )

    number: Mapped[int]
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    closed_at: Mapped[datetime | None]


class ReceiptLine(Numbered, ConsignmentOwned, Base):
    """One key as it was scanned. A consignment has one line a serial, so a scan repeated is harmless."""

    __tablename__ = "receipt_line"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (cls.consignment_key(), _known("finding", Finding), UniqueConstraint("consignment_id", "serial"))

    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"))
    serial: Mapped[str] = mapped_column(String(64))
    token_id: Mapped[int | None] = mapped_column(ForeignKey("token.id"))
    finding: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    remark: Mapped[str | None]
    photo_sha256: Mapped[str | None] = mapped_column(String(64))


class Discrepancy(Numbered, ConsignmentOwned, Base):
    """What did not agree with the packing list, by serial. It stays until somebody has settled it in words."""

    __tablename__ = "discrepancy"

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805
        return (
            cls.consignment_key(),
            _known("kind", DiscrepancyKind),
            UniqueConstraint("consignment_id", "serial", "kind"),
            CheckConstraint(
                "(settled_at IS NULL) = (settlement IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL)",
                name="settled_whole",
            ),
            Index("ix_discrepancy_open", "authority_id", "found_at", postgresql_where=text("settled_at IS NULL")),
        )

    serial: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str]
    token_id: Mapped[int | None] = mapped_column(ForeignKey("token.id"))
    belongs_to_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    found_at: Mapped[datetime]
    found_by: Mapped[str]
    remark: Mapped[str | None]
    photo_sha256: Mapped[str | None] = mapped_column(String(64))
    sent_on_with: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    settlement: Mapped[str | None]
