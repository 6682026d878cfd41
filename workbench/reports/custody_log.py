"""The dispatch and collection log: every hand-over of a key, or every key with where it is. Reads only.

Pages are cut by key and counts stop at a bound, so a page costs the same with a thousand keys and with a million.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import NAMELESS, TOKEN_TRANSITIONS, Custodian
from workbench.reports.board import Moment, condition_of, joined
from workbench.reports.custody_filter import CustodyFilter, View, after, midnight
from workbench.reports.custody_flows import CONDITIONS, held_at
from workbench.reports.custody_search import Meant, meant_by

PAGE_SIZE: Final = 50
BOUND: Final = 1_000
"""Counting stops here for a page; an export counts on."""
Statement = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Hand:
    """Who holds a key: the kind, and which one of it where there are several."""

    custodian: Custodian
    ref: int | None = None


@dataclass(frozen=True)
class Line:
    """One row: a hand-over, or a key with where it is and since when. What does not apply is None."""

    token_id: int
    serial: str
    state: str
    application_id: int | None
    number: str | None
    enterprise: str | None
    uscc: str | None
    authority_id: int | None
    at: datetime
    to: Hand
    seq: int = 0
    origin: Hand | None = None
    event: str = ""
    actor: str = ""
    place: str | None = None
    remark: str | None = None

    @property
    def consignment_id(self) -> int | None:
        """The parcel by which the key got here or left."""
        for hand in (self.to, self.origin):
            if hand is not None and hand.custodian is Custodian.COURIER:
                return hand.ref
        return None


@dataclass(frozen=True)
class Page:
    """One page, newest first. `more` when counting stopped at BOUND; `cut` when a search speaks of too many keys."""

    lines: Sequence[Line]
    total: int
    more: bool
    cut: bool
    after: str | None
    before: str | None


def read_page(
    session: Session,
    actor: Actor,
    wanted: CustodyFilter,
    moment: Moment,
    *,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """One page; a cursor that nobody gave out means the start.

    Raises:
        NotAllowed: the actor does not read custody.
    """
    demand(actor, Permission.CUSTODY_READ)
    statement, cut = _narrowed(session, wanted, moment)
    key = _key(wanted.view)
    place, backwards = _decode(after, len(key)), False
    if place is None and (place := _decode(before, len(key))) is not None:
        backwards = True
    paged = statement
    if place is not None:
        here = tuple_(*key) > tuple_(*place) if backwards else tuple_(*key) < tuple_(*place)
        paged = paged.where(here)
    paged = paged.order_by(*(each.asc() if backwards else each.desc() for each in key)).limit(PAGE_SIZE + 1)
    rows = list(session.execute(paged).all())
    beyond, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if backwards:
        rows.reverse()
    lines = [_line(wanted.view, row) for row in rows]
    has_next, has_previous = (True, beyond) if backwards else (beyond, place is not None)
    alone = place is None and not beyond
    total = len(lines) if alone else count(session, actor, wanted, moment, BOUND)
    return Page(
        lines,
        min(total, BOUND),
        total > BOUND,
        cut,
        _encode(wanted.view, lines[-1]) if lines and has_next else None,
        _encode(wanted.view, lines[0]) if lines and has_previous else None,
    )


def count(session: Session, actor: Actor, wanted: CustodyFilter, moment: Moment, bound: int) -> int:
    """How many rows there are, at most one more than `bound`; raises as `read_page`."""
    demand(actor, Permission.CUSTODY_READ)
    if wanted.view is View.ENTRIES and wanted.state is None:
        # Without the names of keys and enterprises, which only rows on a page need.
        meant = meant_by(session, wanted.q) if wanted.q else None
        statement: Statement = select(CustodyEntry.at).where(*_entry_conditions(wanted, meant))
    else:
        statement = _narrowed(session, wanted, moment)[0].with_only_columns(_key(wanted.view)[0])
    some = statement.limit(bound + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def stream(session: Session, actor: Actor, wanted: CustodyFilter, moment: Moment, most: int) -> Iterator[Line]:
    """Up to `most` + 1 rows, newest first, a thousand at a time; raises as `read_page`.

    What was handed over after the moment is left out, so that an export is of one instant.
    """
    demand(actor, Permission.CUSTODY_READ)
    statement, _ = _narrowed(session, wanted, moment)
    key = _key(wanted.view)
    if wanted.view is View.ENTRIES:
        statement = statement.where(CustodyEntry.at <= moment.at)
    ordered = statement.order_by(*(each.desc() for each in key)).limit(most + 1)
    for row in session.execute(ordered.execution_options(yield_per=1000)):
        yield _line(wanted.view, row)


def _key(view: View) -> tuple[Any, ...]:
    if view is View.KEYS:
        return Token.moved_at, Token.id
    return CustodyEntry.at, CustodyEntry.token_id, CustodyEntry.seq


_OF_KEY: Final = (
    Token.id.label("token_id"),
    Token.serial,
    Token.state,
    Application.id.label("application_id"),
    Application.number,
    Application.enterprise_name,
    Application.uscc,
)


def _narrowed(session: Session, wanted: CustodyFilter, moment: Moment) -> tuple[Statement, bool]:
    meant = meant_by(session, wanted.q) if wanted.q else None
    found = _keys(wanted, moment, meant) if wanted.view is View.KEYS else _entries(wanted, meant)
    if wanted.state is not None:
        found = found.where(Token.state == wanted.state.value)
    return found, meant is not None and meant.cut


def _entries(wanted: CustodyFilter, meant: Meant | None) -> Statement:
    entry = CustodyEntry
    statement: Statement = (
        select(
            *_OF_KEY,
            entry.seq,
            entry.authority_id,
            entry.at,
            entry.event,
            entry.from_custodian,
            entry.from_ref,
            entry.to_custodian,
            entry.to_ref,
            entry.actor_name,
            entry.place,
            entry.remark,
        )
        .join(Token, Token.id == entry.token_id)
        .outerjoin(Application, Application.id == entry.application_id)
    )
    return statement.where(*_entry_conditions(wanted, meant))


def _entry_conditions(wanted: CustodyFilter, meant: Meant | None) -> Iterator[ColumnElement[bool]]:
    entry = CustodyEntry
    conditions: list[ColumnElement[bool]] = [] if meant is None else [meant.of_entries()]
    if wanted.authority is not None:
        conditions.append(entry.authority_id == wanted.authority)
    if wanted.event:
        conditions.append(entry.event == wanted.event)
    if wanted.holder is not None:
        # Said by what happened as well, which an index knows.
        conditions += [entry.to_custodian == wanted.holder.value, entry.event.in_(_events_to(wanted.holder))]
    if wanted.flow is not None:
        conditions.append(CONDITIONS[wanted.flow])
    yield from conditions
    yield from _within(entry.at, wanted)


def _keys(wanted: CustodyFilter, moment: Moment, meant: Meant | None) -> Statement:
    statement: Statement = select(
        *_OF_KEY, Token.authority_id, Token.moved_at.label("at"), Token.custodian, Token.custodian_ref
    )
    conditions: list[ColumnElement[bool]] = [] if meant is None else [meant.of_keys()]
    if wanted.figure is not None:
        statement = joined(statement)
        conditions.append(condition_of(wanted.figure, moment))
    else:
        statement = statement.outerjoin(Application, Application.id == Token.application_id)
    if wanted.authority is not None:
        conditions.append(Token.authority_id == wanted.authority)
    if wanted.held is not None:
        custodian = Custodian.COURIER if wanted.holder is Custodian.COURIER else Custodian.AUTHORITY
        conditions.append(held_at(midnight(wanted.held), custodian, wanted.authority))
    elif wanted.holder is not None:
        conditions.append(Token.custodian == wanted.holder.value)
    return statement.where(*conditions, *_within(Token.moved_at, wanted))


def _within(column: Any, wanted: CustodyFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield column >= midnight(wanted.since)
    if wanted.until is not None:
        yield column < after(wanted.until)


def _events_to(holder: Custodian) -> list[str]:
    return sorted({each.event for each in TOKEN_TRANSITIONS.values() if each.to is holder})


def _line(view: View, row: Row[Any]) -> Line:
    own = {
        "token_id": row.token_id,
        "serial": row.serial,
        "state": row.state,
        "application_id": row.application_id,
        "number": row.number,
        "enterprise": row.enterprise_name,
        "uscc": row.uscc,
        "authority_id": row.authority_id,
        "at": row.at,
    }
    if view is View.KEYS:
        return Line(**own, to=_hand(row.custodian, row.custodian_ref))
    return Line(
        **own,
        to=_hand(row.to_custodian, row.to_ref),
        origin=_hand(row.from_custodian, row.from_ref),
        seq=row.seq,
        event=row.event,
        actor=row.actor_name,
        place=row.place,
        remark=row.remark,
    )


def _hand(custodian: str, ref: int | None) -> Hand:
    return Hand(Custodian(custodian), None if custodian in NAMELESS else ref)


def _encode(view: View, line: Line) -> str:
    place: list[Any] = [line.at.isoformat(), line.token_id]
    if view is View.ENTRIES:
        place.append(line.seq)
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decode(untrusted: str | None, length: int) -> tuple[Any, ...] | None:
    if not untrusted or len(untrusted) > 200:
        return None
    try:
        at, *numbers = json.loads(base64.urlsafe_b64decode(untrusted + "=" * (-len(untrusted) % 4)))
        instant = datetime.fromisoformat(at)
    except (binascii.Error, ValueError, TypeError):
        return None
    usable = all(type(each) is int and 0 <= each < 2**62 for each in numbers)
    if instant.tzinfo is None or len(numbers) != length - 1 or not usable:
        return None
    return (instant, *numbers)
