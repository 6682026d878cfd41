"""Why a making stands still, and what its maker does about it. Codes are stored; words are msgids."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_
from workbench.production.tokens.driver import Fault


class Standstill(StrEnum):
    """What stops a making besides the token itself."""

    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a fault, not a secret
    SOFTWARE_TOKEN = "software_token"  # noqa: S105 - a fault, not a secret
    BAD_REQUEST = "bad_request"
    MISMATCH = "mismatch"
    LIMIT = "limit"
    CA_UNREACHABLE = "ca_unreachable"
    CA_PENDING = "ca_pending"
    CA_REJECTED = "ca_rejected"
    CA_MISCONFIGURED = "ca_misconfigured"
    CERTIFICATE_REFUSED = "certificate_refused"
    REVOCATION_REJECTED = "revocation_rejected"
    STORE_FAILED = "store_failed"
    NOT_ORDERED = "not_ordered"
    NOT_PASSED_ON = "not_passed_on"


WAITING: Final = frozenset({Standstill.CA_UNREACHABLE.value, Standstill.CA_PENDING.value})
"""Faults that pass by themselves: the server goes on asking, nobody has to press anything."""

HAPPENED: Final[Mapping[str, str]] = {
    Fault.TOKEN_MISSING: N_("The scanned token is not plugged in at this bench."),
    Fault.TOKEN_PULLED: N_("The token was pulled out while it was being written."),
    Fault.TOKEN_FULL: N_("There is no room left on the token."),
    Fault.TOKEN_NOT_BLANK: N_("The token is not blank: something is on it already."),
    Fault.PIN_REFUSED: N_("The token did not accept its PIN."),
    Fault.PIN_LOCKED: N_("The token is locked after too many wrong PINs."),
    Fault.SO_PIN_REFUSED: N_("The token did not accept the security officer's PIN."),
    Fault.KEY_MISSING: N_("The key pair is not on the token."),
    Fault.ALGORITHM_MISSING: N_("This kind of token cannot make keys of the configured algorithm."),
    Fault.DRIVER_MISSING: N_("The bench agent has no driver for tokens."),
    Fault.DISK_FULL: N_("The bench agent's disk is full."),
    Fault.TOKEN_FAILED: N_("The token reported an error."),
    Standstill.WRONG_TOKEN: N_("Another token answered than the one that was scanned."),
    Standstill.SOFTWARE_TOKEN: N_("The bench offers a software token, but the CA issues for real use."),
    Standstill.BAD_REQUEST: N_("The token's certificate request does not hold: it was not sent to the CA."),
    Standstill.MISMATCH: N_("What was read back differs from what was written."),
    Standstill.LIMIT: N_("The enterprise holds as many valid certificates as it may."),
    Standstill.CA_UNREACHABLE: N_("The CA does not answer. It is asked again by itself; nothing is issued twice."),
    Standstill.CA_PENDING: N_("The CA has taken the request and decides later. It is asked again by itself."),
    Standstill.CA_REJECTED: N_("The CA refused the request."),
    Standstill.CA_MISCONFIGURED: N_("The CA can't be asked as it is configured."),
    Standstill.CERTIFICATE_REFUSED: N_("The CA's certificate is not what was asked for: it was ended at once."),
    Standstill.REVOCATION_REJECTED: N_("The CA refused to end the old certificate, so no new one was asked for."),
    Standstill.STORE_FAILED: N_("The server could not keep or read the seal: its disk is full or damaged."),
    Standstill.NOT_ORDERED: N_("The bench can't be told what to write: the case or the seal does not allow it."),
    Standstill.NOT_PASSED_ON: N_("The key is verified, but the case could not be passed on."),
}
"""By code, what happened."""

THEN: Final[Mapping[str, str]] = {
    Fault.TOKEN_MISSING: N_("Plug it in, then retry. Or put it back and scan the one that is plugged in."),
    Fault.TOKEN_PULLED: N_("Plug it in again, then retry."),
    Fault.TOKEN_FULL: N_("Set it aside as spoiled and scan another."),
    Fault.TOKEN_NOT_BLANK: N_("Check which key this is before anything is written on it."),
    Fault.PIN_REFUSED: N_("Retry. If it happens again, set it aside as spoiled and scan another."),
    Fault.PIN_LOCKED: N_("Set it aside as spoiled and scan another."),
    Fault.SO_PIN_REFUSED: N_(
        "Check the officer's PIN in the agent's configuration; the delivery may have another one."
    ),
    Fault.KEY_MISSING: N_("Set it aside as spoiled and scan another."),
    Fault.ALGORITHM_MISSING: N_("Use tokens that can, or have the algorithm changed in the configuration."),
    Fault.DRIVER_MISSING: N_("Install the driver on the bench's machine and start the agent again."),
    Fault.DISK_FULL: N_("Make room on the bench's machine, then retry."),
    Fault.TOKEN_FAILED: N_("Retry. If it happens again, set it aside as spoiled and scan another."),
    Standstill.WRONG_TOKEN: N_("Unplug the other token, plug in the scanned one, then retry."),
    Standstill.SOFTWARE_TOKEN: N_("Use the bench with real tokens."),
    Standstill.BAD_REQUEST: N_("Retry. If it happens again, set the token aside as spoiled and scan another."),
    Standstill.MISMATCH: N_("Retry: everything is written and read anew. If it differs again, set the token aside."),
    Standstill.LIMIT: N_("Put the token back. An old certificate has to end before the case can be made."),
    Standstill.CA_UNREACHABLE: N_("Wait, or leave the token with the case and go on with another one."),
    Standstill.CA_PENDING: N_("Wait, or leave the token with the case and go on with another one."),
    Standstill.CA_REJECTED: N_("Ask the supervisor what the CA wants; put the token back until then."),
    Standstill.CA_MISCONFIGURED: N_("Call the administrator; put the token back until then."),
    Standstill.CERTIFICATE_REFUSED: N_("Call the administrator: the CA's profile differs from ours."),
    Standstill.REVOCATION_REJECTED: N_("Ask the supervisor to end the old certificate at the CA, then retry."),
    Standstill.STORE_FAILED: N_("Call the administrator, then retry: what was issued stays valid, nothing is lost."),
    Standstill.NOT_ORDERED: N_("Read the reason, mend it, then retry; or put the token back."),
    Standstill.NOT_PASSED_ON: N_("Read the reason, then retry or leave the token for another maker."),
}
"""By code, what to do now."""
