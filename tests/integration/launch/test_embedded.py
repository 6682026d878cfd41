"""The embedded server in the situations a machine gets into: killed, cut off, side by side, deep in the tree."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from workbench.launch.embedded import EmbeddedServer

pytestmark = pytest.mark.serial


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "postgres", durable=False)
    yield server
    server.stop()


def pid_of(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def put(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value").fetchall()]


def test_data_is_found_again_after_a_stop(server: EmbeddedServer) -> None:
    put(server.start(), 1)
    server.stop()
    assert not server.is_running()
    assert kept(server.start()) == [1]


def test_owner_is_no_superuser_and_trigrams_know_chinese(server: EmbeddedServer) -> None:
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, cardinality(show_trgm('示例公司')) "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False, 5)


def test_wrong_password_is_refused_even_on_the_socket(server: EmbeddedServer) -> None:
    server.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url("workbench", "guess", "workbench"))


def test_a_killed_server_recovers_what_was_committed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "durable")
    put(server.start(), 1)
    postmaster = psutil.Process(pid_of(server))
    postmaster.send_signal(signal.SIGKILL)
    postmaster.wait(10)
    assert (server.data / "postmaster.pid").exists()
    try:
        assert kept(server.start()) == [1]
    finally:
        server.stop()


@pytest.mark.parametrize("content", ["", "{another}\n/elsewhere\n", "rubbish"])
def test_a_lock_left_by_a_power_cut_does_not_stop_the_start(server: EmbeddedServer, content: str) -> None:
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(content.format(another=os.getpid()))
    put(server.start(), 2)
    assert server.is_running()


def test_a_running_server_is_adopted(server: EmbeddedServer) -> None:
    put(server.start(), 3)
    before = pid_of(server)
    second = EmbeddedServer(server.folder)
    assert kept(second.start()) == [3]
    assert pid_of(second) == before


def test_two_servers_in_a_deep_and_odd_folder_do_not_meet(server: EmbeddedServer, tmp_path: Path) -> None:
    deep = tmp_path / "it's a 文件夹" / ("x" * 90) / "postgres"
    other = EmbeddedServer(deep, durable=False)
    try:
        put(server.start(), 1)
        put(other.start(), 2)
        assert (kept(server.start()), kept(other.start())) == ([1], [2])
    finally:
        other.stop()


def test_the_folder_is_private(server: EmbeddedServer) -> None:
    server.start()
    assert server.folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in server.folder.glob("*.password"))
