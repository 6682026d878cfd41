"""One PKCS #11 library of this process: which tokens are plugged in, starting it anew, and emptying a token.

A library is loaded once per process and used by one thread at a time. It is started anew after every failure: that
closes whatever sessions were left open and forgets tokens that are gone.
"""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Final

import pkcs11
from pkcs11 import PKCS11Error, Token

from workbench.production.tokens.driver import Fault, TokenFault

LABEL_BYTES: Final = 32
_INIT_TOKEN: Final = 9
"""Where C_InitToken stands in CK_FUNCTION_LIST (PKCS #11 v2.40, section 3.6); python-pkcs11 does not offer it."""
_REFUSALS: Final[dict[int, type[PKCS11Error]]] = {
    0x02: pkcs11.HostMemory,
    0x05: pkcs11.GeneralError,
    0x06: pkcs11.FunctionFailed,
    0x30: pkcs11.DeviceError,
    0x31: pkcs11.DeviceMemory,
    0x32: pkcs11.DeviceRemoved,
    0x54: pkcs11.FunctionNotSupported,
    0xA0: pkcs11.PinIncorrect,
    0xA1: pkcs11.PinInvalid,
    0xA2: pkcs11.PinLenRange,
    0xA4: pkcs11.PinLocked,
    0xB6: pkcs11.SessionExists,
    0xE0: pkcs11.TokenNotPresent,
    0xE1: pkcs11.TokenNotRecognised,
    0xE2: pkcs11.TokenWriteProtected,
}
_loaded: dict[Path, "Library"] = {}
_loading = Lock()


class _FunctionList(ctypes.Structure):
    _pack_ = 1 if os.name == "nt" else ctypes.alignment(ctypes.c_void_p)
    _fields_ = (("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * (_INIT_TOKEN + 1)))


class Library:
    """A loaded library. Hold `lock` from looking for a token until done with it."""

    def __init__(self, path: Path) -> None:
        self.lock = RLock()
        self._path = path
        try:
            self._lib = pkcs11.lib(str(path))
        except PKCS11Error as error:
            raise TokenFault(Fault.DRIVER_MISSING, f"{path} can't be started: {_words(error)}") from None

    def restart(self) -> None:
        """Close every session and look at the slots anew."""
        try:
            self._lib.reinitialize()
        except PKCS11Error:
            try:
                self._lib.initialize()
            except PKCS11Error as error:
                raise TokenFault(Fault.DRIVER_MISSING, f"{self._path} can't be started: {_words(error)}") from None

    def tokens(self) -> list[Token]:
        """Every token that answers now. A slot whose token has just gone is not a failure.

        Raises:
            TokenFault: DRIVER_MISSING when the library itself does not answer.
        """
        return list(self._tokens())

    def find(self, serial: str) -> Token:
        """The token with this serial number, looking twice: the library may know only what it saw at its start.

        Raises:
            TokenFault: TOKEN_MISSING; TOKEN_FAILED when two answer to one number; DRIVER_MISSING.
        """
        found = self._named(serial)
        if not found:
            self.restart()
            found = self._named(serial)
        if len(found) > 1:
            raise TokenFault(Fault.TOKEN_FAILED, f"{len(found)} tokens have the serial number {serial}")
        if not found:
            raise TokenFault(Fault.TOKEN_MISSING, serial)
        return found[0]

    def answers(self, serial: str) -> bool:
        """Whether this token is plugged in at this moment."""
        return bool(self._named(serial))

    def still_holds(self, token: Token) -> bool:
        """Whether the slot that a token was found in holds it at this moment; quicker than looking at all."""
        try:
            return serial_of(token.slot.get_token()) == serial_of(token)
        except PKCS11Error:
            return False

    def init_token(self, token: Token, so_pin: str, label: str) -> None:
        """Empty a token; one that was never initialised takes the SO PIN as its own.

        The label is cut to the 32 bytes that a token has for it.

        Raises:
            PKCS11Error: what the token answered.
        """
        listing = ctypes.POINTER(_FunctionList)()
        loaded = ctypes.CDLL(str(self._path))
        if loaded.C_GetFunctionList(ctypes.byref(listing)) != 0:
            raise pkcs11.FunctionFailed
        prototype = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
        function: Any = prototype(listing.contents.functions[_INIT_TOKEN])
        pin = so_pin.encode()
        answer = function(token.slot.slot_id, pin, len(pin), padded(label))
        if answer != 0:
            raise _REFUSALS.get(answer, PKCS11Error)(f"C_InitToken answered {answer:#x}")

    def _named(self, serial: str) -> list[Token]:
        # SoftHSM's spare token has no number, and nobody may ask for it by none.
        return [token for token in self._tokens() if serial and serial_of(token) == serial]

    def _tokens(self) -> Iterator[Token]:
        try:
            slots = self._lib.get_slots(token_present=True)
        except PKCS11Error as error:
            raise TokenFault(Fault.DRIVER_MISSING, f"{self._path} shows no slots: {_words(error)}") from None
        for slot in slots:
            try:
                yield slot.get_token()
            except PKCS11Error:
                continue


def library_at(path: Path) -> Library:
    """The library in this file, loaded at most once.

    Raises:
        TokenFault: DRIVER_MISSING.
    """
    resolved = path.resolve()
    with _loading:
        if resolved not in _loaded:
            if not resolved.is_file():
                raise TokenFault(Fault.DRIVER_MISSING, f"There is no PKCS #11 library at {path}")
            _loaded[resolved] = Library(resolved)
        return _loaded[resolved]


def serial_of(token: Token) -> str:
    """A token's serial number as its maker prints it; empty for one that has none yet."""
    return token.serial.decode(errors="replace").strip("\0 ")


def padded(label: str) -> bytes:
    """A label as a token keeps it: UTF-8, cut between characters to its 32 bytes, filled up with spaces."""
    cut = label.encode(errors="replace")[:LABEL_BYTES].decode(errors="ignore")
    return cut.encode().ljust(LABEL_BYTES)


def _words(error: PKCS11Error) -> str:
    return f"{type(error).__name__} {error}".strip()
