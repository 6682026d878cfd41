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
    HANDED_OVER = "handed_over"
    SURRENDERED = "surrendered"
    LOST = "lost"
    SPOILED = "spoiled"
    DESTROYED = "destroyed"


class Custodian(StrEnum):
    """Who can hold a token."""

    SUPPLIER = "supplier"
    VENDOR_STOCK = "vendor_stock"
    MAKER = "maker"
    PACKER = "packer"
    COURIER = "courier"
    AUTHORITY = "authority"
    ENTERPRISE = "enterprise"
    LOST = "lost"
    SPOILED = "spoiled"
    DESTROYED = "destroyed"


class TokenMove(StrEnum):
    """What happens to a token, in the imperative."""

    IMPORT = "import"
    ALLOCATE = "allocate"
    PUT_BACK = "put_back"
    PERSONALISE = "personalise"
    PACK = "pack"
    UNPACK = "unpack"
    HAND_TO_COURIER = "hand_to_courier"
    RECEIVE = "receive"
    SEND_ON = "send_on"
    TAKE_RETURN = "take_return"
    LOSE = "lose"
    FIND = "find"
    HAND_OVER = "hand_over"
    RECOGNISE = "recognise"
    SURRENDER = "surrender"
    WITHDRAW = "withdraw"
    SPOIL = "spoil"
    DESTROY = "destroy"


@dataclass(frozen=True)
class TokenTransition:
    """One move: where it leads, what the ledger calls it, and whether it has to be explained.

    `held_by` names who has to hold the token beforehand; None means whoever does.
    """

    after: TokenState
    to: Custodian
    event: str
    needs_remark: bool = False
    held_by: frozenset[Custodian] | None = None


_S, _M = TokenState, TokenMove
_STOCK: Final = frozenset({Custodian.VENDOR_STOCK})
_PACKER: Final = frozenset({Custodian.PACKER})
_COURIER: Final = frozenset({Custodian.COURIER})
_AUTHORITY: Final = frozenset({Custodian.AUTHORITY})

TOKEN_TRANSITIONS: Final[Mapping[tuple[TokenState, TokenMove], TokenTransition]] = {
    (_S.UNKNOWN, _M.IMPORT): TokenTransition(_S.BLANK, Custodian.VENDOR_STOCK, "imported"),
    (_S.BLANK, _M.ALLOCATE): TokenTransition(_S.ALLOCATED, Custodian.MAKER, "allocated"),
    (_S.ALLOCATED, _M.ALLOCATE): TokenTransition(_S.ALLOCATED, Custodian.MAKER, "taken_over"),
    (_S.ALLOCATED, _M.PUT_BACK): TokenTransition(_S.BLANK, Custodian.VENDOR_STOCK, "put_back"),
    (_S.ALLOCATED, _M.PERSONALISE): TokenTransition(_S.PERSONALISED, Custodian.VENDOR_STOCK, "personalised"),
    (_S.BLANK, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.ALLOCATED, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.PERSONALISED, _M.SPOIL): TokenTransition(_S.SPOILED, Custodian.SPOILED, "spoiled", needs_remark=True),
    (_S.PERSONALISED, _M.PACK): TokenTransition(_S.PERSONALISED, Custodian.PACKER, "packed", held_by=_STOCK),
    (_S.PERSONALISED, _M.UNPACK): TokenTransition(_S.PERSONALISED, Custodian.VENDOR_STOCK, "unpacked", held_by=_PACKER),
    (_S.PERSONALISED, _M.HAND_TO_COURIER): TokenTransition(
        _S.PERSONALISED, Custodian.COURIER, "handed_to_courier", held_by=_PACKER
    ),
    (_S.PERSONALISED, _M.RECEIVE): TokenTransition(
        _S.PERSONALISED,
        Custodian.AUTHORITY,
        "received",
        # A key that lay in another parcel than its own is in the hands of whoever opened that parcel.
        held_by=frozenset({Custodian.COURIER, Custodian.PACKER, Custodian.VENDOR_STOCK, Custodian.AUTHORITY}),
    ),
    (_S.PERSONALISED, _M.SEND_ON): TokenTransition(_S.PERSONALISED, Custodian.COURIER, "sent_on", held_by=_AUTHORITY),
    (_S.PERSONALISED, _M.TAKE_RETURN): TokenTransition(
        _S.PERSONALISED, Custodian.VENDOR_STOCK, "returned", held_by=_COURIER
    ),
    (_S.PERSONALISED, _M.LOSE): TokenTransition(
        _S.LOST, Custodian.LOST, "lost", needs_remark=True, held_by=frozenset({Custodian.COURIER, Custodian.AUTHORITY})
    ),
    (_S.LOST, _M.FIND): TokenTransition(_S.SPOILED, Custodian.SPOILED, "found", needs_remark=True),
    (_S.PERSONALISED, _M.HAND_OVER): TokenTransition(
        _S.HANDED_OVER, Custodian.ENTERPRISE, "handed_over", held_by=_AUTHORITY
    ),
    # A key that was never in this stock is met in its enterprise's hands, where it renews its certificate.
    (_S.UNKNOWN, _M.RECOGNISE): TokenTransition(_S.HANDED_OVER, Custodian.ENTERPRISE, "recognised"),
    (_S.HANDED_OVER, _M.SURRENDER): TokenTransition(_S.SURRENDERED, Custodian.AUTHORITY, "surrendered"),
    (_S.PERSONALISED, _M.WITHDRAW): TokenTransition(
        _S.SURRENDERED, Custodian.AUTHORITY, "withdrawn", needs_remark=True, held_by=_AUTHORITY
    ),
    (_S.SURRENDERED, _M.SEND_ON): TokenTransition(_S.SURRENDERED, Custodian.COURIER, "sent_back", held_by=_AUTHORITY),
    (_S.SURRENDERED, _M.TAKE_RETURN): TokenTransition(
        _S.SURRENDERED, Custodian.VENDOR_STOCK, "returned", held_by=_COURIER
    ),
    (_S.SURRENDERED, _M.LOSE): TokenTransition(_S.LOST, Custodian.LOST, "lost", needs_remark=True, held_by=_COURIER),
    (_S.PERSONALISED, _M.DESTROY): TokenTransition(
        _S.DESTROYED, Custodian.DESTROYED, "destroyed", needs_remark=True, held_by=_AUTHORITY | _STOCK
    ),
    (_S.SURRENDERED, _M.DESTROY): TokenTransition(_S.DESTROYED, Custodian.DESTROYED, "destroyed", needs_remark=True),
    (_S.SPOILED, _M.DESTROY): TokenTransition(_S.DESTROYED, Custodian.DESTROYED, "destroyed", needs_remark=True),
}

