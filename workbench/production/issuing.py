"""Asking the CA for a certificate: by what was stored before, until it is issued or refused, and never twice.

The row of the order is locked for as long as the asking takes, so one process asks at a time; whoever dies in between
leaves the order as it was, and the next asking carries the same transaction id.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.queries import LIMIT_OF_KEYS, valid_keys_of
from workbench.keys.service import lock_keys_of
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
)
from workbench.production.faults import Standstill
from workbench.production.issued import take_issued
from workbench.production.models import CertificateOrder, Making, RevocationOrder
from workbench.production.revoking import ask_revocation, store_end, wait_seconds
from workbench.production.standing import stop
from workbench.production.subjects import Subject, profile_of

ASK_TASK: Final = "ask_for_certificate"
SAFETY_NET: Final = 5
"""Seconds after which the worker asks, if whoever stored the order has not."""
OPEN: Final = ("stored", "pending")
ALIVE: Final = ("stored", "pending", "issued")
_EARLY: Final = timedelta(milliseconds=500)
"""A job may come so much before its time; one that comes earlier was overtaken by another asking."""
_LOG = structlog.get_logger("production")
_ACTOR: Final = system_actor("production")
_HELD: Final = valid_keys_of(bindparam("uscc"), bindparam("at")).where(Certificate.id != bindparam("ends_id"))
_ASKED: Final = select(func.count()).where(CertificateOrder.uscc == bindparam("uscc"), CertificateOrder.state.in_(OPEN))
_HELD_AND_ASKED: Final = select(_HELD.scalar_subquery() + _ASKED.scalar_subquery())
_EARLIER: Final = (
    select(func.array_agg(Certificate.id))
    .where(
        or_(
            Certificate.application_id == CertificateOrder.application_id,
            (Certificate.id == Making.ends_certificate_id) & Making.ends_because.is_not(None),
        ),
        Certificate.revoked_by_ca_at.is_(None),
    )
    .correlate(CertificateOrder, Making)
    .scalar_subquery()
)
"""What a replacement replaces, and whatever was issued for the case before, unless its CA is known to have ended it."""
_TO_ASK: Final = (
    select(CertificateOrder, _EARLIER)
    .join(Making, Making.id == CertificateOrder.making_id)
    .where(CertificateOrder.id == bindparam("order_id"), CertificateOrder.state.in_(OPEN))
    .with_for_update(of=CertificateOrder, skip_locked=True)
)


@dataclass(frozen=True)
class _Stopped:
    """Why the CA could not be asked, or what it has to do first."""

    why: Standstill
    detail: str


def find_order(session: Session, application_id: int) -> CertificateOrder | None:
    """The order of a case that is alive: stored, pending or issued."""
    return session.scalars(
        select(CertificateOrder).where(
            CertificateOrder.application_id == application_id, CertificateOrder.state.in_(ALIVE)
        )
    ).one_or_none()


def lock_order(session: Session, application_id: int) -> CertificateOrder | None:
    """As `find_order`, locked; None as well while the CA is asked for it. Who asks holds the order and then wants the
    making, so whoever holds the making must not wait for the order."""
    return session.scalars(
        select(CertificateOrder)
        .where(CertificateOrder.application_id == application_id, CertificateOrder.state.in_(ALIVE))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def is_being_asked(session: Session, application_id: int) -> bool:
    """Whether the CA has been asked for a case and has not answered: what is in work for it is not ended until then.

    Whoever asks has locked what is in work before, so that nobody begins to ask meanwhile.
    """
    if find_order(session, application_id) is None:
        return False
    order = lock_order(session, application_id)
    return order is None or order.state in OPEN


def abandon_made(session: Session, application_id: int) -> None:
    """A case that came back after its key was made has lost that key: what was issued for it is not written again."""
    order = lock_order(session, application_id)
    if order is not None and order.state == "issued":
        order.state = "abandoned"
        session.flush()


def store_order(
    session: Session,
    parts: Parts,
    making: Making,
    subject: Subject,
    request: bytes,
    actor: Actor,
) -> CertificateOrder:
    """Store what will be asked for. The database holds a case to one order that is alive.

    Args:
        subject: whom the request names.
        request: PKCS #10, DER.

    Raises:
        Conflict: the enterprise holds, or has asked for, as many certificates as it may.
    """
    refuse_over_limit(session, subject.uscc, ends_id=making.ends_certificate_id)
    at, digest = now(), hashlib.sha256(request).hexdigest()
    not_before, not_after = profile_of(parts).validity_from(at)
    order = CertificateOrder(
        application_id=making.application_id,
        authority_id=making.authority_id,
        making_id=making.id,
        token_id=making.token_id,
        transaction_id=secrets.token_hex(16),
        uscc=subject.uscc,
        algorithm=making.algorithm,
        key_id=making.key_id,
        request=request,
        request_sha256=digest,
        subject=subject.name,
        not_before=not_before,
        not_after=not_after,
        ordered_at=at,
    )
    session.add(order)
    session.flush()
    audit.record(
        session,
        "certificate.ordered",
        actor,
        subject=f"certificate_order:{order.id}",
        case_id=order.application_id,
        authority_id=order.authority_id,
        after={"key_id": order.key_id, "sha256": digest, "transaction": order.transaction_id},
    )
    tasks.enqueue(session, ASK_TASK, order_id=order.id, delay_seconds=SAFETY_NET)
    return order


def refuse_over_limit(session: Session, uscc: str, *, ends_id: int | None = None) -> None:
    """Stop when an enterprise would have more valid certificates than it may, those asked for included.

    Args:
        ends_id: a certificate that ends for the new one, and so doesn't count.

    Raises:
        Conflict: it would.
    """
    lock_keys_of(session, uscc)
    counted = session.scalar(_HELD_AND_ASKED, {"uscc": uscc, "at": now(), "ends_id": ends_id or 0})
    if (counted or 0) >= LIMIT_OF_KEYS:
        raise Conflict(N_("The enterprise holds %(limit)s valid certificates, as many as it may."), limit=LIMIT_OF_KEYS)


def ask(parts: Parts, order_id: int) -> None:
    """Ask the CA for what an order names, unless it is settled, somebody is asking, or it is too early to ask again.

    What could not be settled is asked again later, by a job of the same transaction.
    """
    with asking(parts, order_id):
        pass


@contextmanager
def asking(parts: Parts, order_id: int) -> Iterator[Session]:
    """As `ask`; what follows from the CA's answer can be done in the transaction that records it."""
    with parts.work() as session:
        found = session.execute(_TO_ASK, {"order_id": order_id}).one_or_none()
        if found is not None and not is_early(found[0]):
            order, earlier = found
            answer = _answer_of_ca(session, parts, order, earlier or ())
            if isinstance(answer, Issued):
                take_issued(session, order, answer.certificate)
            else:
                _take_refusal(session, order, answer)
        yield session


