"""The objects of one e-key on a PKCS #11 token: a key pair and its certificate under one id, a seal under its label.

Works inside a session that somebody else opened and will close. Private keys are made on the token and stay there.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from asn1crypto.keys import PublicKeyInfo
from pkcs11 import (
    Attribute,
    AttributeTypeInvalid,
    CertificateType,
    KeyType,
    Mechanism,
    MechanismFlag,
    ObjectClass,
    PKCS11Error,
)
from pkcs11.types import Object, Session
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault, TokenFault
from workbench.production.tokens.inputs import read_certificate

KEY_TYPES: Final = {Algorithm.RSA_2048: KeyType.RSA, Algorithm.P_256: KeyType.EC}
_CONTENT: Final = {KeyType.RSA: Attribute.MODULUS, KeyType.EC: Attribute.EC_PARAMS}
_CURVE: Final = "secp256r1"
_BOUND: Final = {
    Attribute.SENSITIVE: True,
    Attribute.ALWAYS_SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.NEVER_EXTRACTABLE: True,
    Attribute.LOCAL: True,
}
"""What a private key says of itself that was made on its token and can't leave it (PKCS #11 v2.40, section 4.9)."""


def make_pair(session: Session, key_id: bytes, algorithm: Algorithm) -> bytes:
    """The public key (DER) under `key_id`, of a new pair when there is none. Half a pair makes way for a whole one.

    Raises:
        TokenFault: ALGORITHM_MISSING for what no token of this kind makes; TOKEN_FAILED when the pair is of another
            algorithm; KEY_MISSING when half of a pair is gone that has a certificate already.
        PKCS11Error: what the token answered.
    """
    key_type = _key_type(algorithm)
    halves = [*_under(session, ObjectClass.PRIVATE_KEY, key_id), *_under(session, ObjectClass.PUBLIC_KEY, key_id)]
    if [half.object_class for half in halves] == [ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY]:
        if any(half[Attribute.KEY_TYPE] is not key_type for half in halves):
            raise TokenFault(Fault.TOKEN_FAILED, "the key pair under this id is of another algorithm")
        return _public_key(halves[1], algorithm)
    sweep(session, ObjectClass.PRIVATE_KEY)
    sweep(session, ObjectClass.PUBLIC_KEY)
    if halves and _under(session, ObjectClass.CERTIFICATE, key_id):
        raise TokenFault(Fault.KEY_MISSING, "half of a certified key pair is gone")
    for half in halves:
        half.destroy()
    return _public_key(_generate(session, key_id, algorithm), algorithm)


def public_key(session: Session, key_id: bytes, algorithm: Algorithm) -> bytes:
    """The public key (DER SubjectPublicKeyInfo) under `key_id`.

    Raises:
        TokenFault: KEY_MISSING.
    """
    return _public_key(_one(session, ObjectClass.PUBLIC_KEY, key_id), algorithm)


def private_key(session: Session, key_id: bytes) -> Object:
    """The private key under `key_id`.

    Raises:
        TokenFault: KEY_MISSING.
    """
    return _one(session, ObjectClass.PRIVATE_KEY, key_id)


def sign(key: Any, algorithm: Algorithm, message: bytes) -> bytes:
    """A signature over `message`, as `signatures.verify` reads it."""
    if algorithm is Algorithm.RSA_2048:
        signature: bytes = key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS)
        return signature
    # Tokens, SoftHSM among them, need not know ECDSA with a hash; all know it over a digest.
    return encode_ecdsa_signature(key.sign(sha256(message).digest(), mechanism=Mechanism.ECDSA))


def is_bound(key: Object) -> bool:
    """Whether a private key was made on its token and can't leave it. What the token does not say counts as no."""
    try:
        return all(key[attribute] is value for attribute, value in _BOUND.items())
    except AttributeTypeInvalid:
        return False


def is_shell(thing: Object) -> bool:
    """Whether an object holds nothing: what a kill amid writing leaves behind on SoftHSM, without an id or a label."""
    content = Attribute.VALUE
    try:
        if thing.object_class in {ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY}:
            content = _CONTENT[thing[Attribute.KEY_TYPE]]
        return not thing[content]
    except (PKCS11Error, KeyError, ValueError):
        return False  # of a kind that is none of ours


