"""Parts on a database of the test's own, with keys, blobs and mail in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.database import Database
from workbench.config import Settings
from workbench.kernel import tasks
from workbench.kernel.parts import Parts, make_parts


@pytest.fixture
def parts(fresh_database: Database, tmp_path: Path) -> Iterator[Parts]:
    """What a process of the product works with."""
    made = make_parts(Settings(var_dir=tmp_path / "var"), fresh_database.app_url)
    tasks.install(made)
    yield made
    made.engine.dispose()
