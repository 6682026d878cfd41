"""Tokens without hardware or library: real keys in this process's memory, for tests of what stands around tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.tokens import Bench
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault, PluggedToken, ReadBack, TokenFault

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_SERIALS = count(1)


@dataclass
class _Token:
    """What stands on one token."""

    label: str = ""
    user_pin: str = ""
    keys: dict[bytes, Key] = field(default_factory=dict)
    certificates: dict[bytes, bytes] = field(default_factory=dict)
    seals: dict[str, bytes] = field(default_factory=dict)


class InMemoryDriver:
    """Tokens of this process; it behaves as `tokens.driver.TokenDriver` says."""

    algorithms = frozenset({Algorithm.RSA_2048, Algorithm.P_256})

    def __init__(self) -> None:
        self._tokens: dict[str, _Token] = {}
        self._out: dict[str, _Token] = {}

    def add(self, number: int) -> list[str]:
        """So many new blank tokens, plugged in; their serials."""
        serials = [f"MEM{next(_SERIALS):06d}" for _ in range(number)]
        self._tokens.update({serial: _Token() for serial in serials})
        return serials

    def pull(self, serial: str) -> None:
        """Take a token out; what stands on it stays there."""
        self._out[serial] = self._tokens.pop(serial)

    def plug(self, serial: str) -> None:
        """Put a token back in."""
        self._tokens[serial] = self._out.pop(serial)

    def copy_of_key(self, serial: str, key_id: bytes) -> Key:
        """The private key itself, which no real token gives away: for browsers that show its certificate."""
        return self._tokens[serial].keys[key_id]

    def list_tokens(self) -> Sequence[PluggedToken]:
        """As the interface says."""
        return [
            PluggedToken(serial, each.label, "memory", "test", blank=not each.keys and not each.certificates)
            for serial, each in sorted(self._tokens.items())
        ]

    def personalise(self, serial: str, *, label: str, user_pin: str) -> None:
        """As the interface says."""
        if serial not in self._tokens:
            raise TokenFault(Fault.TOKEN_MISSING)
        self._tokens[serial] = _Token(label=label, user_pin=user_pin)

    def make_key(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm) -> bytes:
        """As the interface says."""
        token = self._open(serial, user_pin)
        if key_id not in token.keys:
            token.keys[key_id] = _new_key(algorithm)
        return _public(token.keys[key_id])

    def sign_request(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, subject: bytes) -> bytes:
        """As the interface says."""
        key = self._key(serial, user_pin, key_id)
        name = x509.Name.from_bytes(subject)
        request = x509.CertificateSigningRequestBuilder(name).sign(key, SHA256())
        return request.public_bytes(Encoding.DER)

    def write_certificate(self, serial: str, user_pin: str, key_id: bytes, certificate: bytes) -> None:
        """As the interface says."""
        self._open(serial, user_pin).certificates[key_id] = certificate

    def write_seal(self, serial: str, user_pin: str, label: str, seal: bytes) -> None:
        """As the interface says."""
        self._open(serial, user_pin).seals[label] = seal

    def remove_key(self, serial: str, user_pin: str, key_id: bytes) -> None:
        """As the interface says."""
        token = self._open(serial, user_pin)
        token.keys.pop(key_id, None)
        token.certificates.pop(key_id, None)

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        """As the interface says."""
        token, key = self._open(serial, user_pin), self._key(serial, user_pin, key_id)
        return ReadBack(
            serial=serial,
            certificate=token.certificates.get(key_id),
            public_key=_public(key),
            signature=_sign(key, challenge),
            seal=token.seals.get(seal_label),
            key_is_bound=True,
        )

    def _open(self, serial: str, user_pin: str) -> _Token:
        token = self._tokens.get(serial)
        if token is None:
            raise TokenFault(Fault.TOKEN_MISSING)
        if token.user_pin != user_pin or not user_pin:
            raise TokenFault(Fault.PIN_REFUSED)
        return token

    def _key(self, serial: str, user_pin: str, key_id: bytes) -> Key:
        key = self._open(serial, user_pin).keys.get(key_id)
        if key is None:
            raise TokenFault(Fault.KEY_MISSING)
        return key


def in_memory_bench(algorithm: Algorithm = Algorithm.P_256) -> Bench:
    """A driver of tokens in memory with the hand that pulls and plugs them."""
    driver = InMemoryDriver()
    return Bench(driver=driver, algorithm=algorithm, add=driver.add, pull=driver.pull, plug=driver.plug)


def _new_key(algorithm: Algorithm) -> Key:
    if algorithm is Algorithm.RSA_2048:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm is Algorithm.P_256:
        return ec.generate_private_key(ec.SECP256R1())
    raise TokenFault(Fault.ALGORITHM_MISSING)


def _public(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sign(key: Key, challenge: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(challenge, padding.PKCS1v15(), SHA256())
    return key.sign(challenge, ec.ECDSA(SHA256()))
