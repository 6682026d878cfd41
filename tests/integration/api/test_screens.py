"""The administrator's screens: a site is named, its key shown once, revoked, and what was not taken is sent again."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests.integration.api.conftest import SYSTEM, Site
from tests.integration.api.test_webhooks import SECRET, announce, deliveries
from tests.support.casework import Office
from tests.support.desk import Desk, DeskBrowser
from workbench.api import service, tasks
from workbench.api.words import DeliveryState, KeyScope
from workbench.cases.models import Applicant
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.kernel.parts import Parts

PATH = "/desk/registration-sites"
EVIL = '"><img src=x onerror=alert(1)>{{7*7}}'


@pytest.fixture
def desk(app: Flask, parts: Parts, office: Office) -> Desk:
    return Desk(app, parts, office.authority_ids[0])


@pytest.fixture
def administrator(desk: Desk) -> DeskBrowser:
    return desk.browser(Role.ADMINISTRATOR)


def site_id(parts: Parts, name: str) -> int:
    with parts.work() as session:
        return session.scalars(select(Applicant.id).where(Applicant.name == name)).one()


def test_a_site_gets_a_key_that_is_shown_once_and_revoked(administrator: DeskBrowser, app: Flask, parts: Parts) -> None:
    assert "No registration site yet" in administrator.open(f"{PATH}/")
    answer = administrator.send(f"{PATH}/", name=EVIL)
    assert answer.status_code == 303
    own = f"{PATH}/{site_id(parts, EVIL)}"
    assert "<img src=x" not in administrator.open(own)
    made = administrator.send(
        f"{own}/keys", page=own, scopes=[KeyScope.READ.value, KeyScope.WEBHOOKS.value], expires_on="2099-12-31"
    )
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    [value] = set(re.findall(r"wbk_[\w-]{43}", made.text))
    page = administrator.open(own)
    assert value not in page
    assert value[:12] in page
    bearer = {"Authorization": f"Bearer {value}"}
    assert app.test_client().get("/api/v1/applications", headers=bearer).status_code == 200
    [path] = re.findall(rf'action="({own}/keys/\d+/revoke)"', page)
    assert administrator.send(path, page=own).status_code == 303
    assert administrator.send(path, page=own).status_code == 303
    assert app.test_client().get("/api/v1/applications", headers=bearer).status_code == 401
    with parts.work() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.subject == own.replace(f"{PATH}/", "api_site:")))
        entries = found.all()
    assert [each.action for each in entries] == ["api_site.created", "api_key.created", "api_key.revoked"]
    assert not any(value in str(each.after) for each in entries)


def test_what_cannot_be_made_is_said(administrator: DeskBrowser, parts: Parts, site: Site) -> None:
    for name in ("", "x" * 101, site.name):
        assert administrator.send(f"{PATH}/", name=name).status_code == 400
    own = f"{PATH}/{site.id}"
    for values in ({}, {"scopes": "everything"}, {"scopes": KeyScope.READ.value, "expires_on": "2001-01-01"}):
        assert administrator.send(f"{own}/keys", page=own, **values).status_code == 400
    administrator.open(f"{PATH}/999999", status=404)
    assert administrator.send(f"{own}/keys/{2**63}/revoke", page=own).status_code == 404


def test_what_was_given_up_is_sent_again(administrator: DeskBrowser, parts: Parts, site: Site) -> None:
    url = "http://127.0.0.1:9/hook"
    assert site.send("PUT", "/webhook", json={"url": url, "secret": SECRET}).status_code == 200
    site.new_case(1)
    [delivery_id] = announce(parts)
    for _ in range(tasks.MAX_ATTEMPTS):
        tasks.attempt(parts, delivery_id)
    own = f"{PATH}/{site.id}"
    page = administrator.open(own)
    assert url in page
    assert SECRET not in page
    [path] = re.findall(rf'action="({own}/deliveries/\d+/again)"', page)
    assert administrator.send(path, page=own).status_code == 303
    assert deliveries(parts)[0].state == DeliveryState.WAITING
    assert administrator.send(path, page=own).status_code == 409
    assert administrator.send(f"{own}/webhook/remove", page=own).status_code == 303
    assert site.get("/webhook").status_code == 404


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_nobody_else_keeps_keys(parts: Parts, site: Site, role: Role) -> None:
    somebody = Actor("staff", 1, "示例", frozenset({role}))
    with parts.work() as session:
        for act in (
            lambda: service.create_site(session, somebody, "示例"),
            lambda: service.create_key(session, somebody, site.id, [KeyScope.READ]),
            lambda: service.revoke_key(session, somebody, site.key_id),
            lambda: service.send_again(session, somebody, 1),
        ):
            with pytest.raises(NotAllowed):
                act()


def test_the_screens_are_the_administrator_s_alone(desk: Desk, site: Site) -> None:
    for role in (Role.PRE_CHECKER, Role.AUDITOR, Role.VENDOR_SUPERVISOR):
        browser = desk.browser(role)
        browser.open(f"{PATH}/", status=403)
        browser.open(f"{PATH}/{site.id}", status=403)


def test_verbs_refuse_what_cannot_be(parts: Parts, site: Site) -> None:
    with parts.work() as session:
        with pytest.raises(Conflict):
            service.create_site(session, SYSTEM, site.name)
        with pytest.raises(Invalid):
            service.create_key(session, SYSTEM, site.id, [])
        with pytest.raises(NotFound):
            service.create_key(session, SYSTEM, 999_999, [KeyScope.READ])
        with pytest.raises(NotFound):
            service.send_again(session, SYSTEM, 999_999)
