"""The product's only source of the present instant: aware, in UTC. Tests set it; nothing else asks the system clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_set_to: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present instant, aware, UTC."""
    return _set_to.get() or datetime.now(UTC)


@contextmanager
def clock_at(instant: datetime) -> Iterator[None]:
    """Let `now()` answer `instant` inside the block, in this context only.

    Raises:
        ValueError: `instant` carries no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("the clock is only ever set to an aware instant")
    token = _set_to.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)


def in_utc(instant: datetime) -> datetime | None:
    """An aware instant in UTC; None where it falls off either end of the calendar there."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None


def ago(**duration: float) -> datetime:
    """The instant `duration` (as timedelta's arguments) before now."""
    return now() - timedelta(**duration)
