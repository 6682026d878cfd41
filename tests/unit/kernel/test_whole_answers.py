"""An answer that drips, in whatever part of it, has one time-out for all of it; and one that was cut off is known."""

import io
from dataclasses import dataclass
from typing import Any

import pytest

from workbench.kernel import whole_answers
from workbench.kernel.whole_answers import WholeAnswer

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
CHUNKED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
IN_CHUNKS = CHUNKED + b"3\r\nyes\r\n0\r\n\r\n"


class Drips(io.RawIOBase):
    """One byte a second, by a clock of its own."""

    def __init__(self, content: bytes) -> None:
        self._content, self.clock = io.BytesIO(content), 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.clock += 1
        piece = self._content.read(1)
        buffer[: len(piece)] = piece
        return len(piece)


@dataclass
class Socket:
    """As much of a socket as an answer asks for."""

    drips: Drips
    seconds: float | None

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.drips)

    def gettimeout(self) -> float | None:
        return self.seconds

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0


def read(monkeypatch: pytest.MonkeyPatch, content: bytes, seconds: float | None) -> tuple[bytes, bool]:
    """What comes of an answer that drips, and whether it was cut off."""
    drips = Drips(content)
    monkeypatch.setattr(whole_answers, "monotonic", lambda: drips.clock)
    answer = WholeAnswer(Socket(drips, seconds))  # type: ignore[arg-type]  # no more of it is used
    answer.begin()
    return answer.read(1000), answer.cut_off


@pytest.mark.parametrize("content", [PLAIN, IN_CHUNKS, CONTINUE + PLAIN])
def test_an_answer_that_comes_in_time_is_whole(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    for seconds in (len(content) + 1, None):
        assert read(monkeypatch, content, seconds) == (b"yes", False)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace(b"OK", b"OK\r\nX: " + b"a" * 1000),
        CONTINUE * 100,
        PLAIN.replace(b"3\r\n\r\n", b"1000\r\n\r\n" + b" " * 997),
        CHUNKED + b"0" * 1000,
    ],
    ids=["headers", "continue", "body", "size of a chunk"],
)
def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    with pytest.raises(TimeoutError):
        read(monkeypatch, content, 500)


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n"])
def test_an_answer_in_chunks_that_is_cut_off_is_known(monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    """The library takes each for an answer that is complete and empty."""
    assert read(monkeypatch, CHUNKED + b"0" + end, 1000) == (b"", True)
