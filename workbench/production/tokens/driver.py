"""What a token driver can do, whatever the token: PKCS#11, a software store, a vendor's own interface (GM/T 0016).

Each call names the token by its serial number and leaves nothing open behind it, so a token may be pulled at any
instant. Calls that make something find what an earlier, interrupted call made: repeating one never makes two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from workbench.production.algorithms import Algorithm


class Fault(StrEnum):
    """Why a token could not do what was asked. The server knows what to do about each."""

    TOKEN_MISSING = "token_missing"  # noqa: S105 - a fault, not a secret
    TOKEN_PULLED = "token_pulled"  # noqa: S105 - a fault, not a secret
    TOKEN_FULL = "token_full"  # noqa: S105 - a fault, not a secret
    TOKEN_NOT_BLANK = "token_not_blank"  # noqa: S105 - a fault, not a secret
    PIN_REFUSED = "pin_refused"
    PIN_LOCKED = "pin_locked"
    SO_PIN_REFUSED = "so_pin_refused"
    KEY_MISSING = "key_missing"
    ALGORITHM_MISSING = "algorithm_missing"
    DRIVER_MISSING = "driver_missing"
    DISK_FULL = "disk_full"
    TOKEN_FAILED = "token_failed"  # noqa: S105 - a fault, not a secret


class TokenFault(Exception):
    """The token did not do what was asked. `detail` is for the technical log and holds no PIN and no key."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True)
class PluggedToken:
    """A token that is plugged in now.

    `blank` means that no key pair and no certificate is on it, so that nothing would be lost by emptying it; one that
    was personalised and then got no key is blank still.
    """

    serial: str
    label: str
    model: str
    maker: str
    blank: bool


@dataclass(frozen=True)
class ReadBack:
    """What stands on a token, read from the token itself after everything was written.

    Attributes:
        serial: of the token that answered.
        certificate: DER; None when there is none under the key's id.
        public_key: DER SubjectPublicKeyInfo of the key pair.
        signature: over the challenge by the private key; ECDSA and SM2 as DER SEQUENCE {r, s}, RSA as PKCS #1 v1.5.
        seal: the seal's bytes; None when there is none under its label.
        key_is_bound: the private key is sensitive, can't be extracted and was made on the token.
    """

    serial: str
    certificate: bytes | None
    public_key: bytes
    signature: bytes
    seal: bytes | None = field(repr=False)
    key_is_bound: bool


class TokenDriver(Protocol):
    """One kind of token. Every method raises TokenFault; none keeps a session open between calls.

    A subject or a certificate that can't be read is a ValueError: no token's fault.
    """

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """What this driver's tokens can make keys for."""

    def list_tokens(self) -> Sequence[PluggedToken]:
        """The tokens that are plugged in now, by serial."""

    def personalise(self, serial: str, *, label: str, user_pin: str) -> None:
        """Empty the token, blank or not, and set its user PIN; its serial number stays.

        The SO PIN comes from the driver's own configuration. Whoever calls has seen that nothing on it is needed.
        """

    def make_key(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm) -> bytes:
        """The public key (DER SubjectPublicKeyInfo) of the pair under `key_id`, made on the token if it isn't there."""

    def sign_request(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, subject: bytes) -> bytes:
        """A PKCS #10 request (DER) for `subject` (DER Name), signed by the private key under `key_id`."""

    def write_certificate(self, serial: str, user_pin: str, key_id: bytes, certificate: bytes) -> None:
        """Put a certificate (DER) beside its key pair, in the place of one that was there."""

    def write_seal(self, serial: str, user_pin: str, label: str, seal: bytes) -> None:
        """Put a seal's bytes on the token as a data object, in the place of one with this label."""

    def remove_key(self, serial: str, user_pin: str, key_id: bytes) -> None:
        """Take a key pair and its certificate off the token; does nothing when there is none."""

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        """Read everything from the token anew and let the private key sign `challenge`."""
