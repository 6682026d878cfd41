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

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from workbench.kernel.certificates import read_extensions, read_pem
from workbench.keys.models import Certificate
from workbench.keys.service import digest_of
from workbench.keys.subject import read_subject

T = TypeVar("T", bound=x509.ExtensionType)
VerifySm2 = Callable[[bytes, bytes, bytes], bool]
"""Whether, by a public key (DER), a message was signed so with SM2 and SM3, which the library here can't tell."""
_OUTWORN: Final = (hashes.MD5, hashes.SHA1)
"""Under these a second certificate with the same signature can be made."""
_SM2_WITH_SM3: Final = ObjectIdentifier("1.2.156.10197.1.501")
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
    return tuple(read_pem(path.read_bytes())) if path is not None else ()


def judge(
    certificate: x509.Certificate,
    authorities: Sequence[x509.Certificate],
    at: datetime,
    find: Callable[[str], Certificate | None],
    verify_sm2: VerifySm2 | None = None,
) -> Verdict:
    """Judge a certificate whose holder proved to have its private key.

    Args:
        authorities: those that issue for e-keys, each itself; an authority above them vouches for nobody here.
        at: the instant for which to judge, aware.
        find: our record by SHA-256, in hexadecimal.
        verify_sm2: without it, no certificate that was signed with SM2 is one of ours.
    """
    issued = any(
        _may_issue(each, at)
        and (_issued(each, certificate) or (verify_sm2 is not None and _issued_by_sm2(each, certificate, verify_sm2)))
        for each in (authorities if _is_for_signing_in(certificate) else ())
    )
    if not issued:
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


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether this authority signed the certificate, in a way that the library checks."""
    try:
        if isinstance(certificate.signature_hash_algorithm, _OUTWORN):
            return False
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _issued_by_sm2(authority: x509.Certificate, certificate: x509.Certificate, verify: VerifySm2) -> bool:
    """Whether this authority signed the certificate with SM2."""
    try:
        if certificate.signature_algorithm_oid != _SM2_WITH_SM3 or certificate.issuer != authority.subject:
            return False
    except ValueError:
        return False
    key = asn1.Certificate.load(authority.public_bytes(Encoding.DER)).public_key.dump()
    return verify(key, certificate.tbs_certificate_bytes, certificate.signature)


def _may_issue(authority: x509.Certificate, at: datetime) -> bool:
    try:
        extensions = read_extensions(authority)
    except ValueError:
        return False
    constraints = _find_extension(extensions, x509.BasicConstraints)
    usage = _find_extension(extensions, x509.KeyUsage)
    in_time = authority.not_valid_before_utc <= at <= authority.not_valid_after_utc
    return in_time and constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def _is_for_signing_in(certificate: x509.Certificate) -> bool:
    """Where a certificate says what it is for, signing in must be among it; what it marks critical must be known."""
    try:
        extensions = read_extensions(certificate)
    except ValueError:
        return False
    constraints = _find_extension(extensions, x509.BasicConstraints)
    usage = _find_extension(extensions, x509.KeyUsage)
    purposes = _find_extension(extensions, x509.ExtendedKeyUsage)
    strange = any(each.critical and isinstance(each.value, x509.UnrecognizedExtension) for each in extensions)
    return (
        not strange
        and not (constraints is not None and constraints.ca)
        and (usage is None or usage.digital_signature)
        and (purposes is None or not _USES.isdisjoint(purposes))
    )


def _find_extension(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
