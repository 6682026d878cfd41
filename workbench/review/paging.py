"""Keyset paging over the two orders a list of cases has: pages stay cheap however deep, and never repeat a row.

A cursor is opaque to whoever holds it; one that nobody gave out is taken for no cursor at all.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from workbench.cases.models import Application


@dataclass(frozen=True)
class Order:
    """Rows by an instant, then by id, both ascending or both descending; only an ascending instant may be missing."""

    instant: InstrumentedAttribute[Any]
    ascending: bool
    nullable: bool = False


BY_URGENCY: Final = Order(Application.due_at, ascending=True, nullable=True)
"""What is due first comes first; what has no due date comes last, oldest first."""

BY_NEWEST: Final = Order(Application.submitted_at, ascending=False)


@dataclass(frozen=True)
class Slice:
    """The rows of one page in their order, with the cursors of the pages around it."""

    rows: list[Row[Any]]
    after: str | None
    before: str | None


@dataclass(frozen=True)
class _Key:
    instant: datetime | None
    id: int

    def encode(self) -> str:
        value = [self.instant.isoformat() if self.instant else None, self.id]
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def read(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    order: Order,
    after: str | None,
    before: str | None,
    size: int,
) -> Slice:
    """One page of `statement`, which selects at least the order's instant and the id of applications."""
    key = _decode(after, order)
    backwards = key is None and _decode(before, order) is not None
    if backwards:
        key = _decode(before, order)
    rows: list[Row[Any]] = []
    for part in _parts(statement, order, key, forwards=not backwards):
        rows += session.execute(part.limit(size + 1 - len(rows))).all()
        if len(rows) > size:
            break
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Slice([], None, None)
    has_next, has_previous = (True, more) if backwards else (more, key is not None)
    return Slice(
        rows,
        after=_key(rows[-1], order).encode() if has_next else None,
        before=_key(rows[0], order).encode() if has_previous else None,
    )


def _parts(
    statement: Select[*tuple[Any, ...]], order: Order, key: _Key | None, *, forwards: bool
) -> list[Select[*tuple[Any, ...]]]:
    """The statements that, read one after the other, give the rows beyond the key.

    A comparison of rows is one range of the index, but knows no missing instants: those are a range of their own.
    """
    instant, ascending = order.instant, order.ascending is forwards
    by_key = _sorted((instant, Application.id), ascending)
    if key is None:
        return [statement.order_by(*by_key)]
    place = tuple_(instant, Application.id)
    here = tuple_(key.instant, key.id)
    if key.instant is None:
        beyond = Application.id > key.id if ascending else Application.id < key.id
        parts = [statement.where(instant.is_(None), beyond).order_by(*by_key)]
        if not ascending:
            parts.append(statement.where(instant.is_not(None)).order_by(*by_key))
        return parts
    parts = [statement.where(place > here if ascending else place < here).order_by(*by_key)]
    if order.nullable and ascending:
        parts.append(statement.where(instant.is_(None)).order_by(*by_key))
    return parts


def _sorted(columns: tuple[InstrumentedAttribute[Any], ...], ascending: bool) -> list[ColumnElement[Any]]:
    return [column.asc() if ascending else column.desc() for column in columns]


def _key(row: Row[Any], order: Order) -> _Key:
    return _Key(getattr(row, order.instant.key), row.id)


def _decode(cursor: str | None, order: Order) -> _Key | None:
    if not cursor:
        return None
    try:
        instant, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = _Key(datetime.fromisoformat(instant) if instant is not None else None, row_id)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        return None
    sound = type(key.id) is int and 0 <= key.id < 2**63 and (key.instant is None or key.instant.tzinfo is not None)
    return key if sound and (order.nullable or key.instant is not None) else None
