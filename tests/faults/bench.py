"""The bench under fault: a real agent beside SoftHSM tokens, and a maker who does what the screen advises: retry, set a
token aside that does not come back, start the batch again.
"""

import sys
import threading
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import select, text

from tests.faults.installation import Installation, Kept, wait_until
from tests.support.agent_process import ROOT, AgentProcess
from tests.support.bench import Workshop
from tests.support.casework import SYSTEM, open_office
from tests.support.tokens import softhsm_bench
from workbench.kernel.errors import Conflict, NotFound
from workbench.launch.children import Child
from workbench.production import batches, making, stations
from workbench.production.algorithms import Algorithm
from workbench.production.faults import WAITING
from workbench.production.models import Making

RETRIES: Final = 3
"""How often a maker tries a token again before it is set aside."""
BATCH: Final = 100
_PROGRESS: Final = text("SELECT count(*) FROM audit_entry WHERE subject LIKE 'making:%' OR subject LIKE 'certificate%'")


@dataclass
class Bench:
    """One bench of an installation: its agent, which is started again when dead, its maker, its cases and tokens."""

    installation: Installation
    workshop: Workshop
    station: int
    agent: Kept

    def progress(self) -> int:
        """A number that grows with everything that gets on here."""
        return self.workshop.read(lambda session: session.scalar(_PROGRESS) or 0)

    def in_work(self) -> Making | None:
        """The key that is in work."""
        return self.workshop.read(lambda session: making.find_open(session, self.station))


def furnish(installation: Installation, folder: Path, *, cases: int, spare: int) -> Bench:
    """An office with cases that wait for their keys, enough tokens for them all and some to be set aside."""
    parts = installation.parts
    workshop = Workshop(open_office(parts.engine, parts.settings.key_dir), parts)
    tokens = softhsm_bench(folder / "tokens", Algorithm(parts.settings.key_algorithm))
    workshop.stock(*tokens.add(cases + spare))
    for _ in range(cases):
        workshop.approved()
    with parts.work() as session:
        station, credential = stations.create_station(session, SYSTEM, "一号台")
        stations.take_station(session, workshop.maker, station.id)
        found = station.id
    told = AgentProcess(folder, f"http://127.0.0.1:{installation.port}", credential).environment()
    agent = Child("bench agent", [sys.executable, "-m", "workbench.production.agent"], told, ROOT)
    return Bench(installation, workshop, found, Kept(agent))


@dataclass
class Maker(threading.Thread):
    """Sits at the bench until told to go home, and then until nothing is in work any more."""

    bench: Bench
    going_home: threading.Event = field(default_factory=threading.Event)
    pressed: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    _tries: Counter[int] = field(default_factory=Counter)
    _away: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name="maker")

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Look at the bench a few times a second."""
        try:
            while not self._away.wait(0.2):
                self._look()
        except Exception:
            self.surprises.append(traceback.format_exc(limit=4))

    def go_home(self, seconds: float) -> None:
        """Begin nothing more, and wait until what is in work is finished.

        Raises:
            AssertionError: it does not get finished.
        """
        self.going_home.set()
        try:
            wait_until(self._is_done, "the key in work is finished", seconds)
        finally:
            self._away.set()
            self.join()

    def _is_done(self) -> bool:
        return bool(self.surprises) or (self._batch() is None and self.bench.in_work() is None)

    def _batch(self) -> int | None:
        found = self.bench.workshop.read(lambda session: batches.find_running(session, self.bench.station))
        return found.id if found is not None else None

    def _look(self) -> None:
        found = self.bench.in_work()
        if found is None:
            self._begin_or_end()
        elif found.fault is not None and found.fault not in WAITING:
            self._mend(found)

    def _begin_or_end(self) -> None:
        workshop, running = self.bench.workshop, self._batch()
        try:
            with workshop.parts.work() as session:
                if self.going_home.is_set() and running is not None:
                    batches.stop_batch(session, workshop.maker, running)
                elif not self.going_home.is_set() and running is None:
                    batches.start_batch(session, workshop.maker, self.bench.station, BATCH)
                    self.pressed["batch"] += 1
        except Conflict:
            pass  # the agent was quicker: a key is in work now

    def _mend(self, found: Making) -> None:
        workshop = self.bench.workshop
        self._tries[found.id] += 1
        try:
            with workshop.parts.work() as session:
                if self._tries[found.id] <= RETRIES:
                    making.retry(session, workshop.maker, found.id)
                    self.pressed[f"retry: {found.fault}"] += 1
                else:
                    making.spoil(session, workshop.parts, workshop.maker, found.id, "示例：介质损坏")
                    self.pressed[f"spoil: {found.fault}"] += 1
        except (Conflict, NotFound):
            self._tries[found.id] -= 1  # it got on by itself, or the CA is being asked


def begun_cases(workshop: Workshop) -> list[int]:
    """The cases that have ever met a token."""
    return workshop.read(lambda session: list(session.scalars(select(Making.application_id).distinct())))
