"""Carries CMP messages to the CA by HTTP (RFC 6712) and tells what may have arrived from what surely did not."""

import http.client
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from workbench.kernel.whole_answers import WholeAnswer
from workbench.production.ca.connector import CaUnreachable

LONGEST_ANSWER: Final = 1024 * 1024
"""Bytes; a certificate with its chain has a few thousand."""
_TYPE: Final = "application/pkixcmp"


class NotDelivered(CaUnreachable):
    """Not a byte of the message has left: the CA does not know of it."""


@dataclass(frozen=True)
class Wire:
    """The way to one CA. Redirects are not followed and no proxy is used.

    Attributes:
        url: http or https; by https, the CA's host must show a certificate for its name.
        tls_trusted: PEM with who vouches for that; the system's own authorities unless given.
        seconds: how long one message may take there and back.
    """

    url: str
    seconds: float
    tls_trusted: Path | None = None

    def carry(self, message: bytes) -> bytes:
        """What the CA answered.

        Raises:
            NotDelivered: there was no way to the CA.
            CaUnreachable: it may have the message, but its answer did not come or is none.
        """
        ends_at = time.monotonic() + self.seconds
        connection = self._connect()
        try:
            connection.request("POST", self._path(), body=message, headers={"Content-Type": _TYPE})
            return _read(connection, ends_at)
        except (OSError, http.client.HTTPException) as error:
            raise CaUnreachable(f"The CA did not answer: {_name(error)}") from error
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        split = urlsplit(self.url)
        host, port = split.hostname or "", split.port
        try:
            if split.scheme == "https":
                context = ssl.create_default_context(cafile=self.tls_trusted)
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    host, port, timeout=self.seconds, context=context
                )
            else:
                connection = http.client.HTTPConnection(host, port, timeout=self.seconds)
            connection.response_class = WholeAnswer
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise NotDelivered(f"There is no way to the CA at {split.netloc}: {_name(error)}") from error
        return connection

    def _path(self) -> str:
        split = urlsplit(self.url)
        return (split.path or "/") + (f"?{split.query}" if split.query else "")


def _read(connection: http.client.HTTPConnection, ends_at: float) -> bytes:
    connection.sock.settimeout(_left(ends_at))
    response = connection.getresponse()
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if response.status != http.client.OK or kind != _TYPE:
        raise CaUnreachable(f"The CA's address answered {response.status} {kind[:60]}: that is no CMP.")
    content = response.read(LONGEST_ANSWER + 1)
    if len(content) > LONGEST_ANSWER:
        raise CaUnreachable("The CA's answer is too long to be one.")
    declared = response.getheader("Content-Length")
    cut_off = isinstance(response, WholeAnswer) and response.cut_off
    if cut_off or (declared is not None and declared.isdigit() and len(content) < int(declared)):
        raise CaUnreachable("The CA's answer was cut off.")
    return content


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
