"""The way to a CA: what surely did not arrive is told from what may have, and no answer is waited for without end."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.certificates import free_port
from workbench.kernel import whole_answers
from workbench.production.ca.cmp_wire import LONGEST_ANSWER, NotDelivered, Wire
from workbench.production.ca.connector import CaUnreachable

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nContent-Length: 3\r\n\r\nyes"


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0) -> Iterator[int]:
    """A server that reads one request and answers with these bytes; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connected, _ = server.accept()
            with connected:
                asked = b""
                while not asked.endswith(b"message") and (more := connected.recv(65536)):
                    asked += more
                for piece in pieces:
                    time.sleep(pause)
                    try:
                        connected.sendall(piece)
                    except OSError:
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def carry(port: int, seconds: float = 5.0) -> bytes:
    return Wire(f"http://127.0.0.1:{port}/cmp", seconds).carry(b"message")


def test_an_answer_comes_back() -> None:
    with answering(FINE) as port:
        assert carry(port) == b"yes"


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with answering(b"HTTP/1.0 200 OK\r\nContent-Type: application/pkixcmp; x=y\r\n\r\n", b"yes", b"!") as port:
        assert carry(port) == b"yes!"


def test_where_nobody_listens_nothing_was_delivered() -> None:
    with pytest.raises(NotDelivered, match="no way to the CA"):
        carry(free_port())
    with pytest.raises(NotDelivered):
        Wire("http://ca.invalid/cmp", 5.0).carry(b"message")


def test_a_server_that_does_not_speak_tls_is_given_nothing() -> None:
    with answering(b"plain words") as port, pytest.raises(NotDelivered):
        Wire(f"https://127.0.0.1:{port}/cmp", 5.0).carry(b"message")


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"garbage\r\n\r\n",),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",),
        (FINE.replace(b"application/pkixcmp", b"text/html"),),
        (FINE.replace(b"Length: 3", b"Length: 30"),),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nye",),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nTransfer-Encoding: chunked\r\n\r\n0",),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\n\r\n", b"x" * (LONGEST_ANSWER + 1)),
    ],
    ids=["silence", "garbage", "503", "redirect", "html", "cut", "cut chunks", "cut size of a chunk", "too long"],
)
def test_what_is_no_answer_may_have_been_delivered(pieces: tuple[bytes, ...]) -> None:
    with answering(*pieces) as port, pytest.raises(CaUnreachable) as trouble:
        carry(port)
    assert not isinstance(trouble.value, NotDelivered)


def test_the_time_out_is_one_for_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=61)
    monkeypatch.setattr(whole_answers, "monotonic", lambda: next(clock))
    with answering(FINE) as port, pytest.raises(CaUnreachable, match="TimeoutError"):
        carry(port, 60)


def test_an_answer_that_drips_is_not_waited_for() -> None:
    with answering(FINE[:-3], *[b"."] * 3, pause=0.4) as port, pytest.raises(CaUnreachable):
        carry(port, 0.9)
