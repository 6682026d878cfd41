"""HTTP answers that have to be there in time to their last byte, however slowly they drip."""

import io
import socket
from http.client import HTTPResponse
from time import monotonic
from typing import Any


class WholeAnswer(HTTPResponse):
    """An answer that has the socket's time-out for all of it. By itself a time-out begins anew with every byte.

    `response_class` of an `http.client.HTTPConnection`.

    Attributes:
        cut_off: the other side closed before the answer said that it was complete.
    """

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._hurried = _Hurried(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._hurried)

    @property
    def cut_off(self) -> bool:
        """As the class says; an answer in chunks that ends with its connection looks complete to the library."""
        return self.chunked and self._hurried.ended


class _Hurried(io.RawIOBase):
    """What a socket reads until its time-out from now has passed."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        seconds = sock.gettimeout()
        self._ends_at = None if seconds is None else monotonic() + seconds
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends_at is not None:
            left = self._ends_at - monotonic()
            if left <= 0:
                raise TimeoutError("no whole answer in time")
            self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
