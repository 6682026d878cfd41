"""Bodies that lie about their size or never end, sent to the web server as it is really run: refused early, and its
memory stays where it was. Full disks, odd files and odd JSON: told plainly, and nothing is lost.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.integration.security.front_door import Front
from tests.support.casework import DOCUMENTS
from tests.support.certificates import free_port
from tests.support.papers import Counter, a_strip
from workbench.documents import limits
from workbench.documents.uploads import UploadRefused

ROOT = Path(__file__).parents[3]
MIB: Final = 1024 * 1024
TEN_GIGABYTES: Final = 10 * 1024 * MIB
GROWTH: Final = 40 * MIB
"""What the server's memory may grow by while bodies of gigabytes are announced or sent."""
ENOUGH: Final = 16 * MIB
"""What a sender may be rid of before it hears the refusal: buffers of the kernel on both sides included."""
START_SECONDS: Final = 40


@dataclass
class Served:
    """The web server on a port, and what it takes to speak to it as the applicant."""

    port: int
    process: "subprocess.Popen[bytes]"
    counter: Counter
    cookie: str
    draft: int

    def family(self) -> list[int]:
        """The server's process and its worker's with what that started."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        return [self.process.pid, *(each.pid for each in started)]

    def memory(self) -> int:
        """Bytes that they occupy; from now on the peak is watched."""
        for pid in self.family():
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        return self.peak()

    def peak(self) -> int:
        """The most bytes that they occupied since `memory` was asked."""
        lines = (Path(f"/proc/{pid}/status").read_text().splitlines() for pid in self.family())
        found = (int(line.split()[1]) for each in lines for line in each if line.startswith("VmHWM:"))
        return 1024 * sum(found)

    def head(self, method: str, path: str, **more: str) -> bytes:
        """A request's first lines: the applicant's, a stranger's with an empty `Cookie`."""
        cookie = f"workbench={self.cookie}"
        fixed = {"Host": f"127.0.0.1:{self.port}", "Accept": "application/json", "Cookie": cookie}
        headers = {**fixed, "X-CSRFToken": self.counter.token, **more}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()

    def connect(self) -> socket.socket:
        """A connection that gives up rather than hang."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def exchange(self, *pieces: bytes) -> int:
        """The status of the answer to a request that is sent whole."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return status_of(connection)

    def pour(self, head: bytes, piece: bytes, most: int) -> tuple[int, int]:
        """Send `piece` again and again, until the answer comes or the connection is cut; status (0: none) and bytes."""
        sent = 0
        with self.connect() as connection:
            connection.sendall(head)
            heard = threading.Event()
            status: list[int] = []

            def listen() -> None:
                with contextlib.suppress(OSError):
                    status.append(status_of(connection))
                heard.set()

            listener = threading.Thread(target=listen)
            listener.start()
            with contextlib.suppress(OSError):
                while sent < most and not heard.is_set():
                    connection.sendall(piece)
                    sent += len(piece)
            heard.wait(15)
            listener.join(15)
        return (status[0] if status else 0), sent


def status_of(connection: socket.socket) -> int:
    """The status of the answer; 0 when the connection ends without one."""
    line = b""
    while b"\r\n" not in line:
        received = connection.recv(4096)
        if not received:
            return 0
        line += received
    return int(line.split(None, 2)[1])


@pytest.fixture(scope="module")
def served(front: Front) -> Iterator[Served]:
    """Gunicorn as the launcher starts it, with one worker."""
    counter = front.another()
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": front.database.app_url,
        "WORKBENCH_APP_DATABASE_URL": front.database.app_url,
        "WORKBENCH_VAR_DIR": str(front.parts.settings.var_dir),
        "WORKBENCH_LOG_LEVEL": "ERROR",
    }
    words = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "4"]
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:app", *words, "--no-control-socket"]
    process = subprocess.Popen(
        gunicorn, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    cookie = counter.client.get_cookie("workbench")
    assert cookie is not None
    try:
        served = Served(port, process, counter, cookie.value, counter.start(reason="x", prior_key="1"))
        _wait(served)
        assert served.exchange(served.head("GET", "/applications", Connection="close")) == 200
        yield served
    finally:
        process.terminate()
        process.wait(20)


def _wait(served: Served) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError):
            if served.exchange(served.head("GET", "/contacts", Cookie="", Connection="close")) == 200:
                return
        assert served.process.poll() is None, "the server ended"
        threading.Event().wait(0.2)
    raise AssertionError("the server did not start")


def announce(served: Served, size: int) -> str:
    said = {"slot": DOCUMENTS[0], "name": "scan.jpg", "size": size}
    answer = served.counter.json(f"/drafts/{served.draft}/uploads", said)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["url"])


