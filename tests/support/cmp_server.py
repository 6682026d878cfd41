"""A certification authority of the tests' own that speaks CMP: every answer is composed by OpenSSL's CMP server.

That server answers one transaction with one certificate that exists already. So a small front on the loopback reads
each request, has `openssl x509` issue what is asked for, and starts an `openssl cmp` server for this transaction; the
front can lose, cut or delay what it carries, as networks do, and counts what was issued.
"""

import http.client
import re
import secrets
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from asn1crypto import parser, x509

from workbench.keys.trial import TrialAuthority

REFERENCE = "registration-desk"
_KINDS = {4: "p10cr", 11: "rr", 23: "error", 24: "certConf", 25: "pollReq"}
_SM2_CURVE = bytes.fromhex("2a811ccf5501822d")
_TYPE = "application/pkixcmp"
_EXTENSIONS = """basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass
class _Answering:
    """An openssl cmp server that answers one transaction, over one connection: it forgets the transaction without."""

    process: "subprocess.Popen[str]"
    connection: http.client.HTTPConnection

    def ask(self, message: bytes) -> bytes:
        self.connection.request("POST", "/", message, {"Content-Type": _TYPE, "Connection": "keep-alive"})
        return self.connection.getresponse().read()

    def says(self, words: str) -> bool:
        """Whether the server has said this, or says it before it is ended."""
        self.process.terminate()
        return words in (self.process.stdout.read() if self.process.stdout else "")

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


@dataclass
class CmpServer:
    """The authority as a test sees it.

    Attributes:
        options: of the openssl cmp servers started from now on, such as ["-poll_count", "1"].
        faults: what happens to the next message of a kind (p10cr, certConf, pollReq, rr), once each: "refuse" it
            without an answer, "lose" the answer that the CA has given, "garble" it, "cut" it short, "stall" until
            `released`.
        again: options for a transaction that is begun a second time; None lets the server answer it again, as before.
        certify: what issues; a test may put another in its place.
        issued: every certificate, DER, in order.
        received: the kind of every message.
        revoked: serial numbers of rr that were answered.
        rejected: how many certificates the client has told the CA not to take.
    """

    folder: Path
    port: int
    scheme: str
    by_certificate: bool
    options: list[str] = field(default_factory=list)
    again: list[str] | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)
    certify: Callable[[bytes], bytes] = bytes
    issued: list[bytes] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    revoked: list[int] = field(default_factory=list)
    rejected: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    _certificates: dict[bytes, bytes] = field(default_factory=dict)
    _answering: dict[bytes, _Answering] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}/cmp"

    @property
    def settings(self) -> dict[str, Any]:
        """The product's settings for this CA, by field."""
        known: dict[str, Any] = {"cmp_reference": REFERENCE, "cmp_secret_file": self.folder / "secret"}
        if self.by_certificate:
            known = {"cmp_certificate": self.folder / "ra.crt", "cmp_private_key": self.folder / "ra.key"}
        if self.scheme == "https":
            known["cmp_tls_trusted"] = self.folder / "tls" / "authority.crt"
        return {"ca": "cmp", "cmp_server": self.url, "cmp_trusted": self.folder / "trusted.pem", **known}

    @property
    def environment(self) -> dict[str, str]:
        """The same for another process."""
        return {f"WORKBENCH_{name.upper()}": str(value) for name, value in self.settings.items()}

    def issue(self, request: bytes, days: int = 730) -> bytes:
        """A certificate (DER) for a PKCS #10 (DER), with its subject and key as they are."""
        extensions = self.folder / "holder.extensions"
        signing = ["-CA", str(self.folder / "issuing.crt"), "-CAkey", str(self.folder / "issuing.key")]
        stated = ["-days", str(days), "-set_serial", f"0x1{secrets.token_hex(15)}", "-extfile", str(extensions)]
        reading = ["-inform", "DER", "-outform", "DER"]
        if _SM2_CURVE in request:
            reading += ["-vfyopt", "distid:1234567812345678"]
        return _openssl(["x509", "-req", *reading, *signing, *stated], request)

    def answer(self, message: bytes) -> bytes | None:
        """What the CA answers; None when the line goes dead."""
        transaction, kind, body = _read(message)
        with self._lock:
            self.received.append(kind)
            fault = next((what for which, what in self.faults if which == kind), None)
            if fault is not None:
                self.faults.remove((kind, fault))
            if fault == "refuse":
                return None
            answer = self._answer(message, transaction, kind, body)
        if fault == "stall":
            self.released.wait(30)
        return {"lose": None, "stall": None, "garble": b"<html>", "cut": answer[:-40]}.get(fault or "", answer)

    def _answer(self, message: bytes, transaction: bytes, kind: str, body: bytes) -> bytes:
        if kind == "p10cr":
            self._begin(transaction, body)
        elif kind == "rr":
            ended = next(each for each in self.issued if _serial(each).to_bytes(16) in message)
            self._answering[transaction] = self._start(ended, self.options)
            self.revoked.append(_serial(ended))
        # A server that knows nothing of the transaction says so.
        known = self._answering.pop(transaction, None) or self._start(self.issued[-1], [])
        answer = known.ask(message)
        if kind == "certConf" and known.says("certificate rejected by client"):
            self.rejected += 1
        if kind in ("certConf", "rr"):
            known.end()
        else:
            self._answering[transaction] = known
        return answer

    def _begin(self, transaction: bytes, request: bytes) -> None:
        certificate, options = self._certificates.get(transaction), self.again or self.options
        if certificate is None:
            certificate, options = self.certify(request), self.options
            self.issued.append(certificate)
            self._certificates[transaction] = certificate
        before = self._answering.get(transaction)
        if before is not None:
            before.end()
        self._answering[transaction] = self._start(certificate, options)

    def _start(self, certificate: bytes, options: Sequence[str]) -> _Answering:
        place = self.folder / f"answer-{secrets.token_hex(8)}.crt"
        place.write_bytes(_openssl(["x509", "-inform", "DER"], certificate))
        command = ["openssl", "cmp", "-config", "", "-port", "0", "-rsp_cert", str(place)]
        command += ["-rsp_extracerts", str(self.folder / "issuing.crt")]
        if self.by_certificate:
            command += ["-srv_cert", str(self.folder / "cmp.crt"), "-srv_key", str(self.folder / "cmp.key")]
            command += [
                "-srv_trusted",
                str(self.folder / "root.crt"),
                "-srv_untrusted",
                str(self.folder / "issuing.crt"),
            ]
        else:
            command += ["-srv_ref", REFERENCE, "-srv_secret", f"file:{self.folder / 'secret'}"]
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder
        )
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"ACCEPT \S*:(\d+)", line):
                return _Answering(process, http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20))
        raise AssertionError("openssl cmp did not begin to listen")

    def forget(self) -> None:
        """Give up every transaction that is not confirmed, and end the processes that were started for them."""
        with self._lock:
            for each in self._answering.values():
                each.end()
            self._answering.clear()


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        ca: CmpServer = self.server.ca  # type: ignore[attr-defined]  # set by cmp_server
        message = self.rfile.read(int(self.headers["Content-Length"]))
        answer = ca.answer(message)
        self.close_connection = True
        if answer is None:
            return
        self.send_response(200)
        self.send_header("Content-Type", _TYPE)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the library gives it
        """Say nothing."""


