"""An office of its own for each test, on a database of its own: what is committed stays inside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.casework import Office, open_office
from tests.support.database import Database
from tests.support.passwords import quick_passwords
from workbench.kernel.db import make_engine

__all__ = ["office", "quick_passwords"]


@pytest.fixture
def office(fresh_database: Database, tmp_path: Path) -> Iterator[Office]:
    """Two authorities with a calendar and a check-list; people are hired by the test."""
    engine = make_engine(fresh_database.app_url, pool_size=30)
    yield open_office(engine, tmp_path)
    engine.dispose()
