"""Search over certificates by what people have in hand: a serial number as any program shows it, what is printed on a
key, a credit code, an application's number, a part of the enterprise's name.

Fragments are asked of a database function that applies the scope itself, as the search over cases does.
"""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.codes import CODE_LENGTH, normalise_uscc
from workbench.keys.models import Certificate

MAX_QUERY: Final = 100
FEW: Final = 2000
"""Up to so many hits are fetched by id; for more, walking the list and looking meets them soon enough."""
SAMPLE: Final = 500
COMMON: Final = 25
"""A fragment in so many of the newest SAMPLE certificates is found by walking; asking the index would take longer."""
SHORTEST_SERIAL: Final = 8
"""Hexadecimal digits from which on a search may mean the beginning of a serial number."""
_NUMBER: Final = re.compile(r"EK[0-9]{11}")
_HEX: Final = re.compile(r"[0-9A-F]+")
_BEYOND: Final = "G"
"""Sorts behind every hexadecimal digit."""


@dataclass(frozen=True)
class Found:
    """A statement narrowed to what was searched; `hits` is how many certificates it has at most, where known."""

    statement: Select[Certificate]
    hits: int | None = None


def as_serial(q: str) -> str | None:
    """A search as our records write serial numbers, capital hexadecimal digits without leading zeros; None when it can
    be no serial number. Colons, blanks and a leading 0x are how other programs show one."""
    digits = normalise_uscc(q).replace(":", "").replace("-", "").removeprefix("0X")
    if len(digits) < SHORTEST_SERIAL or not _HEX.fullmatch(digits):
        return None
    return digits.lstrip("0") or None


def matching(session: Session, statement: Select[Certificate], q: str) -> Found:
    """`statement` narrowed to the certificates that `q`, already clean, speaks of."""
    if not q:
        return Found(statement)
    code = normalise_uscc(q)
    if _NUMBER.fullmatch(code):
        case = select(Application.id).where(Application.number == code).scalar_subquery()
        return Found(statement.where(Certificate.application_id == case))
    known: list[ColumnElement[bool]] = []
    if len(code) == CODE_LENGTH and code.isascii() and code.isalnum():
        known.append(Certificate.uscc == code)
    serial = as_serial(q)
    if serial is not None:
        # A range instead of LIKE, which row security would keep from the index.
        known.append((Certificate.serial >= serial) & (Certificate.serial < serial + _BEYOND))
    if _is_common(session, q):
        return Found(statement.where(or_(_holds(q), *known)))
    hits = session.scalars(select(text("id")).select_from(func.search_certificates(q, FEW + 1).alias("id"))).all()
    if len(hits) > FEW:
        return Found(statement.where(or_(_holds(q), *known)))
    return Found(statement.where(or_(Certificate.id == func.any(list(hits)), *known)), None if known else len(hits))


def _holds(q: str) -> ColumnElement[bool]:
    searched = Certificate.key_number + " " + Certificate.enterprise_name
    return func.strpos(func.lower(searched), q.lower()) > 0


def _is_common(session: Session, q: str) -> bool:
    newest = select(Certificate).order_by(Certificate.id.desc()).limit(SAMPLE)
    texts = newest.with_only_columns(Certificate.key_number, Certificate.enterprise_name).subquery()
    searched = texts.c.key_number + " " + texts.c.enterprise_name
    held = select(func.count()).where(func.strpos(func.lower(searched), q.lower()) > 0)
    return (session.scalar(held) or 0) >= COMMON
