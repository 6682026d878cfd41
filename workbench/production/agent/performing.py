"""Doing what the server ordered with the token driver, and saying what came of it.

Only the time inside the driver is measured. A holder's PIN is asked here, never sent, and forgotten with the process.
"""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from workbench.production.protocol import (
    Failed,
    Order,
    Outcome,
    Personalise,
    Remove,
    Removed,
    Requested,
    Write,
    Written,
)
from workbench.production.tokens.driver import Fault, TokenDriver, TokenFault

PIN_TRIES: Final = 3
"""How often a holder is asked before the order fails; tokens lock after a few more."""
LONGEST_DETAIL: Final = 500
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

T = TypeVar("T")
AskPin = Callable[[str, int], str | None]
"""Asks the holder of a token (its serial number) for the PIN, with the tries that are left; None when none is given."""


class StoppedBetweenCallsError(Exception):
    """The program was asked to end: no further token call is begun, and the order will be given again."""


@dataclass(frozen=True)
class Done:
    """An order's outcome, and how long it took in seconds: all of it, and inside the driver."""

    outcome: Outcome
    seconds: float
    token_seconds: float


class Performer:
    """Carries out orders, one at a time."""

    def __init__(self, driver: TokenDriver, *, ask_pin: AskPin | None, stopped: Callable[[], bool]) -> None:
        """
        Args:
            ask_pin: of a holder's agent; None at a bench, where nobody knows the PINs.
            stopped: whether the program was asked to end; looked at before each token call.
        """
        self._driver = driver
        self._ask_pin = ask_pin
        self._stopped = stopped
        self._holder_pin: str | None = None
        self._token_seconds = 0.0

    def perform(self, order: Order) -> Done:
        """What came of the order. A fault of the token, or of this program, is an outcome like others.

        Raises:
            StoppedBetweenCallsError: the program was asked to end before the order was done.
        """
        self._token_seconds = 0.0
        began = time.perf_counter()
        outcome = self._outcome(order)
        return Done(outcome, time.perf_counter() - began, self._token_seconds)

    def _outcome(self, order: Order) -> Outcome:
        if self._ask_pin is not None and isinstance(order, Personalise) and not order.keep:
            return _failed(order, Fault.TOKEN_NOT_BLANK, "a holder's token is never emptied")
        if order.user_pin is not None:
            return self._attempt(order, order.user_pin)
        if self._ask_pin is None:
            return _failed(order, Fault.PIN_REFUSED, "this agent asks nobody for a PIN")
        for left in range(PIN_TRIES, 0, -1):
            pin = self._holder_pin or self._ask_pin(order.serial, left)
            if pin is None:
                return _failed(order, Fault.PIN_REFUSED, "the holder gave no PIN")
            outcome = self._attempt(order, pin)
            refused = isinstance(outcome, Failed) and outcome.fault is Fault.PIN_REFUSED
            self._holder_pin = None if refused else pin
            if not refused:
                return outcome
        return outcome

    def _attempt(self, order: Order, pin: str) -> Outcome:
        try:
            return self._carry_out(order, pin)
        except TokenFault as fault:
            return _failed(order, fault.fault, fault.detail.replace(pin, "…"))
        except OSError as error:
            why = Fault.DISK_FULL if error.errno in _FULL else Fault.TOKEN_FAILED
            return _failed(order, why, f"agent: {type(error).__name__} {error.errno}")
        except StoppedBetweenCallsError:
            raise
        except Exception as error:
            # A driver's own bug must not end the program; an error's words may quote what it was called with.
            return _failed(order, Fault.TOKEN_FAILED, f"agent: {type(error).__name__}")

    def _carry_out(self, order: Order, pin: str) -> Outcome:
        if isinstance(order, Personalise):
            return self._personalise(order, pin)
        if isinstance(order, Write):
            return self._write(order, pin)
        return self._remove(order, pin)

    def _personalise(self, order: Personalise, pin: str) -> Outcome:
        driver, key_id = self._driver, bytes.fromhex(order.key_id)
        if not order.keep:
            self._call(lambda: driver.personalise(order.serial, label=order.label, user_pin=pin))
        self._call(lambda: driver.make_key(order.serial, pin, key_id, order.algorithm))
        request = self._call(lambda: driver.sign_request(order.serial, pin, key_id, order.algorithm, order.subject))
        return Requested(making=order.making, serial=order.serial, request=request, token_seconds=self._token_seconds)

    def _write(self, order: Write, pin: str) -> Outcome:
        driver, key_id, seal = self._driver, bytes.fromhex(order.key_id), order.seal
        self._call(lambda: driver.write_certificate(order.serial, pin, key_id, order.certificate))
        if seal is not None:
            self._call(lambda: driver.write_seal(order.serial, pin, order.seal_label, seal))
        challenge = bytes.fromhex(order.challenge)
        read = self._call(
            lambda: driver.read_back(order.serial, pin, key_id, order.algorithm, order.seal_label, challenge)
        )
        return Written(
            making=order.making,
            serial=read.serial,
            certificate=read.certificate,
            public_key=read.public_key,
            signature=read.signature,
            seal=read.seal,
            key_is_bound=read.key_is_bound,
            token_seconds=self._token_seconds,
        )

    def _remove(self, order: Remove, pin: str) -> Outcome:
        self._call(lambda: self._driver.remove_key(order.serial, pin, bytes.fromhex(order.key_id)))
        return Removed(making=order.making)

    def _call(self, ask: Callable[[], T]) -> T:
        """One token call, timed; once begun it is waited for."""
        if self._stopped():
            raise StoppedBetweenCallsError
        began = time.perf_counter()
        try:
            return ask()
        finally:
            self._token_seconds += time.perf_counter() - began


def _failed(order: Order, fault: Fault, detail: str) -> Failed:
    return Failed(making=order.making, fault=fault, detail=detail[:LONGEST_DETAIL])
