"""The whole application, as it is served, over a migrated database: one person of each role, and two applicants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.applicant import make_and_sign_in
from tests.support.casework import IDENTITY
from tests.support.database import TestServer
from tests.support.passwords import quick_passwords
from workbench import create_app
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Applicant
from workbench.cases.service import open_case
from workbench.cases.words import Category, Channel, Service
from workbench.config import Settings
from workbench.documents.requirements import current_version, seed_requirements
from workbench.kernel.identity import AUTHORITY_ROLES, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import Authority, PickupSite
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff
from workbench.portal.door import actor_of
from workbench.portal.drafting import drafts
from workbench.portal.front.contacts import seed_contacts
from workbench.review.seed import seed_templates
from workbench.shell.context import EXTENSION

__all__ = ["quick_passwords"]

FIRST_PASSWORD = "first-password-of-a-test-1"


@pytest.fixture(scope="session")
def house_app(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Every room put together, with one person of each role and the data a fresh installation starts with."""
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
        seed_requirements(session, actor)
        seed_contacts(session, actor)
        seed_templates(session, actor)
        first = session.query(Authority).order_by(Authority.position).first()
        assert first is not None
        session.add(PickupSite(authority_id=first.id, name="示例窗口", address="示例路1号"))
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


@dataclass(frozen=True)
class Visitor:
    """A signed-in browser of an applicant, and the values that name what the applicant has in an address."""

    client: FlaskClient
    samples: Mapping[str, object]


@pytest.fixture(scope="session")
def house_parts(house_app: Flask) -> Parts:
    """What the application runs on."""
    found = house_app.extensions[EXTENSION]
    assert isinstance(found, Parts)
    return found


@pytest.fixture(scope="session")
def visitor(house_app: Flask, house_parts: Parts) -> Visitor:
    """An applicant with an unfinished form and a case."""
    return _visitor(house_app, house_parts, 1)


@pytest.fixture(scope="session")
def other(house_app: Flask, house_parts: Parts) -> Visitor:
    """Another enterprise's applicant, who has the same."""
    return _visitor(house_app, house_parts, 2)


def _visitor(app: Flask, parts: Parts, number: int) -> Visitor:
    client = app.test_client()
    applicant = make_and_sign_in(client, parts, number)
    actor = actor_of(applicant, "127.0.0.1")
    with parts.work(actor.scope) as session:
        draft = drafts.start_draft(session, parts, applicant, Service.NEW)
        case, _ = open_case(
            session,
            parts.secrets,
            _facts(applicant, session.query(Authority).order_by(Authority.position).first()),
            actor,
            requirement_version_id=current_version(session, Service.NEW).id,
        )
        samples = {"draft_id": draft.id, "number": case.number, "code": "application_form", "topic": "registry"}
    return Visitor(client, samples)


def _facts(applicant: Applicant, authority: Authority | None) -> CaseFacts:
    assert authority is not None
    return CaseFacts(
        service=Service.NEW,
        category=Category.OTHER,
        channel=Channel.PORTAL,
        authority_id=authority.id,
        enterprise_name=applicant.name,
        uscc=applicant.uscc or "",
        holder=HolderFacts("示例甲", IDENTITY, "10000000000", "a@example.invalid"),
    )
