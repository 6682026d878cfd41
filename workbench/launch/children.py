"""A program the supervisor keeps alive: started in a group of its own, started again when it dies, stopped in time."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

FIRST_WAIT = 1.0  # seconds before a dead child is started again; doubles each time
LONGEST_WAIT = 30.0
HEALTHY_AFTER = 60.0  # seconds of life after which the waits start over
PR_SET_PDEATHSIG = 1


class Child:
    """One program. `tend` is to be called a few times a second."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._wait = FIRST_WAIT
        self._again_at: float | None = None

    def start(self) -> None:
        """Start the program. Ctrl-C in the terminal reaches the supervisor alone, which decides the order."""
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self._started = time.monotonic()
        self._again_at = None

    @property
    def pid(self) -> int | None:
        """The process that leads its group, None before the first start and after a stop."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The code it ended with, None while it runs."""
        return None if self._process is None else self._process.poll()

    def tend(self, say: Callable[[str], None]) -> None:
        """Start the program again when it has died, after a wait that grows with each death."""
        if self.exit_code is None:
            return
        now = time.monotonic()
        if self._again_at is None:
            if now - self._started > HEALTHY_AFTER:
                self._wait = FIRST_WAIT
            self._again_at = now + self._wait
            say(f"The {self.name} ended with code {self.exit_code}; starting it again in {self._wait:.0f} s.")
            self._wait = min(self._wait * 2, LONGEST_WAIT)
        elif now >= self._again_at:
            self.start()

    def ask_to_stop(self) -> None:
        """Ask the program to end, without waiting for it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def stop(self, seconds: float) -> None:
        """Ask the program to end; after `seconds` end it and all it started."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def _end_with_parent() -> None:
    """Have the kernel end the child when the supervisor is killed: an orphan would keep the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
