"""SIGKILLs under a running batch: web server, its processes, worker and bench agent die while keys are made. Afterwards
each case has none or one key, each certificate its token, and what was begun is finished.

Give `WORKBENCH_FAULT_SEED` to repeat a run's order and moments as far as the machine allows; each run prints its own.
"""

import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.faults.bench import Bench, Maker, begun_cases, furnish
from tests.faults.installation import running, start_programs, wait_until
from tests.support.database import Database
from tests.support.perseverance import errands
from tests.support.reckoning_keys import problems, unfinished

PLAN: Final[Mapping[str, int]] = {"web": 3, "web worker": 4, "worker": 3, "agent": 6}
"""How often each is killed."""
CASES, SPARE = 40, 20
PROGRESS_SECONDS = 20.0
"""How long keys may fail to get on before the next blow falls all the same."""
FINISH_SECONDS = 120.0
FEWEST_KEYS = 5
"""Finished keys without which so many kills prove nothing."""
pytestmark = [pytest.mark.serial, pytest.mark.timeout(900)]


@dataclass
class Killer:
    """Strikes by the plan, in an order and at moments of its own chance, each time after something got on."""

    bench: Bench
    chance: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def strike_all(self) -> None:
        """The whole plan; after each blow the records are held against each other, in the middle of things."""
        blows = [kind for kind, count in PLAN.items() for _ in range(count)]
        self.chance.shuffle(blows)
        for kind in blows:
            wait_until(self.bench.installation.answers, "the web server answers again")
            self._wait_for_progress()
            threading.Event().wait(self.chance.uniform(0.0, 0.8))
            wait_until(getattr(self, f"_strike_{kind.replace(' ', '_')}"), f"there is a {kind} to kill")
            self.struck[kind] += 1
            self.found += problems(self.bench.workshop.parts)
            if self.found:
                return

    def _wait_for_progress(self) -> None:
        before = self.bench.progress()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: self.bench.progress() > before, "keys get on", PROGRESS_SECONDS)

    def _strike_web(self) -> bool:
        return self.bench.installation.web.kill()

    def _strike_worker(self) -> bool:
        return self.bench.installation.worker.kill()

    def _strike_agent(self) -> bool:
        return self.bench.agent.kill()

    def _strike_web_worker(self) -> bool:
        serving = self.bench.installation.web_workers()
        with contextlib.suppress(psutil.NoSuchProcess):
            if serving:
                self.chance.choice(serving).kill()
                return True
        return False


def test_kills_under_a_running_batch_lose_and_double_no_key(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("WORKBENCH_FAULT_SEED") or random.SystemRandom().randrange(2**32))
    print(f"WORKBENCH_FAULT_SEED={seed}")
    monkeypatch.setenv("WORKBENCH_KEY_ALGORITHM", "p-256")
    with running(fresh_database, tmp_path, monkeypatch) as installation:
        bench = furnish(installation, tmp_path, cases=CASES, spare=SPARE)
        start_programs(installation)
        killer, maker = Killer(bench, random.Random(seed)), Maker(bench)
        began = time.monotonic()
        bench.agent.start()
        maker.start()
        try:
            killer.strike_all()
        finally:
            try:
                maker.go_home(FINISH_SECONDS)
            finally:
                bench.agent.stop()
        installation.worker.stop()
        made, left = _reckon(bench)
        struck, seconds = sum(killer.struck.values()), time.monotonic() - began
        print(f"{struck} kills in {seconds:.0f} s, {len(made)} keys; the maker pressed {dict(maker.pressed)}")
    assert not maker.surprises, "\n".join(maker.surprises)
    assert not killer.found, "\n".join(killer.found)
    assert not left, "\n".join(left)
    assert killer.struck == PLAN
    assert len(made) >= FEWEST_KEYS


def _reckon(bench: Bench) -> tuple[list[int], list[str]]:
    """The cases whose keys were made, and everything that is wrong after the worker has done what it was left."""
    workshop = bench.workshop
    errands(workshop.parts)
    begun = begun_cases(workshop)
    made = [case for case in begun if workshop.state(case) == "made"]
    wrong = unfinished(workshop.parts, made)
    for case in set(begun) - set(made):
        states = {each.state for each in workshop.certificates(case)}
        if workshop.state(case) != "production" or states - {"revoked"}:
            wrong.append(f"case {case}, whose token was set aside, is {workshop.state(case)} with {states}")
    return made, wrong
