"""The verbs of a certificate: it is registered when it was issued, and ends by being revoked or replaced.

A record is never removed. Whoever signed in with a certificate is signed out when it ends.
"""

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant
from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.kernel.db import scope_of
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.keys.revocation import RevocationReason
from workbench.keys.subject import read_subject

END_TASK: Final = "end_certificate"
"""Asks the CA to end a certificate that has ended on our records; the room that speaks with CAs has the task."""
MAX_REASON: Final = 500
"""Characters; the reason is read by the holder on a phone."""
_LONGEST_KEY_NUMBER: Final = 100


def valid_on(token_id: int) -> Select[int]:
    """The certificates on a token that have not been ended, expired ones among them."""
    return select(Certificate.id).where(Certificate.token_id == token_id, Certificate.state == "valid")


def register_certificate(
    session: Session,
    certificate: x509.Certificate,
    *,
    key_number: str,
    holder_name: str,
    uscc: str,
    enterprise_name: str,
    authority_id: int | None,
    application_id: int | None,
    actor: Actor,
    replaces_id: int | None = None,
    token_id: int | None = None,
    algorithm: str | None = None,
) -> Certificate:
    """Record a certificate that was issued on an e-key; it opens doors from then on.

    Args:
        session: one that reaches everything, because the limit counts across authorities.
        key_number: what is printed on the key.
        authority_id: who hands the key over; None for keys of the old system.
        application_id: the case that asked for it, if one did.
        replaces_id: the certificate that ends as this one begins, as in a renewal.
        token_id: the token it is for; None for keys that were made elsewhere.
        algorithm: the profile it was made by, where that is known.

    Raises:
        NotAllowed: the session reaches one authority only.
        Invalid: code or key number cannot stand, or the certificate names another enterprise.
        Conflict: it is registered already, or the enterprise holds as many as it may (DOMAIN: at most 3).
        NotFound: there is no certificate `replaces_id`.
    """
    code, number = normalise_uscc(uscc), key_number.strip()
    _check(session, certificate, code, number)
    lock_keys_of(session, code)
    digest, at = digest_of(certificate), now()
    if session.scalar(select(Certificate.id).where(Certificate.sha256 == digest)) is not None:
        raise Conflict(N_("This certificate is registered already."))
    if replaces_id is not None:
        _hand_account_on(session, replaces_id, number, digest)
        _end(session, replaces_id, "replaced", number, actor)  # the key that bears its successor
    if certificate.not_valid_after_utc > at:
        _check_limit(session, code)
    record = read_certificate(certificate)
    record.uscc, record.key_number, record.token_id, record.algorithm = code, number, token_id, algorithm
    record.enterprise_name, record.holder_name = enterprise_name.strip(), holder_name.strip()
    record.authority_id, record.application_id = authority_id, application_id
    session.add(record)
    session.flush()
    _record_whole(session, "certificate.registered", actor, record)
    return record


def read_certificate(certificate: x509.Certificate) -> Certificate:
    """A valid record of what a certificate says of itself; whose key it is on, and which case asked, is not in it."""
    named, at = read_subject(certificate), now()
    return Certificate(
        sha256=digest_of(certificate),
        serial=format(certificate.serial_number, "X"),
        issuer=certificate.issuer.rfc4514_string(),
        subject=certificate.subject.rfc4514_string(),
        uscc=named.uscc,
        enterprise_name=named.enterprise_name,
        holder_name=named.holder_name,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        state="valid",
        state_since=at,
        registered_at=at,
        certificate=certificate.public_bytes(Encoding.DER),
    )


def _hand_account_on(session: Session, replaced_id: int, key_number: str, digest: str) -> None:
    """Whoever signed in with a certificate goes on with the one that takes its place on the same key: the renewal that
    is being followed there stays in reach, and so do earlier cases."""
    replaced = select(Certificate.sha256).where(Certificate.id == replaced_id, Certificate.key_number == key_number)
    session.execute(
        update(Applicant)
        .where(Applicant.certificate_sha256 == replaced.scalar_subquery())
        .values(certificate_sha256=digest)
        .execution_options(synchronize_session=False)
    )


