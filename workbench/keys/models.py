"""Certificates that were issued on e-keys, with the life each has had."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from workbench.kernel.db import Base, Numbered


class Certificate(Numbered, Base):
    """One certificate on one e-key. `key_number` is what is printed on the key, and what a replacement names.

    Its authority is the one that handed the key over; certificates of the old system may have none.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        CheckConstraint("state IN ('valid', 'revoked', 'replaced')", name="state_known"),
        CheckConstraint("state = 'valid' OR state_reason IS NOT NULL", name="end_has_reason"),
        CheckConstraint("not_before < not_after", name="validity_runs"),
        Index("ix_certificate_uscc", "uscc", "state"),
        Index("ix_certificate_key_number", "key_number"),
    )

    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    serial: Mapped[str]
    issuer: Mapped[str]
    subject: Mapped[str]
    uscc: Mapped[str] = mapped_column(String(18))
    enterprise_name: Mapped[str]
    holder_name: Mapped[str]
    key_number: Mapped[str]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="valid")
    state_reason: Mapped[str | None]
    state_since: Mapped[datetime]
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    application_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("application.id"))
    registered_at: Mapped[datetime]
