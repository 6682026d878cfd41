"""The demo's bench agent under `serve`: started when the site answers, kept alive, told no secret of the server's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.launch.test_supervisor import PROGRAM, free_port, read_until

pytestmark = pytest.mark.serial

WITH_BENCH = PROGRAM.replace(
    "sys.exit(supervisor.serve(Settings()))",
    """
AGENT = '''
import os, sys, time
with open(sys.argv[1], "a") as said:
    print(os.getpid(), *sorted(name for name in os.environ if "WORKBENCH" in name or "DATABASE" in name), file=said)
time.sleep(600)
'''
real_agent = supervisor._agent
def stand_in(bench):
    agent = real_agent(bench)
    agent._command = [sys.executable, "-c", AGENT, os.environ["SAID"]]
    return agent
supervisor._agent = stand_in
supervisor._load_demo = lambda settings, app_url: {"WORKBENCH_AGENT_SERVER": "told"}
sys.exit(supervisor.serve(Settings(), demo=True))
""",
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    port, said = free_port(), tmp_path / "said"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    environment |= {"WORKBENCH_VAR_DIR": str(tmp_path / "var"), "WORKBENCH_PORT": str(port), "SAID": str(said)}
    environment |= {"WORKBENCH_SMTP_URL": "smtp://user:secret@mail.invalid:25"}
    process = subprocess.Popen([sys.executable, "-c", WITH_BENCH], env=environment, stderr=subprocess.PIPE, text=True)
    read_until(process, f"Ready: open http://127.0.0.1:{port}/")
    yield process, said
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def lines(said: Path, wanted: int) -> list[list[str]]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = said.read_text().splitlines() if said.exists() else []
        if len(found) >= wanted:
            return [line.split() for line in found]
        time.sleep(0.05)  # another process starts; nothing here can be awaited
    raise AssertionError(f"no {wanted} lines in {said}")


def test_it_is_started_kept_alive_and_ended(running: tuple[subprocess.Popen[str], Path]) -> None:
    process, said = running
    [[first, *told]] = lines(said, 1)
    assert told == ["WORKBENCH_AGENT_SERVER"], "neither the database nor the server's own settings"
    os.kill(int(first), signal.SIGKILL)
    read_until(process, "The bench agent ended with code -9; starting it again")
    second = lines(said, 2)[1][0]
    assert second != first
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not psutil.pid_exists(int(second))
