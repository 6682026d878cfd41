"""An installation of its own for each test: a database, a folder, the parts made of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import AnyUrl

from tests.support.database import Database
from workbench.config import Settings
from workbench.kernel.parts import Parts, make_parts


@pytest.fixture
def parts(fresh_database: Database, tmp_path: Path) -> Iterator[Parts]:
    """The parts of an installation whose site has an address."""
    settings = Settings(var_dir=tmp_path / "var", public_url=AnyUrl("http://ca.example.invalid"))
    made = make_parts(settings, fresh_database.app_url)
    yield made
    made.engine.dispose()
