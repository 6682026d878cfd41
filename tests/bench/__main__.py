"""`make bench`: measures on 1,000,000 cases, prints a table and writes var/bench.json.

Everything runs in one process through the WSGI applications, without a network, over a PostgreSQL of its own with its
ordinary durability. The first run fills the database, later ones use it again while the schema is the same.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import custody, database, due_dates, lists, measure, production, render, work
from tests.bench.database import Filled
from tests.bench.lists import Samples
from tests.bench.render import Row
from workbench import create_app
from workbench.launch.embedded import EmbeddedServer

VAR = database.ROOT / "var"
COLUMNS = ("p50_ms", "p95_ms", "peer", "peer_p50_ms", "ratio")


def measured(filled: Filled, samples: Samples) -> Iterator[Row]:
    """Every line that needs the database."""
    app = create_app(parts=filled.parts)
    yield from lists.rows(app, filled, samples)
    yield from custody.rows(app, filled, samples)
    yield from work.rows(app, filled, samples.ours)
    yield from production.rows(filled, samples.keys)


def write(rows: Sequence[Row], file: Path) -> None:
    """Keep the rows as name → figures."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figures = {each["name"]: {column: each[column] for column in COLUMNS} for each in rows}  # type: ignore[literal-required]
    file.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n")


def main(words: Sequence[str]) -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=Samples.ours)
    parser.add_argument("--stock-samples", type=int, default=Samples.stock)
    parser.add_argument("--no-rendering", action="store_true", help="leave the renderer out")
    given = parser.parse_args(words)
    server = EmbeddedServer(VAR / "bench-postgres")
    print(f"Preparing {given.cases:,} cases in var/bench-postgres …", flush=True)
    try:
        filled = database.filled(server, VAR / "bench", given.cases)
        filled_in = "found filled" if filled.load_seconds is None else f"filled in {filled.load_seconds:.0f} s"
        print(f"The database was {filled_in}. Requests go through the WSGI applications in one process.", flush=True)
        rows = list(measured(filled, Samples(given.samples, given.stock_samples)))
        filled.parts.engine.dispose()
    finally:
        server.stop()
    rows += due_dates.rows()
    rows += [] if given.no_rendering else render.rows()
    print(measure.table(rows))
    print(production.summary(rows))
    write(rows, VAR / "bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
