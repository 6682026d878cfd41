"""A database of the organisation's own, with one person per role, and the web application with this room alone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

import workbench
from tests.support.database import Database, TestServer
from workbench import create_app
from workbench.config import Settings
from workbench.kernel.identity import AUTHORITY_ROLES, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import Authority
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff

SYSTEM = system_actor("test")
PASSWORD = "correct horse battery"


def login_of(role: Role) -> str:
    """The login name of the one person who has this role."""
    return role.value.replace("_", "-")


@pytest.fixture(scope="module")
def organisation_database(database_server: TestServer) -> Iterator[Database]:
    """A database shared by one file's tests."""
    copy = database_server.copy()
    yield copy
    database_server.drop(copy)


@pytest.fixture(scope="module")
def parts(organisation_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The parts of a process over a staffed database."""
    var: Path = tmp_path_factory.mktemp("var")
    made = make_parts(Settings(var_dir=var), organisation_database.app_url)
    with made.work() as session:
        seed_authorities(session, SYSTEM)
        beijing = session.scalars(select(Authority.id).where(Authority.code == "110000")).one()
        for role in Role:
            create_staff(
                session,
                SYSTEM,
                login=login_of(role),
                name=f"示例{role.value}",
                roles=[role],
                authority_id=beijing if role in AUTHORITY_ROLES else None,
                first_password=PASSWORD,
                must_change_password=False,
            )
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(parts: Parts) -> Flask:
    """The application with this room alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "ROOMS", ("organisation",))
        return create_app(parts=parts)


@pytest.fixture
def browser(app: Flask) -> "Browser":
    """Somebody's browser."""
    return Browser(app)


class Browser:
    """A client that sends forms with the token of the page they stand on, in English."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie("language", "en")

    def token(self, path: str) -> str:
        """The form token of a page."""
        page = self.client.get(path)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found, f"{path} answered {page.status_code} without a token"
        return found.group(1)

    def send(self, path: str, page: str | None = None, **values: Any) -> TestResponse:
        """Send a form to `path` from `page` (the same path unless given)."""
        return self.client.post(path, data={"csrf_token": self.token(page or path), **values})

    def sign_in(self, login: str, password: str = PASSWORD, **values: Any) -> TestResponse:
        """Fill in the entrance."""
        return self.send("/sign-in", login=login, password=password, **values)


def staffed(browser: Browser, role: Role) -> Browser:
    """The same browser, signed in as the person of this role."""
    assert browser.sign_in(login_of(role)).status_code == 303
    return browser