TOKEN_STATES: Final = tuple(each.value for each in TokenState)
CUSTODIANS: Final = tuple(each.value for each in Custodian)
NAMELESS: Final = (
    Custodian.SUPPLIER.value,
    Custodian.VENDOR_STOCK.value,
    Custodian.LOST.value,
    Custodian.SPOILED.value,
    Custodian.DESTROYED.value,
)
"""Custodians of whom there is one: they are named without a reference."""

TOKEN_STATE_NAMES: Final[Mapping[TokenState, str]] = {
    _S.UNKNOWN: N_("Not taken in yet"),
    _S.BLANK: N_("Blank"),
    _S.ALLOCATED: N_("Allocated"),
    _S.PERSONALISED: N_("Personalised"),
    _S.HANDED_OVER: N_("Handed over"),
    _S.SURRENDERED: N_("Handed back"),
    _S.LOST: N_("Lost"),
    _S.SPOILED: N_("Spoiled"),
    _S.DESTROYED: N_("Destroyed"),
}
REFUSALS: Final[Mapping[TokenState, str]] = {
    _S.UNKNOWN: N_("Token %(serial)s has not been taken into stock."),
    _S.BLANK: N_("Token %(serial)s is blank and lies in stock."),
    _S.ALLOCATED: N_("Token %(serial)s is being made for a case."),
    _S.PERSONALISED: N_("Token %(serial)s is a finished key."),
    _S.HANDED_OVER: N_("Token %(serial)s was handed over to its enterprise."),
    _S.SURRENDERED: N_("Token %(serial)s was handed back and waits to be destroyed."),
    _S.LOST: N_("Token %(serial)s was lost on the way."),
    _S.SPOILED: N_("Token %(serial)s was set aside as spoiled."),
    _S.DESTROYED: N_("Token %(serial)s was destroyed."),
}
"""What is said when a token is asked for something it can't do in the state it is in."""
HELD_ELSEWHERE: Final[Mapping[Custodian, str]] = {
    Custodian.SUPPLIER: N_("Key %(serial)s has not been taken into stock."),
    Custodian.VENDOR_STOCK: N_("Key %(serial)s lies in the vendor's stock."),
    Custodian.MAKER: N_("Key %(serial)s is in its maker's hands."),
    Custodian.PACKER: N_("Key %(serial)s is packed already."),
    Custodian.COURIER: N_("Key %(serial)s is on its way with the courier."),
    Custodian.AUTHORITY: N_("Key %(serial)s is at an issuing authority."),
    Custodian.ENTERPRISE: N_("Key %(serial)s is in its enterprise's hands."),
    Custodian.LOST: N_("Key %(serial)s was lost on the way."),
    Custodian.SPOILED: N_("Key %(serial)s was set aside as spoiled."),
    Custodian.DESTROYED: N_("Key %(serial)s was destroyed."),
}
"""What is said when a key is asked for that somebody else holds."""
CUSTODIAN_NAMES: Final[Mapping[Custodian, str]] = {
    Custodian.SUPPLIER: N_("Supplier"),
    Custodian.VENDOR_STOCK: N_("Vendor's stock"),
    Custodian.MAKER: N_("Key maker"),
    Custodian.PACKER: N_("Packer"),
    Custodian.COURIER: N_("Courier"),
    Custodian.AUTHORITY: N_("Issuing authority"),
    Custodian.ENTERPRISE: N_("Enterprise"),
    Custodian.LOST: N_("Lost"),
    Custodian.SPOILED: N_("Set aside as spoiled"),
    Custodian.DESTROYED: N_("Destroyed"),
}
TOKEN_EVENT_NAMES: Final[Mapping[str, str]] = {
    "imported": N_("taken into stock"),
    "allocated": N_("allocated to a case"),
    "taken_over": N_("taken over by another maker"),
    "put_back": N_("put back into stock"),
    "personalised": N_("personalised and verified"),
    "packed": N_("packed"),
    "unpacked": N_("taken out of the box"),
    "handed_to_courier": N_("handed to the courier"),
    "received": N_("received by the authority"),
    "sent_on": N_("sent on by the authority"),
    "returned": N_("came back to the vendor"),
    "lost": N_("lost on the way"),
    "found": N_("turned up after it was lost"),
    "handed_over": N_("handed over to the enterprise"),
    "recognised": N_("recognised as a key of the old system"),
    "surrendered": N_("handed back by the enterprise"),
    "withdrawn": N_("withdrawn: nobody collected it"),
    "sent_back": N_("sent back to the vendor"),
    "spoiled": N_("set aside as spoiled"),
    "destroyed": N_("destroyed"),
}


def find_token_transition(state: TokenState, move: TokenMove) -> TokenTransition | None:
    """Where `move` leads from `state`, if it leads anywhere."""
    return TOKEN_TRANSITIONS.get((state, move))
