"""`serve` as a process of its own: ready, told to stop, refused twice. A small web server stands in for gunicorn."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.serial

PROGRAM = """
import sys, os
from workbench.config import Settings
from workbench.launch import supervisor
from workbench.launch.children import Child

WEB = '''
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(" ".join(name for name in os.environ if name.endswith("DATABASE_URL")).encode())
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
'''
real = supervisor._children
def stand_ins(settings, app_url):
    web, worker, *_ = real(settings, app_url)
    web._command = [sys.executable, "-c", WEB, str(settings.port)]
    worker._command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return [web, worker]
supervisor._children = stand_ins
sys.exit(supervisor.serve(Settings()))
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(var: Path, port: int) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    environment |= {"WORKBENCH_VAR_DIR": str(var), "WORKBENCH_PORT": str(port)}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stderr=subprocess.PIPE, text=True)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if wanted in line:
            return seen
    raise AssertionError(f"ended without saying {wanted!r}:\n{seen}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    port = free_port()
    process = launch(tmp_path / "var", port)
    read_until(process, f"Ready: open http://127.0.0.1:{port}/")
    yield process, tmp_path / "var", port
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def test_it_serves_without_the_owners_url_and_stops_whole(running: tuple[subprocess.Popen[str], Path, int]) -> None:
    process, var, port = running
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        assert answer.read() == b"WORKBENCH_APP_DATABASE_URL"
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == (0, False)
    assert not any(child.is_running() for child in children)
    assert not (var / "postgres" / "data" / "postmaster.pid").exists()


def test_a_second_start_and_a_taken_port_are_refused(
    running: tuple[subprocess.Popen[str], Path, int], tmp_path: Path
) -> None:
    _, var, port = running
    second = launch(var, free_port())
    _, said = second.communicate(timeout=30)
    assert (second.returncode, "already running" in said) == (1, True)
    elsewhere = launch(tmp_path / "other", port)
    _, said = elsewhere.communicate(timeout=60)
    assert (elsewhere.returncode, "WORKBENCH_PORT" in said, "Traceback" in said) == (1, True, False)


def test_a_dead_web_server_comes_back(running: tuple[subprocess.Popen[str], Path, int]) -> None:
    process, _, port = running
    web = next(p for p in psutil.Process(process.pid).children() if str(port) in p.cmdline())
    web.kill()
    read_until(process, "starting it again")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)  # another process starts; nothing here can be awaited
    raise AssertionError("the web server did not come back")
