"""A holder's agent as a process with a terminal: it asks for code and PIN without showing them, sends no PIN, and ends
when all is done."""

import http.server
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.agent_process import ROOT, eventually
from tests.support.tokens import KEY_ID, PIN, Bench, a_name, softhsm_bench
from workbench.production.algorithms import Algorithm
from workbench.production.protocol import Answer, Failed, Order, Outcome, Personalise, Remove, Removed, Requested, Turn
from workbench.production.tokens.driver import Fault

pytestmark = pytest.mark.serial
CODE = "wbs_" + "a" * 43


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return softhsm_bench(tmp_path / "tokens", Algorithm.P_256)


@contextmanager
def ordering(*orders: Order) -> Iterator[tuple[int, list[Turn], list[str]]]:
    """A server that gives these orders, one after the other, then says that all is done."""
    turns: list[Turn] = []
    bodies: list[str] = []
    left = list(orders)

    class Desk(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert self.headers["Authorization"] == f"Bearer {CODE}"
            turns.append(Turn.model_validate_json(bodies[-1]))
            order = left.pop(0) if left else None
            content = Answer(order=order, wait_seconds=0, station="EK20260000001", done=order is None)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content.model_dump_json().encode())

        def log_message(self, *words: object) -> None:
            """Tests are quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port, turns, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Terminal:
    """The agent at a terminal of its own, on which somebody types."""

    def __init__(self, port: int, folder: Path, *options: str) -> None:
        self._master, slave = pty.openpty()
        self._seen = b""
        environment = {name: value for name, value in os.environ.items() if "WORKBENCH" not in name}
        command = [sys.executable, "-m", "workbench.production.agent", "--holder", "--language", "en"]
        command += ["--server", f"http://127.0.0.1:{port}", "--driver", "softhsm", "--token-folder", str(folder)]
        self._process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while block := os.read(self._master, 4096):
                self._seen += block
        except OSError:
            return  # the other end is closed

    def asked(self, words: str) -> None:
        """Wait until these words are on the screen."""
        eventually(lambda: words in self.screen, words)

    def type(self, line: str) -> None:
        """Type a line; Enter included."""
        os.write(self._master, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Ctrl-C. The terminal belongs to no session, so that the key alone would do nothing."""
        self._process.send_signal(2)

    @property
    def screen(self) -> str:
        """All that stood there."""
        return self._seen.decode(errors="replace")

    def end(self) -> int:
        """The exit code, within a minute."""
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._master)


def certify(serial: str) -> Personalise:
    return Personalise(
        making=1,
        serial=serial,
        label="",
        user_pin=None,
        key_id=KEY_ID.hex(),
        algorithm=Algorithm.P_256,
        subject=a_name(),
        keep=True,
    )


def outcomes(turns: list[Turn]) -> list[Outcome | None]:
    return [turn.outcome for turn in turns]


def test_code_and_pin_are_asked_once_and_never_shown_or_sent(bench: Bench, tmp_path: Path) -> None:
    serial, _ = bench.with_key()
    orders = certify(serial), Remove(making=1, serial=serial, user_pin=None, key_id=KEY_ID.hex())
    with ordering(*orders) as (port, turns, bodies):
        terminal = Terminal(port, tmp_path / "tokens")
        terminal.asked("One-time code from the page: ")
        terminal.type(f"  {CODE} ")
        terminal.asked(f"PIN of token {serial} (tries left: 3): ")
        terminal.type(PIN)
        terminal.asked("All done. The token can be taken out.")
        assert terminal.end() == 0
    requested, removed = outcomes(turns)[1:]
    assert isinstance(requested, Requested)
    assert removed == Removed(making=1)
    assert terminal.screen.count("PIN of token") == 1
    for secret in (PIN, CODE):
        assert secret not in terminal.screen
        assert not any(secret in body for body in bodies)


def test_a_mistyped_pin_is_asked_again(bench: Bench, tmp_path: Path) -> None:
    serial, _ = bench.with_key()
    with ordering(certify(serial)) as (port, turns, _):
        credential = tmp_path / "code"
        credential.touch(0o600)
        credential.write_text(CODE)
        terminal = Terminal(port, tmp_path / "tokens", "--credential-file", str(credential))
        terminal.asked("tries left: 3")
        terminal.type("000000")
        terminal.asked("tries left: 2")
        terminal.type(PIN)
        assert terminal.end() == 0
    assert isinstance(turns[1].outcome, Requested)
    assert "One-time code" not in terminal.screen


def test_who_interrupts_instead_of_typing_is_reported_as_such(bench: Bench, tmp_path: Path) -> None:
    serial, _ = bench.with_key()
    with ordering(certify(serial)) as (port, turns, _):
        terminal = Terminal(port, tmp_path / "tokens")
        terminal.asked("One-time code")
        terminal.type(CODE)
        terminal.asked("tries left: 3")
        terminal.interrupt()
        assert terminal.end() == 0
    failed = turns[1].outcome
    assert isinstance(failed, Failed)
    assert failed.fault is Fault.PIN_REFUSED
    assert "set it aside" not in terminal.screen, "a maker's advice is not for a holder"


def test_what_is_no_code_is_said(bench: Bench, tmp_path: Path) -> None:
    with ordering() as (port, turns, _):
        terminal = Terminal(port, tmp_path / "tokens")
        terminal.asked("One-time code")
        terminal.type("12345678")
        terminal.asked("This is not the code from the page.")
        assert terminal.end() == 2
    assert turns == []
    assert "12345678" not in terminal.screen
