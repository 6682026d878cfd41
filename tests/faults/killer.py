"""The killer: SIGKILL to the web server, to one of its processes, or to the worker, at moments a seed decides.

The next blow falls only after the installation answers again and somebody's work was acknowledged since the last one.
"""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import psutil
from sqlalchemy import text

from tests.faults.installation import PATIENCE, Installation, wait_until
from tests.faults.ledger import Ledger

PLAN: Final[Mapping[str, int]] = {"web": 11, "web worker": 23, "worker": 16}
"""How often each is killed: fifty in all, and at least ten of a kind."""
WORK_SECONDS: Final = 30.0
"""How long work may fail to get on before the next blow falls all the same."""
AT_WORK_SECONDS: Final = 4.0
_HOLDS_JOB: Final = text(
    "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = "
    "(SELECT max(id) FROM procrastinate_workers WHERE id > :before))"
)
_NEWEST_WORKER: Final = text("SELECT coalesce(max(id), 0) FROM procrastinate_workers")


@dataclass
class Killer:
    """Strikes by the plan, in an order and at moments of its own chance; `struck` counts by kind."""

    installation: Installation
    ledger: Ledger
    chance: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    jobs_caught: int = 0
    _last_worker: int = 0

    def strike_all(self) -> None:
        """The whole plan, or until somebody gets an answer that nobody may get.

        Raises:
            AssertionError: the installation did not come back.
        """
        blows = [kind for kind, count in PLAN.items() for _ in range(count)]
        self.chance.shuffle(blows)
        done = 0
        for kind in blows:
            wait_until(self.installation.answers, "the web server answers again")
            done = self.ledger.wait_for_work(done, WORK_SECONDS)
            if self.ledger.surprises:
                return
            threading.Event().wait(self.chance.uniform(0.0, 0.6))
            getattr(self, f"_strike_{kind.replace(' ', '_')}")()
            self.struck[kind] += 1

    def _strike_web(self) -> None:
        wait_until(self.installation.web.kill, "there is a web server to kill")

    def _strike_web_worker(self) -> None:
        wait_until(self._kill_one_of_web, "there is a web process to kill")

    def _kill_one_of_web(self) -> bool:
        serving = self.installation.web_workers()
        with contextlib.suppress(psutil.NoSuchProcess):
            if serving:
                self.chance.choice(serving).kill()
                return True
        return False

    def _strike_worker(self) -> None:
        """When a new worker has a job in hand, if it gets one soon."""
        wait_until(lambda: self._newest_worker() > self._last_worker, "a worker is at work", PATIENCE)
        with contextlib.suppress(AssertionError):
            wait_until(self._holds_job, "the worker has a job", AT_WORK_SECONDS)
        wait_until(self.installation.worker.kill, "there is a worker to kill")
        self.jobs_caught += self._holds_job()
        self._last_worker = self._newest_worker()

    def _holds_job(self) -> bool:
        with self.installation.parts.work() as session:
            return bool(session.scalar(_HOLDS_JOB, {"before": self._last_worker}))

    def _newest_worker(self) -> int:
        with self.installation.parts.work() as session:
            return int(session.scalar(_NEWEST_WORKER) or 0)
