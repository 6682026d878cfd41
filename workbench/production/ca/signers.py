"""Who signs certificates and revocation lists: a private key somewhere, and how its signatures are named in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from asn1crypto.algos import SignedDigestAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.signatures import IDENTIFIERS

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_AUTHORITY_RSA_BITS: Final = 3072
"""An authority outlives the keys it certifies."""


class SigningFailed(Exception):
    """The key can't be made or used now; the message says why."""


class Signer(Protocol):
    """A private key that signs for an authority. Every use of it may raise SigningFailed."""

    @property
    def public_key(self) -> bytes:
        """DER SubjectPublicKeyInfo."""

    @property
    def signature_algorithm(self) -> SignedDigestAlgorithm:
        """How its signatures are named."""

    def sign(self, content: bytes) -> bytes:
        """A signature as certificates hold it."""


class FileSigner:
    """An RSA or P-256 key that is held in memory."""

    def __init__(self, private_key: PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.signature_algorithm = algorithm_named(Algorithm.RSA_2048 if self._is_rsa else Algorithm.P_256)

    @property
    def _is_rsa(self) -> bool:
        return isinstance(self._private_key, rsa.RSAPrivateKey)

    def sign(self, content: bytes) -> bytes:
        """As the interface says: PKCS #1 v1.5 or ECDSA, both over SHA-256."""
        if isinstance(self._private_key, rsa.RSAPrivateKey):
            return self._private_key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return self._private_key.sign(content, ec.ECDSA(hashes.SHA256()))


class Sm2Signer:
    """An SM2 key in a file, used through openssl."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _openssl_at_work():
            self.public_key = sm2.public_key(path, None)
        self.signature_algorithm = algorithm_named(Algorithm.SM2)

    def sign(self, content: bytes) -> bytes:
        """As the interface says: SM2 over SM3."""
        with _openssl_at_work():
            return sm2.sign(self._path, None, content)


def algorithm_named(algorithm: Algorithm) -> SignedDigestAlgorithm:
    """How certificates name the signatures of this profile."""
    return SignedDigestAlgorithm.load(IDENTIFIERS[algorithm])


def make_signer(path: Path, algorithm: Algorithm) -> Signer:
    """Make a key for an authority and keep it at `path`, PEM, readable by its owner alone.

    Raises:
        OSError: it can't be written, or is there already.
        SigningFailed: no SM2 key can be made.
    """
    if algorithm is Algorithm.SM2:
        with _openssl_at_work():
            sm2.generate_key(path, None)
        return Sm2Signer(path)
    private_key = make_private_key(algorithm)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(
        private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return FileSigner(private_key)


def make_private_key(algorithm: Algorithm) -> PrivateKey:
    """A key for an authority whose holders have keys of `algorithm`, which is not SM2."""
    if algorithm is Algorithm.RSA_2048:
        return rsa.generate_private_key(65537, _AUTHORITY_RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def load_signer(path: Path, algorithm: Algorithm) -> Signer:
    """The key kept at `path`.

    Raises:
        OSError: it can't be read.
        ValueError: the file does not hold what it should.
        SigningFailed: the same, of an SM2 key.
    """
    return Sm2Signer(path) if algorithm is Algorithm.SM2 else FileSigner(load_private_key(path))


def load_private_key(path: Path) -> PrivateKey:
    """The RSA or elliptic curve key kept at `path`; raises as `load_signer`."""
    # Checking that a modulus is made of primes takes a tenth of a second; this file was written by ourselves.
    key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} holds a key of another kind")
    return key


@contextmanager
def _openssl_at_work() -> Iterator[None]:
    try:
        yield
    except (sm2.OpensslMissing, sm2.OpensslFailed, sm2.PassphraseRefused) as error:
        raise SigningFailed(str(error)) from error
