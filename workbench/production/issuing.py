"""Asking the CA for a certificate: by what was stored before, until it is issued or refused, and never twice.

The row of the order is locked for as long as the asking takes, so one process asks at a time; whoever dies in between
leaves the order as it was, and the next asking carries the same transaction id.
"""

import secrets
from datetime import timedelta
from typing import Final
from unicodedata import normalize

import structlog
from asn1crypto import csr
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, WorkbenchError
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate, Token
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.keys.service import digest_of, lock_keys_of, register_certificate
from workbench.keys.subject import Subject, read_subject
from workbench.production.algorithms import Algorithm
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
    RevocationReason,
)
from workbench.production.faults import Standstill
from workbench.production.models import CertificateOrder, Making, RevocationOrder
from workbench.production.revoking import ask_for_end, wait_seconds
from workbench.production.subjects import profile_of, subject_for

ASK_TASK: Final = "ask_for_certificate"
SAFETY_NET: Final = 5
"""Seconds after which the worker asks, if whoever stored the order has not."""
OPEN: Final = ("stored", "pending")
ALIVE: Final = ("stored", "pending", "issued")
_EARLY: Final = timedelta(milliseconds=500)
"""A job may come so much before its time; one that comes earlier was overtaken by another asking."""
_LOG = structlog.get_logger("production")
_ACTOR: Final = system_actor("production")


def find_order(session: Session, application_id: int) -> CertificateOrder | None:
    """The order of a case that is alive: stored, pending or issued."""
    return session.scalars(
        select(CertificateOrder).where(
            CertificateOrder.application_id == application_id, CertificateOrder.state.in_(ALIVE)
        )
    ).one_or_none()


