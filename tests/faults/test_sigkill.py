"""Fifty SIGKILLs under load: no acknowledged decision, upload or mail is lost or doubled.

Give `WORKBENCH_FAULT_SEED` to repeat a run's order and moments as far as the machine allows; each run prints its own.
"""

import os
import random
import threading
import time
from itertools import count
from pathlib import Path

import pytest

from tests.faults.installation import Installation, running, start_programs
from tests.faults.killer import PLAN, Killer
from tests.faults.ledger import Ledger
from tests.faults.office import Office, furnish
from tests.faults.people import Decider, Enterer, Person
from tests.faults.reckoning import drain, reckon
from tests.support.database import Database

WAITING_CASES = 160
SIGN_IN_SECONDS = 90.0
FEWEST_PROMISES = 25
"""Acknowledged decisions and applications without which fifty kills prove nothing."""
pytestmark = [pytest.mark.serial, pytest.mark.timeout(600)]


def test_fifty_kills_under_load_lose_and_double_nothing(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("WORKBENCH_FAULT_SEED") or random.SystemRandom().randrange(2**32))
    print(f"WORKBENCH_FAULT_SEED={seed}")
    ledger = Ledger()
    with running(fresh_database, tmp_path, monkeypatch) as installation:
        office = furnish(installation.parts, cases=WAITING_CASES)
        start_programs(installation)
        killer = Killer(installation, ledger, random.Random(seed))
        began = time.monotonic()
        _work_while(killer, office, seed)
        print(_summary(killer, time.monotonic() - began))
        drain(installation)
        installation.worker.stop()
        problems = reckon(installation, ledger)
    assert not ledger.surprises, "\n".join(ledger.surprises)
    assert not problems, "\n".join(problems)
    assert killer.struck == PLAN
    assert ledger.lost > 0, "no blow met a request: the load was no load"
    assert killer.jobs_caught > 0, "no blow met a job: the worker had nothing to lose"
    assert ledger.acknowledged >= FEWEST_PROMISES


def _work_while(killer: Killer, office: Office, seed: int) -> None:
    """Let everybody work while the killer strikes, and send them home afterwards."""
    stop = threading.Event()
    people = _people(killer.installation, killer.ledger, office, stop, seed)
    for person in people:
        person.start()
    try:
        assert killer.ledger.wait_for_people(len(people), SIGN_IN_SECONDS), killer.ledger.surprises
        killer.strike_all()
    finally:
        stop.set()
        for person in people:
            person.join()


def _people(
    installation: Installation, ledger: Ledger, office: Office, stop: threading.Event, seed: int
) -> list[Person]:
    numbers = count(1)
    return [
        *(Decider("pre_check", installation.port, login, ledger, stop, seed) for login in office.deciders),
        *(Decider("re_check", installation.port, login, ledger, stop, seed) for login in office.re_checkers),
        *(
            Enterer(office.documents, numbers, installation.port, login, ledger, stop, seed)
            for login in office.enterers
        ),
    ]


def _summary(killer: Killer, seconds: float) -> str:
    ledger = killer.ledger
    return (
        f"{sum(killer.struck.values())} kills in {seconds:.0f} s, {killer.jobs_caught} with a job in hand, "
        f"{ledger.lost} answers lost; {sum(each.acknowledged for each in ledger.decisions)} of "
        f"{len(ledger.decisions)} decisions, {sum(each.acknowledged for each in ledger.entries)} of "
        f"{len(ledger.entries)} applications, {len(ledger.examined)} files ahead acknowledged"
    )
