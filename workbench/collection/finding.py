"""Finding the case of whoever stands at the counter: by pick-up code, the mark on a printed paper, the application's
number, the key itself, the enterprise's code or a part of its name. Nothing of another authority is found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.collection.models import Pickup
from workbench.collection.pickups import CODE_DIGITS
from workbench.kernel.arguments import scanned_text
from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.keys.models import Token

MOST_FOUND: Final = 20
LONGEST: Final = 160
"""Characters of what is scanned: as long as the mark on a paper."""
_MARK: Final = re.compile(r"EK1/([A-Z0-9]{1,40})/")
_NUMBER: Final = re.compile(r"EK[0-9]{11,20}")
_LINK: Final = re.compile(r"/applications/(EK[0-9]{11,20})")


@dataclass(frozen=True)
class Found:
    """A case that may be meant."""

    application: Application
    pickup: Pickup | None

    @property
    def waits(self) -> bool:
        """Whether its key can be handed over now."""
        return self.application.state == State.AWAITING_COLLECTION and self.pickup is not None


def normalise(untrusted: str) -> str:
    """What was scanned or typed: wide characters of an input method made narrow, no blanks around."""
    return scanned_text(untrusted, LONGEST)


def find(session: Session, typed: str) -> Sequence[Found]:
    """The cases that are meant, those that wait first. What names one thing exactly finds it wherever it stands, also
    when it may name another thing as well; a name finds cases that wait."""
    said = normalise(typed)
    found: dict[int, Found] = {}
    for meant in _meant_by(said) if said else ():
        statement = (
            select(Application, Pickup)
            .outerjoin(Pickup, (Pickup.application_id == Application.id) & Pickup.ended_at.is_(None))
            .where(meant)
            .order_by(Application.state != State.AWAITING_COLLECTION.value, Application.id.desc())
            .limit(MOST_FOUND)
        )
        for application, pickup in session.execute(statement):
            found.setdefault(application.id, Found(application, pickup))
    return sorted(found.values(), key=lambda each: not each.waits)[:MOST_FOUND]


def number_in(said: str) -> str | None:
    """The application number in a number, a mark on a printed paper, or the address of a case."""
    upper = said.upper()
    for form in (_MARK.match(upper), _LINK.search(said)):
        if form is not None:
            return form.group(1)
    return upper if _NUMBER.fullmatch(upper) else None


def _meant_by(said: str) -> Iterator[ColumnElement[bool]]:
    """What it may be, the likeliest first; each is asked by itself, so that each is answered by its index. A maker may
    have given a key a serial that looks like a code or a number, so a key is always among it."""
    key = Application.id.in_(select(Token.application_id).where(Token.serial == said).correlate(None))
    exact = list(_codes_in(said))
    if exact:
        yield from (*exact, key)
        return
    waiting = Application.state == State.AWAITING_COLLECTION.value
    yield key | (waiting & Application.enterprise_name.contains(said, autoescape=True))


def _codes_in(said: str) -> Iterator[ColumnElement[bool]]:
    packed = said.replace(" ", "")
    if len(packed) == CODE_DIGITS and packed.isascii() and packed.isdecimal():
        yield Pickup.code == packed
    number = number_in(said)
    if number is not None:
        yield Application.number == number
    code = normalise_uscc(said)
    if uscc_problem(code) is None:
        yield Application.uscc == code
