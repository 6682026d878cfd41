"""SM2 key pairs in files, for development and tests: where a vendor's GM token (GM/T 0016) would have its own driver.

A token is a folder named by its serial number. Its private key is encrypted under the user PIN; nothing else about
files keeps it there, so no e-key for anybody real is made with it.
"""

import json
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from errno import EDQUOT, EFBIG, ENOSPC
from hashlib import scrypt, sha256
from hmac import compare_digest
from pathlib import Path
from threading import RLock
from typing import Final

from workbench.kernel.files import put_private
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault, PluggedToken, ReadBack, TokenFault
from workbench.production.tokens.inputs import read_certificate, require_pin
from workbench.production.tokens.requests import build_request

TRIES: Final = 6
"""Wrong PINs in a row before a token locks."""
MODEL: Final = "SM2 software store"
_MAKER: Final = "workbench"
_SHEET: Final = "token.json"
_KEY: Final = ".key"
_CERTIFICATE: Final = ".crt"


@dataclass(frozen=True)
class _Sheet:
    """What a token keeps about itself. Without `pin_hash` it has not been personalised."""

    label: str = ""
    pin_salt: str = ""
    pin_hash: str = ""
    tries_left: int = TRIES


class SoftwareSm2Driver:
    """The tokens of one folder. Calls from several threads wait for each other."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing.

        Raises:
            TokenFault: DRIVER_MISSING when there is no openssl that knows SM2.
        """
        try:
            sm2.require_sm2()
        except sm2.OpensslMissing as error:
            raise TokenFault(Fault.DRIVER_MISSING, str(error)) from None
        self._folder = folder
        self._lock = RLock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """SM2 alone."""
        return frozenset({Algorithm.SM2})

    def add_blank_tokens(self, count: int) -> list[str]:
        """The serial numbers of `count` new tokens."""
        serials = sorted(secrets.token_hex(8) for _ in range(count))
        for serial in serials:
            with self._faults(serial):
                token = self._folder / serial
                token.mkdir(mode=0o700)
                _keep(token, _Sheet())
        return serials

    def list_tokens(self) -> Sequence[PluggedToken]:
        """The tokens that are in the folder now, by serial."""
        found = []
        for path in sorted(self._folder.glob(f"*/{_SHEET}")):
            with suppress(TokenFault):  # pulled while we look
                found.append(self._plugged(path.parent.name))
        return found

    def personalise(self, serial: str, *, label: str, user_pin: str) -> None:
        """Empty the token, whatever is on it, and set its user PIN. There is no SO PIN: who has the folder has it."""
        require_pin(user_pin)
        with self._faults(serial):
            token = self._token(serial)
            for path in token.iterdir():
                if path.name != _SHEET:
                    path.unlink()
            salt = secrets.token_bytes(16)
            _keep(token, _Sheet(label=label, pin_salt=salt.hex(), pin_hash=_hash(user_pin, salt)))

    def make_key(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm) -> bytes:
        """The public key (DER SubjectPublicKeyInfo) of the pair under `key_id`, made in the store if it isn't there."""
        if algorithm not in self.algorithms:
            raise TokenFault(Fault.ALGORITHM_MISSING, algorithm.value)
        with self._unlocked(serial, user_pin) as token:
            path = _key_path(token, key_id)
            if not path.exists():
                return sm2.generate_key(path, user_pin)
            return sm2.public_key(path, user_pin)

    def sign_request(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, subject: bytes) -> bytes:
        """A PKCS #10 request (DER) for `subject` (DER Name), signed by the private key under `key_id`."""
        with self._unlocked(serial, user_pin) as token:
            path = _present(_key_path(token, key_id))
            public_key = sm2.public_key(path, user_pin)
            return build_request(algorithm, subject, public_key, lambda message: sm2.sign(path, user_pin, message))

    def write_certificate(self, serial: str, user_pin: str, key_id: bytes, certificate: bytes) -> None:
        """Put a certificate (DER) beside its key pair, in the place of one that was there."""
        read_certificate(certificate)
        with self._unlocked(serial, user_pin) as token:
            _present(_key_path(token, key_id))
            put_private(_certificate_path(token, key_id), certificate, replace=True)

    def write_seal(self, serial: str, user_pin: str, label: str, seal: bytes) -> None:
        """Put a seal's bytes into the token's folder, in the place of one with this label."""
        with self._unlocked(serial, user_pin) as token:
            put_private(_seal_path(token, label), seal, replace=True)

    def remove_key(self, serial: str, user_pin: str, key_id: bytes) -> None:
        """Take a key pair and its certificate off the token; does nothing when there is none."""
        with self._unlocked(serial, user_pin) as token:
            _key_path(token, key_id).unlink(missing_ok=True)
            _certificate_path(token, key_id).unlink(missing_ok=True)

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        """Read everything from the folder anew and let the private key sign `challenge`."""
        if algorithm not in self.algorithms:
            raise TokenFault(Fault.ALGORITHM_MISSING, algorithm.value)
        with self._unlocked(serial, user_pin) as token:
            path = _present(_key_path(token, key_id))
            return ReadBack(
                serial=token.name,
                certificate=_content(_certificate_path(token, key_id)),
                public_key=sm2.public_key(path, user_pin),
                signature=sm2.sign(path, user_pin, challenge),
                seal=_content(_seal_path(token, seal_label)),
                key_is_bound=_is_bound(path),
            )

    def _plugged(self, serial: str) -> PluggedToken:
        with self._faults(serial):
            token = self._token(serial)
            blank = not any(path.suffix in {_KEY, _CERTIFICATE} for path in token.iterdir())
            return PluggedToken(serial=serial, label=_sheet(token).label, model=MODEL, maker=_MAKER, blank=blank)

    @contextmanager
    def _unlocked(self, serial: str, user_pin: str) -> Iterator[Path]:
        """The token's folder, once it has taken the PIN. It counts as done only if the folder is there at the end."""
        require_pin(user_pin)
        with self._faults(serial):
            token = self._token(serial)
            sheet = _sheet(token)
            if sheet.tries_left <= 0:
                raise TokenFault(Fault.PIN_LOCKED)
            if not compare_digest(_hash(user_pin, bytes.fromhex(sheet.pin_salt)), sheet.pin_hash):
                _keep(token, replace(sheet, tries_left=sheet.tries_left - 1))
                raise TokenFault(Fault.PIN_LOCKED if sheet.tries_left == 1 else Fault.PIN_REFUSED)
            if sheet.tries_left != TRIES:
                _keep(token, replace(sheet, tries_left=TRIES))
            yield token
            if not (token / _SHEET).is_file():
                raise TokenFault(Fault.TOKEN_PULLED, serial)

    def _token(self, serial: str) -> Path:
        token = self._folder / serial
        if Path(serial).name != serial or not (token / _SHEET).is_file():
            raise TokenFault(Fault.TOKEN_MISSING, serial)
        return token

    @contextmanager
    def _faults(self, serial: str) -> Iterator[None]:
        """Say by a fault what files and openssl say by errors."""
        with self._lock:
            try:
                yield
            except TokenFault as fault:
                raise self._fault(fault.fault, serial, fault.detail) from None
            except sm2.PassphraseRefused:
                raise TokenFault(Fault.PIN_REFUSED) from None
            except sm2.OpensslFailed as error:
                raise self._fault(Fault.TOKEN_FAILED, serial, str(error)) from None
            except OSError as error:
                full = error.errno in {ENOSPC, EDQUOT, EFBIG}
                raise self._fault(
                    Fault.DISK_FULL if full else Fault.TOKEN_FAILED, serial, type(error).__name__
                ) from None

    def _fault(self, fault: Fault, serial: str, detail: str) -> TokenFault:
        """The fault, or that the token is gone."""
        named = fault in {Fault.DISK_FULL, Fault.TOKEN_MISSING} or (self._folder / serial / _SHEET).is_file()
        return TokenFault(fault if named else Fault.TOKEN_PULLED, detail)


