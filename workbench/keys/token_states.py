"""What a token can be, whose hands it can be in, and every move between (DOMAIN: a key is in one hand at a time).

One row a move. `keys.tokens.move()` is the only code that acts on it; a later desk adds its rows here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_


class TokenState(StrEnum):
    """What a token is, apart from who holds it."""

    UNKNOWN = "unknown"
    BLANK = "blank"
    ALLOCATED = "allocated"
    PERSONALISED = "personalised"
    SPOILED = "spoiled"
    DESTROYED = "destroyed"


class Custodian(StrEnum):
    """Who can hold a token."""

    SUPPLIER = "supplier"
    VENDOR_STOCK = "vendor_stock"
    MAKER = "maker"
    SPOILED = "spoiled"
    DESTROYED = "destroyed"


class TokenMove(StrEnum):
    """What happens to a token, in the imperative."""

    IMPORT = "import"
    ALLOCATE = "allocate"
    PUT_BACK = "put_back"
    PERSONALISE = "personalise"
    SPOIL = "spoil"
    DESTROY = "destroy"


@dataclass(frozen=True)
class TokenTransition:
    """One move: where it leads, what the ledger calls it, and whether it has to be explained."""

    after: TokenState
    to: Custodian
    event: str
    needs_remark: bool = False


_S, _M = TokenState, TokenMove

TOKEN_TRANSITIONS: Final[Mapping[tuple[TokenState, TokenMove], TokenTransition]] = {
    (_S.UNKNOWN, _M.IMPORT): TokenTransition(_S.BLANK, Custodian.VENDOR_STOCK, "imported"),
    (_S.BLANK, _M.ALLOCATE): TokenTransition(_S.ALLOCATED, Custodian.MAKER, "allocated"),
    (_S.ALLOCATED, _M.ALLOCATE): TokenTransition(_S.ALLOCATED, Custodian.MAKER, "taken_over"),
    (_S.ALLOCATED, _M.PUT_BACK): TokenTransition(_S.BLANK, Custodian.VENDOR_STOCK, "put_back"),
    (_S.ALLOCATED, _M.PERSONALISE): TokenTransition(_S.PERSONALISED, Custodian.VENDOR_STOCK, "personalised"),
    (_S.BLANK, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.ALLOCATED, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.PERSONALISED, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.SPOILED, _M.DESTROY): TokenTransition(_S.DESTROYED, Custodian.DESTROYED, "destroyed", needs_remark=True),
}

TOKEN_STATES: Final = tuple(each.value for each in TokenState)
CUSTODIANS: Final = tuple(each.value for each in Custodian)
NAMELESS: Final = (
    Custodian.SUPPLIER.value,
    Custodian.VENDOR_STOCK.value,
    Custodian.SPOILED.value,
    Custodian.DESTROYED.value,
)
"""Custodians of whom there is one: they are named without a reference."""

TOKEN_STATE_NAMES: Final[Mapping[TokenState, str]] = {
    _S.UNKNOWN: N_("Not taken in yet"),
    _S.BLANK: N_("Blank"),
    _S.ALLOCATED: N_("Allocated"),
    _S.PERSONALISED: N_("Personalised"),
    _S.SPOILED: N_("Spoiled"),
    _S.DESTROYED: N_("Destroyed"),
}
REFUSALS: Final[Mapping[TokenState, str]] = {
    _S.UNKNOWN: N_("Token %(serial)s has not been taken into stock."),
    _S.BLANK: N_("Token %(serial)s is blank and lies in stock."),
    _S.ALLOCATED: N_("Token %(serial)s is being made for a case."),
    _S.PERSONALISED: N_("Token %(serial)s is a finished key."),
    _S.SPOILED: N_("Token %(serial)s was set aside as spoiled."),
    _S.DESTROYED: N_("Token %(serial)s was destroyed."),
}
"""What is said when a token is asked for something it can't do in the state it is in."""
CUSTODIAN_NAMES: Final[Mapping[Custodian, str]] = {
    Custodian.SUPPLIER: N_("Supplier"),
    Custodian.VENDOR_STOCK: N_("Vendor's stock"),
    Custodian.MAKER: N_("Key maker"),
    Custodian.SPOILED: N_("Set aside as spoiled"),
    Custodian.DESTROYED: N_("Destroyed"),
}
TOKEN_EVENT_NAMES: Final[Mapping[str, str]] = {
    "imported": N_("taken into stock"),
    "allocated": N_("allocated to a case"),
    "taken_over": N_("taken over by another maker"),
    "put_back": N_("put back into stock"),
    "personalised": N_("personalised and verified"),
    "spoiled": N_("set aside as spoiled"),
    "destroyed": N_("destroyed"),
}


def find_token_transition(state: TokenState, move: TokenMove) -> TokenTransition | None:
    """Where `move` leads from `state`, if it leads anywhere."""
    return TOKEN_TRANSITIONS.get((state, move))
