"""Checks signatures that keys on tokens have made, of any algorithm. It makes none and trusts no certificate."""

from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from workbench.production import sm2
from workbench.production.algorithms import Algorithm

IDENTIFIERS: Final = {
    Algorithm.RSA_2048: bytes.fromhex("300d06092a864886f70d01010b0500"),
    Algorithm.P_256: bytes.fromhex("300a06082a8648ce3d040302"),
    Algorithm.SM2: bytes.fromhex("300a06082a811ccf55018375"),
}
"""How structures name the way a key signs, as DER AlgorithmIdentifier: sha256WithRSAEncryption (RFC 4055),
ecdsa-with-SHA256 (RFC 5758), SM2 with SM3 (GM/T 0006)."""


def verify(public_key: bytes, algorithm: Algorithm, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` was made by the owner of `public_key` (DER SubjectPublicKeyInfo).

    ECDSA and SM2 signatures are DER SEQUENCE {r, s}, RSA's are PKCS #1 v1.5. A public key that can't be read, or is of
    another algorithm or size, made no signature.

    Raises:
        sm2.OpensslMissing, sm2.OpensslFailed: SM2 only; nothing could be checked.
    """
    if algorithm is Algorithm.SM2:
        return sm2.verify(public_key, message, signature)
    try:
        key = load_der_public_key(public_key)
        if algorithm is Algorithm.RSA_2048 and isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048:
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
            return True
        if (
            algorithm is Algorithm.P_256
            and isinstance(key, ec.EllipticCurvePublicKey)
            and key.curve.name == "secp256r1"
        ):
            key.verify(signature, message, ec.ECDSA(SHA256()))
            return True
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        pass
    return False