@contextmanager
def cmp_server(
    folder: Path, *, by_certificate: bool = False, https: bool = False, options: Sequence[str] = ()
) -> Iterator[CmpServer]:
    """A CA until the block ends, its files in `folder`.

    Args:
        by_certificate: CA and client sign their messages; otherwise they share a secret.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _found(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Front) as front:
        front.daemon_threads = True
        ca = CmpServer(folder, front.server_address[1], "https" if https else "http", by_certificate, list(options))
        ca.certify = ca.issue
        front.ca = ca  # type: ignore[attr-defined]
        if https:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*TrialAuthority.load_or_create(folder / "tls").server_files(["127.0.0.1"]))
            front.socket = context.wrap_socket(front.socket, server_side=True)
        thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield ca
        finally:
            front.shutdown()
            thread.join()
            ca.forget()


def _found(folder: Path) -> None:
    """Root, issuing authority, and who signs messages: by openssl, so that nothing of ours vouches for ours."""
    (folder / "secret").write_text(secrets.token_hex(16))
    (folder / "holder.extensions").write_text(_EXTENSIONS)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    usage = "keyUsage=critical,keyCertSign,cRLSign"
    root = ["-keyout", str(folder / "root.key"), "-out", str(folder / "root.crt"), "-days", "3650"]
    _openssl(["req", "-x509", *key, *root, "-subj", "/O=Test CMP/CN=Test CMP Root", "-addext", usage])
    _below(
        folder, "issuing", "root", "/O=Test CMP/CN=Test CMP Issuing CA", f"basicConstraints=critical,CA:TRUE\n{usage}"
    )
    for name in ("cmp", "ra"):
        _below(folder, name, "issuing", f"/O=Test CMP/CN=Test {name}", "keyUsage=critical,digitalSignature")
    with (folder / "trusted.pem").open("wb") as trusted:
        for name in ("issuing", "root"):
            with (folder / f"{name}.crt").open("rb") as source:
                shutil.copyfileobj(source, trusted)


def _below(folder: Path, name: str, issuer: str, subject: str, extension: str) -> None:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / f"{name}.key")]
    request = _openssl(["req", "-new", *key, "-subj", subject, "-outform", "DER"])
    extensions = folder / f"{name}.extensions"
    extensions.write_text(f"{extension}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    signing = ["-CA", str(folder / f"{issuer}.crt"), "-CAkey", str(folder / f"{issuer}.key"), "-days", "3000"]
    made = ["-out", str(folder / f"{name}.crt"), "-extfile", str(extensions)]
    _openssl(["x509", "-req", "-inform", "DER", *signing, *made], request)


def _openssl(arguments: Sequence[str], given: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _read(message: bytes) -> tuple[bytes, str, bytes]:
    """Transaction id, kind and what the body holds."""
    inside = parser.parse(message, strict=True)[4]
    header = parser.parse(inside)
    body = parser.parse(inside[len(header[3]) + len(header[4]) :])
    fields, transaction = header[4], b""
    while fields:
        _, _, tag, start, content, _ = parser.parse(fields)
        if tag == 4 and start[0] == 0xA4:
            transaction = parser.parse(content)[4]
        fields = fields[len(start) + len(content) :]
    return transaction, _KINDS[body[2]], body[4]


def _serial(certificate: bytes) -> int:
    serial: int = x509.Certificate.load(certificate).serial_number
    return serial
