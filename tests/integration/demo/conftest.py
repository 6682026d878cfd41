"""One small demo, loaded once into a database of its own; its tests only read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.database import TestServer
from workbench.config import Settings
from workbench.demo.load import load_demo
from workbench.demo.planning import Cast
from workbench.demo.story import Ending
from workbench.kernel.parts import Parts, make_parts

SMALL: Cast = {
    "110000": {Ending.PRE_CHECK: 2, Ending.RE_CHECK: 1, Ending.RETURNED: 3, Ending.PRODUCTION: 1, Ending.WITHDRAWN: 1},
    "650000": {Ending.PRE_CHECK: 1, Ending.RE_CHECK: 1, Ending.PRODUCTION: 1},
}


@dataclass(frozen=True)
class LoadedDemo:
    """An installation whose demo load has ended, and what it said meanwhile."""

    settings: Settings
    parts: Parts
    lines: tuple[str, ...]


@pytest.fixture(scope="session")
def demo(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedDemo]:
    """The small demo in its own database and folder."""
    copy = database_server.copy()
    settings = settings_for(copy.app_url, tmp_path_factory.mktemp("demo"))
    lines: list[str] = []
    load_demo(settings, lines.append, cast=SMALL, processes=1)
    parts = make_parts(settings)
    yield LoadedDemo(settings, parts, tuple(lines))
    parts.engine.dispose()
    database_server.drop(copy)


def settings_for(app_url: str, folder: Path) -> Settings:
    """Settings of an installation on this database that keeps its files in this folder."""
    return Settings().model_copy(update={"app_database_url": app_url, "var_dir": folder})