CHUNK = b"%x\r\n" % (64 * 1024) + b"x" * (64 * 1024) + b"\r\n"
MULTIPART = "multipart/form-data; boundary=b"
FILE_PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
IN_CHUNKS = {"Transfer_Encoding": "chunked"}


def test_ten_gigabytes_that_are_announced_are_refused_before_they_come(served: Served) -> None:
    before, url = served.memory(), announce(served, 1000)
    long = str(TEN_GIGABYTES)
    for head in (
        served.head("PUT", url, Content_Length=long, Upload_Offset="0"),
        served.head("POST", f"/drafts/{served.draft}/papers", Content_Length=long, Content_Type=MULTIPART),
        served.head("POST", "/register", Cookie="", Content_Length=long, Content_Type=MULTIPART),
        served.head("POST", "/api/v1/applications", Cookie="", Content_Length=long, Content_Type=MULTIPART),
    ):
        assert served.exchange(head, b"x" * 1000) in {400, 401, 413}, "before the body, which never comes"
    said = {"slot": DOCUMENTS[0], "name": "a.pdf", "size": TEN_GIGABYTES}
    assert served.counter.json(f"/drafts/{served.draft}/uploads", said).status_code == 413
    assert served.peak() - before < GROWTH


def test_chunks_without_end_are_cut_off(served: Served) -> None:
    before, url = served.memory(), announce(served, 1000)
    for head, start in (
        (served.head("PUT", url, Upload_Offset="0", **IN_CHUNKS), b""),
        (served.head("POST", "/enterprise-code", Cookie="", Content_Type=MULTIPART, **IN_CHUNKS), FILE_PART),
        (
            served.head("POST", f"/drafts/{served.draft}/papers", Cookie="", Content_Type=MULTIPART, **IN_CHUNKS),
            FILE_PART,
        ),
        (served.head("POST", "/api/v1/applications", Cookie="", Content_Type=MULTIPART, **IN_CHUNKS), FILE_PART),
    ):
        first = b"%x\r\n%s\r\n" % (len(start), start) if start else b""
        status, sent = served.pour(head + first, CHUNK, 64 * MIB)
        assert status in {0, 400, 401, 411, 413}
        assert sent <= ENOUGH, "the sender is not listened to for long"
    assert served.peak() - before < GROWTH
    assert served.counter.client.get(url).get_json()["received"] == 0


def test_an_applicants_form_takes_a_hundred_megabytes_on_disk_and_no_more(served: Served) -> None:
    """Whoever is signed in may send whole files without scripts: their bytes wait on the disk, not in memory."""
    before = served.memory()
    head = served.head("POST", f"/drafts/{served.draft}/papers", Content_Type=MULTIPART, **IN_CHUNKS)
    status, sent = served.pour(head + b"%x\r\n%s\r\n" % (len(FILE_PART), FILE_PART), CHUNK, 160 * MIB)
    assert status in {0, 400, 413}
    assert sent <= 100 * MIB + ENOUGH
    assert served.peak() - before < GROWTH


def test_thousands_of_tiny_chunks_are_one_body(served: Served) -> None:
    before, typed = served.memory(), "示例路" * 1000
    content = json.dumps({"version": 1, "values": {"address": typed}}).encode()
    tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
    json_in_chunks = {"Content_Type": "application/json", "Connection": "close", **IN_CHUNKS}
    assert served.exchange(served.head("POST", f"/drafts/{served.draft}/save", **json_in_chunks), tiny) == 200
    with served.counter.work() as session:
        assert served.counter.draft_in(session, served.draft).values["address"] == typed
    url = announce(served, len(content))
    piece = served.head("PUT", url, Upload_Offset="0", Connection="close", **IN_CHUNKS)
    assert served.exchange(piece, tiny) in {0, 411}, "a piece says how long it is"
    assert served.peak() - before < GROWTH


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Length": "5", "Transfer_Encoding": "chunked"},
        {"Content_Length": "-1"},
        {"Content_Length": "1e3"},
        {"Content_Length": "5, 6"},
        {"Transfer_Encoding": "chunked, identity"},
        {"Transfer_Encoding": "xchunked"},
    ],
)
def test_a_length_that_can_be_read_two_ways_is_refused(served: Served, headers: dict[str, str]) -> None:
    url = announce(served, 1000)
    head = served.head("PUT", url, Upload_Offset="0", Connection="close", **headers)
    assert served.exchange(head, b"0\r\n\r\nGET /applications HTTP/1.1\r\n\r\n") in {0, 400, 501}
    assert served.counter.client.get(url).get_json()["received"] == 0
    assert served.counter.json(f"{url}/remove", {}).status_code == 200


