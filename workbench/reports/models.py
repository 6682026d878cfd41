"""What the reports room remembers: exports that were too large to be made while somebody waits."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from workbench.kernel.db import Base, Numbered
from workbench.kernel.scope import AuthorityScoped


class CustodyExport(Numbered, AuthorityScoped, Base):
    """One export of the custody log, made by the worker for one person and kept for a day.

    `authority_id` is whose staff asked; None means the vendor's. `wanted` is what stands in the log's address.
    """

    __tablename__ = "custody_export"
    __table_args__ = (
        CheckConstraint("format IN ('csv', 'xlsx')", name="format_known"),
        CheckConstraint("language IN ('zh', 'en')", name="language_known"),
        CheckConstraint("state IN ('waiting', 'ready', 'refused', 'expired')", name="state_known"),
        CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name="ready_has_file"),
        Index("ix_custody_export_person", "asked_by_id", "id"),
    )

    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    address: Mapped[str]
    wanted: Mapped[dict[str, Any]]
    format: Mapped[str]
    language: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    rows_done: Mapped[int] = mapped_column(server_default="0")
    rows_expected: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64))
    byte_size: Mapped[int | None]
    expires_at: Mapped[datetime]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))  # type: ignore[assignment]  # vendor: none
