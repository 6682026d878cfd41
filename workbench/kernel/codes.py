"""Checks on unified social credit codes and identity numbers: length, characters, date and checksum, nothing more.

Region and department parts are never looked up: both outlive every published table, so a look-up would refuse people
and enterprises that are perfectly legal (codes starting with N, Y or A; residence permits starting with 81, 82, 83).
"""

import unicodedata
from datetime import date
from enum import StrEnum

from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

USCC_ALPHABET = frozenset("0123456789ABCDEFGHJKLMNPQRTUWXY")
"""The 31 characters of GB 32100-2015: digits and capital letters without I, O, S, V, Z."""

CODE_LENGTH = 18
OLDEST_AGE_YEARS = 150
_DIGITS = frozenset("0123456789")


class UsccProblem(StrEnum):
    """Why a unified social credit code can't be right, in the order the checks are made."""

    LENGTH = "length"
    CHARACTERS = "characters"
    CHECKSUM = "checksum"


class IdentityProblem(StrEnum):
    """Why an identity number can't be right, in the order the checks are made."""

    LENGTH = "length"
    CHARACTERS = "characters"
    DATE = "date"
    CHECKSUM = "checksum"


def _normalise(untrusted: str) -> str:
    """Fold full-width forms, drop blanks and invisible format characters (copied along from web pages), upper-case."""
    folded = unicodedata.normalize("NFKC", untrusted)
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Cf").upper()


def normalise_uscc(untrusted: str) -> str:
    """Bring a typed or pasted credit code into its stored form; says nothing about whether it is right."""
    return _normalise(untrusted)


def uscc_check_character(first_17: str) -> str:
    """Compute the 18th character of a credit code (GB 32100-2015: weights 3^i modulo 31).

    Raises ValueError unless given exactly 17 characters of the code's alphabet.
    """
    if len(first_17) != CODE_LENGTH - 1 or not USCC_ALPHABET.issuperset(first_17):
        raise ValueError("a credit code's check character is computed from 17 characters of its alphabet")
    return uscc.calc_check_digit(first_17)


def uscc_problem(code: str) -> UsccProblem | None:
    """Name what is wrong with a normalised credit code, or None when length, characters and checksum hold.

    Only `stdnum`'s arithmetic is used: its own `validate` demands eight leading digits and so refuses the
    departments N, Y and A, which GB 32100-2015 allows.
    """
    if len(code) != CODE_LENGTH:
        return UsccProblem.LENGTH
    if not USCC_ALPHABET.issuperset(code):
        return UsccProblem.CHARACTERS
    if uscc_check_character(code[:-1]) != code[-1]:
        return UsccProblem.CHECKSUM
    return None


def normalise_identity(untrusted: str) -> str:
    """Bring a typed or pasted identity number into its stored form (a trailing x becomes X)."""
    return _normalise(untrusted)


def identity_problem(number: str, today: date) -> IdentityProblem | None:
    """Name what is wrong with an identity number (GB 11643), or None when nothing is; a trailing x is accepted.

    `today` is the date in Asia/Shanghai: a birth date after it, or more than 150 years before it, is a DATE problem.
    The 15-digit numbers of before 2000 count as a LENGTH problem: they have not been valid since 2013.
    """
    if len(number) != CODE_LENGTH:
        return IdentityProblem.LENGTH
    body, check = number[:-1], number[-1].upper()
    if not _DIGITS.issuperset(body) or check not in _DIGITS | {"X"}:
        return IdentityProblem.CHARACTERS
    if not _birth_date_possible(body[6:14], today):
        return IdentityProblem.DATE
    if mod_11_2.calc_check_digit(body) != check:
        return IdentityProblem.CHECKSUM
    return None


def _birth_date_possible(yyyymmdd: str, today: date) -> bool:
    year, month, day = int(yyyymmdd[:4]), int(yyyymmdd[4:6]), int(yyyymmdd[6:])
    try:
        born = date(year, month, day)
    except ValueError:
        return False
    too_old = (year + OLDEST_AGE_YEARS, month, day) < (today.year, today.month, today.day)
    return born <= today and not too_old


def mask_identity(number: str) -> str:
    """Show the first and the last character only, as `1****************X`; two characters or fewer show nothing."""
    if len(number) <= 2:
        return "*" * len(number)
    return number[0] + "*" * (len(number) - 2) + number[-1]


def group4(code: str) -> str:
    """Split a code into blank-separated groups of four for reading aloud and comparing; the last may be shorter."""
    return " ".join(code[i : i + 4] for i in range(0, len(code), 4))
