"""The whole application, as it is served, over a migrated database."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.database import TestServer
from workbench import create_app
from workbench.config import Settings
from workbench.kernel.identity import AUTHORITY_ROLES, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import Authority
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff

FIRST_PASSWORD = "first-password-of-a-test-1"


@pytest.fixture(scope="session")
def house_app(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Every room put together, with one person of each role."""
    copy = database_server.copy()
    parts = make_parts(Settings(var_dir=tmp_path_factory.mktemp("var")), copy.app_url)
    _employ(parts)
    yield create_app(parts=parts)
    parts.engine.dispose()
    database_server.drop(copy)


def _employ(parts: Parts) -> None:
    actor = system_actor("test")
    with parts.work() as session:
        seed_authorities(session, actor)
        first = session.query(Authority).order_by(Authority.position).first()
        assert first is not None
        for role in Role:
            create_staff(
                session,
                actor,
                login=_login(role),
                name=f"示例{role.value}",
                roles=[role],
                authority_id=first.id if role in AUTHORITY_ROLES else None,
                first_password=FIRST_PASSWORD,
                must_change_password=False,
            )


def _login(role: Role) -> str:
    return role.value.replace("_", "-")


@pytest.fixture(scope="session")
def clients(house_app: Flask) -> dict[Role, FlaskClient]:
    """A signed-in browser of each role."""
    return {role: _signed_in(house_app, role) for role in Role}


def _signed_in(app: Flask, role: Role) -> FlaskClient:
    client = app.test_client()
    token = client.get("/sign-in").get_data(as_text=True).split('name="csrf-token" content="')[1].split('"')[0]
    answer = client.post(
        "/sign-in", data={"csrf_token": token, "login": _login(role), "password": FIRST_PASSWORD, "next": "/"}
    )
    assert answer.status_code == 303, role
    return client