def sweep(session: Session, object_class: ObjectClass) -> None:
    """Take shells of this class off the token."""
    for thing in list(session.get_objects({Attribute.CLASS: object_class})):
        if is_shell(thing):
            thing.destroy()


def certificates(session: Session, key_id: bytes) -> Sequence[Object]:
    """The certificates under `key_id`; more than one only after a kill amid replacing."""
    return _under(session, ObjectClass.CERTIFICATE, key_id)


def put_certificate(session: Session, key_id: bytes, certificate: bytes) -> None:
    """Make this certificate (DER) the one under `key_id`.

    Raises:
        ValueError: it can't be read.
        PKCS11Error: what the token answered.
    """
    parsed = read_certificate(certificate)
    _replace(
        session,
        certificates(session, key_id),
        {
            Attribute.CLASS: ObjectClass.CERTIFICATE,
            Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
            Attribute.ID: key_id,
            Attribute.SUBJECT: parsed.subject.dump(),
            Attribute.ISSUER: parsed.issuer.dump(),
            Attribute.SERIAL_NUMBER: parsed["tbs_certificate"]["serial_number"].dump(),
            Attribute.VALUE: certificate,
            Attribute.PRIVATE: False,  # programs choose a certificate before they ask for the PIN
        },
    )


def seals(session: Session, label: str) -> Sequence[Object]:
    """The data objects with this label."""
    return list(session.get_objects({Attribute.CLASS: ObjectClass.DATA, Attribute.LABEL: label}))


def put_seal(session: Session, label: str, seal: bytes) -> None:
    """Make these bytes the one data object with this label.

    It is private: whoever finds a token could otherwise lift the picture of the seal off it without the PIN, and
    whoever seals has given the PIN anyhow.
    """
    _replace(
        session,
        seals(session, label),
        {
            Attribute.CLASS: ObjectClass.DATA,
            Attribute.LABEL: label,
            Attribute.VALUE: seal,
            Attribute.PRIVATE: True,
        },
    )


def remove(session: Session, key_id: bytes) -> None:
    """Take the key pair and the certificate under `key_id` away, the private key first."""
    for object_class in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE):
        for thing in _under(session, object_class, key_id):
            thing.destroy()


def _replace(session: Session, present: Sequence[Object], wanted: dict[Attribute, Any]) -> None:
    """Write the new before taking the old away, so that a kill in between never leaves nothing."""
    sweep(session, wanted[Attribute.CLASS])
    same = [thing for thing in present if thing[Attribute.VALUE] == wanted[Attribute.VALUE]]
    if not same:
        session.create_object({**wanted, Attribute.TOKEN: True})
    for thing in present:
        if thing not in same[:1]:
            thing.destroy()


def _generate(session: Session, key_id: bytes, algorithm: Algorithm) -> Object:
    """The public half of a pair made on the token."""
    wanted: dict[str, Any] = {
        "id": key_id,
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "public_template": {Attribute.PRIVATE: False},  # whether a token is blank must show without the PIN
        "private_template": {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    }
    if algorithm is Algorithm.RSA_2048:
        public, _ = session.generate_keypair(KeyType.RSA, 2048, **wanted)
    else:
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVE)}
        public, _ = session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(**wanted)
    return public


def _public_key(key: Any, algorithm: Algorithm) -> bytes:
    if algorithm is Algorithm.P_256:
        return encode_ec_public_key(key)
    der: bytes = PublicKeyInfo.wrap(encode_rsa_public_key(key), "rsa").dump()
    return der


def _one(session: Session, object_class: ObjectClass, key_id: bytes) -> Object:
    found = _under(session, object_class, key_id)
    if len(found) != 1:
        raise TokenFault(Fault.KEY_MISSING, f"{len(found)} objects {object_class.name} under this id")
    return found[0]


def _under(session: Session, object_class: ObjectClass, key_id: bytes) -> list[Object]:
    return list(session.get_objects({Attribute.CLASS: object_class, Attribute.ID: key_id}))


def _key_type(algorithm: Algorithm) -> KeyType:
    if algorithm not in KEY_TYPES:
        raise TokenFault(Fault.ALGORITHM_MISSING, algorithm.value)
    return KEY_TYPES[algorithm]
