"""Taking times side by side: ours and the peer's by turns, so that whatever else the machine does meets both alike."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence

from tests.bench.render import Row

Action = Callable[[], object]


def seconds(action: Action) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def by_turns(ours: Action, theirs: Action | None, samples: int, peer_samples: int) -> tuple[list[float], list[float]]:
    """Seconds of `samples` calls of ours and of `peer_samples` of theirs, spread evenly among them, after a warm-up."""
    for action in (ours, ours, ours, theirs):
        if action is not None:
            action()
    gc.collect()
    mine: list[float] = []
    peers: list[float] = []
    for number in range(samples):
        mine.append(seconds(ours))
        if theirs is not None and (number + 1) * peer_samples // samples > len(peers):
            peers.append(seconds(theirs))
    return mine, peers


def row(name: str, ours: Sequence[float], peer: str | None = None, theirs: Sequence[float] = ()) -> Row:
    """One line of the table from seconds; `ratio` says how many times faster than the peer ours is at the median."""
    p50, p95 = statistics.median(ours), sorted(ours)[min(len(ours) - 1, round(len(ours) * 0.95))]
    peer_p50 = statistics.median(theirs) if theirs else None
    return Row(
        name=name,
        p50_ms=round(p50 * 1000, 2),
        p95_ms=round(p95 * 1000, 2),
        peer=peer,
        peer_p50_ms=round(peer_p50 * 1000, 2) if peer_p50 else None,
        ratio=round(peer_p50 / p50, 1) if peer_p50 else None,
    )


def table(rows: Sequence[Row]) -> str:
    """The rows for a terminal."""
    lines = [f"{'':<58}{'p50 ms':>9}{'p95 ms':>9}{'peer p50':>10}{'ratio':>8}  peer"]
    for each in rows:
        peer = f"{each['peer_p50_ms']:>10.1f}" if each["peer_p50_ms"] is not None else f"{'':>10}"
        ratio = f"{each['ratio']:>7.1f}×" if each["ratio"] is not None else f"{'':>8}"
        times = f"{each['p50_ms']:>9.1f}{each['p95_ms']:>9.1f}"
        lines.append(f"{each['name']:<58}{times}{peer}{ratio}  {each['peer'] or ''}")
    return "\n".join(lines)
