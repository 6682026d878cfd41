"""Updating a certificate at the holder's own machine, in the holder's words: each step, what stops it. Msgids only."""

from collections.abc import Mapping
from typing import Final

from workbench.kernel.messages import N_
from workbench.production.faults import Standstill
from workbench.production.renewal_progress import Step
from workbench.production.tokens.driver import Fault

STEPS: Final[Mapping[Step, str]] = {
    Step.CODE: N_("Get a one-time code"),
    Step.AGENT: N_("Start the update program and enter the code"),
    Step.KEY: N_("Plug in the e-key"),
    Step.PAIR: N_("The key prepares its request; the program asks for the key's PIN"),
    Step.CERTIFICATE: N_("The certification authority issues the new certificate"),
    Step.WRITING: N_("The new certificate is written on the key and checked"),
    Step.DONE: N_("Done"),
}
"""Each step as a line of the list."""

_CALL: Final = N_("Please call the service line and name the application number. Nothing is lost.")
_AGAIN: Final = N_("Press “Try again”. If it happens again, please call the service line.")
_BY_ITSELF: Final = N_("You need not do anything: it is asked again by itself. You may close this page and come back.")
_OURS: Final = (N_("Something is not in order on our side."), _CALL)

FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    Fault.TOKEN_MISSING: (N_("The key is not plugged in."), N_("Plug it in: the program goes on by itself.")),
    Fault.TOKEN_PULLED: (
        N_("The key was pulled out while it was at work."),
        N_("Plug it in again: the program goes on by itself."),
    ),
    Fault.TOKEN_FULL: (N_("There is no room left on the key."), _CALL),
    Fault.PIN_REFUSED: (
        N_("The key did not accept the PIN."),
        N_("Press “Try again” and type the PIN at the program. Too many wrong ones lock the key."),
    ),
    Fault.PIN_LOCKED: (
        N_("The key is locked after too many wrong PINs."),
        N_("Please call the service line: a locked key has to be replaced."),
    ),
    Fault.ALGORITHM_MISSING: (
        N_("This key is too old for the new kind of certificate."),
        N_("Please call the service line: the key has to be replaced."),
    ),
    Fault.DRIVER_MISSING: (
        N_("The program finds no driver for the key."),
        N_("Install the driver that came with the key, then start the program again."),
    ),
    Fault.DISK_FULL: (N_("The disk of this computer is full."), N_("Make room, then press “Try again”.")),
    Fault.TOKEN_FAILED: (N_("The key reported an error."), _AGAIN),
    Fault.KEY_MISSING: (N_("What was prepared on the key is not there any more."), _CALL),
    Standstill.WRONG_TOKEN: (
        N_("Another key answered than the one to be updated."),
        N_("Take the other key out, plug in the right one, then press “Try again”."),
    ),
    Standstill.SOFTWARE_TOKEN: (
        N_("The program was started for keys that are files, as for trying out."),
        N_("Start it with the driver of the e-key."),
    ),
    Standstill.MISMATCH: (N_("What was read back from the key differs from what was written."), _AGAIN),
    Standstill.BAD_REQUEST: (N_("The key's request does not hold."), _AGAIN),
    Standstill.CA_UNREACHABLE: (N_("The certification authority does not answer at the moment."), _BY_ITSELF),
    Standstill.CA_PENDING: (N_("The certification authority has the request and decides later."), _BY_ITSELF),
    Standstill.CA_REJECTED: (N_("The certification authority refused the request."), _CALL),
}
"""By code: what happened, and what to do now."""


def fault_in_words(code: str) -> tuple[str, str]:
    """What stops a renewal, and what to do now; what is ours to mend is told as that."""
    return FAULTS.get(code, _OURS)
