"""Which driver the bench agent works with, by its configuration. What is missing is said in words one can act on."""

from enum import StrEnum
from pathlib import Path

from workbench.production.tokens import softhsm
from workbench.production.tokens.driver import Fault, TokenDriver, TokenFault
from workbench.production.tokens.pkcs11 import Pkcs11Driver
from workbench.production.tokens.software import SoftwareSm2Driver


class DriverKind(StrEnum):
    """What stands between the agent and its tokens."""

    SOFTHSM = "softhsm"
    PKCS11 = "pkcs11"
    SM2_SOFTWARE = "sm2-software"


def load_driver(kind: DriverKind, library: Path | None, so_pin: str, folder: Path | None) -> TokenDriver:
    """The driver of this kind.

    Args:
        kind: `softhsm` and `sm2-software` are for development and tests.
        library: the PKCS #11 library; SoftHSM's is found by itself.
        so_pin: of the tokens behind a PKCS #11 library.
        folder: where `softhsm` and `sm2-software` keep their tokens. Without one SoftHSM uses the machine's own.

    Raises:
        TokenFault: DRIVER_MISSING; its detail says what to install or to configure.
    """
    if kind is DriverKind.SM2_SOFTWARE:
        if folder is None:
            raise TokenFault(Fault.DRIVER_MISSING, "The SM2 software store needs a folder for its tokens")
        return SoftwareSm2Driver(folder)
    if kind is DriverKind.PKCS11:
        if library is None:
            raise TokenFault(Fault.DRIVER_MISSING, "Name the PKCS #11 library that came with the tokens (.so or .dll)")
        return Pkcs11Driver(library, so_pin)
    path = library or softhsm.require_library()
    if folder is not None:
        softhsm.Store(folder, path).activate()
    return Pkcs11Driver(path, so_pin, folder)
