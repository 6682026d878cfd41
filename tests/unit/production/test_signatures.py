"""Signatures of all three algorithms: true ones are taken, and nothing else is, whatever bytes a stranger sends."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.signatures import verify

MESSAGE = b"challenge"
Signed = dict[Algorithm, tuple[bytes, bytes]]


def spki(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """A public key and its signature over MESSAGE by algorithm."""
    path: Path = tmp_path_factory.mktemp("keys") / "sm2.key"
    rsa_key, ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    return {
        Algorithm.RSA_2048: (spki(rsa_key), rsa_key.sign(MESSAGE, padding.PKCS1v15(), SHA256())),
        Algorithm.P_256: (spki(ec_key), ec_key.sign(MESSAGE, ec.ECDSA(SHA256()))),
        Algorithm.SM2: (sm2.generate_key(path, None), sm2.sign(path, None, MESSAGE)),
    }


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_only_the_true_signature_of_the_true_key_counts(signed: Signed, algorithm: Algorithm) -> None:
    public_key, signature = signed[algorithm]
    assert verify(public_key, algorithm, MESSAGE, signature)
    assert not verify(public_key, algorithm, MESSAGE + b"x", signature)
    assert not verify(public_key, algorithm, MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not verify(public_key, algorithm, MESSAGE, b"")
    for other in set(Algorithm) - {algorithm}:
        assert not verify(public_key, other, MESSAGE, signature)
        assert not verify(signed[other][0], algorithm, MESSAGE, signature)


def test_other_sizes_curves_and_digests_do_not_count() -> None:
    small, curve = rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())
    whole = rsa.generate_private_key(65537, 2048)
    assert not verify(spki(small), Algorithm.RSA_2048, MESSAGE, small.sign(MESSAGE, padding.PKCS1v15(), SHA256()))
    assert not verify(spki(whole), Algorithm.RSA_2048, MESSAGE, whole.sign(MESSAGE, padding.PKCS1v15(), SHA1()))
    assert not verify(spki(curve), Algorithm.P_256, MESSAGE, curve.sign(MESSAGE, ec.ECDSA(SHA256())))


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
@given(public_key=st.binary(max_size=300), signature=st.binary(max_size=300))
def test_any_bytes_are_no_signature(algorithm: Algorithm, public_key: bytes, signature: bytes) -> None:
    assert not verify(public_key, algorithm, MESSAGE, signature)
