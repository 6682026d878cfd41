"""A real PostgreSQL for the tests: DATABASE_URL's server when set, else an embedded one in var/test-postgres.

Test runs and their parallel processes share the embedded server; the last one out stops it. Each run migrates once into
a template, and every database a test sees is a copy of it under the application's role, as in production.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql

from workbench.launch import migrate, roles
from workbench.launch.embedded import EmbeddedServer

VAR = Path(__file__).parents[2] / "var"
RUN_VARIABLE = "WORKBENCH_TEST_RUN"
PREFIX = "wb_test_"


@dataclass(frozen=True)
class Database:
    """One database, seen as its owner and as the application."""

    name: str
    owner_url: str
    app_url: str


class TestServer:
    """The server as one process of one test run sees it. Use as a context."""

    __test__ = False

    def __init__(self) -> None:
        self._run = os.environ.setdefault(RUN_VARIABLE, str(os.getpid()))
        self._template = f"{PREFIX}{self._run}"
        self._secret = VAR / "test-keys" / "app_role"
        self._given = os.environ.get("DATABASE_URL")
        self._embedded = None if self._given else EmbeddedServer(VAR / "test-postgres", durable=False)
        self._users = contextlib.ExitStack()
        self._owner_url = ""
        self._copies = 0

    def __enter__(self) -> "TestServer":
        with _locked("test-postgres.start", fcntl.LOCK_EX):
            self._users.enter_context(_locked("test-postgres.users", fcntl.LOCK_SH))
            self._owner_url = self._embedded.start() if self._embedded else _plain(self._given or "")
            with self._server() as server:
                self._drop_abandoned(server)
                exists = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self._template]).fetchone()
            if exists is None:
                self._make_template()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users.close()

    def copy(self) -> Database:
        """A migrated database of its own, made in a fraction of a second."""
        self._copies += 1
        name = f"{self._template}_{os.getpid()}_{self._copies}"
        with self._server() as server, _locked("test-postgres.copy", fcntl.LOCK_EX):
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(self._template)
                )
            )
        owner_url = _in_database(self._owner_url, name)
        app_url = roles.prepare(owner_url, self._secret, role=roles.role_of(self._template))
        return Database(name, owner_url, app_url)

    def drop(self, database: Database) -> None:
        """Remove a copy, whoever is still connected."""
        with self._server() as server:
            _drop(server, database.name)

    def end_run(self) -> None:
        """Remove what this run made and stop the embedded server unless another run uses it. For the controller."""
        with _locked("test-postgres.start", fcntl.LOCK_EX):
            with self._server() as server:
                self._drop_run(server, self._run)
            self._users.close()
            with contextlib.suppress(BlockingIOError), _locked("test-postgres.users", fcntl.LOCK_EX | fcntl.LOCK_NB):
                if self._embedded is not None:
                    self._embedded.stop()

    def has_template(self) -> bool:
        """Whether some process of this run used the database; asked by the controller, which may not have."""
        return (VAR / f"{self._template}.mark").exists()

    def _make_template(self) -> None:
        building = f"{self._template}_building"
        with self._server() as server:
            _drop(server, building)
            collation = "LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'" if self._embedded else ""
            create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' " + collation)
            server.execute(create.format(sql.Identifier(building)))
        owner_url = _in_database(self._owner_url, building)
        role = roles.role_of(self._template)
        roles.prepare(owner_url, self._secret, role=role)
        migrate.upgrade(owner_url)
        with self._server() as server:
            # From PostgreSQL 16 on, who made a role is not its member, and so may not end its connections.
            server.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
            server.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(building), sql.Identifier(self._template)
                )
            )
        (VAR / f"{self._template}.mark").touch()

    def _drop_abandoned(self, server: psycopg.Connection[tuple[object, ...]]) -> None:
        """Remove what killed runs left: their number belongs to no process any more."""
        names = server.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [f"^{PREFIX}[0-9]+"]).fetchall()
        runs = {str(name).removeprefix(PREFIX).split("_")[0] for (name,) in names}
        for run in runs - {self._run}:
            if not psutil.pid_exists(int(run)):
                self._drop_run(server, run)

    def _drop_run(self, server: psycopg.Connection[tuple[object, ...]], run: str) -> None:
        pattern = f"^{PREFIX}{run}(_|$)"
        for (name,) in server.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [pattern]).fetchall():
            _drop(server, str(name))
        role = sql.Identifier(roles.role_of(f"{PREFIX}{run}"))
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        (VAR / f"{PREFIX}{run}.mark").unlink(missing_ok=True)

    def _server(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._owner_url, autocommit=True)


def _drop(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Remove a database whoever is connected. WITH (FORCE) would fail on an autovacuum worker, which belongs to nobody
    and which only a plain DROP sends away."""
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename IS NOT NULL", [name]
    )
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _plain(url: str) -> str:
    return "postgresql://" + url.split("://", 1)[1]


def _in_database(url: str, name: str) -> str:
    changed = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    return changed if "://" in changed else changed.replace(":", "://", 1)


@contextlib.contextmanager
def _locked(name: str, mode: int) -> Iterator[None]:
    VAR.mkdir(exist_ok=True)
    with (VAR / f"{name}.lock").open("a") as file:
        fcntl.flock(file, mode)
        yield
