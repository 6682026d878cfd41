"""Electronic seals as GB/T 38540-2020 writes them: the impression, whose it is and for how long, signed by the seal
maker (制章者).

Reading is strict: what is not the one DER form of such a seal, or names an algorithm that is not ours, is no seal.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from asn1crypto import core, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from workbench.production import sm2
from workbench.production.algorithms import Algorithm

IDENTIFIER: Final = "ES"
VERSION: Final = 4
VENDOR: Final = "EKEY-WORKBENCH"
"""The maker's own name of its software (vid), by which readers may tell dialects apart."""
PICTURE_TYPE: Final = "PNG"
MAX_SEAL_BYTES: Final = 64 * 1024
"""What a small token holds in one object."""
LEAST_RSA_BITS: Final = 2048
SIGNED_WITH: Final = {
    Algorithm.RSA_2048: "1.2.840.113549.1.1.11",
    Algorithm.P_256: "1.2.840.10045.4.3.2",
    Algorithm.SM2: "1.2.156.10197.1.501",
}
"""Signature algorithms by object identifier: sha256WithRSAEncryption, ecdsa-with-SHA256, SM2 with SM3 (GM/T 0006)."""
_OF_A_UNIT: Final = 1
"""Type of a seal that is an organisation's; 2 would be a person's."""
_WHOLE_CERTIFICATES: Final = 1
"""certListType of a list that holds certificates, not digests of them."""


class NoSeal(Exception):
    """The bytes are no electronic seal, or not one whose signature holds. The message is for the technical log."""


class SealSigner(Protocol):
    """The seal maker: a certificate (DER), and the key that goes with it."""

    @property
    def algorithm(self) -> Algorithm:
        """What the key signs with."""

    @property
    def certificate(self) -> bytes:
        """DER."""

    def sign(self, message: bytes) -> bytes:
        """A signature over the message: PKCS #1 v1.5 for RSA, DER SEQUENCE {r, s} otherwise."""


@dataclass(frozen=True)
class SealContent:
    """What a seal states.

    Attributes:
        serial: the seal's identifier (esID), unique, ASCII.
        name: the enterprise's name.
        certificates: who may seal with it, DER.
        made_at, valid_from, valid_until: instants, kept to the second.
        png: the impression.
        width_mm, height_mm: its size on paper, in whole millimetres.
    """

    serial: str
    name: str
    certificates: tuple[bytes, ...]
    made_at: datetime
    valid_from: datetime
    valid_until: datetime
    png: bytes = field(repr=False)
    width_mm: int
    height_mm: int


@dataclass(frozen=True)
class ReadSeal:
    """A seal as it was read: what it states, who vouches for it, and the bytes that were signed."""

    content: SealContent
    maker_certificate: bytes
    algorithm: Algorithm
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


class _Header(core.Sequence):
    _fields = [("id", core.IA5String), ("version", core.Integer), ("vid", core.IA5String)]  # noqa: RUF012


class _CertificateList(core.SequenceOf):
    _child_spec = core.OctetString


class _Property(core.Sequence):
    _fields = [  # noqa: RUF012 - asn1crypto's own way to declare
        ("type", core.Integer),
        ("name", core.UTF8String),
        ("cert_list_type", core.Integer),
        ("cert_list", _CertificateList),
        ("create_date", core.GeneralizedTime),
        ("valid_start", core.GeneralizedTime),
        ("valid_end", core.GeneralizedTime),
    ]


class _Picture(core.Sequence):
    _fields = [  # noqa: RUF012
        ("type", core.IA5String),
        ("data", core.OctetString),
        ("width", core.Integer),
        ("height", core.Integer),
    ]


class _SealInfo(core.Sequence):
    """The standard allows data of a vendor's own behind the picture ([0] EXPLICIT). Ours has none."""

    _fields = [  # noqa: RUF012
        ("header", _Header),
        ("es_id", core.IA5String),
        ("property", _Property),
        ("picture", _Picture),
    ]


class _Seal(core.Sequence):
    _fields = [  # noqa: RUF012
        ("e_seal_info", _SealInfo),
        ("cert", core.OctetString),
        ("sign_alg_id", core.ObjectIdentifier),
        ("signed_value", core.OctetBitString),
    ]


