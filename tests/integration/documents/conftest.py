"""A migrated database with authorities, staff and requirements, the application over it, and cases of real files."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import workbench
from tests.support.database import TestServer
from tests.unit.documents import samples
from workbench import create_app
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Application
from workbench.cases.words import Category, Channel, Service
from workbench.config import Settings
from workbench.documents.preview import Renderer
from workbench.documents.rendering import renderer as process_renderer
from workbench.documents.requirements import seed_requirements
from workbench.documents.service import submit_case
from workbench.documents.uploads import IncomingFile
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.identity import Actor, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import Authority, Staff
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff
from workbench.organisation.sign_in import actor_of

SYSTEM = system_actor("test")
PASSWORD = "correct horse battery"
SIX = (
    "application_form",
    "seal_confirmation",
    "business_licence",
    "user_id_card",
    "authorisation",
    "user_agreement",
)


STAFF = {
    "clerk-a": (Role.PRE_CHECKER, 0),
    "clerk-b": (Role.PRE_CHECKER, 1),
    "re-checker": (Role.RE_CHECKER, None),
    "auditor": (Role.AUDITOR, None),
    "administrator": (Role.ADMINISTRATOR, None),
}
"""Logins with their role and, for authorities' people, which of two authorities they work at."""


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return process_renderer()


@pytest.fixture(scope="module")
def parts(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Parts on a database of this module's own, committed to for real."""
    database = database_server.copy()
    parts = make_parts(Settings(var_dir=tmp_path_factory.mktemp("var")), database.app_url)
    with parts.work() as session:
        seed_authorities(session, SYSTEM)
        seed_requirements(session, SYSTEM)
        authorities = _authority_ids(session)
        for login, (role, place) in STAFF.items():
            create_staff(
                session,
                SYSTEM,
                login=login,
                name=f"示例{login}",
                roles=[role],
                authority_id=None if place is None else authorities[place],
                first_password=PASSWORD,
                must_change_password=False,
            )
    yield parts
    parts.engine.dispose()
    database_server.drop(database)


def _authority_ids(session: Session) -> list[int]:
    return list(session.scalars(select(Authority.id).order_by(Authority.position).limit(2)))


@pytest.fixture
def authority_ids(parts: Parts) -> list[int]:
    """Two authorities, A and B."""
    with parts.work() as session:
        return _authority_ids(session)


def actor(parts: Parts, login: str) -> Actor:
    """A member of staff as verbs see one."""
    with parts.work() as session:
        return actor_of(session.scalars(select(Staff).where(Staff.login == login)).one(), "127.0.0.1")


@pytest.fixture
def clerk(parts: Parts) -> Actor:
    """A pre-check clerk of authority A."""
    return actor(parts, "clerk-a")


@pytest.fixture(scope="module")
def app(parts: Parts) -> Flask:
    """The application with this room and those below it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "ROOMS", ("organisation", "documents"))
        return create_app(parts=parts)


class Browser:
    """A signed-in browser that sends the form token with every POST."""

    def __init__(self, app: Flask, login: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = self._token("/sign-in")
        answer = self.post("/sign-in", login=login, password=PASSWORD)
        assert answer.status_code == 303, login
        self.client.set_cookie("language", "en")
        self.token = self._token("/desk/")

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.client.get(path).text)
        assert found
        return found.group(1)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, **values: Any) -> TestResponse:
        data = {"csrf_token": self.token, **values}
        return self.client.post(path, data=data, content_type="multipart/form-data")


@pytest.fixture(scope="module")
def browsers(app: Flask) -> Callable[[str], Browser]:
    """Signed-in browsers by login, kept: a sign-in costs time on purpose."""
    kept: dict[str, Browser] = {}

    def browser(login: str) -> Browser:
        if login not in kept:
            kept[login] = Browser(app, login)
        return kept[login]

    return browser


def facts(authority_id: int, service: Service = Service.NEW, serial: int = 1) -> CaseFacts:
    first = f"91110000{serial:09d}"
    return CaseFacts(
        service=service,
        category=Category.OTHER,
        channel=Channel.COUNTER,
        authority_id=authority_id,
        enterprise_name="示例远航进出口有限公司",
        uscc=first + uscc_check_character(first),
        holder=HolderFacts("示例甲", "11010519491231002X", "13800000000", "someone@example.invalid"),
        reason="原电子钥匙损坏" if service is not Service.NEW else None,
        prior_key="EK-0001" if service is Service.REPLACEMENT else None,
    )


def six(content: bytes | None = None) -> list[IncomingFile]:
    """One acceptable file for each of the six documents."""
    return [IncomingFile(code, f"{code}.pdf", content or samples.pdf(1)) for code in SIX]


@pytest.fixture
def case_of(parts: Parts, renderer: Renderer) -> Callable[..., Application]:
    """Makes a committed case: `case_of(authority_id, files)`."""

    def make(authority_id: int, files: list[IncomingFile] | None = None) -> Application:
        with parts.work() as session:
            return submit_case(session, parts, renderer, facts(authority_id), files or six(), SYSTEM)

    return make
