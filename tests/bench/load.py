"""A year's worth of casework and the archive behind it, invented inside the database and the same every time.

Of n cases six in a hundred are open, spread over 37 authorities of very different size. Open cases and one closed case
in twenty carry papers, marks and history; the others are rows of the case table alone. Nothing here has pixels.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from workbench.kernel.crypto import seal_identity
from workbench.kernel.secrets import Secrets
from workbench.organisation.passwords import hash_of

IDENTITY_NUMBER = "11010119900307000X"
"""Nobody's: what every invented holder has."""

STATEMENTS = (Path(__file__).with_name("load.sql"), Path(__file__).with_name("load_custody.sql"))
FILLED = (
    "enterprise",
    "application",
    "case_clock",
    "case_event",
    "case_decider",
    "submission",
    "holder",
    "attachment",
    "page",
    "review",
    "mark",
    "consignment",
    "token",
    "custody_entry",
    "consignment_item",
    "pickup",
)
LEDGER = ("token", "custody_entry")
"""Tables whose rows the database checks one by one; what is invented here is whole to begin with."""


def load(owner_url: str, secrets: Secrets, cases: int, password: str) -> float:
    """Fill a migrated and seeded database with `cases` cases; returns the seconds it took.

    Args:
        owner_url: of the role that owns the tables: row security does not bind it.
        password: of every invented member of staff.
    """
    started = time.perf_counter()
    sealed = seal_identity(secrets, IDENTITY_NUMBER)
    values = {
        "n": cases,
        "password": hash_of(password),
        "ciphertext": sealed.ciphertext,
        "masked": sealed.masked,
        "fingerprint": sealed.fingerprint,
    }
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET maintenance_work_mem = '1GB'")
        owner.execute("SET work_mem = '256MB'")
        owner.execute("SET synchronous_commit = off")
        with owner.transaction(), _without_indexes(owner), _without_triggers(owner):
            for statement in _statements():
                owner.execute(statement.encode(), values)
        owner.execute("VACUUM (ANALYZE)")
    return time.perf_counter() - started


def _statements() -> list[str]:
    lines = (line for file in STATEMENTS for line in file.read_text().splitlines())
    code = "\n".join(line for line in lines if not line.startswith("--"))
    return [each for each in code.split(";\n") if each.strip(" ;\n")]


@contextmanager
def _without_indexes(owner: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Take foreign keys and plain indexes off the filled tables and put them back: row by row they cost most."""
    tables = [list(FILLED)]
    keys = owner.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid::regclass::text = ANY (%s)",
        tables,
    ).fetchall()
    indexes = owner.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY (%s) "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        tables,
    ).fetchall()
    for table, key, _ in keys:
        owner.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(_name(table), _name(key)))
    for index, _ in indexes:
        owner.execute(sql.SQL("DROP INDEX {}").format(_name(index)))
    yield
    for _, definition in indexes:
        owner.execute(str(definition).encode())
    for table, key, definition in keys:
        owner.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{key}" {definition}'.encode())


@contextmanager
def _without_triggers(owner: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Three million custody entries past a trigger that locks each token would take an hour."""
    for table in LEDGER:
        owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(_name(table)))
    yield
    for table in LEDGER:
        owner.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(_name(table)))


def _name(value: object) -> sql.Identifier:
    return sql.Identifier(str(value))
