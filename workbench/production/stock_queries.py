"""Reads of the token stock: how many there are of what, how long they last, one page of them, where one has been."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple, Self, TypeAlias

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.kernel.arguments import LARGEST_ID, storable
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import NotFound
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate, CustodyEntry, Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.organisation.models import Authority, Staff

PACE_DAYS: Final = 10
"""Working days over which it is counted how many tokens a day takes."""
PEOPLE: Final = (Custodian.MAKER.value, Custodian.PACKER.value)
"""Custodians who are members of staff."""
UNUSED: Final = (TokenState.BLANK.value, TokenState.ALLOCATED.value)
"""States of a token that can still become a key."""
PAGE_SIZE: Final = 50
MOST_BOXES: Final = 200


@dataclass(frozen=True)
class Standing:
    """How the stock of blank tokens stands against the number below which it is low.

    `days_left` are the working days it lasts at the pace of the last PACE_DAYS; None when none was used.
    """

    blank: int
    limit: int
    days_left: int | None

    @property
    def low(self) -> bool:
        """Whether it is time to order more."""
        return self.blank < self.limit


@dataclass(frozen=True)
class Box:
    """The tokens of one box and model, by state."""

    name: str
    model: str
    counts: Mapping[TokenState, int]

    @property
    def total(self) -> int:
        """All that came in it."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class TokenFilter:
    """What a list of tokens is narrowed to, as it stands in the address; empty fields narrow nothing."""

    state: str = ""
    model: str = ""
    box: str = ""
    q: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """The filter of an address; a state that does not exist narrows nothing."""
        values = {each.name: storable(args.get(each.name, ""))[:64] for each in fields(cls)}
        if values["state"] not in set(TokenState):
            values["state"] = ""
        return cls(**values)

    def to_args(self) -> dict[str, Any]:
        """What stands in the address."""
        return {name: value for name, value in asdict(self).items() if value}


Holder: TypeAlias = tuple[str, int | None]
"""A kind of custodian, and which of its kind."""


class Name(NamedTuple):
    """What a holder is called."""

    zh: str
    en: str


@dataclass(frozen=True)
class TokenRow:
    """One token of a list, with the number of its case and the name of whoever holds it, if either has one."""

    token: Token
    number: str | None
    held_by: Name | None


@dataclass(frozen=True)
class Page:
    """Tokens by serial number, with the serials from which the pages around begin."""

    rows: Sequence[TokenRow]
    total: int
    after: str | None
    before: str | None


@dataclass(frozen=True)
class Step:
    """One hand-over, with the names of who had the token and who has it from then on, where they have names."""

    entry: CustodyEntry
    from_name: Name | None
    to_name: Name | None


def counts(session: Session, wanted: TokenFilter) -> dict[TokenState, int]:
    """How many tokens of a filter are in each state, those without any left out."""
    rows = session.execute(_narrowed(select(Token.state, func.count(Token.id)), wanted).group_by(Token.state))
    found = {TokenState(state): count for state, count in rows}
    return {state: found[state] for state in TokenState if state in found}


def boxes(session: Session, *, everything: bool = False) -> list[Box]:
    """Up to MOST_BOXES boxes by name: those with tokens left to use, or all."""
    statement = select(Token.box, Token.model, Token.state, func.count()).group_by(Token.box, Token.model, Token.state)
    if not everything:
        in_use = select(Token.box).where(Token.state.in_(UNUSED)).distinct()
        statement = statement.where(Token.box.in_(in_use))
    found: dict[tuple[str, str], dict[TokenState, int]] = {}
    for box, model, state, count in session.execute(statement):
        found.setdefault((box, model), {})[TokenState(state)] = count
    return [Box(box, model, found[box, model]) for box, model in sorted(found)[:MOST_BOXES]]


