"""Search by number, code or name fragment, any character taken as itself, over an index that row security can't slow.

Operators that are not leakproof may not run before a row policy, so no index serves them there: the fragment index is
asked through a database function that applies the scope itself, and the policies still hold for what comes back.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.arguments import storable
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.codes import CODE_LENGTH, normalise_uscc

MAX_QUERY: Final = 100
FEW: Final = 2000
"""Up to so many hits are fetched by id; for more, walking the ordered list and looking meets them soon enough."""

SAMPLE: Final = 500
COMMON: Final = 25
"""A fragment in so many of the newest SAMPLE cases is found by walking; asking the index for it would take longer."""

_NUMBER: Final = re.compile(r"EK\d{11}")
_NUMBER_START: Final = re.compile(r"EK((?:19|20|21)\d\d)\d{0,6}")


@dataclass(frozen=True)
class Found:
    """A statement narrowed to what was searched; `hits` is how many cases hold it, counted to FEW + 1, where known."""

    statement: Select[Application]
    hits: int | None = None


def matching(session: Session, statement: Select[Application], q: str) -> Found:
    """`statement` narrowed to cases whose number, code or name holds `q`; a number or code is looked up as such."""
    q = storable(q)[:MAX_QUERY]
    if not q:
        return Found(statement)
    code = normalise_uscc(q)
    if _NUMBER.fullmatch(code):
        return Found(statement.where(Application.number == code))
    start = _NUMBER_START.fullmatch(code)
    if start is not None:
        return Found(statement.where(*_numbers_from(code, int(start.group(1)))))
    if len(code) == CODE_LENGTH and code.isascii() and code.isalnum():
        return Found(statement.where(Application.uscc == code))
    if _is_common(session, q):
        return Found(statement.where(_holds(q)))
    hits = session.scalars(select(text("id")).select_from(func.search_applications(q, FEW + 1).alias("id"))).all()
    if len(hits) <= FEW:
        return Found(statement.where(Application.id == func.any(list(hits))), len(hits))
    return Found(statement.where(_holds(q)), len(hits))


def _holds(q: str) -> ColumnElement[bool]:
    return func.strpos(func.lower(Application.search_text), q.lower()) > 0


def _numbers_from(start: str, year: int) -> tuple[ColumnElement[bool], ...]:
    """Numbers that begin so. A number carries the year of its submission, so the list need only be walked there."""
    first, end = (datetime(each, 1, 1, tzinfo=SHANGHAI) for each in (year, year + 1))
    return (
        Application.number >= start,
        Application.number < start + ":",  # the character after "9"
        Application.submitted_at >= first,
        Application.submitted_at < end,
    )


def _is_common(session: Session, q: str) -> bool:
    newest = select(Application).order_by(Application.submitted_at.desc(), Application.id.desc()).limit(SAMPLE)
    texts = newest.with_only_columns(Application.search_text).subquery()
    held = select(func.count()).where(func.strpos(func.lower(texts.c.search_text), q.lower()) > 0)
    return (session.scalar(held) or 0) >= COMMON
