"""Fixtures of the floors that have a database. The unit floor has none: a test there that asks for one fails."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.support.database import RUN_VARIABLE, Database, TestServer
from workbench.kernel.db import make_engine

UNIT = Path(__file__).parent / "unit"

# How long an example takes says something of the machine, and nothing of the rule.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Name the run once, before parallel processes inherit the environment."""
    os.environ.setdefault(RUN_VARIABLE, str(os.getpid()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller clears up after all parallel processes have ended."""
    if os.environ.get(RUN_VARIABLE) == str(os.getpid()):
        server = TestServer()
        if server.has_template():
            with server:
                server.end_run()
        del os.environ[RUN_VARIABLE]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a database on the unit floor before any is started."""
    if UNIT in item.path.parents and "database_server" in getattr(item, "fixturenames", ()):
        pytest.fail("A unit test asks for a database: move it to tests/integration.", pytrace=False)


@pytest.fixture(scope="session")
def database_server() -> Iterator[TestServer]:
    """The PostgreSQL server of this run, with a migrated template."""
    with TestServer() as server:
        yield server


@pytest.fixture(scope="session")
def database(database_server: TestServer) -> Iterator[Database]:
    """This process's database, shared by its tests: leave it as you found it."""
    copy = database_server.copy()
    yield copy
    database_server.drop(copy)


@pytest.fixture(scope="session")
def owner_url(database: Database) -> str:
    """The shared database as its owner."""
    return database.owner_url


@pytest.fixture(scope="session")
def app_url(database: Database) -> str:
    """The shared database as the application."""
    return database.app_url


@pytest.fixture(scope="session")
def engine(app_url: str) -> Iterator[Engine]:
    """An engine on the shared database under the application's role."""
    engine = make_engine(app_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose every change, commits included, is undone after the test."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def fresh_database(database_server: TestServer) -> Iterator[Database]:
    """A database of the test's own, for real commits, threads and processes."""
    copy = database_server.copy()
    yield copy
    database_server.drop(copy)
