"""The audit log: who did what to which case, when and from where, in the transaction that did it.

Entries form one hash chain per case (or per other subject). The database lets nobody change or remove them; if an entry
cannot be written, the change it speaks of does not happen.
"""

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785
from sqlalchemy import BigInteger, Executable, ForeignKey, Index, String, bindparam, insert, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from workbench.kernel.clock import now
from workbench.kernel.db import Base
from workbench.kernel.identity import Actor

GENESIS: Final = "0" * 64
"""What the first entry of a chain names as its predecessor."""

EXACT_BELOW: Final = 2**53
"""Where numbers stop reading the same in every JSON library (RFC 8785, RFC 7493)."""

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request or task being served; set at the edge, copied into every entry."""


class AuditEntry(Base):
    """One thing that happened. Its place in the chain is its key."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "at", "chain", "seq"),
        Index("ix_audit_entry_case_id_at", "case_id", "at"),
        Index("ix_audit_entry_actor_at", "actor", "at"),
    )

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str]
    actor: Mapped[str]
    actor_name: Mapped[str]
    address: Mapped[str]
    request_id: Mapped[str]
    subject: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    authority_id: Mapped[int | None] = mapped_column(ForeignKey("authority.id"))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The newest entry of each chain: the lock that orders its writers, and what checkpoints sign."""

    __tablename__ = "audit_head"
    __table_args__ = (Index("ix_audit_head_unsigned", "chain", postgresql_where=text("seq > checkpointed_seq")),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    checkpointed_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


def _statement() -> Executable:
    """Entry and head in one statement, made once: every verb of the house pays for its ways to the database."""
    entries, heads = AuditEntry.metadata.tables["audit_entry"], AuditHead.metadata.tables["audit_head"]
    given = {each.name: bindparam(f"entry_{each.name}", type_=each.type) for each in entries.columns}
    head = update(heads).where(heads.c.chain == given["chain"]).values(seq=given["seq"], hash=given["hash"])
    return head.add_cte(insert(entries).values(given).cte("written"))


_WRITE: Final = _statement()


def record(
    session: Session,
    action: str,
    actor: Actor,
    *,
    subject: str,
    case_id: int | None = None,
    authority_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry in the session's transaction. Writers to one chain wait for each other until they commit.

    Args:
        action: past tense, `<thing>.<event>`, such as `case.pre_check_passed`.
        subject: what it happened to, `<kind>:<id>`; names the chain unless `case_id` does.
        before, after: JSON values only, never secrets or identity numbers; numbers below 2^53.

    Raises:
        ValueError: a number is too large to read the same everywhere; nothing has been written.
        sqlalchemy.exc.SQLAlchemyError: the entry cannot be written; the caller's transaction is then lost with it.
    """
    for value in (before, after):
        _refuse_large_numbers(value)
    chain = f"case:{case_id}" if case_id is not None else subject
    seq, previous = _lock_head(session, chain)
    entry = {
        "chain": chain,
        "seq": seq + 1,
        "at": now(),
        "action": action,
        "actor": actor.label,
        "actor_name": actor.name,
        "address": actor.address,
        "request_id": request_id.get(),
        "subject": subject,
        "case_id": case_id,
        "authority_id": authority_id,
        "before": dict(before) if before is not None else None,
        "after": dict(after) if after is not None else None,
        "previous_hash": previous,
    }
    entry["hash"] = entry_hash(entry)
    session.execute(_WRITE, {f"entry_{name}": value for name, value in entry.items()})


def entry_hash(entry: Mapping[str, Any]) -> str:
    """SHA-256 over the RFC 8785 form of every field but the hash itself, the instant as ISO 8601 in UTC."""
    covered = {key: value for key, value in entry.items() if key != "hash"}
    covered["at"] = canonical_instant(covered["at"])
    return hashlib.sha256(rfc8785.dumps(covered)).hexdigest()


def canonical_instant(at: datetime) -> str:
    """An aware instant as the hash covers it: UTC, always with six decimals."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refuse_large_numbers(value: Any) -> None:
    """The database hands 1e22 back as an integer, which canonical JSON does not know: the entry would seem changed."""
    if isinstance(value, Mapping):
        for each in value.values():
            _refuse_large_numbers(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_large_numbers(each)
    elif isinstance(value, int | float) and not abs(value) < EXACT_BELOW:
        raise ValueError(f"the audit log keeps numbers below 2^53, not {value}: write it as text")


def _lock_head(session: Session, chain: str) -> tuple[int, str]:
    row = session.execute(
        text(
            "INSERT INTO audit_head (chain, seq, hash) VALUES (:chain, 0, :genesis) "
            "ON CONFLICT (chain) DO UPDATE SET chain = EXCLUDED.chain RETURNING seq, hash"
        ),
        {"chain": chain, "genesis": GENESIS},
    ).one()
    return row.seq, row.hash
