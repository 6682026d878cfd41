"""Certificates of an invented authority, and the application behind a real TLS handshake that asks for one."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from workbench.keys.trial import Issued, TrialAuthority
from workbench.launch.key_listener import listening_context

PASSWORD = "correct horse battery"


def trial_authority(folder: Path) -> TrialAuthority:
    """An authority of the test's own, its files in `folder`."""
    return TrialAuthority.load_or_create(folder)


@dataclass(frozen=True)
class ClientKey:
    """What an e-key holds: certificate, private key, both as a .p12 under PASSWORD, and as PEM files for `ssl`."""

    issued: Issued
    p12: bytes
    certificate_path: Path
    key_path: Path

    def context(self) -> ssl.SSLContext:
        """A client that shows this certificate; the server's own is not what these tests are about."""
        context = stranger()
        context.load_cert_chain(self.certificate_path, self.key_path)
        return context


def issue(
    authority: TrialAuthority,
    folder: Path,
    *,
    uscc: str,
    enterprise_name: str = "示例进出口有限公司",
    holder_name: str = "示例甲",
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> ClientKey:
    """A client certificate, valid for two years from yesterday unless told otherwise."""
    issued = authority.issue_client(
        uscc=uscc,
        enterprise_name=enterprise_name,
        holder_name=holder_name,
        not_before=not_before,
        not_after=not_after,
    )
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / format(issued.certificate.serial_number, "x")
    certificate_path, key_path = stem.with_suffix(".crt"), stem.with_suffix(".key")
    certificate_path.write_bytes(issued.certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(issued.key_pem())
    return ClientKey(issued, issued.p12(PASSWORD), certificate_path, key_path)


def of_impossible_version(der: bytes) -> bytes:
    """The certificate with a version that there is none of, as a bit that has fallen over makes one."""
    third = b"\xa0\x03\x02\x01\x02"
    assert third in der
    return der.replace(third, third[:-1] + b"\x06", 1)


def stranger() -> ssl.SSLContext:
    """A client without a certificate that trusts whatever server it meets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Quiet(WSGIRequestHandler):
    """HTTP as the product speaks it, saying nothing of each request or of handshakes that failed on purpose."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's own name
        """Nothing."""


@contextmanager
def served_with_tls(
    app: Flask, authority: TrialAuthority, *, client_ca: Path | None = None, port: int = 0
) -> Iterator[int]:
    """Serve `app` on 127.0.0.1 so that it asks for a certificate, as the key listener does; yields the port.

    Args:
        client_ca: whose certificates are taken; the authority's own unless given.
        port: where to listen; a free one unless given.
    """
    server_files = authority.server_files(["127.0.0.1", "localhost"])
    context = listening_context(*server_files, client_ca or authority.certificate_path)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet, ssl_context=context)
    # Each connection shakes hands in its own thread: browsers open spare ones, which would keep everybody else waiting.
    server.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]  # an SSLSocket by now
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="key listener")
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class KeyBrowser:
    """A browser with a certificate, or without one: keeps its cookies and follows no redirect."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context
        self.cookies: dict[str, str] = {"language": "en"}

    def send(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """One request over a handshake of its own: status, headers, text."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=20, context=self._context)
        try:
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
            if body is not None:
                sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
                sent.setdefault("Referer", f"https://127.0.0.1:{self._port}{path}")
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name == "Set-Cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
