"""A mail server on the loopback that keeps what it is given and refuses what a test tells it to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default


@dataclass
class Mailbox:
    """What arrived, and what the server answers to RCPT: a code per recipient, 250 unless given."""

    port: int = 0
    received: list[Message] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    recipients_asked: list[str] = field(default_factory=list)


class _Conversation(socketserver.StreamRequestHandler):
    """The few words of RFC 5321 that a client needs."""

    def handle(self) -> None:
        box: Mailbox = self.server.box  # type: ignore[attr-defined]  # set by running_smtp
        self._say("220 loopback")
        while line := self.rfile.readline():
            verb = line.strip().split(b" ")[0].split(b":")[0].upper()
            if verb == b"QUIT":
                self._say("221 bye")
                return
            if verb == b"DATA":
                self._say("354 go on")
                box.received.append(message_from_bytes(self._data(), policy=default))
                self._say("250 kept")
            elif verb == b"RCPT":
                recipient = line.decode().split("<")[1].split(">")[0]
                box.recipients_asked.append(recipient)
                self._say(box.answers.get(recipient, "250 fine"))
            else:
                self._say("250 loopback")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)


@contextmanager
def running_smtp() -> Iterator[Mailbox]:
    """A server until the block ends; its mailbox knows the port."""
    box = Mailbox()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation) as server:
        server.box = box  # type: ignore[attr-defined]
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
