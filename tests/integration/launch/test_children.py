"""Programs the supervisor keeps: started again after a death, gone with all they started after a stop."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from workbench.launch.children import Child

pytestmark = pytest.mark.serial


def wait_for(file: Path, lines: int) -> list[str]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = file.read_text().split() if file.exists() else []
        if len(found) >= lines:
            return found
        time.sleep(0.02)  # another process writes; nothing here can be awaited
    raise AssertionError(f"{file} has fewer than {lines} lines")


def child(code: str, folder: Path) -> Child:
    return Child("test program", [sys.executable, "-c", code], os.environ, folder)


def test_a_program_that_dies_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    program = child("print('x', file=open('runs', 'a')); raise SystemExit(3)", tmp_path)
    program._wait = 0.01
    program.start()
    deadline = time.monotonic() + 20
    while len(said) < 2 and time.monotonic() < deadline:
        program.tend(said.append)
        time.sleep(0.01)
    program.stop(1)
    assert len(wait_for(tmp_path / "runs", 2)) >= 2
    assert "ended with code 3" in said[0]


def test_stop_ends_what_ignores_it_and_what_it_started(tmp_path: Path) -> None:
    code = (
        "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(os.getpid(), inner.pid, file=open('pids', 'w'), flush=True); time.sleep(600)"
    )
    program = child(code, tmp_path)
    program.start()
    pids = [int(word) for word in wait_for(tmp_path / "pids", 2)]
    program.stop(0.2)
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
