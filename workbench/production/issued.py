"""Taking what the CA issued: onto our records as it is, or, where it is not what was asked for, to its end at once."""

from typing import Final
from unicodedata import normalize

from asn1crypto import csr
from asn1crypto import x509 as asn1
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import audit, tasks
from workbench.kernel.certificates import read_der
from workbench.kernel.clock import now
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import system_actor
from workbench.keys.models import Certificate, Token
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import END_TASK, digest_of, read_certificate, register_certificate
from workbench.keys.subject import Subject, read_subject
from workbench.production.faults import Standstill
from workbench.production.models import CertificateOrder, Making
from workbench.production.renewal_ending import end_renewal
from workbench.production.standing import go_on, stop

_ACTOR: Final = system_actor("production")


def take_issued(session: Session, order: CertificateOrder, der: bytes) -> None:
    """Register the certificate (DER) that the CA issued for an order, or end it because it is not what was asked for.

    The order is locked; its making is locked here, for the rest of the transaction.

    Raises:
        ValueError: this is no certificate.
    """
    certificate = read_der(der)
    making, application, serial = session.execute(
        select(Making, Application, Token.serial)
        .join(Application, Application.id == Making.application_id)
        .join(Token, Token.id == Making.token_id)
        .where(Making.id == order.making_id)
        .with_for_update(of=Making)
        .execution_options(populate_existing=True)
    ).one()
    named = read_subject(certificate)
    problem = _problem_with(der, certificate, named, order, application)
    if problem is None:
        try:
            with session.begin_nested():
                record = _register(session, order, making, serial, certificate, named)
        except WorkbenchError as refusal:
            problem = str(refusal)
    order.attempts, order.answered_at = order.attempts + 1, now()
    if problem is not None:
        _refuse_issued(session, order, making, serial, certificate, problem)
        return
    order.state, order.certificate_id, order.last_error = "issued", record.id, None
    making.step = "seal"
    go_on(making)


def _register(
    session: Session,
    order: CertificateOrder,
    making: Making,
    serial: str,
    certificate: x509.Certificate,
    named: Subject,
) -> Certificate:
    renewed = making.ends_certificate_id if making.ends_because is None else None
    return register_certificate(
        session,
        certificate,
        key_number=serial,
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
    der: bytes, certificate: x509.Certificate, named: Subject, order: CertificateOrder, application: Application
) -> str | None:
    """Why a certificate that the CA issued is not the one that was asked for."""
    key = asn1.Certificate.load(der)["tbs_certificate"]["subject_public_key_info"].dump()
    asked = csr.CertificationRequest.load(order.request)["certification_request_info"]["subject_pk_info"].dump()
    if key != asked:
        return "it is for another key"
    if (named.uscc, named.enterprise_name) != (application.uscc, normalize("NFC", application.enterprise_name).strip()):
        return "it names somebody else"
    if not certificate.not_valid_before_utc <= now() < certificate.not_valid_after_utc:
        return "it is not valid now"
    return None


def _refuse_issued(
    session: Session,
    order: CertificateOrder,
    making: Making,
    serial: str,
    certificate: x509.Certificate,
    problem: str,
) -> None:
    """A certificate that can't be used is put on record, ended at once, and its order is dead. One that is on record
    already is another key's, and stays as it is."""
    order.state, order.last_error = "abandoned", problem[:500]
    known = select(Certificate.id).where(Certificate.sha256 == digest_of(certificate))
    if session.scalar(known) is None:
        record = _ended_record(order, serial, certificate, problem[:500])
        session.add(record)
        session.flush()
        order.certificate_id = record.id
        tasks.enqueue(session, END_TASK, certificate_id=record.id)
    stop(making, Standstill.CERTIFICATE_REFUSED, problem)
    if _is_of_revoked(session, making):
        end_renewal(session, _ACTOR, making.application_id, making, problem)
    audit.record(
        session,
        "certificate.refused",
        _ACTOR,
        subject=f"certificate_order:{order.id}",
        case_id=order.application_id,
        authority_id=order.authority_id,
        after={"transaction": order.transaction_id, "reason": problem},
    )


def _is_of_revoked(session: Session, making: Making) -> bool:
    """Whether this is the renewal of a certificate that somebody has revoked meanwhile."""
    if making.state != "open" or making.maker_id is not None or making.ends_certificate_id is None:
        return False
    return session.scalar(select(Certificate.state).where(Certificate.id == making.ends_certificate_id)) == "revoked"


def _ended_record(order: CertificateOrder, serial: str, certificate: x509.Certificate, reason: str) -> Certificate:
    record = read_certificate(certificate)
    record.uscc, record.key_number = order.uscc, serial
    record.authority_id, record.application_id = order.authority_id, order.application_id
    record.token_id, record.algorithm = order.token_id, order.algorithm
    record.state, record.state_reason = "revoked", reason
    record.revocation_reason = RevocationReason.CESSATION_OF_OPERATION.value
    return record