def store_order(
    session: Session, parts: Parts, making: Making, application: Application, request: bytes, sha256: str, actor: Actor
) -> CertificateOrder:
    """Store what will be asked for. The database holds a case to one order that is alive.

    Raises:
        Conflict: the enterprise holds, or has asked for, as many certificates as it may.
    """
    refuse_over_limit(session, application.uscc, ends_id=making.ends_certificate_id)
    not_before, not_after = profile_of(parts).validity_from(now())
    order = CertificateOrder(
        application_id=making.application_id,
        authority_id=making.authority_id,
        making_id=making.id,
        token_id=making.token_id,
        transaction_id=secrets.token_hex(16),
        uscc=application.uscc,
        algorithm=making.algorithm,
        key_id=making.key_id,
        request=request,
        request_sha256=sha256,
        subject=subject_for(session, parts, application),
        not_before=not_before,
        not_after=not_after,
        ordered_at=now(),
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
        after={"key_id": order.key_id, "sha256": sha256, "transaction": order.transaction_id},
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
    held = session.scalar(
        select(func.count())
        .select_from(Certificate)
        .where(
            Certificate.uscc == uscc,
            Certificate.state == "valid",
            Certificate.not_after > now(),
            Certificate.id != (ends_id or 0),
        )
    )
    asked = session.scalar(
        select(func.count())
        .select_from(CertificateOrder)
        .where(CertificateOrder.uscc == uscc, CertificateOrder.state.in_(OPEN))
    )
    if (held or 0) + (asked or 0) >= LIMIT_OF_KEYS:
        raise Conflict(N_("The enterprise holds %(limit)s valid certificates, as many as it may."), limit=LIMIT_OF_KEYS)


def ask(parts: Parts, order_id: int) -> None:
    """Ask the CA for what an order names, unless it is settled, somebody is asking, or it is too early to ask again.

    What could not be settled is asked again later, by a job of the same transaction.
    """
    with parts.work() as session:
        order = session.scalars(
            select(CertificateOrder)
            .where(CertificateOrder.id == order_id, CertificateOrder.state.in_(OPEN))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if order is None:
            return
        if order.ask_again_at is not None and now() < order.ask_again_at - _EARLY:
            return
        if not _old_one_has_ended(session, session.get_one(Making, order.making_id)):
            _later(session, order, timedelta(seconds=1))
            return
        order.attempts += 1
        try:
            answer: Issued | Pending | Rejected | Standstill = load_authority(parts).issue(_asked(order))
        except (CaUnreachable, CaMisconfigured) as trouble:
            _LOG.warning("ca_not_reached", order=order.id, problem=str(trouble))
            order.last_error = str(trouble)[:500]
            unreachable = isinstance(trouble, CaUnreachable)
            answer = Standstill.CA_UNREACHABLE if unreachable else Standstill.CA_MISCONFIGURED
        making = session.get_one(Making, order.making_id, with_for_update=True, populate_existing=True)
        if isinstance(answer, Standstill):
            stop(making, answer, order.last_error or "")
            _later(session, order, timedelta(seconds=wait_seconds(order.attempts)))
        elif isinstance(answer, Pending):
            order.state = "pending"
            stop(making, Standstill.CA_PENDING, "")
            _later(session, order, answer.check_after)
        elif isinstance(answer, Rejected):
            order.state, order.last_error, order.answered_at = "rejected", answer.reason[:500], now()
            stop(making, Standstill.CA_REJECTED, answer.reason)
            _record(session, "certificate.order_rejected", order, {"reason": answer.reason[:500]})
        else:
            _take_issued(session, parts, order, making, answer.certificate)


def algorithm_of(making: Making) -> Algorithm:
    """What a making's key pair is made of."""
    return Algorithm(making.algorithm)


def stop(making: Making, fault: str, detail: str) -> None:
    """Say on a making why it stands still."""
    making.fault, making.fault_detail, making.faulted_at = str(fault), detail[:500] or None, now()


def go_on(making: Making) -> None:
    """Take the reason for standing still away."""
    making.fault = making.fault_detail = making.faulted_at = None


def _take_issued(session: Session, parts: Parts, order: CertificateOrder, making: Making, der: bytes) -> None:
    certificate = x509.load_der_x509_certificate(der)
    application = session.get_one(Application, order.application_id)
    named = read_subject(certificate)
    order.answered_at, order.last_error = now(), None
    problem = _problem_with(der, certificate, order, application)
    if problem is None:
        try:
            with session.begin_nested():
                record = _register(session, order, making, certificate, named)
        except WorkbenchError as refusal:
            problem = str(refusal)
    if problem is not None:
        _refuse_issued(session, parts, order, making, certificate, problem)
        return
    order.state, order.certificate_id = "issued", record.id
    making.step = "seal"
    go_on(making)


def _register(
    session: Session, order: CertificateOrder, making: Making, certificate: x509.Certificate, named: Subject
) -> Certificate:
    renewed = making.ends_certificate_id if making.ends_because is None else None
    return register_certificate(
        session,
        certificate,
        key_number=session.get_one(Token, order.token_id).serial,
        holder_name=named.holder_name,
        uscc=order.uscc,
        enterprise_name=named.enterprise_name,
        authority_id=order.authority_id,
        application_id=order.application_id,
        actor=_ACTOR,
        replaces_id=renewed,
        token_id=order.token_id,
        algorithm=order.algorithm,
    )


def _problem_with(
    der: bytes, certificate: x509.Certificate, order: CertificateOrder, application: Application
) -> str | None:
    """Why a certificate that the CA issued is not the one that was asked for."""
    key = asn1.Certificate.load(der)["tbs_certificate"]["subject_public_key_info"].dump()
    asked = csr.CertificationRequest.load(order.request)["certification_request_info"]["subject_pk_info"].dump()
    if key != asked:
        return "it is for another key"
    named = read_subject(certificate)
    if (named.uscc, named.enterprise_name) != (application.uscc, normalize("NFC", application.enterprise_name).strip()):
        return "it names somebody else"
    if not certificate.not_valid_before_utc <= now() < certificate.not_valid_after_utc:
        return "it is not valid now"
    return None


def _refuse_issued(
    session: Session,
    parts: Parts,
    order: CertificateOrder,
    making: Making,
    certificate: x509.Certificate,
    problem: str,
) -> None:
    """A certificate that can't be used is put on record, ended at once, and its order is dead."""
    order.state, order.last_error = "abandoned", problem[:500]
    at = now()
    record = Certificate(
        sha256=digest_of(certificate),
        serial=format(certificate.serial_number, "X"),
        issuer=certificate.issuer.rfc4514_string(),
        subject=certificate.subject.rfc4514_string(),
        uscc=order.uscc,
        enterprise_name=read_subject(certificate).enterprise_name,
        holder_name=read_subject(certificate).holder_name,
        key_number=session.get_one(Token, order.token_id).serial,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        state="revoked",
        state_reason=problem[:500],
        state_since=at,
        authority_id=order.authority_id,
        application_id=order.application_id,
        registered_at=at,
        token_id=order.token_id,
        algorithm=order.algorithm,
        revocation_reason=RevocationReason.CESSATION_OF_OPERATION.value,
    )
    record.certificate = certificate.public_bytes(Encoding.DER)
    session.add(record)
    session.flush()
    order.certificate_id = record.id
    ask_for_end(session, parts, record, RevocationReason.CESSATION_OF_OPERATION, _ACTOR)
    stop(making, Standstill.CERTIFICATE_REFUSED, problem)
    _record(session, "certificate.refused", order, {"reason": problem})


def _old_one_has_ended(session: Session, making: Making) -> bool:
    """Whether the certificate that ends for a replacement has ended, at its CA too: before the new one, never after."""
    if making.ends_certificate_id is None or making.ends_because is None:
        return True
    old = session.get_one(Certificate, making.ends_certificate_id)
    return old.state != "valid" and not end_is_open(session, old.id)


def end_is_open(session: Session, certificate_id: int) -> bool:
    """Whether the CA still has to end a certificate."""
    state = session.scalar(select(RevocationOrder.state).where(RevocationOrder.certificate_id == certificate_id))
    return state is not None and state != "done"


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
