"""Ending a certificate at the CA: our record ends at once; the CA is asked by what was stored before, until it acts.

Only the CA that issued can end a certificate. One of an earlier CA ends on our records and stays with that CA.
"""

import secrets
from datetime import timedelta
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import tasks
from workbench.kernel.certificates import read_der
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.service import END_TASK, record_certificate, revoke
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    CertificationAuthority,
    Pending,
    Rejected,
    RevocationReason,
)
from workbench.production.models import RevocationOrder

OPEN: Final = ("stored", "pending")
LONGEST_WAIT: Final = 60
"""Seconds between two askings at most; the first ones come sooner."""
_LOG = structlog.get_logger("production")


class EndsBecause(StrEnum):
    """Why an old key ends when another takes its place (public: replacement names the reason)."""

    LOST = "lost"
    DAMAGED = "damaged"
    CHANGED = "changed"


REASONS: Final = {
    EndsBecause.LOST: RevocationReason.KEY_COMPROMISE,
    EndsBecause.DAMAGED: RevocationReason.SUPERSEDED,
    EndsBecause.CHANGED: RevocationReason.AFFILIATION_CHANGED,
}
"""As the CA is told (RFC 5280 section 5.3.1): who has lost a key cannot say who has found it."""


def order_revocation(
    session: Session, parts: Parts, certificate_id: int, reason: RevocationReason, words: str, actor: Actor
) -> RevocationOrder | None:
    """End a certificate on our records and store that the CA is asked to end it; the asking follows the commit.

    Args:
        words: what our record and its holder are told.

    Returns:
        What is asked of the CA; None where another CA issued it, or where that can't be told at this moment: the job
        of this transaction finds out.

    Raises:
        NotFound, Invalid, Conflict: as `keys.service.revoke`.
    """
    record = revoke(session, certificate_id, words, actor, reason=reason)
    try:
        return ask_for_end(session, parts, record, reason, actor)
    except (CaUnreachable, CaMisconfigured) as trouble:
        _LOG.warning("ca_not_reached", certificate=certificate_id, problem=str(trouble))
        return None


def ask_for_end(
    session: Session, parts: Parts, record: Certificate, reason: RevocationReason, actor: Actor
) -> RevocationOrder | None:
    """Store that the CA is asked to end a certificate whose record has ended, once.

    Returns:
        What is asked of the CA; None where another CA issued it.

    Raises:
        CaUnreachable, CaMisconfigured: whether it is the CA's can't be told.
    """
    known = session.scalars(select(RevocationOrder).where(RevocationOrder.certificate_id == record.id)).one_or_none()
    if known is not None:
        return known
    if not is_issued_by(load_authority(parts), record):
        return None
    order = RevocationOrder(
        certificate_id=record.id, transaction_id=secrets.token_hex(16), reason=reason.value, ordered_at=now()
    )
    session.add(order)
    session.flush()
    record_certificate(session, "certificate.end_ordered", actor, record, reason=reason.value)
    tasks.enqueue(session, END_TASK, certificate_id=record.id)
    return order


def end_at_ca(parts: Parts, certificate_id: int) -> None:
    """Ask the CA to end a certificate that has ended on our records, storing that first; again later if need be."""
    try:
        store_end(parts, certificate_id)
    except (CaUnreachable, CaMisconfigured) as trouble:
        _LOG.warning("ca_not_reached", certificate=certificate_id, problem=str(trouble))
        with parts.work() as session:
            tasks.enqueue(session, END_TASK, certificate_id=certificate_id, delay_seconds=LONGEST_WAIT)
        return
    ask_revocation(parts, certificate_id)


def store_end(parts: Parts, certificate_id: int) -> None:
    """Store that the CA is asked to end a certificate that has ended on our records; raises as `ask_for_end`."""
    with parts.work() as session:
        record = session.get(Certificate, certificate_id, with_for_update=True)
        if record is not None and record.state != "valid" and record.revocation_reason is not None:
            ask_for_end(session, parts, record, RevocationReason(record.revocation_reason), system_actor("production"))


def ask_revocation(parts: Parts, certificate_id: int) -> None:
    """Ask the CA to end a certificate as stored, unless that is settled or somebody asks; again later if need be."""
    with parts.work() as session:
        order = session.scalars(
            select(RevocationOrder)
            .where(RevocationOrder.certificate_id == certificate_id, RevocationOrder.state.in_(OPEN))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if order is None:
            return
        record = session.get_one(Certificate, order.certificate_id)
        order.attempts += 1
        try:
            answer = load_authority(parts).revoke(
                order.transaction_id, record.certificate or b"", RevocationReason(order.reason)
            )
        except (CaUnreachable, CaMisconfigured) as trouble:
            _LOG.warning("ca_not_reached", order=order.id, problem=str(trouble))
            order.last_error = str(trouble)[:500]
            _later(session, order, timedelta(seconds=wait_seconds(order.attempts)))
            return
        if isinstance(answer, Pending):
            order.state, order.last_error = "pending", None
            _later(session, order, answer.check_after)
        elif isinstance(answer, Rejected):
            order.state, order.last_error = "rejected", answer.reason[:500]
            record_certificate(
                session, "certificate.end_rejected", system_actor("production"), record, reason=answer.reason
            )
        else:
            order.state, order.done_at, order.last_error = "done", now(), None
            record.revoked_by_ca_at = answer.at
            record_certificate(
                session, "certificate.ended_by_ca", system_actor("production"), record, reason=order.reason
            )


def wait_seconds(attempts: int) -> int:
    """How long to wait after so many askings without an answer: 2, 4, 8 … seconds, at most LONGEST_WAIT."""
    return min(LONGEST_WAIT, 1 << min(attempts, 10))


def is_issued_by(authority: CertificationAuthority, record: Certificate) -> bool:
    """Whether this CA issued a certificate: only it can end it. One whose bytes are not on record is nobody's.

    Raises:
        CaUnreachable, CaMisconfigured: the CA's own certificates can't be had.
    """
    if record.certificate is None:
        return False
    issuer = read_der(record.certificate).issuer
    return any(read_der(each).subject == issuer for each in authority.chain())


def _later(session: Session, order: RevocationOrder, wait: timedelta) -> None:
    order.ask_again_at = now() + wait
    seconds = max(1, round(wait.total_seconds()))
    tasks.enqueue(session, END_TASK, certificate_id=order.certificate_id, delay_seconds=seconds)
