"""The embedded authority's register: one entry a transaction, so that asking twice is answered once.

Each verb is a unit of work of its own. An authority keeps what it issued whatever becomes of who asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.kernel.parts import Parts
from workbench.production.algorithms import Algorithm
from workbench.production.ca.connector import RevocationReason
from workbench.production.models import TrialEntry


@dataclass(frozen=True)
class Entry:
    """What the register says of one certificate (DER)."""

    transaction_id: str
    certificate: bytes
    revoked_at: datetime | None
    reason: RevocationReason | None


def find_by_transaction(parts: Parts, transaction_id: str) -> Entry | None:
    """The certificate that was issued in this transaction."""
    with parts.work() as session:
        return _entry(session.scalar(select(TrialEntry).where(TrialEntry.transaction_id == transaction_id)))


def find_by_serial(parts: Parts, serial: int) -> Entry | None:
    """The certificate with this serial number."""
    with parts.work() as session:
        return _entry(session.scalar(select(TrialEntry).where(TrialEntry.serial == hex_of(serial))))


def keep(
    parts: Parts, transaction_id: str, serial: int, certificate: bytes, algorithm: Algorithm, issued_at: datetime
) -> Entry:
    """Enter a certificate. Where another call was quicker with the same transaction, the answer is that one's."""
    entry = TrialEntry(
        transaction_id=transaction_id,
        serial=hex_of(serial),
        certificate=certificate,
        algorithm=algorithm.value,
        issued_at=issued_at,
    )
    try:
        with parts.work() as session:
            session.add(entry)
            session.flush()
            return Entry(transaction_id, certificate, None, None)
    except IntegrityError:
        found = find_by_transaction(parts, transaction_id)
        if found is None:
            raise
        return found


def end(parts: Parts, serial: int, reason: RevocationReason, at: datetime) -> datetime | None:
    """End a certificate; the instant at which it ended, an earlier one where it had ended before.

    None means that the register does not know this serial number.
    """
    with parts.work() as session:
        session.execute(
            update(TrialEntry)
            .where(TrialEntry.serial == hex_of(serial), TrialEntry.revoked_at.is_(None))
            .values(revoked_at=at, revocation_reason=reason.value)
        )
        return session.scalar(select(TrialEntry.revoked_at).where(TrialEntry.serial == hex_of(serial)))


def list_revoked(session: Session, algorithm: Algorithm) -> Sequence[Entry]:
    """Every certificate of this algorithm that has ended, in the order of their entries."""
    statement = (
        select(TrialEntry)
        .where(TrialEntry.algorithm == algorithm.value, TrialEntry.revoked_at.is_not(None))
        .order_by(TrialEntry.id)
    )
    return [entry for each in session.scalars(statement) if (entry := _entry(each))]


def lock_publishing(session: Session, name: str) -> None:
    """Wait until nobody else publishes this list: the later one must never be overwritten by the earlier."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"crl:{name}"})


def hex_of(serial: int) -> str:
    """How the register writes a serial number."""
    return format(serial, "x")


def _entry(row: TrialEntry | None) -> Entry | None:
    if row is None:
        return None
    reason = RevocationReason(row.revocation_reason) if row.revocation_reason else None
    return Entry(row.transaction_id, row.certificate, row.revoked_at, reason)