def lock_keys_of(session: Session, uscc: str) -> None:
    """Let nobody else count or add keys of this enterprise until the transaction ends: two who counted at once would
    both find room for one more."""
    key = {"key": f"keys:{normalise_uscc(uscc)}"}
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def revoke(
    session: Session,
    certificate_id: int,
    words: str,
    actor: Actor,
    *,
    reason: RevocationReason = RevocationReason.UNSPECIFIED,
) -> Certificate:
    """End a certificate for good and sign out whoever came in with it. Its CA is asked to end it after the commit.

    Args:
        words: what our record and the holder are told.
        reason: what the CA is told and publishes.

    Raises:
        NotFound: no such certificate inside the session's authorities.
        Invalid: no reason was given, or one too long to be read by the holder.
        Conflict: it has ended before.
    """
    record = _end(session, certificate_id, "revoked", words, actor)
    record.revocation_reason = reason.value
    session.flush()
    tasks.enqueue(session, END_TASK, certificate_id=record.id)
    return record


def digest_of(certificate: x509.Certificate) -> str:
    """How a certificate is known: SHA-256 over its DER form, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _check(session: Session, certificate: x509.Certificate, code: str, number: str) -> None:
    if not scope_of(session).everything:
        raise NotAllowed(N_("Certificates are registered by the vendor."))
    if uscc_problem(code) is not None or not 0 < len(number) <= _LONGEST_KEY_NUMBER:
        raise Invalid(N_("A certificate needs the enterprise's code and the number printed on its key."))
    if read_subject(certificate).uscc != code:
        raise Invalid(N_("This certificate names another enterprise."))


def _check_limit(session: Session, code: str) -> None:
    valid = (Certificate.uscc == code, Certificate.state == "valid", Certificate.not_after > now())
    if (session.scalar(select(func.count()).select_from(Certificate).where(*valid)) or 0) >= LIMIT_OF_KEYS:
        raise Conflict(N_("The enterprise holds %(limit)s valid certificates, as many as it may."), limit=LIMIT_OF_KEYS)


def lock_certificate(session: Session, certificate_id: int) -> Certificate:
    """A certificate as it is now, locked against other writers.

    Raises:
        NotFound: none inside the session's reach.
    """
    record = session.scalars(
        select(Certificate)
        .where(Certificate.id == certificate_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if record is None:
        raise NotFound(N_("There is no such certificate."))
    return record


def _end(session: Session, certificate_id: int, state: str, reason: str, actor: Actor) -> Certificate:
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise Invalid(N_("Say why the certificate ends, in at most %(limit)s characters."), limit=MAX_REASON)
    record = lock_certificate(session, certificate_id)
    if record.state != "valid":
        raise Conflict(N_("This certificate has ended before."))
    record.state, record.state_reason, record.state_since = state, reason, now()
    session.execute(
        update(Applicant)
        .where(Applicant.certificate_sha256 == record.sha256)
        .values(session_epoch=Applicant.session_epoch + 1)
    )
    session.flush()
    _record_whole(session, f"certificate.{state}", actor, record)
    return record


def _record_whole(session: Session, action: str, actor: Actor, certificate: Certificate) -> None:
    told = {"code": certificate.uscc, "reason": certificate.state_reason}
    record_certificate(session, action, actor, certificate, **told)


def record_certificate(session: Session, action: str, actor: Actor, certificate: Certificate, **told: object) -> None:
    """Record an act on a certificate; its number and hash are recorded, its content is not."""
    audit.record(
        session,
        action,
        actor,
        subject=f"certificate:{certificate.id}",
        case_id=certificate.application_id,
        authority_id=certificate.authority_id,
        after={"key_number": certificate.key_number, "sha256": certificate.sha256, **told},
    )
