"""The installation under fault: the web server and the worker as `serve` starts them, started again at once when dead.

Only the wait before a restart is shorter than in production: a test has no minutes to spare.
"""

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.database import Database
from workbench.config import Settings
from workbench.kernel.parts import Parts, make_parts
from workbench.launch import supervisor
from workbench.launch.children import Child

SILENCE_SECONDS = 5.0
"""How soon a killed worker's jobs go to the next one; 30 s in production."""
PATIENCE = 90.0
"""Seconds until something that does not come back counts as broken; machines under test are slow."""
_LOOK_EVERY = 0.02


class Kept:
    """One program that is started again as soon as it is dead."""

    def __init__(self, child: Child) -> None:
        self.name = child.name
        self.starts = 0
        self._child = child
        self._stop = threading.Event()
        # The kernel ends a child with the thread that started it, so one thread does both for good.
        self._thread = threading.Thread(target=self._keep, name=f"keeper of the {child.name}")

    def start(self) -> None:
        """Start the program and look after it."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End the program in order; what does not end within `seconds` is killed."""
        self._grace = seconds
        self._stop.set()
        self._thread.join()

    @property
    def alive(self) -> psutil.Process | None:
        """The process that leads the program's group, while it lives."""
        pid = self._child.pid
        with contextlib.suppress(psutil.NoSuchProcess):
            if pid is not None and self._child.exit_code is None:
                return psutil.Process(pid)
        return None

    def kill(self) -> bool:
        """SIGKILL the whole group; False when it is dead already."""
        process = self.alive
        if process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
            return True
        return False

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_EVERY):
            if self._child.pid is None or self._child.exit_code is not None:
                self._child.start()
                self.starts += 1
        self._child.stop(self._grace)


@dataclass
class Installation:
    """Its parts as this test process sees them, its two programs and its address."""

    parts: Parts
    port: int
    web: Kept
    worker: Kept

    def answers(self) -> bool:
        """Whether the web server gives a whole good answer now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/health")
            response = connection.getresponse()
            return response.status == 200 and bool(response.read())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def web_workers(self) -> list[psutil.Process]:
        """The processes that serve requests."""
        master = self.web.alive
        with contextlib.suppress(psutil.NoSuchProcess):
            return master.children() if master else []
        return []


@contextlib.contextmanager
def running(database: Database, folder: Path, environment: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation on a database of its own, up to the end of the block. Start it with `start_programs`."""
    environment.setenv("WORKBENCH_WORKER_SILENCE_SECONDS", str(SILENCE_SECONDS))
    environment.setenv("WORKBENCH_LOG_LEVEL", "ERROR")
    settings = Settings(var_dir=folder / "var", port=_free_port())
    parts = make_parts(settings, database.app_url)
    web, worker = (Kept(child) for child in supervisor._children(settings, database.app_url))
    try:
        yield Installation(parts, settings.port, web, worker)
    finally:
        for program in (web, worker):
            if program.starts:
                program.stop()
        parts.engine.dispose()


def start_programs(installation: Installation) -> None:
    """Start both programs and wait until people can work."""
    installation.web.start()
    installation.worker.start()
    wait_until(installation.answers, "the web server answers")


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Poll another process's doing, which nothing announces.

    Raises:
        AssertionError: it did not happen in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}"
        time.sleep(_LOOK_EVERY)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
