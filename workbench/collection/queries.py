"""Reads of the counter's three lists: keys to tell of, keys that wait, keys that came back. Each is one page, narrowed
by what stands in the address, and counted up to a bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Final, Generic, Self, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.collection.finding import normalise
from workbench.collection.models import Pickup
from workbench.kernel.arguments import authority_id
from workbench.kernel.clock import now
from workbench.keys.destroying import is_open
from workbench.keys.models import Destruction, Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.organisation.models import Authority

PAGE_SIZE: Final = 50
BOUND: Final = 1_000
"""Counting stops here."""
_SHOWS: Final = ("", "late", "uncollected", "proposed")
R = TypeVar("R")


@dataclass(frozen=True)
class Narrowed:
    """What a list is narrowed to, as it stands in the address; empty fields narrow nothing."""

    q: str = ""
    authority: str = ""
    show: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """The filter of an address; what does not exist narrows nothing."""
        values = {each.name: normalise(args.get(each.name, ""))[:64] for each in fields(cls)}
        if authority_id(values["authority"]) is None:
            values["authority"] = ""
        if values["show"] not in _SHOWS:
            values["show"] = ""
        return cls(**values)

    def to_args(self) -> dict[str, Any]:
        """What stands in the address."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows, oldest first; `after` is the id the next page begins behind, `total` at most one more than BOUND."""

    rows: Sequence[R]
    total: int
    after: int | None


@dataclass(frozen=True)
class WaitingRow:
    """A key that waits; `days` since it was received, `uncollected` when it may be disposed of."""

    pickup: Pickup
    application: Application
    authority: Authority
    serial: str
    days: int
    uncollected: bool


@dataclass(frozen=True)
class ReturnedRow:
    """A key that was handed back or withdrawn, with what is proposed for it."""

    token: Token
    enterprise: str
    number: str
    proposal: Destruction | None


def to_tell(session: Session, wanted: Narrowed, after: int | None) -> Page[Application]:
    """Cases whose key has arrived and whose enterprise has not been told, most urgent first."""
    statement = select(Application).where(*_untold(wanted))
    if after is not None:
        edge = select(Application.due_at, Application.id).where(Application.id == after)
        row = session.execute(edge).one_or_none()
        if row is not None and row.due_at is not None:
            statement = statement.where(
                or_(Application.due_at > row.due_at, (Application.due_at == row.due_at) & (Application.id > row.id))
            )
    rows = session.scalars(statement.order_by(Application.due_at, Application.id).limit(PAGE_SIZE + 1)).all()
    shown = rows[:PAGE_SIZE]
    total = _bounded(session, select(Application.id).where(*_untold(wanted)))
    return Page(shown, total, shown[-1].id if len(rows) > PAGE_SIZE else None)


def waiting(session: Session, wanted: Narrowed, after: int | None, uncollected_days: int) -> Page[WaitingRow]:
    """Keys whose enterprise has been told, those that wait longest first."""
    conditions = _waits(wanted, uncollected_days)
    statement = (
        select(Pickup, Application, Authority, Token.serial)
        .join(Application, Application.id == Pickup.application_id)
        .join(Authority, Authority.id == Pickup.authority_id)
        .join(Token, Token.id == Pickup.token_id)
        .where(*conditions)
    )
    if after is not None:
        edge = session.execute(select(Pickup.received_at, Pickup.id).where(Pickup.id == after)).one_or_none()
        if edge is not None:
            behind = (Pickup.received_at == edge.received_at) & (Pickup.id > edge.id)
            statement = statement.where(or_(Pickup.received_at > edge.received_at, behind))
    found = session.execute(statement.order_by(Pickup.received_at, Pickup.id).limit(PAGE_SIZE + 1)).all()
    at, limit = now(), timedelta(days=uncollected_days)
    rows = [
        WaitingRow(pickup, case, place, serial, (at - pickup.received_at).days, at - pickup.received_at >= limit)
        for pickup, case, place, serial in found[:PAGE_SIZE]
    ]
    counted = select(Pickup.id).join(Application, Application.id == Pickup.application_id).where(*conditions)
    return Page(rows, _bounded(session, counted), rows[-1].pickup.id if len(found) > PAGE_SIZE else None)


