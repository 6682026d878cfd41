"""Counting requests by token bucket: so many a minute, saved up to so many at once. Each process counts for itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST_NAMES: Final = 10_000
"""Buckets kept; beyond it the one that rested longest is forgotten, which only ever favours its owner."""


class Buckets:
    """One bucket a name, full to begin with."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> float:
        """Take one token; 0 when there was one, otherwise the seconds until there is."""
        with self._lock:
            at = self._clock()
            left, since = self._kept.pop(name, (self._size, at))
            left = min(self._size, left + (at - since) * self._per_second)
            granted = left >= 1
            self._kept[name] = (left - 1 if granted else left, at)
            if len(self._kept) > MOST_NAMES:
                self._kept.popitem(last=False)
            return 0.0 if granted else (1 - left) / self._per_second
