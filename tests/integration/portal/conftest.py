"""The front door over a database shared by one file's tests, known to the world under a name of its own."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.database import TestServer
from tests.support.stranger import Stranger
from workbench import create_app
from workbench.config import Settings
from workbench.kernel.parts import Parts, make_parts

SITE = "https://keys.example.invalid"


@pytest.fixture(scope="module")
def door_parts(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The parts of a process over an empty database."""
    copy = database_server.copy()
    made = make_parts(Settings(var_dir=tmp_path_factory.mktemp("var"), public_url=SITE), copy.app_url)  # type: ignore[arg-type]  # pydantic parses it
    yield made
    made.engine.dispose()
    database_server.drop(copy)


@pytest.fixture(scope="module")
def door_app(door_parts: Parts) -> Flask:
    """The application over them."""
    return create_app(parts=door_parts)


@pytest.fixture
def stranger(door_app: Flask, door_parts: Parts) -> Stranger:
    """Somebody's browser."""
    return Stranger(door_app, door_parts)
