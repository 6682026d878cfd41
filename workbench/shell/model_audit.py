"""What a form changed in a row, as the JSON the audit log keeps. Secret columns appear by name only."""

from collections.abc import Collection
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from sqlalchemy import inspect

HIDDEN: Final = "***"


def written_values(
    model: Any, secret: Collection[str], *, created: bool
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The columns a pending change touches, as (before, after); of a new row, all its columns and no before.

    Call before the flush: afterwards the session no longer knows what was there.
    """
    state = inspect(model)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for column in state.mapper.column_attrs:
        history = state.attrs[column.key].history
        if not created and not history.has_changes():
            continue
        hide = column.key in secret
        if history.deleted:
            before[column.key] = HIDDEN if hide else as_json(history.deleted[0])
        after[column.key] = HIDDEN if hide else as_json(getattr(model, column.key))
    return (None if created else before), after


def as_json(value: Any) -> Any:
    """A column's value in a form that canonical JSON can hold."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(each) for each in value]
    return str(value)
