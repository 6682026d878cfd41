"""A short message gateway on the loopback that keeps what it is given and answers what a test tells it to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Gateway:
    """What arrived, with its authorisation; `answer` is a status, or an address to redirect to."""

    port: int = 0
    received: list[dict[str, Any]] = field(default_factory=list)
    authorisations: list[str | None] = field(default_factory=list)
    answer: int | str = 200


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        gateway: Gateway = self.server.gateway  # type: ignore[attr-defined]  # set by running_gateway
        gateway.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        gateway.authorisations.append(self.headers["Authorization"])
        if isinstance(gateway.answer, str):
            self.send_response(307)
            self.send_header("Location", gateway.answer)
        else:
            self.send_response(gateway.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the library gives it
        """Say nothing."""


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """A gateway until the block ends; it knows its port."""
    gateway = Gateway()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.gateway = gateway  # type: ignore[attr-defined]
        gateway.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
