"""Turns over real HTTP on this machine: who is believed, what is read, and what becomes of connections that break."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import free_port
from workbench.keys.trial import TrialAuthority
from workbench.production.agent.client import LARGEST_ANSWER, Client, Refused, Unanswered, plain
from workbench.production.protocol import TURN_PATH, VERSION, Answer, Turn

CREDENTIAL = "wbs_" + "a" * 43
TURN = Turn(version=VERSION, agent="1.0", algorithms=[], software=True, plugged=[])
IDLE = Answer(wait_seconds=1.0, station="一号台").model_dump_json().encode()


class Desk(http.server.BaseHTTPRequestHandler):
    """Answers each request as the test says; connections are kept."""

    protocol_version = "HTTP/1.1"
    reply: Callable[["Desk"], None]
    seen: list["Desk"]
    connections: set[object]

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self)
        self.connections.add(self.client_address)
        type(self).reply(self)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Tests are quiet."""


@contextmanager
def served(reply: Callable[[Desk], None], context: ssl.SSLContext | None = None) -> Iterator[tuple[int, type[Desk]]]:
    desk = type("ThisDesk", (Desk,), {"reply": staticmethod(reply), "seen": [], "connections": set()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), desk)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # what breaks here was asked to
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port, desk
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(port: int, **options: Path | None) -> Client:
    return Client(f"http://127.0.0.1:{port}/below", CREDENTIAL, ca_file=None, language="zh", **options)


def fine(desk: Desk) -> None:
    desk.answer(200, IDLE)


def test_a_turn_is_taken_and_the_connection_kept() -> None:
    with served(fine) as (port, desk):
        asking = client(port)
        assert [asking.take(TURN).station for _ in range(3)] == ["一号台"] * 3
        asking.close()
    first = desk.seen[0]
    assert first.path == f"/below{TURN_PATH}"
    assert first.headers["Authorization"] == f"Bearer {CREDENTIAL}"
    assert first.headers["Accept-Language"] == "zh"
    assert Turn.model_validate_json(first.body) == TURN
    assert len(desk.connections) == 1


def test_a_kept_connection_that_the_server_closed_is_opened_anew() -> None:
    def once(desk: Desk) -> None:
        fine(desk)
        desk.close_connection = True

    with served(once) as (port, desk):
        asking = client(port)
        for _ in range(4):
            assert asking.take(TURN).station == "一号台"
        asking.close()
    assert len(desk.connections) == 4


def test_a_server_that_hangs_up_is_asked_twice_and_then_reported() -> None:
    def hang_up(desk: Desk) -> None:
        desk.close_connection = True

    with served(hang_up) as (port, desk), pytest.raises(Unanswered, match="the connection broke"):
        client(port).take(TURN)
    assert len(desk.seen) == 2


def test_nobody_there() -> None:
    with pytest.raises(Unanswered, match="it cannot be reached"):
        client(free_port()).take(TURN)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b"\xff", IDLE[:-1], IDLE.replace(b"1.0", b"-1.0"), b"[" * 100_000]
)
def test_an_answer_that_is_none_is_not_believed(body: bytes) -> None:
    with served(lambda desk: desk.answer(200, body)) as (port, _), pytest.raises(Unanswered, match="none of a workben"):
        client(port).take(TURN)


def test_an_endless_answer_is_not_read() -> None:
    def endless(desk: Desk) -> None:
        desk.send_response(200)
        desk.end_headers()
        for _ in range(LARGEST_ANSWER // 65536 + 50):
            desk.wfile.write(b" " * 65536)
        desk.close_connection = True

    with served(endless) as (port, _), pytest.raises(Unanswered, match="too long"):
        client(port).take(TURN)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_nobody_is_followed_elsewhere(status: int) -> None:
    with served(fine) as (other, elsewhere):
        to = f"http://127.0.0.1:{other}/below{TURN_PATH}"
        with served(lambda desk: desk.answer(status, b"", Location=to)) as (port, _), pytest.raises(Unanswered):
            client(port).take(TURN)
    assert elsewhere.seen == []


def test_refusals_are_told_in_the_servers_words() -> None:
    problem = json.dumps({"detail": "没有这个\x1b[2J制作台。", "code": "agent_version"}).encode()
    with served(lambda desk: desk.answer(409, problem)) as (port, _), pytest.raises(Refused) as refused:
        client(port).take(TURN)
    assert (refused.value.status, refused.value.detail) == (409, "没有这个 [2J制作台。")
    assert refused.value.code == "agent_version"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"3", b'{"detail": 5}', b"\xff"])
def test_a_refusal_without_words_is_one_too(body: bytes) -> None:
    with served(lambda desk: desk.answer(404, body)) as (port, _), pytest.raises(Refused) as refused:
        client(port).take(TURN)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(500, "", 0.0), (503, "7", 7.0), (429, "12", 12.0), (429, "100000", 60.0), (429, "soon", 0.0), (503, "-5", 0.0)],
)
def test_a_troubled_server_says_how_long_to_wait(status: int, header: str, seconds: float) -> None:
    with served(lambda desk: desk.answer(status, b"", Retry_After=header)) as (port, _):
        with pytest.raises(Unanswered) as unanswered:
            client(port).take(TURN)
        assert unanswered.value.retry_after == seconds


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TrialAuthority:
    return TrialAuthority.load_or_create(tmp_path_factory.mktemp("authority"))


def context_for(authority: TrialAuthority, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server_files([host]))
    return context


def test_https_to_a_server_that_is_vouched_for(authority: TrialAuthority) -> None:
    with served(fine, context_for(authority, "127.0.0.1")) as (port, _):
        known = Client(f"https://127.0.0.1:{port}", CREDENTIAL, ca_file=authority.certificate_path, language="zh")
        assert known.take(TURN).station == "一号台"
        known.close()


def test_https_to_anybody_else_says_nothing_to_them(authority: TrialAuthority, tmp_path: Path) -> None:
    stranger = TrialAuthority.load_or_create(tmp_path)
    for host, trusted in (
        ("127.0.0.1", None),
        ("127.0.0.1", stranger.certificate_path),
        ("other.invalid", authority.certificate_path),
    ):
        with served(fine, context_for(authority, host)) as (port, desk):
            asking = Client(f"https://127.0.0.1:{port}", CREDENTIAL, ca_file=trusted, language="zh")
            with pytest.raises(Unanswered, match="its certificate does not hold"):
                asking.take(TURN)
        assert desk.seen == []


def test_a_file_that_vouches_for_nobody_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    for path in (empty, tmp_path / "none"):
        with pytest.raises(OSError, match=r".+"):
            Client("https://127.0.0.1", CREDENTIAL, ca_file=path, language="zh")


def test_plain_text_is_one_line() -> None:
    assert plain("a\x1b\nb\u202ec") == "a  b c"
    assert len(plain("x" * 1000)) == 300
