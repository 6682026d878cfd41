"""What people type into an address or a form, read once: they edit and share addresses, so what makes no sense there
is left out and never an error.
"""

import unicodedata
from datetime import date
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


def scanned_text(untrusted: str, longest: int) -> str:
    """What a scanner or a hand typed: wide characters of an input method made narrow, no NUL, no blanks around."""
    return unicodedata.normalize("NFKC", untrusted).replace("\x00", "").strip()[:longest]


def visible(untrusted: str) -> str:
    """A name without the characters nobody sees, such as those that turn the direction of writing."""
    return "".join(each for each in untrusted if unicodedata.category(each) != "Cf").strip()


def day(value: str | None) -> date | None:
    """A day written like 2026-11-24; None for anything else, and for one at the ends of the calendar."""
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    return found if 2000 <= found.year <= 9000 else None


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
