"""The migrations make just the schema the models describe, and every one of them can be undone, rows and all."""

import re
from pathlib import Path

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from tests.support.casework import Office
from tests.support.database import Database
from workbench.launch import migrate
from workbench.models import Base

VERSIONS = Path(__file__).parents[3] / "migrations" / "versions"
BY_HAND = {"ix_application_search", "ix_certificate_search"}
"""Made by migrations alone: indexes over a database function, which models cannot name."""


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows}


def test_migrations_and_models_agree(owner_url: str) -> None:
    engine = create_engine("postgresql+psycopg://" + owner_url.split("://", 1)[1])
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, parents: (
                    not (
                        (kind == "table" and (name or "").startswith("procrastinate"))
                        or (kind == "index" and name in BY_HAND)
                    )
                ),
            },
        )
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert [each for each in differences if "alembic_version" not in str(each)] == []


def test_every_migration_can_be_undone_with_rows_in_place(office: Office, fresh_database: Database) -> None:
    office.submit()
    office.engine.dispose()
    before = _tables(fresh_database.owner_url)
    migrate.downgrade(fresh_database.owner_url, "base")
    assert _tables(fresh_database.owner_url) == {"alembic_version"}
    migrate.upgrade(fresh_database.owner_url)
    assert _tables(fresh_database.owner_url) == before


def test_migrations_form_one_numbered_line() -> None:
    found = {}
    for file in sorted(VERSIONS.glob("[0-9]*.py")):
        text = file.read_text()
        revision = re.search(r'^revision: str = "(\d{4})"', text, re.MULTILINE)
        parent = re.search(r'^down_revision: str \| None = (?:"(\d{4})"|None)', text, re.MULTILINE)
        assert revision is not None, file.name
        assert parent is not None, file.name
        assert file.name.startswith(revision[1] + "_"), file.name
        found[revision[1]] = parent[1]
    numbers = sorted(found)
    assert [found[number] for number in numbers] == [None, *numbers[:-1]]