def _key_path(token: Path, key_id: bytes) -> Path:
    return token / f"{key_id.hex()}{_KEY}"


def _certificate_path(token: Path, key_id: bytes) -> Path:
    return token / f"{key_id.hex()}{_CERTIFICATE}"


def _seal_path(token: Path, label: str) -> Path:
    return token / f"{sha256(label.encode()).hexdigest()}.seal"


def _present(path: Path) -> Path:
    if not path.exists():
        raise TokenFault(Fault.KEY_MISSING)
    return path


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _is_bound(path: Path) -> bool:
    """As bound as a file can be: made here, encrypted under the PIN, and its owner's alone."""
    return sm2.is_encrypted(path) and stat.S_IMODE(path.stat().st_mode) == 0o600


def _sheet(token: Path) -> _Sheet:
    try:
        return _Sheet(**json.loads((token / _SHEET).read_bytes()))
    except (ValueError, TypeError):
        raise TokenFault(Fault.TOKEN_FAILED, f"{token.name}: {_SHEET} can't be read") from None


def _keep(token: Path, sheet: _Sheet) -> None:
    put_private(token / _SHEET, json.dumps(asdict(sheet)).encode(), replace=True)


def _hash(pin: str, salt: bytes) -> str:
    # A file with six digits behind it is guessed sooner or later at any price; this one is paid at every call.
    return scrypt(pin.encode(), salt=salt, n=2**12, r=8, p=1).hex()
