"""Whether a certificate that was presented opens the door: issued by one of ours, for this use, in its time, on our
records, not ended, and naming the enterprise we have on record. Every refusal says what happened and what to do.

That the other side holds the private key was proven by the TLS handshake; nothing here can make up for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from workbench.keys.models import Certificate
from workbench.keys.service import digest_of
from workbench.keys.subject import read_subject

T = TypeVar("T", bound=x509.ExtensionType)
_OUTWORN: Final = (hashes.MD5, hashes.SHA1)
"""Under these a second certificate with the same signature can be made."""
_USES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class Standing(StrEnum):
    """What a certificate is found to be. Only a good one opens the door."""

    GOOD = "good"
    NOT_OURS = "not_ours"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    REPLACED = "replaced"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    OTHER_ENTERPRISE = "other_enterprise"


@dataclass(frozen=True)
class Verdict:
    """What was found, with our record of the certificate where it is one of ours."""

    standing: Standing
    certificate: x509.Certificate
    record: Certificate | None = None

    @property
    def opens(self) -> bool:
        """Whether the holder may come in."""
        return self.standing is Standing.GOOD


def load_authorities(path: Path | None) -> tuple[x509.Certificate, ...]:
    """The issuing authorities an installation trusts; none where none is configured.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no certificates.
    """
    return tuple(x509.load_pem_x509_certificates(path.read_bytes())) if path is not None else ()


def judge(
    certificate: x509.Certificate,
    authorities: Sequence[x509.Certificate],
    at: datetime,
    find: Callable[[str], Certificate | None],
) -> Verdict:
    """Judge a certificate whose holder proved to have its private key.

    Args:
        authorities: those that issue for e-keys, each itself; an authority above them vouches for nobody here.
        at: the instant for which to judge, aware.
        find: our record by SHA-256, in hexadecimal.
    """
    if not _is_for_signing_in(certificate) or not any(_issued(each, certificate, at) for each in authorities):
        return Verdict(Standing.NOT_OURS, certificate)
    record = find(digest_of(certificate))
    return Verdict(_standing(certificate, record, at), certificate, record)


def _standing(certificate: x509.Certificate, record: Certificate | None, at: datetime) -> Standing:
    if record is None:
        return Standing.UNKNOWN
    if record.state != "valid":
        return Standing(record.state)
    if at < certificate.not_valid_before_utc:
        return Standing.NOT_YET_VALID
    if at > certificate.not_valid_after_utc:
        return Standing.EXPIRED
    return Standing.GOOD if read_subject(certificate).uscc == record.uscc else Standing.OTHER_ENTERPRISE


def _issued(authority: x509.Certificate, certificate: x509.Certificate, at: datetime) -> bool:
    """Whether this authority signed the certificate and may do so."""
    if isinstance(certificate.signature_hash_algorithm, _OUTWORN) or not _may_issue(authority, at):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(authority: x509.Certificate, at: datetime) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = _find_extension(authority, x509.KeyUsage)
    except (ValueError, x509.ExtensionNotFound):
        return False
    in_time = authority.not_valid_before_utc <= at <= authority.not_valid_after_utc
    return in_time and constraints.ca and (usage is None or usage.key_cert_sign)


def _is_for_signing_in(certificate: x509.Certificate) -> bool:
    """Where a certificate says what it is for, signing in must be among it; what it marks critical must be known."""
    try:
        constraints = _find_extension(certificate, x509.BasicConstraints)
        usage = _find_extension(certificate, x509.KeyUsage)
        purposes = _find_extension(certificate, x509.ExtendedKeyUsage)
        strange = any(
            each.critical and isinstance(each.value, x509.UnrecognizedExtension) for each in certificate.extensions
        )
    except ValueError:
        return False
    return (
        not strange
        and not (constraints is not None and constraints.ca)
        and (usage is None or usage.digital_signature)
        and (purposes is None or not _USES.isdisjoint(purposes))
    )


def _find_extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
