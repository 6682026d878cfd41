"""The application as the auditor and the administrator see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.casework import Office
from tests.support.database import Database
from tests.support.desk import Desk, open_desk


@pytest.fixture
def desk(fresh_database: Database, tmp_path: Path, office: Office) -> Iterator[Desk]:
    """Every room put together over the office."""
    with open_desk(fresh_database, tmp_path, office) as opened:
        yield opened
