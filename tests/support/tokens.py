"""Tokens for tests: SoftHSM's and the SM2 store's behind one face, pulled and plugged by hand, failing when told to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from workbench.kernel.clock import ago, now
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault, PluggedToken, ReadBack, TokenDriver, TokenFault
from workbench.production.tokens.pkcs11 import Pkcs11Driver
from workbench.production.tokens.softhsm import Store
from workbench.production.tokens.software import SoftwareSm2Driver

SO_PIN = "31415926"
PIN = "271828"
KEY_ID = bytes.fromhex("0123456789abcdef")
SEAL_LABEL = "seal"
Answer = TypeVar("Answer")


def a_name(common_name: str = "示例进出口有限公司") -> bytes:
    """A subject, DER."""
    attributes = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.COMMON_NAME, common_name)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]).public_bytes()


def a_certificate(common_name: str, public_key: bytes | None = None) -> bytes:
    """A certificate, DER, of nobody in particular; for a key that it may be told (not SM2)."""
    issuer = ec.generate_private_key(ec.SECP256R1())
    certified = load_der_public_key(public_key) if public_key else issuer.public_key()
    assert isinstance(certified, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder(name, name, certified, x509.random_serial_number())
        .not_valid_before(ago(days=1))
        .not_valid_after(now() + timedelta(days=365))
        .sign(issuer, SHA256())
    )
    return certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Bench:
    """A driver, what its tokens make keys of, and a hand that takes tokens out and puts them back in."""

    driver: TokenDriver
    algorithm: Algorithm
    add: Callable[[int], list[str]]
    pull: Callable[[str], None]
    plug: Callable[[str], None]

    def personalised(self) -> str:
        """The serial number of a new token under PIN."""
        (serial,) = self.add(1)
        self.driver.personalise(serial, label="电子钥匙", user_pin=PIN)
        return serial

    def with_key(self) -> tuple[str, bytes]:
        """The serial number and the public key of a new token with a key pair."""
        serial = self.personalised()
        return serial, self.driver.make_key(serial, PIN, KEY_ID, self.algorithm)


def softhsm_bench(folder: Path, algorithm: Algorithm) -> Bench:
    """SoftHSM with a store of its own. It sets SOFTHSM2_CONF for this process: one such bench at a time."""
    store = Store(folder)
    store.activate()
    return Bench(
        driver=Pkcs11Driver(store.library, SO_PIN, folder),
        algorithm=algorithm,
        add=lambda count: store.add_blank_tokens(count, SO_PIN),
        pull=store.pull,
        plug=store.plug,
    )


def software_bench(folder: Path) -> Bench:
    """The SM2 store in files."""
    driver = SoftwareSm2Driver(folder / "tokens")
    out = folder / "out"
    out.mkdir()

    def pull(serial: str) -> None:
        (folder / "tokens" / serial).rename(out / serial)

    def plug(serial: str) -> None:
        (out / serial).rename(folder / "tokens" / serial)

    return Bench(driver=driver, algorithm=Algorithm.SM2, add=driver.add_blank_tokens, pull=pull, plug=plug)


class FaultyDriver:
    """Any driver, with faults ordered for calls: `before` (nothing was done) or `after` (done, and nobody heard)."""

    def __init__(self, driver: TokenDriver) -> None:
        self._driver = driver
        self._ordered: list[tuple[str, Literal["before", "after"], Fault]] = []
        self.calls: list[str] = []

    def fail(self, call: str, fault: Fault, when: Literal["before", "after"] = "before") -> None:
        """Let the next `call` fail once; order it twice for two."""
        self._ordered.append((call, when, fault))

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        return self._driver.algorithms

    def list_tokens(self) -> Sequence[PluggedToken]:
        return self._do("list_tokens", self._driver.list_tokens)

    def personalise(self, serial: str, *, label: str, user_pin: str) -> None:
        self._do("personalise", lambda: self._driver.personalise(serial, label=label, user_pin=user_pin))

    def make_key(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm) -> bytes:
        return self._do("make_key", lambda: self._driver.make_key(serial, user_pin, key_id, algorithm))

    def sign_request(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, subject: bytes) -> bytes:
        return self._do("sign_request", lambda: self._driver.sign_request(serial, user_pin, key_id, algorithm, subject))

    def write_certificate(self, serial: str, user_pin: str, key_id: bytes, certificate: bytes) -> None:
        self._do("write_certificate", lambda: self._driver.write_certificate(serial, user_pin, key_id, certificate))

    def write_seal(self, serial: str, user_pin: str, label: str, seal: bytes) -> None:
        self._do("write_seal", lambda: self._driver.write_seal(serial, user_pin, label, seal))

    def remove_key(self, serial: str, user_pin: str, key_id: bytes) -> None:
        self._do("remove_key", lambda: self._driver.remove_key(serial, user_pin, key_id))

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        return self._do(
            "read_back",
            lambda: self._driver.read_back(serial, user_pin, key_id, algorithm, seal_label, challenge),
        )

    def _do(self, call: str, really: Callable[[], Answer]) -> Answer:
        self.calls.append(call)
        self._fail_if_ordered(call, "before")
        answer = really()
        self._fail_if_ordered(call, "after")
        return answer

    def _fail_if_ordered(self, call: str, when: Literal["before", "after"]) -> None:
        for order in self._ordered:
            if order[:2] == (call, when):
                self._ordered.remove(order)
                raise TokenFault(order[2], f"ordered {when} {call}")
