"""Answers to strangers who ask whether a certificate of the embedded authority still holds (RFC 6960).

Questions are read by a parser that was written for hostile bytes; what it refuses, or asks for several certificates at
once, is malformed. A certificate of another authority is nobody's business here: unauthorized.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from asn1crypto.x509 import Certificate as ReadCertificate
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from workbench.kernel.certificates import read_der
from workbench.kernel.clock import now
from workbench.production.ca.connector import RevocationReason
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.production.ca.foundation import Responder
from workbench.production.ca.register import Entry

LIFE: Final = timedelta(hours=1)
"""After this an answer must not be relied on any more."""
LONGEST_QUESTION: Final = 4096
"""Bytes; one certificate is asked for in about a hundred."""
LONGEST_NONCE: Final = 128
"""Bytes (RFC 9654 2.1)."""
_REASONS: Final = {
    RevocationReason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    RevocationReason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    RevocationReason.SUPERSEDED: x509.ReasonFlags.superseded,
    RevocationReason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
}
_HASHES: Final = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True)
class Answer:
    """What is sent back, DER. It may be kept by caches until `until`; not at all where that is None."""

    content: bytes
    until: datetime | None = None


def answer(untrusted: bytes, authorities: Iterable[EmbeddedAuthority]) -> Answer:
    """The answer to a question (DER OCSPRequest)."""
    try:
        question = ocsp.load_der_ocsp_request(untrusted)
        algorithm, serial, nonce = question.hash_algorithm, question.serial_number, _nonce(question)
        named = (question.issuer_name_hash, question.issuer_key_hash)
    except (ValueError, NotImplementedError, UnsupportedAlgorithm):
        return _failing(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    for authority in authorities if isinstance(algorithm, _HASHES) else ():
        responder = authority.foundation.responder
        if responder is not None and named == _hashes_of(authority.foundation.issuing, algorithm):
            builder, until = _told(authority.find_entry(serial), named, serial, algorithm)
            return _signed(builder, responder, nonce, until)
    return _failing(ocsp.OCSPResponseStatus.UNAUTHORIZED)


def _signed(
    builder: ocsp.OCSPResponseBuilder, responder: Responder, nonce: x509.OCSPNonce | None, until: datetime
) -> Answer:
    certificate = read_der(responder.certificate)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).certificates([certificate])
    if nonce is not None:
        builder = builder.add_extension(nonce, critical=False)
    content = builder.sign(responder.private_key, hashes.SHA256()).public_bytes(Encoding.DER)
    return Answer(content, until if nonce is None else None)


def _told(
    entry: Entry | None, named: tuple[bytes, bytes], serial: int, algorithm: hashes.HashAlgorithm
) -> tuple[ocsp.OCSPResponseBuilder, datetime]:
    """What the register says, as the answer says it, and until when."""
    if entry is None:
        status = ocsp.OCSPCertStatus.UNKNOWN
    else:
        status = ocsp.OCSPCertStatus.REVOKED if entry.revoked_at else ocsp.OCSPCertStatus.GOOD
    at = now().replace(microsecond=0)
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=named[0],
        issuer_key_hash=named[1],
        serial_number=serial,
        algorithm=algorithm,
        cert_status=status,
        this_update=at,
        next_update=at + LIFE,
        revocation_time=entry.revoked_at if entry else None,
        revocation_reason=_REASONS.get(entry.reason) if entry and entry.reason else None,
    )
    return builder, at + LIFE


def _nonce(question: ocsp.OCSPRequest) -> x509.OCSPNonce | None:
    """What ties the answer to the question, where the question brought it."""
    try:
        nonce = question.extensions.get_extension_for_class(x509.OCSPNonce).value
    except x509.ExtensionNotFound:
        return None
    if not 0 < len(nonce.nonce) <= LONGEST_NONCE:
        raise ValueError("a nonce of this length is none")
    return nonce


def _hashes_of(issuing: bytes, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """How a question names this issuer: its name and its key's bits, hashed."""
    certificate = ReadCertificate.load(issuing)
    key_bits = certificate.public_key["public_key"].contents[1:]  # behind the number of unused bits
    return _hash(certificate.subject.dump(), algorithm), _hash(key_bits, algorithm)


def _hash(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _failing(status: ocsp.OCSPResponseStatus) -> Answer:
    return Answer(ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER))
