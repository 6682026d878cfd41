"""The benchmark runs on a small database and writes what it promises. No times are judged here."""

import json
import re
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import database, measure, production
from tests.bench.lists import Samples
from tests.bench.render import Row
from tests.support.database import Database

LINES = {
    "queue, clerk",
    "queue, re-checker",
    "filter, all cases: collected, new",
    "search, two characters, clerk",
    "search, number",
    "claim next, clerk",
    "case screen, clerk",
    "decision, clerk",
    "decision, re-checker",
    "board of 37, dispatcher",
    "custody log, newest",
    "keys that wait for collection",
    "key, RSA-2048, SoftHSM2",
    "key, RSA-2048, SoftHSM2: our time",
}


@pytest.mark.serial
def test_every_line_is_measured_and_written(fresh_database: Database, tmp_path: Path) -> None:
    filled = database.fill(fresh_database.owner_url, tmp_path / "var", 2000, app_url=fresh_database.app_url)
    try:
        rows = list(bench.measured(filled, Samples(ours=2, stock=1, keys=2)))
    finally:
        filled.parts.engine.dispose()
    bench.write(rows, tmp_path / "bench.json")
    told = production.summary(rows)
    assert re.search(r"SoftHSM2, RSA-2048: \d+\. Of a key .* we \d+%\.", told)
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written.keys() >= LINES
    assert any(name.startswith("deep page") for name in written)
    for name, figures in written.items():
        assert figures.keys() == {"p50_ms", "p95_ms", "peer", "peer_p50_ms", "ratio"}, name
        assert 0 < figures["p50_ms"] <= figures["p95_ms"], name
        assert (figures["peer"] is None) == (figures["ratio"] is None), name


def test_the_ratio_says_how_many_times_faster_ours_is() -> None:
    found: Row = measure.row("list", [0.002, 0.001, 0.003], "peer", [0.1, 0.2, 0.3])
    assert (found["p50_ms"], found["p95_ms"], found["peer_p50_ms"], found["ratio"]) == (2.0, 3.0, 200.0, 100.0)
    assert "100.0×" in measure.table([found])
