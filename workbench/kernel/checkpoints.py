"""Signed checkpoints over the heads of the audit chains: what makes a cut tail visible.

Each checkpoint names the heads that moved since the one before, is chained to it, signed with Ed25519, kept in the
database and appended to a file outside it (and to a second copy when one is configured).
"""

import fcntl
import hashlib
import json
import os
from datetime import datetime
from typing import Any, BinaryIO, Final

import rfc8785
from sqlalchemy import BigInteger, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from workbench.config import Settings
from workbench.kernel.audit import GENESIS, canonical_instant
from workbench.kernel.clock import now
from workbench.kernel.db import Base
from workbench.kernel.secrets import Secrets

CHECKPOINTS: Final = "checkpoints.jsonl"
PUBLIC_KEY: Final = "checkpoint_public.pem"
"""Files in `settings.audit_dir`: what an outside verifier needs beside the database."""


class AuditCheckpoint(Base):
    """`heads` is a list of [chain, seq, hash] that moved since checkpoint n - 1."""

    __tablename__ = "audit_checkpoint"

    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    heads: Mapped[list[Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str]


def take_checkpoint(session: Session, secrets: Secrets) -> int | None:
    """Sign the heads that moved since the last checkpoint; returns its number, None when nothing moved.

    Takes one lock for all, so checkpoints are numbered without gaps. A head somebody writes to at this moment is left
    to the next checkpoint: waiting for it while holding others could lock up with a writer to several chains.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('audit_checkpoint'))"))
    moved = session.execute(
        text(
            "SELECT chain, seq, hash FROM audit_head WHERE seq > checkpointed_seq ORDER BY chain "
            "FOR NO KEY UPDATE SKIP LOCKED"
        )
    ).all()
    if not moved:
        return None
    last = session.execute(
        select(AuditCheckpoint.n, AuditCheckpoint.hash).order_by(AuditCheckpoint.n.desc()).limit(1)
    ).one_or_none()
    body: dict[str, Any] = {
        "n": last.n + 1 if last else 1,
        "at": canonical_instant(now()),
        "heads": [[row.chain, row.seq, row.hash] for row in moved],
        "previous_hash": last.hash if last else GENESIS,
    }
    digest = hashlib.sha256(rfc8785.dumps(body))
    session.add(
        AuditCheckpoint(
            **{**body, "at": datetime.fromisoformat(body["at"])},
            hash=digest.hexdigest(),
            signature=secrets.checkpoint_key.sign(digest.digest()).hex(),
        )
    )
    session.flush()
    session.execute(
        text("UPDATE audit_head SET checkpointed_seq = greatest(checkpointed_seq, :seq) WHERE chain = :chain"),
        [{"seq": row.seq, "chain": row.chain} for row in moved],
    )
    return int(body["n"])


def export_checkpoints(session: Session, settings: Settings, secrets: Secrets) -> int:
    """Append the checkpoints that the files outside the database do not have yet; returns how many lines were written.

    Run after the checkpoint's transaction has committed: the file then never knows more than the database did.
    """
    written = 0
    settings.audit_dir.mkdir(parents=True, exist_ok=True)
    (settings.audit_dir / PUBLIC_KEY).write_bytes(secrets.checkpoint_public_pem())
    for path in filter(None, (settings.audit_dir / CHECKPOINTS, settings.checkpoint_copy)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            written += _catch_up(session, file)
    return written


def _catch_up(session: Session, file: BinaryIO) -> int:
    """Append what the file lacks. Its lock is held, so that two workers never write the same line."""
    last = _last_number(file)
    rows = session.scalars(select(AuditCheckpoint).where(AuditCheckpoint.n > last).order_by(AuditCheckpoint.n)).all()
    for row in rows:
        file.write(rfc8785.dumps(checkpoint_line(row)) + b"\n")
    file.flush()
    os.fsync(file.fileno())
    return len(rows)


def checkpoint_line(row: AuditCheckpoint) -> dict[str, Any]:
    """A checkpoint as the file outside the database holds it."""
    return {
        "n": row.n,
        "at": canonical_instant(row.at),
        "heads": row.heads,
        "previous_hash": row.previous_hash,
        "hash": row.hash,
        "signature": row.signature,
    }


def _last_number(file: BinaryIO) -> int:
    """The number of the last whole line; a line cut off by a crash is removed, the database still has it."""
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        file.truncate(len(whole))
    lines = whole.splitlines()
    return int(json.loads(lines[-1])["n"]) if lines else 0
