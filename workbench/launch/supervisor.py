"""`workbench serve`: database, migrations, role, secrets, web server and worker, kept alive until told to stop.

Web server and worker get the application's role by environment; the owner's URL never leaves this process.
"""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from workbench.config import Settings
from workbench.documents.preview import ALL_WALLS, Renderer, RendererUnfit
from workbench.kernel.parts import make_parts
from workbench.kernel.secrets import Secrets
from workbench.launch import key_listener, migrate, roles
from workbench.launch.children import Child
from workbench.launch.embedded import EmbeddedServer, EmbeddedServerError
from workbench.launch.first_data import enter_first_data

ROOT = Path(__file__).parents[2]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_SECONDS = 90.0
# Together under the ten seconds that service managers and people grant.
WEB_STOP, WORKER_STOP, DATABASE_STOP = 4.0, 2.5, 2
GRACE = 3  # seconds gunicorn gives running requests


class StartError(Exception):
    """The installation cannot start; the message says what to do."""


class _StopAskedError(Exception):
    """Ctrl-C or SIGTERM came while we were still starting."""


def serve(settings: Settings, *, demo: bool = False) -> int:
    """Run everything until SIGINT or SIGTERM.

    Args:
        settings: this installation's.
        demo: load invented cases when the database holds none.

    Returns:
        The exit code: 0 after an orderly stop, 1 when the start failed (the reason is on stderr).
    """
    asked = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        asked.set()
        raise _StopAskedError

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    try:
        with _only_one(settings.var_dir), _database(settings) as (app_url, server):
            _refuse_taken_port(settings)
            settings = key_listener.prepare(settings, demo=demo, say=_say)
            _try_renderer()
            bench = None
            if demo:
                bench = _load_demo(settings, app_url)
            else:
                _enter_first_data(settings, app_url)
            _supervise(settings, app_url, server, demo=demo, bench=bench)
    except _StopAskedError:
        return 0
    except (StartError, EmbeddedServerError, roles.RoleError, SQLAlchemyError, OSError, RuntimeError) as error:
        if asked.is_set():  # a statement cut off in the middle fails in its own way
            return 0
        _say(f"Cannot start: {error}")
        return 1
    return 0


def prepare_database(settings: Settings, owner_url: str) -> str:
    """Make the application's role, migrate, make the secrets; returns the application's URL.

    Raises:
        roles.RoleError: the role cannot be made or used.
        sqlalchemy.exc.SQLAlchemyError: a migration failed.
    """
    if settings.app_database_url is None:
        app_url = roles.prepare(owner_url, settings.key_dir / "app_role")
    else:
        app_url = settings.app_database_url
        with roles.connect_as_owner(owner_url) as owner:
            roles.grant(owner, unquote(urlsplit(app_url).username or ""))
    migrate.upgrade(owner_url)
    Secrets.load_or_create(settings.key_dir)
    return app_url


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, EmbeddedServer | None]]:
    if settings.database_url is not None:
        yield prepare_database(settings, settings.database_url), None
        return
    if settings.app_database_url is not None:
        raise StartError("WORKBENCH_APP_DATABASE_URL is set but DATABASE_URL is not: set both or none.")
    _say("Starting the embedded PostgreSQL in var/postgres …")
    server = EmbeddedServer(settings.var_dir / "postgres")
    try:
        yield prepare_database(settings, server.start()), server
    finally:
        _ignore_signals()
        server.stop(DATABASE_STOP)


def _supervise(
    settings: Settings, app_url: str, server: EmbeddedServer | None, *, demo: bool, bench: Mapping[str, str] | None
) -> None:
    asked = threading.Event()
    web, worker, *listeners = children = _children(settings, app_url)
    agents = [_agent(bench)] if bench is not None else []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: asked.set())
    try:
        _start(settings, children, agents, asked)
        if not asked.is_set():
            _say(_welcome(settings, demo=demo))
        while not asked.wait(0.5):
            if server is not None and not server.is_running():
                _say("The embedded PostgreSQL ended; starting it again.")
                server.start()
            for child in (*children, *agents):
                child.tend(_say)
    finally:
        _ignore_signals()
        _say("Stopping …")
        for child in (*agents, web, *listeners):
            child.ask_to_stop()
        until = time.monotonic() + WEB_STOP
        for child in (*agents, web, *listeners):
            child.stop(max(0.1, until - time.monotonic()))
        worker.stop(WORKER_STOP)


def _start(settings: Settings, children: Sequence[Child], agents: Sequence[Child], asked: threading.Event) -> None:
    """Start what serves and wait until it does; then those that are served.

    Raises:
        StartError: a listener ended, or did not answer in time.
    """
    web, _, *listeners = children
    for child in children:
        child.start()
    _wait_until_ready(_address(settings), web, asked)
    for child in listeners:
        _wait_until_ready(_key_address(settings), child, asked)
    for child in agents:
        child.start()


