"""Passwords: what is accepted as one, how it is kept (argon2id), how it is checked. Refuses what is guessed first.

Length decides; no rules on composition, which only make passwords predictable (NIST SP 800-63B, 5.1.1).
"""

import secrets
import unicodedata
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

SHORTEST: Final = 12
LONGEST: Final = 128
_OWN_PART: Final = 6
"""So many characters must remain when the login is taken out of a password."""
_DISTINCT: Final = 4
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of first passwords, which are read aloud or from a slip: nothing that looks like something else."""

COMMON: Final = frozenset(
    files("workbench.organisation").joinpath("data/common_passwords.txt").read_text(encoding="ascii").split()
)
"""Those of at least the shortest length that are tried first, in small letters."""

_hasher: Final = PasswordHasher()
_NOBODYS_HASH: Final = _hasher.hash(secrets.token_hex(16))


def accept(password: str, login: str) -> None:
    """Refuse a password that is short, common or made from the login.

    Raises:
        Invalid: with the reason.
    """
    folded = _normal(password).casefold()
    if len(folded) < SHORTEST:
        raise Invalid(N_("Use at least %(length)s characters; a short sentence is good."), length=SHORTEST)
    if len(folded) > LONGEST:
        raise Invalid(N_("Use at most %(length)s characters."), length=LONGEST)
    if len(folded.replace(login.casefold(), "")) < _OWN_PART:
        raise Invalid(N_("The password must not be made from the login name."))
    if folded in COMMON or len(set(folded)) < _DISTINCT:
        raise Invalid(N_("This password is among the first that are tried. Choose another."))


def hash_of(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher.hash(_normal(password))


def matches(stored: str, password: str) -> bool:
    """Whether `password` is the one kept as `stored`."""
    try:
        return _hasher.verify(stored, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def match_nobody(password: str) -> None:
    """Spend the time of a check where there is nothing to check, so that an unknown login answers no faster."""
    matches(_NOBODYS_HASH, password)


def is_outdated(stored: str) -> bool:
    """Whether `stored` was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(stored)


def make_first_password() -> str:
    """A random password of four groups of four, about 79 bits, easy to read from a slip."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> str:
    """One form for what an input method may send as full-width or composed characters."""
    return unicodedata.normalize("NFKC", password)