def is_early(order: CertificateOrder) -> bool:
    """Whether the CA shall be left alone for a while."""
    return order.ask_again_at is not None and now() < order.ask_again_at - _EARLY


def algorithm_of(making: Making) -> Algorithm:
    """What a making's key pair is made of."""
    return Algorithm(making.algorithm)


def _answer_of_ca(
    session: Session, parts: Parts, order: CertificateOrder, earlier: Sequence[int]
) -> Issued | Pending | Rejected | _Stopped:
    """What the CA says, or why it could not be asked: certificates that end for the new one end first, never after."""
    try:
        for certificate_id in earlier:
            store_end(parts, certificate_id)
            ask_revocation(parts, certificate_id)
            in_the_way = _why_not_ended(session, certificate_id)
            if in_the_way is not None:
                return in_the_way
        return load_authority(parts).issue(_asked(order))
    except (CaUnreachable, CaMisconfigured) as trouble:
        _LOG.warning("ca_not_reached", order=order.id, problem=str(trouble))
        unreachable = isinstance(trouble, CaUnreachable)
        return _Stopped(Standstill.CA_UNREACHABLE if unreachable else Standstill.CA_MISCONFIGURED, str(trouble))


def _why_not_ended(session: Session, certificate_id: int) -> _Stopped | None:
    """Why a certificate still holds at its CA; None when it does not, or is another CA's."""
    state, asked, problem = session.execute(
        select(Certificate.state, RevocationOrder.state, RevocationOrder.last_error)
        .outerjoin(RevocationOrder, RevocationOrder.certificate_id == Certificate.id)
        .where(Certificate.id == certificate_id)
    ).one()
    if state == "valid" or asked == "rejected":
        return _Stopped(Standstill.REVOCATION_REJECTED, problem or "")
    if asked in OPEN:
        return _Stopped(Standstill.CA_UNREACHABLE if problem else Standstill.CA_PENDING, problem or "")
    return None


def _take_refusal(session: Session, order: CertificateOrder, answer: Pending | Rejected | _Stopped) -> None:
    making = session.get_one(Making, order.making_id, with_for_update=True, populate_existing=True)
    order.attempts += 1
    if isinstance(answer, _Stopped):
        order.last_error = answer.detail[:500]
        stop(making, answer.why, answer.detail)
        _later(session, order, timedelta(seconds=wait_seconds(order.attempts)))
    elif isinstance(answer, Pending):
        order.state = "pending"
        stop(making, Standstill.CA_PENDING, "")
        _later(session, order, answer.check_after)
    else:
        order.state, order.last_error, order.answered_at = "rejected", answer.reason[:500], now()
        stop(making, Standstill.CA_REJECTED, answer.reason)
        _record(session, "certificate.order_rejected", order, {"reason": answer.reason[:500]})


def _asked(order: CertificateOrder) -> IssueOrder:
    return IssueOrder(order.transaction_id, order.request, order.subject, order.not_before, order.not_after)


def _later(session: Session, order: CertificateOrder, wait: timedelta) -> None:
    order.ask_again_at = now() + wait
    tasks.enqueue(session, ASK_TASK, order_id=order.id, delay_seconds=max(1, round(wait.total_seconds())))


def _record(session: Session, action: str, order: CertificateOrder, after: dict[str, str]) -> None:
    audit.record(
        session,
        action,
        _ACTOR,
        subject=f"certificate_order:{order.id}",
        case_id=order.application_id,
        authority_id=order.authority_id,
        after={"transaction": order.transaction_id, **after},
    )
