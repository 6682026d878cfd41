"""The bench agent as it is really run, a process of its own, beside the application served on this machine."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.support.certificates import free_port
from tests.support.tokens import SO_PIN

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class _Quiet(WSGIRequestHandler):
    """HTTP with kept connections, saying nothing of each request."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's own name
        """Nothing."""


class Served:
    """The application on one port, which can go down and come back."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.port = free_port()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is reached, while it is up."""
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Serve."""
        self._server = make_server("127.0.0.1", self.port, self._app, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # kept connections hold nobody up
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def down(self) -> None:
        """Take no more connections. One that is kept is answered until its client lets go."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None


@contextmanager
def served(app: Flask) -> Iterator[Served]:
    """The application, up."""
    found = Served(app)
    found.up()
    try:
        yield found
    finally:
        found.down()


@dataclass
class AgentProcess:
    """One agent after the other at the same bench; what each said is kept."""

    folder: Path
    url: str
    credential: str
    more: dict[str, str] = field(default_factory=dict)
    said: str = ""
    _running: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.credential_file = self._secret("credential", self.credential)
        self.so_pin_file = self._secret("so-pin", SO_PIN)

    def _secret(self, name: str, value: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(value + "\n")
        return path

    def environment(self) -> dict[str, str]:
        """What the agent is told: nothing of the server's own settings."""
        told = {name: value for name, value in os.environ.items() if "DATABASE" not in name}
        return told | {
            "WORKBENCH_AGENT_SERVER": self.url,
            "WORKBENCH_AGENT_CREDENTIAL_FILE": str(self.credential_file),
            "WORKBENCH_AGENT_DRIVER": "softhsm",
            "WORKBENCH_AGENT_SO_PIN_FILE": str(self.so_pin_file),
            "WORKBENCH_AGENT_TOKEN_FOLDER": str(self.folder / "tokens"),
            "WORKBENCH_AGENT_LANGUAGE": "en",
            **self.more,
        }

    def start(self) -> None:
        """Start an agent."""
        self._running = subprocess.Popen(
            [sys.executable, "-m", "workbench.production.agent"],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("a"),
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def _log(self) -> Path:
        return self.folder / "agent.log"

    def read(self) -> str:
        """Everything the agents of this bench have said."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def end(self, number: signal.Signals) -> int:
        """Send the running agent a signal; its exit code."""
        assert self._running is not None
        self._running.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code of an agent that ends by itself."""
        assert self._running is not None
        code = self._running.wait(PATIENCE)
        self._running = None
        return code

    def clear_up(self) -> None:
        """Leave nothing running."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()


def eventually(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait until something that another process does has come about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)
