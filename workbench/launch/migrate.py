"""Bringing a database to the schema this program expects. Runs as the owner, never as the application."""

import logging
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"
ONE_AT_A_TIME = 20_140_801  # advisory lock: several machines may start at once


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision`. Does nothing when there is none to apply.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: a migration failed; it was rolled back.
    """
    with psycopg.connect(owner_url, autocommit=True) as waiting:
        waiting.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        command.upgrade(_config(owner_url), revision)


def downgrade(owner_url: str, revision: str) -> None:
    """Undo migrations down to `revision` ("base" for all of them)."""
    command.downgrade(_config(owner_url), revision)


def _config(owner_url: str) -> Config:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    url = "postgresql+psycopg://" + owner_url.split("://", 1)[1]
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
