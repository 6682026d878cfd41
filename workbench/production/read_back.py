"""Holding what stands on a token against what should: the proof that a key works before anything says it is made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from asn1crypto import x509 as asn1

from workbench.kernel.certificates import read_der
from workbench.keys.subject import Subject, read_subject
from workbench.production import signatures
from workbench.production.algorithms import Algorithm


class Difference(StrEnum):
    """In what a token may differ from the order."""

    SERIAL = "serial"
    CERTIFICATE = "certificate"
    SUBJECT = "subject"
    VALIDITY = "validity"
    PUBLIC_KEY = "public_key"
    SIGNATURE = "signature"
    SEAL = "seal"
    KEY_NOT_BOUND = "key_not_bound"
    ENDED = "ended"


@dataclass(frozen=True)
class Expected:
    """What should stand on the token: bytes as they were written, and whose key it is by the case."""

    serial: str
    certificate: bytes
    subject: Subject
    seal: bytes | None
    algorithm: Algorithm
    challenge: bytes


@dataclass(frozen=True)
class Found:
    """What was read from the token, as `tokens.driver.ReadBack` has it."""

    serial: str
    certificate: bytes | None
    public_key: bytes
    signature: bytes
    seal: bytes | None
    key_is_bound: bool


def differences(expected: Expected, found: Found, at: datetime) -> list[Difference]:
    """In what the token differs; none means that it is the right one, whole, and its key signs.

    Args:
        at: the instant at which the certificate must be valid, aware.
    """
    differing = []
    if found.serial != expected.serial:
        differing.append(Difference.SERIAL)
    if found.certificate != expected.certificate:
        differing.append(Difference.CERTIFICATE)
    differing += _of_certificate(expected, found, at)
    if not signatures.verify(found.public_key, expected.algorithm, expected.challenge, found.signature):
        differing.append(Difference.SIGNATURE)
    if found.seal != expected.seal:
        differing.append(Difference.SEAL)
    if not found.key_is_bound:
        differing.append(Difference.KEY_NOT_BOUND)
    return differing


def _of_certificate(expected: Expected, found: Found, at: datetime) -> list[Difference]:
    """What the certificate that was read says, rather than what we remember of the one that was written."""
    try:
        read = read_der(found.certificate or b"")
        key = asn1.Certificate.load(found.certificate or b"", strict=True)["tbs_certificate"]["subject_public_key_info"]
        subject, public_key = read_subject(read), key.dump()
    except (ValueError, TypeError):
        return [Difference.SUBJECT, Difference.VALIDITY, Difference.PUBLIC_KEY]
    differing = []
    if subject != expected.subject:
        differing.append(Difference.SUBJECT)
    if not read.not_valid_before_utc <= at <= read.not_valid_after_utc:
        differing.append(Difference.VALIDITY)
    if public_key != found.public_key:
        differing.append(Difference.PUBLIC_KEY)
    return differing
