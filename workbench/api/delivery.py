"""One HTTP request to an address a stranger named: no redirects, no answer read beyond its first line, an end in time.

The name is resolved once, its addresses are checked, and that very address is connected to, so that nothing inside can
be reached by a name that changes its mind.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

SECONDS: Final = 8.0
"""For connecting, handshake, sending and the answer's first line together."""
_LONGEST_STATUS_LINE: Final = 4096
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into IPv4 ones (RFC 6052)."""
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotDelivered(Exception):
    """The message was not taken; the reason is for the administrator."""


@dataclass(frozen=True)
class Target:
    """Where to send."""

    secure: bool
    host: str
    port: int
    path: str
    authority: str


def read_url(url: str, *, inside: bool) -> Target:
    """An address to which messages may go, as far as its text tells.

    Args:
        inside: private addresses and, by plain HTTP, the loopback are allowed too.

    Raises:
        Invalid: it is not of that kind.
    """
    try:
        split = urlsplit(url)
        port = split.port
        host = split.hostname or ""
    except ValueError as error:
        raise Invalid(N_("This is not an address messages can be sent to.")) from error
    if split.scheme not in ("https", "http") or not host or "@" in split.netloc or split.fragment:
        raise Invalid(N_("This is not an address messages can be sent to."))
    if split.scheme == "http" and not (inside and host in _LOOPBACK_NAMES):
        raise Invalid(N_("Messages are sent by https only."))
    literal = _find_literal(host)
    if literal is not None and not may_reach(literal, inside=inside):
        raise Invalid(N_("Messages are not sent to addresses of a private network."))
    secure = split.scheme == "https"
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return Target(secure, host, port or (443 if secure else 80), path, split.netloc)


def may_reach(address: Address, *, inside: bool) -> bool:
    """Whether messages may go to this address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED or address.sixtofour is not None or address.teredo is not None:
            return False
        address = address.ipv4_mapped or address
    if address.is_multicast or address.is_unspecified or (address.is_link_local and not address.is_loopback):
        return False
    return address.is_global or (inside and address.is_private)


def post(url: str, body: bytes, headers: Mapping[str, str], *, inside: bool, seconds: float = SECONDS) -> None:
    """Send a message.

    Raises:
        NotDelivered: it was not answered with 2xx in time, or may not go there.
    """
    try:
        target = read_url(url, inside=inside)
        status = _exchange(target, body, headers, inside=inside, ends_at=time.monotonic() + seconds)
    except Invalid as error:
        raise NotDelivered(str(error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from error
    if not 200 <= status < 300:
        raise NotDelivered(f"answered with {status}")


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], *, inside: bool, ends_at: float) -> int:
    address = _resolve(target, inside=inside)
    with socket.create_connection((str(address), target.port), timeout=_left(ends_at)) as plain:
        plain.settimeout(_left(ends_at))
        with _secured(plain, target.host) if target.secure else plain as connected:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = connected
            connected.settimeout(_left(ends_at))
            fixed = {"Host": target.authority, "Connection": "close", "User-Agent": "workbench-webhooks"}
            connection.request("POST", target.path, body, {**headers, **fixed})
            return _status(connected, ends_at)


def _resolve(target: Target, *, inside: bool) -> Address:
    """The first of the host's addresses; none of them may lead inside.

    Raises:
        NotDelivered: one does.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    for address in addresses:
        if not may_reach(address, inside=inside) or not (target.secure or address.is_loopback):
            raise NotDelivered("the name leads to an address of a private network")
    return addresses[0]


def _secured(plain: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _status(connected: socket.socket, ends_at: float) -> int:
    """The status of the answer; what follows its first line is not read.

    Raises:
        NotDelivered: there is no such line.
    """
    line = b""
    while b"\n" not in line:
        connected.settimeout(_left(ends_at))
        received = connected.recv(_LONGEST_STATUS_LINE)
        line += received
        if not received or len(line) > _LONGEST_STATUS_LINE:
            break
    words = line.partition(b"\n")[0].split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise NotDelivered("the answer was not HTTP")
    return int(words[1])


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _find_literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
