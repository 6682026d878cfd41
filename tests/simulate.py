"""`make simulate`: 10,000 parcels with short, extra, misrouted, damaged, lost and doubly scanned keys, handled by many
people at once; then the records are held against what really happened. Exits with 1 when anything is amiss.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import text

from tests.support.casework import open_office
from tests.support.database import TestServer
from tests.support.simulation import Simulation
from tests.support.simulation_check import check, watched
from workbench.kernel.db import make_engine

ROUND: Final = 500
"""Parcels that are on their way together."""
COUNTS: Final = {
    "custody entries": "SELECT count(*) FROM custody_entry",
    "differences named": "SELECT count(*) FROM discrepancy",
    "audit entries": "SELECT count(*) FROM audit_entry",
}


def main() -> int:
    """Play, check, tell."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--parcels", type=int, default=10_000)
    reader.add_argument("--keys", type=int, default=4, help="keys of one parcel at most")
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    with TestServer() as server, TemporaryDirectory() as folder:
        database = server.copy()
        engine = make_engine(database.app_url, pool_size=30)
        try:
            return _run(Simulation(open_office(engine, Path(folder)), asked.seed, asked.keys), asked.parcels)
        finally:
            engine.dispose()
            server.end_run()


def _run(simulation: Simulation, parcels: int) -> int:
    begun, looks, played = time.monotonic(), 0, 0
    while played < parcels and not simulation.problems:
        this_round = min(ROUND, parcels - played)
        looks += watched(simulation, this_round, pause=5.0)
        played += this_round
        seconds = time.monotonic() - begun
        print(f"{played:>7,} of {parcels:,} parcels, {seconds:,.0f} s, {played / seconds:.1f} a second", flush=True)
    problems = check(simulation)
    _tell(simulation, looks, time.monotonic() - begun)
    for each in problems[:50]:
        print(f"AMISS  {each}")
    print(f"==== {len(problems)} amiss ====")
    return 1 if problems or simulation.happened["deadlock"] else 0


def _tell(simulation: Simulation, looks: int, seconds: float) -> None:
    with simulation.office.work() as session:
        counted = {name: session.execute(text(statement)).scalar_one() for name, statement in COUNTS.items()}
    rows = {"keys": len(simulation.truth.keys), **dict(sorted(simulation.happened.items())), **counted}
    rows |= {"looked in at random instants": looks, "seconds": round(seconds)}
    for name, number in rows.items():
        print(f"  {name:<32}{number:>12,}")


if __name__ == "__main__":
    sys.exit(main())