def build_seal(content: SealContent, maker: SealSigner) -> bytes:
    """The seal (DER SESeal), signed by the seal maker.

    Raises:
        ValueError: no certificate says who may use it, its validity does not run, or it would not fit on a token.
    """
    if not content.certificates or content.valid_from >= content.valid_until:
        raise ValueError("a seal needs a certificate and a time in which it is valid")
    info = _SealInfo(
        {
            "header": {"id": IDENTIFIER, "version": VERSION, "vid": VENDOR},
            "es_id": content.serial,
            "property": {
                "type": _OF_A_UNIT,
                "name": content.name,
                "cert_list_type": _WHOLE_CERTIFICATES,
                "cert_list": list(content.certificates),
                "create_date": _second(content.made_at),
                "valid_start": _second(content.valid_from),
                "valid_end": _second(content.valid_until),
            },
            "picture": {
                "type": PICTURE_TYPE,
                "data": content.png,
                "width": content.width_mm,
                "height": content.height_mm,
            },
        }
    ).dump()
    seal: bytes = _Seal(
        {
            "e_seal_info": _SealInfo.load(info),
            "cert": maker.certificate,
            "sign_alg_id": SIGNED_WITH[maker.algorithm],
            "signed_value": maker.sign(info),
        }
    ).dump()
    if len(seal) > MAX_SEAL_BYTES:
        raise ValueError(f"the seal takes {len(seal)} bytes, more than a token holds")
    return seal


def read_seal(der: bytes) -> ReadSeal:
    """What a seal says; its signature is not checked here.

    Raises:
        NoSeal: it is not the DER form of a seal of this kind.
    """
    try:
        seal = _Seal.load(der, strict=True)
        read = _read(seal)
        same = seal.dump(force=True) == der
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise NoSeal(f"can't be read: {error}") from error
    if not same:
        raise NoSeal("is not in the distinguished encoding")
    return read


def verify_seal(der: bytes, maker_certificate: bytes, at: datetime | None = None) -> ReadSeal:
    """What a seal says, its signature found to be made by the holder of this certificate (DER).

    Args:
        at: an instant at which the seal must be valid; unset, its validity is not looked at.

    Raises:
        NoSeal: it is none, another maker's, altered, or not valid then.
        sm2.OpensslMissing, sm2.OpensslFailed: SM2 only; nothing could be checked.
    """
    read = read_seal(der)
    if read.maker_certificate != maker_certificate:
        raise NoSeal("names another seal maker")
    if not _is_signed(read):
        raise NoSeal("its signature does not hold")
    if at is not None and not read.content.valid_from <= at <= read.content.valid_until:
        raise NoSeal("is not valid at that time")
    return read


def algorithm_of(certificate: bytes) -> Algorithm:
    """What the key of a certificate (DER) signs seals with.

    Raises:
        ValueError: it can't be read, or its key is of a kind or size that makes no seals.
    """
    try:
        key = x509.Certificate.load(certificate, strict=True).public_key
        if key.algorithm == "rsa" and key.bit_size >= LEAST_RSA_BITS:
            return Algorithm.RSA_2048
        if key.algorithm == "ec" and sm2.is_public_key(key.dump()):
            return Algorithm.SM2
        if key.algorithm == "ec" and key.curve == ("named", "secp256r1"):
            return Algorithm.P_256
    except (TypeError, KeyError) as error:
        raise ValueError("no certificate") from error
    raise ValueError("a key of a kind that makes no seals")


def _read(seal: _Seal) -> ReadSeal:
    info = seal["e_seal_info"]
    header, owner, picture = info["header"].native, info["property"].native, info["picture"].native
    if (header["id"], header["version"], header["vid"]) != (IDENTIFIER, VERSION, VENDOR):
        raise ValueError("another identifier, version or vendor")
    if (owner["type"], owner["cert_list_type"]) != (_OF_A_UNIT, _WHOLE_CERTIFICATES) or not owner["cert_list"]:
        raise ValueError("not an organisation's seal with its certificates")
    if picture["type"] != PICTURE_TYPE or min(picture["width"], picture["height"]) < 1:
        raise ValueError("no picture")
    named = {identifier: algorithm for algorithm, identifier in SIGNED_WITH.items()}
    certificate = seal["cert"].native
    algorithm = named[seal["sign_alg_id"].dotted]
    if algorithm is not algorithm_of(certificate):
        raise ValueError("signed with an algorithm that is not the certificate's")
    return ReadSeal(
        content=SealContent(
            serial=info["es_id"].native,
            name=owner["name"],
            certificates=tuple(owner["cert_list"]),
            made_at=owner["create_date"],
            valid_from=owner["valid_start"],
            valid_until=owner["valid_end"],
            png=picture["data"],
            width_mm=picture["width"],
            height_mm=picture["height"],
        ),
        maker_certificate=certificate,
        algorithm=algorithm,
        signed=info.dump(),
        signature=seal["signed_value"].native,
    )


def _is_signed(read: ReadSeal) -> bool:
    public_key = x509.Certificate.load(read.maker_certificate).public_key.dump()
    if read.algorithm is Algorithm.SM2:
        return sm2.verify(public_key, read.signed, read.signature)
    try:
        key: Any = load_der_public_key(public_key)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(read.signature, read.signed, padding.PKCS1v15(), SHA256())
        else:
            key.verify(read.signature, read.signed, ec.ECDSA(SHA256()))
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


def _second(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)
