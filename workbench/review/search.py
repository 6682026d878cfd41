"""Search by number, code or name fragment, any character taken as itself, over an index that row security can't slow.

Operators that are not leakproof may not run before a row policy, so no index serves them there: the fragment index is
asked through a database function that applies the scope itself, and the policies still hold for what comes back.
"""

import re
from typing import Final

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.codes import CODE_LENGTH, normalise_uscc

MAX_QUERY: Final = 100
FEW: Final = 2000
"""Up to so many hits are fetched by id; for more, walking the ordered list and looking meets them soon enough."""

_NUMBER: Final = re.compile(r"EK\d{11}")


def clean(untrusted: str) -> str:
    """A search as typed, without what no text in the database can hold and without blanks around it."""
    storable = untrusted.replace("\x00", "").encode("utf-8", "ignore").decode()
    return storable.strip()


def matching(session: Session, statement: Select[Application], q: str) -> Select[Application]:
    """`statement` narrowed to cases whose number, code or name holds `q`; a whole number or code is looked up."""
    q = clean(q)[:MAX_QUERY]
    if not q:
        return statement
    code = normalise_uscc(q)
    if _NUMBER.fullmatch(code):
        return statement.where(Application.number == code)
    if len(code) == CODE_LENGTH and code.isascii() and code.isalnum():
        return statement.where(Application.uscc == code)
    hits = session.scalars(select(text("id")).select_from(func.search_applications(q, FEW + 1).alias("id"))).all()
    if len(hits) <= FEW:
        return statement.where(Application.id == func.any(list(hits)))
    return statement.where(func.strpos(func.lower(Application.search_text), q.lower()) > 0)
