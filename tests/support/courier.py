"""A courier's tracking interface on the loopback that answers what a test tells it to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Courier:
    """What was asked, with its authorisation. `answers` are taken in order, the last one for ever: a status, raw bytes,
    or events; `delay` seconds pass before each."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    authorisations: list[str | None] = field(default_factory=list)
    answers: list[int | bytes | list[dict[str, Any]]] = field(default_factory=lambda: [[]])
    delay: float = 0

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}/track"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        courier: Courier = self.server.courier  # type: ignore[attr-defined]  # set by running_courier
        courier.asked.append(self.path)
        courier.authorisations.append(self.headers["Authorization"])
        time.sleep(courier.delay)
        answer = courier.answers.pop(0) if len(courier.answers) > 1 else courier.answers[0]
        status = answer if isinstance(answer, int) else 200
        body = answer if isinstance(answer, bytes) else json.dumps({"events": answer}).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://127.0.0.1:{courier.port}/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the library gives it
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up is not waited for."""


@contextmanager
def running_courier() -> Iterator[Courier]:
    """A courier until the block ends; it knows its port."""
    courier = Courier()
    with _Server(("127.0.0.1", 0), _Answers) as server:
        server.courier = courier  # type: ignore[attr-defined]
        courier.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield courier
        finally:
            server.shutdown()
            thread.join()