def test_a_connection_that_breaks_within_a_piece_leaves_a_beginning_of_the_file(served: Served) -> None:
    url = announce(served, 2000)
    assert served.counter.put(url, 0, b"a" * 500).status_code == 200
    with served.connect() as connection:
        connection.sendall(served.head("PUT", url, Upload_Offset="500", Content_Length="1500") + b"b" * 700)
    assert served.exchange(served.head("GET", url, Connection="close")) == 200
    told = served.counter.client.get(url).get_json()
    assert told["sha256"] == hashlib.sha256((b"a" * 500 + b"b" * 700)[: told["received"]]).hexdigest()
    rest = b"b" * (2000 - told["received"])
    assert served.counter.put(url, told["received"], rest).get_json()["received"] == 2000


def test_a_full_disk_is_told_and_loses_nothing(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = front.another()
    draft = counter.start()
    said = {"slot": DOCUMENTS[0], "name": "scan.jpg", "size": len(a_strip(44))}
    url = counter.json(f"/drafts/{draft}/uploads", said).get_json()["url"]
    content = a_strip(44)
    assert counter.put(url, 0, content[:100]).status_code == 200

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("workbench.portal.uploads.uploading.os.pwrite", full)
        counter.app.config["PROPAGATE_EXCEPTIONS"] = False
        answer = counter.put(url, 100, content[100:])
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "No space" not in answer.text
    assert counter.client.get(url).get_json()["received"] == 100
    assert counter.put(url, 100, content[100:]).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("workbench.kernel.blobs.os.fsync", full)
        assert counter.json(f"{url}/finish", {}).status_code == 500
    assert counter.files(draft) == []
    assert not list(front.parts.settings.blob_dir.rglob("*.part")), "nothing half written stays"
    assert counter.json(f"{url}/finish", {}).status_code == 200
    assert len(counter.files(draft)) == 1


def a_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return stream.getvalue()


HOSTILE = {
    "a page": b"<!doctype html><script>alert(1)</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "an archive": a_zip(),
    "a script": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file",
    "a picture with a page behind it": a_strip(55) + b"<script>alert(1)</script>",
    "a picture with an archive behind it": a_strip(55) + a_zip(),
    "nothing of a PDF": b"%PDF-1.7\n" + b"\0" * 100,
    "a picture that says it is huge": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0\0\0\0\0",
}


@pytest.mark.parametrize("sort", HOSTILE)
def test_what_is_no_paper_is_refused_whatever_it_is_called(front: Front, sort: str) -> None:
    for name in ("paper.pdf", "paper.jpg"):
        with pytest.raises(UploadRefused):
            front.mine.add(front.own.draft, DOCUMENTS[0], HOSTILE[sort], name)


@pytest.mark.parametrize("path", ["/drafts/{draft}/uploads", "/drafts/{draft}/save"])
def test_odd_json_is_refused_and_breaks_nothing(front: Front, path: str) -> None:
    counter, where = front.mine, path.format(draft=front.own.draft)
    deep = "[" * 100_000 + "]" * 100_000
    for body in (
        deep, '{"values":' * 30_000 + "1" + "}" * 30_000, "", "null", "[]", '"x"', "NaN", '{"size": 1e999}', "\x00",
        '{"slot": "a", "name": "b", "size": true}', '{"slot": "a", "name": "b", "size": -1}',
        '{"slot": "a", "name": "b", "size": 1' + "0" * 5000 + "}", '{"version": 1, "values": {"address": "\\ud800"}}',
        '{"version": 1, "values": {"address": "a\\u0000b"}, "size": 1, "slot": "\\u0000", "name": "\\ud800"}',
    ):  # fmt: skip
        headers = {**counter.headers(), "Content-Type": "application/json"}
        answer = counter.client.post(where, data=body.encode(), headers=headers)
        assert answer.status_code in {200, 400, 413, 422}, (body[:60], answer.status_code)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data"):
        said = json.dumps({"version": 1, "values": {"address": kind}})
        answer = counter.client.post(where, data=said, headers={**counter.headers(), "Content-Type": kind})
        assert answer.status_code in {400, 415}, kind


def test_a_whole_file_is_read_no_further_than_a_file_may_be(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 1000)
    read: list[int] = []

    def add(*arguments: Any) -> None:
        read.append(len(arguments[-1]))

    monkeypatch.setattr("workbench.portal.uploads.papers.add_file", add)
    counter = front.mine
    files = {"slot": DOCUMENTS[0], "files": (io.BytesIO(b"x" * 5000), "large.pdf")}
    assert counter.post(f"/drafts/{front.own.draft}/papers", **files).status_code == 303
    assert read == [1001]
