"""Builds certification requests (PKCS #10, RFC 2986) around a signature that a token makes. It sees no private key."""

from collections.abc import Callable
from typing import Any, ClassVar

from asn1crypto import core, csr, keys, x509

from workbench.production.algorithms import Algorithm
from workbench.production.signatures import IDENTIFIERS


class _Info(core.Sequence):
    """CertificationRequestInfo. Subject and key are taken as they come, so that they stay the same to the byte."""

    _fields: ClassVar[list[Any]] = [
        ("version", core.Integer),
        ("subject", core.Any),
        ("public_key", core.Any),
        ("attributes", csr.CRIAttributes, {"implicit": 0}),
    ]


class _Request(core.Sequence):
    """CertificationRequest."""

    _fields: ClassVar[list[Any]] = [
        ("info", core.Any),
        ("algorithm", core.Any),
        ("signature", core.OctetBitString),
    ]


def build_request(algorithm: Algorithm, subject: bytes, public_key: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A request (DER) for `subject` (DER Name) and `public_key` (DER SubjectPublicKeyInfo).

    `sign` is given the bytes to sign and answers as `signatures.verify` reads it.

    Raises:
        ValueError: the subject or the public key can't be read.
    """
    x509.Name.load(subject, strict=True).native  # noqa: B018 - parses all of it
    keys.PublicKeyInfo.load(public_key, strict=True)
    info = _Info(
        {
            "version": 0,
            "subject": core.Any.load(subject),
            "public_key": core.Any.load(public_key),
            "attributes": [],
        }
    ).dump()
    request = _Request(
        {
            "info": core.Any.load(info),
            "algorithm": core.Any.load(IDENTIFIERS[algorithm]),
            "signature": sign(info),
        }
    )
    der: bytes = request.dump()
    return der
