"""Signed checkpoints over the heads of the audit chains: what makes a cut tail visible.

Each checkpoint names the heads that moved since the one before, is chained to it, signed with Ed25519, kept in the
database and appended to a file outside it (and to a second copy when one is configured).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from workbench.kernel.db import Base


class AuditCheckpoint(Base):
    """`heads` is a list of [chain, seq, hash] that moved since checkpoint n - 1."""

    __tablename__ = "audit_checkpoint"

    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    heads: Mapped[list[Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str]
