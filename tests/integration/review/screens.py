"""Fixtures of the review screens' tests, for their modules to import: pytest finds fixtures by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.review.desk import Desk
from tests.support.casework import open_office
from tests.support.database import Database
from workbench import create_app
from workbench.config import Settings
from workbench.kernel.identity import Role
from workbench.kernel.parts import make_parts


@pytest.fixture
def desk(fresh_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """A served office with a clerk at each of two authorities, a re-checker and a supervisor."""
    settings = Settings(var_dir=tmp_path)
    parts = make_parts(settings, fresh_database.app_url)
    office = open_office(parts.engine, settings.key_dir)
    served = Desk(create_app(parts=parts), office, parts)
    served.hire("clerk", Role.PRE_CHECKER, 0)
    served.hire("stranger", Role.PRE_CHECKER, 1)
    served.hire("checker", Role.RE_CHECKER)
    served.hire("boss", Role.AUTHORITY_SUPERVISOR, 0)
    yield served
    parts.engine.dispose()
