"""Looking at a token's certificate request before any CA sees it: whose it claims to be, by which key, signed by it."""

from typing import Final

from asn1crypto import csr

from workbench.kernel.messages import N_
from workbench.production import signatures
from workbench.production.algorithms import Algorithm

_SM2_CURVE: Final = "1.2.156.10197.1.301"


class BadRequest(Exception):
    """The request can't go to a CA; the message is a msgid."""


def check_request(request: bytes, subject: bytes, algorithm: Algorithm) -> bytes:
    """The public key (DER SubjectPublicKeyInfo) that a request asks to have certified.

    Args:
        request: PKCS #10, DER.
        subject: DER Name that was ordered; another one is refused.

    Raises:
        BadRequest: it can't be read, names somebody else, has a key of another kind, or isn't signed by that key.
    """
    try:
        read = csr.CertificationRequest.load(request, strict=True)
        info = read["certification_request_info"]
        named, key = info["subject"].dump(), info["subject_pk_info"]
        kind, public_key = _kind_of(key), key.dump()
        signed, signature = info.dump(), read["signature"].native
    except (ValueError, TypeError, KeyError) as error:
        raise BadRequest(N_("The request can't be read.")) from error
    if named != subject:
        raise BadRequest(N_("The request names another subject than was ordered."))
    if kind is not algorithm:
        raise BadRequest(N_("The request is for a key of another kind than was ordered."))
    if not signatures.verify(public_key, algorithm, signed, signature):
        raise BadRequest(N_("The request is not signed by its own key."))
    return bytes(public_key)


def _kind_of(key: "csr.PublicKeyInfo") -> Algorithm | None:
    if key.algorithm == "rsa":
        return Algorithm.RSA_2048 if key.bit_size == 2048 else None
    if key.algorithm != "ec":
        return None
    kind, name = key.curve
    known = {"secp256r1": Algorithm.P_256, _SM2_CURVE: Algorithm.SM2}
    return known.get(name) if kind == "named" else None
