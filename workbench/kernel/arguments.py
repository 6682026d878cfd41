"""What people type into an address or a form, read once: they edit and share addresses, so what makes no sense there
is left out and never an error.
"""

from enum import StrEnum
from typing import Final, TypeVar

LARGEST_ID: Final = 2**62
"""Beyond every id that is given out, and within what the database can compare with one."""
_LONGEST_AUTHORITY: Final = 4
"""Digits; the database keeps an authority's id in two bytes."""
_E = TypeVar("_E", bound=StrEnum)


def storable(untrusted: str) -> str:
    """Text without what no text in the database can hold (NUL, lone surrogates) and without blanks around it."""
    return untrusted.replace("\x00", "").encode("utf-8", "ignore").decode().strip()


def member(kind: type[_E], value: str | None) -> _E | None:
    """The word of `kind` that is spelled `value`; None where there is none."""
    return next((each for each in kind if each.value == value), None)


def row_id(value: str | None) -> int | None:
    """A row's number in ASCII digits; None for anything that no row can be called."""
    if value is None or not (value.isascii() and value.isdecimal()) or len(value) > len(str(LARGEST_ID)):
        return None
    number = int(value)
    return number if 0 < number < LARGEST_ID else None


def authority_id(value: str | None) -> int | None:
    """As `row_id`, of an authority: at most four digits."""
    return row_id(value) if value is not None and len(value) <= _LONGEST_AUTHORITY else None
