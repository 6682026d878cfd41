"""Certificates that the configured CA has issued without a bench, for tests of what happens to them on record."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from tests.support.applicant import a_code
from tests.support.casework import SYSTEM
from tests.support.certificates import issue, trial_authority
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import ago, now
from workbench.kernel.outbox import OutboxMessage
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.service import register_certificate
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import Issued, IssueOrder
from workbench.production.ca.profile import subject_of
from workbench.production.subjects import profile_of

NAME = "示例远航进出口有限公司"
HOLDER = "示例甲"


def certify(
    parts: Parts,
    key_number: str = "K-1",
    *,
    uscc: str = "",
    name: str = NAME,
    holder: str = HOLDER,
    authority_id: int | None = None,
    application_id: int | None = None,
    lasts: timedelta = timedelta(days=700),
) -> int:
    """A certificate of an enterprise for a key nobody has, issued now and put on record; returns its id."""
    code = uscc or a_code()
    subject = subject_of(profile_of(parts), name, code, holder)
    request = x509.CertificateSigningRequestBuilder(x509.Name.from_bytes(subject)).sign(
        _new_key(parts.settings.key_algorithm), SHA256()
    )
    order = IssueOrder(
        secrets.token_hex(16), request.public_bytes(Encoding.DER), subject, ago(minutes=5), now() + lasts
    )
    answer = load_authority(parts).issue(order)
    assert isinstance(answer, Issued), answer
    with parts.work() as session:
        return register_certificate(
            session,
            x509.load_der_x509_certificate(answer.certificate),
            key_number=key_number,
            holder_name=holder,
            uscc=code,
            enterprise_name=name,
            authority_id=authority_id,
            application_id=application_id,
            actor=SYSTEM,
            algorithm=parts.settings.key_algorithm,
        ).id


def _new_key(algorithm: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if algorithm == "rsa-2048":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def record_of(parts: Parts, certificate_id: int) -> Certificate:
    """A certificate's record as it stands."""
    with parts.work() as session:
        return session.get_one(Certificate, certificate_id)


def mails(parts: Parts, about: str = "certificate:") -> Sequence[OutboxMessage]:
    """The e-mails whose event begins so, oldest first."""
    with parts.work() as session:
        return session.scalars(
            select(OutboxMessage).where(OutboxMessage.event.startswith(about)).order_by(OutboxMessage.id)
        ).all()


def told_of(parts: Parts, certificate_id: int) -> list[str]:
    """What the audit log says was done to a certificate, in order."""
    with parts.work() as session:
        entries = select(AuditEntry.action).where(AuditEntry.subject == f"certificate:{certificate_id}")
        return list(session.scalars(entries.order_by(AuditEntry.seq)))


def certify_elsewhere(parts: Parts, folder: Path, days: int, number: int = 8) -> int:
    """A certificate of another CA, as the old system had them, which ends so many days from now; returns its id."""
    key = issue(
        trial_authority(folder / "old"),
        folder / "old-keys",
        uscc=a_code(number),
        not_before=ago(days=400),
        not_after=now() + timedelta(days=days),
    )
    with parts.work() as session:
        return register_certificate(
            session,
            key.issued.certificate,
            key_number=f"OLD-{number}",
            holder_name=HOLDER,
            uscc=a_code(number),
            enterprise_name="示例旧系统公司",
            authority_id=None,
            application_id=None,
            actor=SYSTEM,
        ).id
