"""A PostgreSQL of the benchmark's own, as durable as a real one.

It is filled once and used again as long as schema and content are the same.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.bench import load
from workbench.cases.deadlines import load_year
from workbench.config import Settings
from workbench.documents.requirements import seed_requirements
from workbench.kernel.identity import EVERYWHERE, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.launch import migrate, roles
from workbench.launch.embedded import EmbeddedServer
from workbench.organisation.seed import seed_authorities

ROOT = Path(__file__).parents[2]
PASSWORD = "示例口令-bench-0001"
"""Of every invented member of staff."""


@dataclass(frozen=True)
class Filled:
    """A database with its cases, as the application and as its owner."""

    parts: Parts
    owner_url: str
    cases: int
    load_seconds: float | None
    """None when an earlier run had filled it."""


def fingerprint(cases: int) -> str:
    """What the content depends on: the schema, how it is filled, and how much of it."""
    files = [*sorted((ROOT / "migrations" / "versions").glob("*.py")), Path(load.__file__), *load.STATEMENTS]
    digest = hashlib.sha256(str(cases).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def filled(server: EmbeddedServer, var: Path, cases: int) -> Filled:
    """The database with `cases` cases on a server of our own, made now unless the last run left the same."""
    main_url = server.start()
    name = f"bench_{fingerprint(cases)}"
    with psycopg.connect(main_url, autocommit=True) as owner:
        names = owner.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'").fetchall()
        for (old,) in names:
            if old != name:
                owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(old))))
        if (name,) in names:
            owner_url = _in_database(main_url, name)
            return Filled(_parts(var, roles.prepare(owner_url, var / "keys" / "app_role")), owner_url, cases, None)
        building = sql.Identifier("bench_building")
        owner.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'"
            ).format(building)
        )
        done = fill(_in_database(main_url, "bench_building"), var, cases, role=roles.role_of(name))
        done.parts.engine.dispose()
        owner.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(building, sql.Identifier(name)))
    owner_url = _in_database(main_url, name)
    return Filled(_parts(var, roles.prepare(owner_url, var / "keys" / "app_role")), owner_url, cases, done.load_seconds)


def fill(owner_url: str, var: Path, cases: int, *, role: str | None = None, app_url: str | None = None) -> Filled:
    """Bring a database to the present schema and fill it.

    Args:
        role: the application's role, made when missing; its default name is the database's.
        app_url: how the application connects where that is prepared already.
    """
    app_url = app_url or roles.prepare(owner_url, var / "keys" / "app_role", role=role)
    migrate.upgrade(owner_url)
    parts = _parts(var, app_url)
    actor = system_actor("bench")
    with parts.work(EVERYWHERE) as session:
        seed_authorities(session, actor)
        seed_requirements(session, actor)
        for year in (2024, 2025, 2026):
            load_year(session, year, actor, source="benchmark")
    seconds = load.load(owner_url, parts.secrets, cases, PASSWORD)
    return Filled(parts, owner_url, cases, seconds)


def _parts(var: Path, app_url: str) -> Parts:
    return make_parts(Settings(var_dir=var, app_database_url=app_url, log_level="ERROR"))


def _in_database(url: str, name: str) -> str:
    changed = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    return changed if "://" in changed else changed.replace(":", "://", 1)
