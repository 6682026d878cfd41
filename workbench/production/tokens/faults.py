"""What a PKCS #11 error means for a production run. Only names of errors go on from here, never what was passed in."""

from typing import Final

import pkcs11
from pkcs11 import PKCS11Error

from workbench.production.tokens.driver import Fault, TokenFault

_FAULTS: Final[dict[type[PKCS11Error], Fault]] = {
    pkcs11.DeviceRemoved: Fault.TOKEN_PULLED,
    pkcs11.TokenNotPresent: Fault.TOKEN_PULLED,
    pkcs11.TokenNotRecognised: Fault.TOKEN_PULLED,
    pkcs11.SessionHandleInvalid: Fault.TOKEN_PULLED,
    pkcs11.SessionClosed: Fault.TOKEN_PULLED,
    pkcs11.SlotIDInvalid: Fault.TOKEN_PULLED,
    pkcs11.ObjectHandleInvalid: Fault.TOKEN_PULLED,
    pkcs11.DeviceMemory: Fault.TOKEN_FULL,
    pkcs11.PinIncorrect: Fault.PIN_REFUSED,
    pkcs11.PinInvalid: Fault.PIN_REFUSED,
    pkcs11.PinLenRange: Fault.PIN_REFUSED,
    pkcs11.PinTooWeak: Fault.PIN_REFUSED,
    pkcs11.PinExpired: Fault.PIN_REFUSED,
    pkcs11.UserPinNotInitialized: Fault.PIN_REFUSED,
    pkcs11.PinLocked: Fault.PIN_LOCKED,
    pkcs11.MechanismInvalid: Fault.ALGORITHM_MISSING,
    pkcs11.MechanismParamInvalid: Fault.ALGORITHM_MISSING,
    pkcs11.KeySizeRange: Fault.ALGORITHM_MISSING,
    pkcs11.DomainParamsInvalid: Fault.ALGORITHM_MISSING,
    pkcs11.KeyHandleInvalid: Fault.KEY_MISSING,
    pkcs11.NoSuchKey: Fault.KEY_MISSING,
}


def fault_of(error: PKCS11Error, *, as_officer: bool = False) -> TokenFault:
    """The fault behind an error. `as_officer`: the PIN that the token was given was the SO PIN."""
    fault = _FAULTS.get(type(error), Fault.TOKEN_FAILED)
    if as_officer and fault in {Fault.PIN_REFUSED, Fault.PIN_LOCKED}:
        fault = Fault.SO_PIN_REFUSED
    return TokenFault(fault, type(error).__name__)