def _children(settings: Settings, app_url: str) -> list[Child]:
    """Web server and worker, then the listener for e-keys where there is one."""
    # Configured anew below: the demo may have chosen the listener's files, or gone on without it.
    unwanted = {"DATABASE_URL", "WORKBENCH_KEY_PORT"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment |= {"WORKBENCH_APP_DATABASE_URL": app_url, "WORKBENCH_VAR_DIR": str(settings.var_dir)}
    environment |= key_listener.environment_of(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "--config": "python:workbench.launch.web",
        "--worker-class": "gthread",
        "--workers": settings.web_workers,
        "--threads": settings.web_threads,
        "--bind": f"{host}:{settings.port}",
        "--graceful-timeout": GRACE,
        "--timeout": 60,
        "--log-level": "warning",
    }
    words = [str(word) for pair in options.items() for word in pair]
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:app", *words, "--no-control-socket"]
    found = [
        Child("web server", gunicorn, environment, ROOT),
        Child("worker", [sys.executable, "-m", "workbench", "worker"], environment, ROOT),
    ]
    if settings.key_port is not None:
        found.append(key_listener.listener(settings, environment, ROOT, GRACE))
    return found


def _agent(bench: Mapping[str, str]) -> Child:
    """The demo's bench agent. As on a maker's own machine, nothing of the server's settings reaches it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("WORKBENCH_")
    }
    return Child("bench agent", [sys.executable, "-m", "workbench.production.agent"], {**environment, **bench}, ROOT)


def _wait_until_ready(base: str, child: Child, asked: threading.Event) -> None:
    address = f"{base}/health"
    # Our own process answers, under whatever name its certificate was made for.
    trusting = ssl._create_unverified_context()  # noqa: S323
    deadline = time.monotonic() + READY_SECONDS
    while not asked.wait(0.2):
        if child.exit_code is not None:
            raise StartError(f"the {child.name} ended at once; its reason stands above.")
        try:
            with urllib.request.urlopen(address, timeout=5, context=trusting):  # noqa: S310  (our own address)
                return
        except urllib.error.HTTPError as error:
            if time.monotonic() > deadline:
                raise StartError(f"{address} still answers {error.code}.") from error
        except OSError as error:
            if time.monotonic() > deadline:
                raise StartError(f"{address} does not answer: {error}") from error


def _welcome(settings: Settings, *, demo: bool) -> str:
    line = f"Ready: open {_address(settings)}/"
    if settings.key_port is not None:
        line += f" – sign-in with an e-key: {_key_address(settings)}/key"
    return f"{line} – demo accounts: {import_module('workbench.demo.accounts').summary()}" if demo else line


def _load_demo(settings: Settings, app_url: str) -> Mapping[str, str] | None:
    """Load what is missing of the demo; returns what its bench agent is started with, if it has one."""
    # Looked up by name: an installation that never shows demo data need not carry it.
    load = import_module("workbench.demo.load")
    connected = settings.model_copy(update={"app_database_url": app_url})
    load.load_demo(connected, progress=_say)
    _enter_first_data(settings, app_url)
    import_module("workbench.demo.trial_keys").lay_out_keys(connected, progress=_say)
    bench: Mapping[str, str] | None = import_module("workbench.demo.bench").lay_out_bench(
        connected, _address(settings), progress=_say
    )
    if bench is not None:
        import_module("workbench.demo.journeys").tell_journeys(connected, progress=_say)
    return bench


def _enter_first_data(settings: Settings, app_url: str) -> None:
    parts = make_parts(settings, app_url)
    try:
        enter_first_data(parts)
    finally:
        parts.engine.dispose()


@contextlib.contextmanager
def _only_one(var_dir: Path) -> Iterator[None]:
    var_dir.mkdir(parents=True, exist_ok=True)
    with (var_dir / "serve.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"another start is already running with {var_dir}; stop it first.") from error
        yield


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            if error.errno == errno.EADDRINUSE:
                raise StartError(f"{where} is in use by another program; set WORKBENCH_PORT to a free port.") from error
            hint = "check WORKBENCH_HOST and WORKBENCH_PORT"
            raise StartError(f"cannot listen on {where} ({error.strerror}); {hint}.") from error


def _try_renderer() -> None:
    """Render a Chinese page before anyone uploads one.

    Raises:
        StartError: its text does not show, so clerks would judge blank pages.
    """
    renderer = Renderer()
    try:
        found = renderer.self_test()
    except RendererUnfit as unfit:
        raise StartError(f"documents cannot be shown: {unfit}") from unfit
    finally:
        renderer.close()
    if found.walls != ALL_WALLS:
        _say(f"Files are opened behind fewer walls than this product wants ({found.walls}): the kernel lacks the rest.")


def _address(settings: Settings) -> str:
    return f"http://{_own_host(settings)}:{settings.port}"


def _key_address(settings: Settings) -> str:
    return f"https://{_own_host(settings)}:{settings.key_port}"


def _own_host(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  (compared, not bound)
    return f"[{host}]" if ":" in host else host


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
