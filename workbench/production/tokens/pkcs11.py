"""Tokens behind a PKCS #11 library: a vendor's own, OpenSC's, or SoftHSM's in development and tests.

Each call opens one session and closes it, whatever happens. No PIN goes into an error's words.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pkcs11 import Attribute, ObjectClass, PKCS11Error, TokenFlag
from pkcs11.exceptions import PinInvalid, PinLenRange, PinTooWeak
from pkcs11.types import Object, Session, Token

from workbench.production.algorithms import Algorithm
from workbench.production.tokens import objects
from workbench.production.tokens.cryptoki import Library, library_at, serial_of
from workbench.production.tokens.driver import Fault, PluggedToken, ReadBack, TokenFault
from workbench.production.tokens.faults import fault_of
from workbench.production.tokens.inputs import require_pin
from workbench.production.tokens.requests import build_request

_ROOM: Final = 65_536
"""Bytes; a disk with less left is full: a token's own files and a seal need as much."""


class Pkcs11Driver:
    """The tokens of one library. Calls from several threads wait for each other."""

    def __init__(self, library: Path, so_pin: str, folder: Path | None = None) -> None:
        """Load the library.

        Args:
            folder: where the library keeps its tokens, if those are files. SoftHSM has no word for a full disk.

        Raises:
            TokenFault: DRIVER_MISSING.
        """
        self._library: Library = library_at(library)
        self._so_pin = so_pin
        self._folder = folder

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """What PKCS #11 has standard mechanisms for; a single token may know less."""
        return frozenset(objects.KEY_TYPES)

    def list_tokens(self) -> Sequence[PluggedToken]:
        """The tokens that are plugged in now, by serial. One without a serial number can't be asked for: left out."""
        with self._library.lock:
            self._library.restart()
            found = [_plugged(token) for token in self._library.tokens() if serial_of(token)]
        return sorted(found, key=lambda token: token.serial)

    def personalise(self, serial: str, *, label: str, user_pin: str) -> None:
        """Empty the token, whatever is on it, and set its user PIN. Its serial number stays."""
        require_pin(user_pin)
        require_pin(self._so_pin, Fault.SO_PIN_REFUSED)
        with self._faults(serial, as_officer=True):
            self._library.init_token(self._library.find(serial), self._so_pin, label)
            session = self._library.find(serial).open(rw=True, so_pin=self._so_pin)
            try:
                session.init_pin(user_pin)
            except (PinInvalid, PinLenRange, PinTooWeak) as error:
                raise fault_of(error) from None
            session.close()

    def make_key(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm) -> bytes:
        """The public key (DER SubjectPublicKeyInfo) of the pair under `key_id`, made on the token if it isn't there."""
        with self._session(serial, user_pin) as session:
            return objects.make_pair(session, key_id, algorithm)

    def sign_request(self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, subject: bytes) -> bytes:
        """A PKCS #10 request (DER) for `subject` (DER Name), signed by the private key under `key_id`."""
        # The CA must never be asked to certify a key that only the library remembers: SoftHSM can't tell a full disk.
        with self._session(serial, user_pin, rw=False, anew=True) as session:
            private_key = objects.private_key(session, key_id)
            public_key = objects.public_key(session, key_id, algorithm)
            return build_request(
                algorithm, subject, public_key, lambda message: objects.sign(private_key, algorithm, message)
            )

    def write_certificate(self, serial: str, user_pin: str, key_id: bytes, certificate: bytes) -> None:
        """Put a certificate (DER) beside its key pair, in the place of one that was there."""
        with self._session(serial, user_pin) as session:
            objects.private_key(session, key_id)
            objects.put_certificate(session, key_id, certificate)

    def write_seal(self, serial: str, user_pin: str, label: str, seal: bytes) -> None:
        """Put a seal's bytes on the token as a private data object, in the place of one with this label."""
        with self._session(serial, user_pin) as session:
            objects.put_seal(session, label, seal)

    def remove_key(self, serial: str, user_pin: str, key_id: bytes) -> None:
        """Take a key pair and its certificate off the token; does nothing when there is none."""
        with self._session(serial, user_pin) as session:
            objects.remove(session, key_id)

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        """Read everything from the token anew and let the private key sign `challenge`."""
        with self._session(serial, user_pin, rw=False, anew=True) as session:
            private_key = objects.private_key(session, key_id)
            return ReadBack(
                serial=serial_of(session.token),
                certificate=_only(objects.certificates(session, key_id)),
                public_key=objects.public_key(session, key_id, algorithm),
                signature=objects.sign(private_key, algorithm, challenge),
                seal=_only(objects.seals(session, seal_label)),
                key_is_bound=objects.is_bound(private_key),
            )

    @contextmanager
    def _session(self, serial: str, user_pin: str, *, rw: bool = True, anew: bool = False) -> Iterator[Session]:
        """A session of the holder. It counts as done only if the token still answers at its end.

        `anew`: the token itself shall answer, not what the library remembers of it.
        """
        require_pin(user_pin)
        with self._faults(serial):
            if anew:
                self._library.restart()
            token = self._library.find(serial)
            session = token.open(rw=rw, user_pin=user_pin)
            yield session
            session.close()
            if not self._library.still_holds(token):
                raise TokenFault(Fault.TOKEN_PULLED, serial)

    @contextmanager
    def _faults(self, serial: str, *, as_officer: bool = False) -> Iterator[None]:
        """Hold the library; after any failure close what is open, and tell a pulled token from one that refuses."""
        with self._library.lock:
            try:
                yield
            except TokenFault as fault:
                raise self._explained(fault, serial) from None
            except PKCS11Error as error:
                raise self._explained(fault_of(error, as_officer=as_officer), serial) from None
            except BaseException:
                with suppress(TokenFault):
                    self._library.restart()
                raise

    def _explained(self, fault: TokenFault, serial: str) -> TokenFault:
        """What a library answers for a token that is gone differs; that it is gone is what matters."""
        self._library.restart()
        if fault.fault is not Fault.TOKEN_MISSING and not self._library.answers(serial):
            return TokenFault(Fault.TOKEN_PULLED, f"{serial}: {fault.detail}")
        if fault.fault is Fault.TOKEN_FAILED and self._folder is not None and _is_full(self._folder):
            return TokenFault(Fault.DISK_FULL, fault.detail)
        return fault


def _plugged(token: Token) -> PluggedToken:
    return PluggedToken(
        serial=serial_of(token),
        label=token.label,
        model=token.model,
        maker=token.manufacturer_id,
        blank=_is_blank(token),
    )


def _is_blank(token: Token) -> bool:
    """Nobody's key pair and nobody's certificate is on it; both show without the PIN."""
    if not token.flags & TokenFlag.TOKEN_INITIALIZED:
        return True
    try:
        with token.open() as session:
            kept = [
                not objects.is_shell(thing)
                for kind in (ObjectClass.CERTIFICATE, ObjectClass.PUBLIC_KEY)
                for thing in session.get_objects({Attribute.CLASS: kind})
            ]
    except PKCS11Error:
        return False  # who can't look must not call it empty
    return not any(kept)


def _is_full(folder: Path) -> bool:
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM


def _only(found: Sequence[Object]) -> bytes | None:
    """The value of the one object there is.

    Raises:
        TokenFault: TOKEN_FAILED when a kill amid replacing left two; writing again mends that.
    """
    if len(found) > 1:
        raise TokenFault(Fault.TOKEN_FAILED, "an old and a new object stand beside each other: write it again")
    value: bytes | None = found[0][Attribute.VALUE] if found else None
    return value