def returned(session: Session, wanted: Narrowed, after: int | None) -> Page[ReturnedRow]:
    """Keys that were handed back or withdrawn and lie at an authority."""
    conditions = _came_back(wanted)
    statement = (
        select(Token, Application.enterprise_name, Application.number, Destruction)
        .join(Application, Application.id == Token.application_id)
        .outerjoin(Destruction, (Destruction.token_id == Token.id) & is_open())
        .where(*conditions, Token.id > (after or 0))
        .order_by(Token.id)
        .limit(PAGE_SIZE + 1)
    )
    if wanted.show == "proposed":
        statement = statement.where(Destruction.id.is_not(None))
    found = [ReturnedRow(*each) for each in session.execute(statement)]
    counted = select(Token.id).join(Application, Application.id == Token.application_id).where(*conditions)
    rows = found[:PAGE_SIZE]
    return Page(rows, _bounded(session, counted), rows[-1].token.id if len(found) > PAGE_SIZE else None)


def count_to_tell(session: Session, *, late: bool = False) -> int:
    """Enterprises that have not been told; of those only the overdue, when asked."""
    return _bounded(session, select(Application.id).where(*_untold(Narrowed(show="late" if late else ""))))


def count_waiting(session: Session, show: str = "", uncollected_days: int = 0) -> int:
    """Keys that wait; narrowed to `uncollected` or `proposed` ones, when asked."""
    conditions = _waits(Narrowed(show=show), uncollected_days)
    return _bounded(
        session, select(Pickup.id).join(Application, Application.id == Pickup.application_id).where(*conditions)
    )


def count_returned(session: Session) -> int:
    """Keys that came back and lie at an authority."""
    return _bounded(session, select(Token.id).where(*_lies_here()))


def _untold(wanted: Narrowed) -> list[ColumnElement[bool]]:
    found = [Application.state == State.AT_AUTHORITY.value, *_case_like(wanted)]
    if wanted.authority:
        found.append(Application.authority_id == int(wanted.authority))
    if wanted.show == "late":
        found.append(Application.due_at < now())
    return found


def _waits(wanted: Narrowed, uncollected_days: int) -> list[ColumnElement[bool]]:
    found = [
        Pickup.ended_at.is_(None),
        Application.state == State.AWAITING_COLLECTION.value,
        *_case_like(wanted, Pickup.code == wanted.q.replace(" ", "")),
    ]
    if wanted.authority:
        found.append(Pickup.authority_id == int(wanted.authority))
    if wanted.show == "uncollected":
        found.append(Pickup.received_at <= now() - timedelta(days=uncollected_days))
    if wanted.show == "proposed":
        found.append(Pickup.disposal.is_not(None))
    return found


def _came_back(wanted: Narrowed) -> list[ColumnElement[bool]]:
    found = [*_lies_here(), *_case_like(wanted, Token.serial == wanted.q)]
    if wanted.authority:
        found.append(Token.authority_id == int(wanted.authority))
    return found


def _lies_here() -> tuple[ColumnElement[bool], ...]:
    return (Token.state == TokenState.SURRENDERED.value, Token.custodian == Custodian.AUTHORITY.value)


def _case_like(wanted: Narrowed, *others: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    if not wanted.q:
        return []
    name = Application.enterprise_name.contains(wanted.q, autoescape=True)
    number = Application.number.endswith(wanted.q.upper(), autoescape=True)
    return [or_(name, number, Application.uscc == wanted.q.upper(), *others)]


def _bounded(session: Session, statement: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(statement.limit(BOUND + 1).subquery())) or 0