def standing(session: Session, limit: int) -> Standing:
    """How the stock of blank tokens stands; `limit` is the number below which it is low."""
    blank = session.scalar(select(func.count(Token.id)).where(Token.state == TokenState.BLANK.value)) or 0
    begins, ends = _pace(session)
    used = session.scalar(
        select(func.count()).where(
            CustodyEntry.at >= begins,
            CustodyEntry.at < ends,
            CustodyEntry.state_before.in_(UNUSED),
            CustodyEntry.state_after.not_in(UNUSED),
        )
    )
    return Standing(blank, limit, blank * PACE_DAYS // used if used else None)


def _pace(session: Session) -> tuple[datetime, datetime]:
    """The span of the PACE_DAYS working days before today."""
    calendar, today = load_calendar(session), local_day(now())
    day, worked = today, 0
    while worked < PACE_DAYS:
        day -= timedelta(days=1)
        worked += calendar.is_working(day)
    begins, ends = (datetime.combine(each, time.min, SHANGHAI).astimezone(UTC) for each in (day, today))
    return begins, ends


def page(session: Session, wanted: TokenFilter, after: str | None = None, before: str | None = None) -> Page:
    """One page of tokens by serial number; beyond the serial `after`, or up to the serial `before`."""
    narrowed = _narrowed(select(Token, Application.number), wanted)
    narrowed = narrowed.outerjoin(Application, Application.id == Token.application_id)
    backwards = before is not None and after is None
    if backwards:
        narrowed = narrowed.where(Token.serial < before).order_by(Token.serial.desc())
    else:
        narrowed = narrowed.where(Token.serial > after) if after else narrowed
        narrowed = narrowed.order_by(Token.serial)
    found = session.execute(narrowed.limit(PAGE_SIZE + 1)).all()
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    names = holder_names(session, [(token.custodian, token.custodian_ref) for token, _ in found])
    rows = [TokenRow(token, number, names.get((token.custodian, token.custodian_ref))) for token, number in found]
    if backwards:
        rows.reverse()
    has_next, has_previous = (True, more) if backwards else (more, bool(after))
    return Page(
        rows,
        session.scalar(_narrowed(select(func.count(Token.id)), wanted)) or 0,
        after=rows[-1].token.serial if rows and has_next else None,
        before=rows[0].token.serial if rows and has_previous else None,
    )


def _narrowed(statement: Select[*tuple[Any, ...]], wanted: TokenFilter) -> Select[*tuple[Any, ...]]:
    for column, value in ((Token.state, wanted.state), (Token.model, wanted.model), (Token.box, wanted.box)):
        if value:
            statement = statement.where(column == value)
    return statement.where(Token.serial.icontains(wanted.q, autoescape=True)) if wanted.q else statement


def find_by_serial(session: Session, serial: str) -> Token | None:
    """The token with just this serial number."""
    return session.scalars(select(Token).where(Token.serial == serial)).one_or_none()


def get_by_id(session: Session, token_id: int) -> Token:
    """The token with its number in our records.

    Raises:
        NotFound: there is none.
    """
    token = session.get(Token, token_id) if token_id < LARGEST_ID else None
    if token is None:
        raise NotFound(N_("There is no such token."))
    return token


def history(session: Session, token_id: int) -> list[Step]:
    """Every hand-over of a token, newest first."""
    entries = session.scalars(
        select(CustodyEntry).where(CustodyEntry.token_id == token_id).order_by(CustodyEntry.seq.desc())
    ).all()
    names = holder_names(
        session,
        [pair for each in entries for pair in ((each.from_custodian, each.from_ref), (each.to_custodian, each.to_ref))],
    )
    return [
        Step(each, names.get((each.from_custodian, each.from_ref)), names.get((each.to_custodian, each.to_ref)))
        for each in entries
    ]


def holder_names(session: Session, holders: Iterable[Holder]) -> dict[Holder, Name]:
    """What those among the holders are called who are people or authorities."""
    wanted = set(holders)
    found: dict[Holder, Name] = {}
    people = {ref for kind, ref in wanted if kind in PEOPLE}
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(people))).all() if people else ()
    for staff_id, name in rows:
        found |= {(kind, staff_id): Name(name, name) for kind in PEOPLE}
    offices = {ref for kind, ref in wanted if kind == Custodian.AUTHORITY}
    for each in session.scalars(select(Authority).where(Authority.id.in_(offices))) if offices else ():
        found[Custodian.AUTHORITY.value, each.id] = Name(each.short_zh, each.name_en)
    return found


def case_of(session: Session, token: Token) -> tuple[int, str] | None:
    """Id and number of the case a token is for."""
    row = session.execute(
        select(Application.id, Application.number).where(Application.id == token.application_id)
    ).one_or_none()
    return (row.id, row.number) if row is not None else None


def certificates_on(session: Session, token_id: int) -> Sequence[Certificate]:
    """What was ever issued for a token, newest first."""
    return session.scalars(
        select(Certificate).where(Certificate.token_id == token_id).order_by(Certificate.id.desc())
    ).all()
