"""Who may open which screen of the organisation, and that the administrator's screens do what they say."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.integration.organisation.conftest import Browser, login_of, staffed
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, PickupSite, Staff

EVERYBODY = frozenset(Role)
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
OVERSEERS = frozenset({Role.AUTHORITY_SUPERVISOR, Role.VENDOR_SUPERVISOR, Role.AUDITOR})
SCREENS: dict[tuple[str, str], frozenset[Role]] = {
    ("GET", "/desk/account/"): EVERYBODY,
    ("GET", "/desk/account/password"): EVERYBODY,
    ("GET", "/desk/colleagues/"): OVERSEERS,
    ("GET", "/desk/authorities/"): ADMINISTRATORS,
    ("GET", "/desk/authorities/edit/?id=1"): ADMINISTRATORS,
    ("POST", "/desk/authorities/edit/?id=1"): ADMINISTRATORS,
    ("GET", "/desk/pickup-sites/"): ADMINISTRATORS,
    ("GET", "/desk/pickup-sites/new/"): ADMINISTRATORS,
    ("POST", "/desk/pickup-sites/new/"): ADMINISTRATORS,
    ("GET", "/desk/staff/"): ADMINISTRATORS,
    ("GET", "/desk/staff/new"): ADMINISTRATORS,
    ("POST", "/desk/staff/new"): ADMINISTRATORS,
    ("GET", "/desk/staff/1"): ADMINISTRATORS,
    ("POST", "/desk/staff/1"): ADMINISTRATORS,
    ("POST", "/desk/staff/1/activate"): ADMINISTRATORS,
    ("POST", "/desk/staff/999/deactivate"): ADMINISTRATORS,
    ("POST", "/desk/staff/999/reset-password"): ADMINISTRATORS,
}
NEVER = ("/desk/authorities/new/", "/desk/authorities/details/?id=1", "/desk/authorities/export/csv/")


@pytest.fixture(scope="module")
def browser_of(app: Flask) -> Callable[[Role], Browser]:
    """One signed-in browser per role, kept: a sign-in costs time on purpose."""
    kept: dict[Role, Browser] = {}

    def find(role: Role) -> Browser:
        if role not in kept:
            kept[role] = staffed(Browser(app), role)
        return kept[role]

    return find


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("method", "path"), SCREENS)
def test_each_screen_opens_for_its_roles_only(
    browser_of: Callable[[Role], Browser], role: Role, method: str, path: str
) -> None:
    browser = browser_of(role)
    data = {"csrf_token": browser.token("/desk/account/")} if method == "POST" else None
    answer = browser.client.open(path, method=method, data=data)
    assert (answer.status_code != 403) == (role in SCREENS[method, path]), answer.status_code
    if method == "GET" and role in SCREENS[method, path]:
        assert answer.status_code == 200


@pytest.mark.parametrize("path", NEVER)
def test_stock_pages_that_are_switched_off_stay_off(browser_of: Callable[[Role], Browser], path: str) -> None:
    assert browser_of(Role.ADMINISTRATOR).client.get(path).status_code == 404


def test_an_authority_is_edited_with_before_and_after(browser_of: Callable[[Role], Browser], parts: Parts) -> None:
    with parts.work() as work:
        authority = work.scalars(select(Authority).where(Authority.code == "130000")).one()
    answer = browser_of(Role.ADMINISTRATOR).send(
        f"/desk/authorities/edit/?id={authority.id}",
        name_zh=authority.name_zh,
        short_zh="冀",
        name_en=authority.name_en,
        position="3",
        active="y",
    )
    assert answer.status_code == 302
    with parts.work() as work:
        entry = work.scalars(select(AuditEntry).where(AuditEntry.action == "authority.changed")).one()
        assert (entry.before, entry.after) == ({"short_zh": "河北"}, {"short_zh": "冀"})


def test_a_fresh_system_says_that_no_pickup_site_is_known(browser_of: Callable[[Role], Browser], parts: Parts) -> None:
    browser = browser_of(Role.ADMINISTRATOR)
    assert "No pick-up site has been entered yet" in browser.client.get("/desk/pickup-sites/").text
    with parts.work() as work:
        beijing = work.scalars(select(Authority.id).where(Authority.code == "110000")).one()
    refused = browser.send("/desk/pickup-sites/new/", authority_id=beijing, name="示例窗口", address="", active="y")
    assert "Please fill this in." in refused.text
    saved = browser.send(
        "/desk/pickup-sites/new/", authority_id=beijing, name="示例窗口", address="示例路1号", active="y"
    )
    assert saved.status_code == 302
    page = browser.client.get("/desk/pickup-sites/").text
    assert "示例路1号" in page
    assert "36 authorities have no open pick-up site:" in page
    with parts.work() as work:
        assert work.scalars(select(PickupSite.name)).all() == ["示例窗口"]


def test_a_person_is_employed_and_the_first_password_shown_once(
    browser_of: Callable[[Role], Browser], parts: Parts, app: Flask
) -> None:
    browser = browser_of(Role.ADMINISTRATOR)
    person: dict[str, Any] = {"login": "new.clerk", "name": "示例", "employer": "120000", "roles": ["pre_checker"]}
    answer = browser.send("/desk/staff/new", **person)
    found = re.search(r'data-copy="([a-z2-9]{4}(?:-[a-z2-9]{4}){3})"', answer.text)
    assert found
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.send("/desk/staff/new", **person).status_code == 409
    assert Browser(app).sign_in("new.clerk", found.group(1)).location == "/"
    with parts.work() as work:
        staff = work.scalars(select(Staff).where(Staff.login == "new.clerk")).one()
        assert staff.authority is not None
        assert (staff.roles, staff.authority.code) == (["pre_checker"], "120000")
    assert found.group(1) not in browser.client.get(f"/desk/staff/{staff.id}").text


def test_a_clash_of_roles_is_refused_with_its_reason_and_nothing_is_saved(
    browser_of: Callable[[Role], Browser], parts: Parts
) -> None:
    with parts.work() as work:
        checker = work.scalars(select(Staff).where(Staff.login == login_of(Role.RE_CHECKER))).one()
    answer = browser_of(Role.ADMINISTRATOR).send(
        f"/desk/staff/{checker.id}", name="改名", email="", employer="vendor", roles=["re_checker", "auditor"]
    )
    assert answer.status_code == 400
    assert "three separate people" in answer.text
    with parts.work() as work:
        after = work.get_one(Staff, checker.id)
        assert (after.name, after.roles) == (checker.name, ["re_checker"])


def test_the_form_of_a_person_shows_what_is_true_and_saves_it_unchanged(
    browser_of: Callable[[Role], Browser], parts: Parts
) -> None:
    with parts.work() as work:
        clerk = work.scalars(select(Staff).where(Staff.login == login_of(Role.PRE_CHECKER))).one()
    page = browser_of(Role.ADMINISTRATOR).client.get(f"/desk/staff/{clerk.id}").text
    assert re.findall(r'<input checked [^>]*value="([a-z_]+)"', page) == ["pre_checker"]
    assert '<option selected value="110000">' in page
    saved = browser_of(Role.ADMINISTRATOR).send(
        f"/desk/staff/{clerk.id}", name=clerk.name, email="", employer="110000", roles=["pre_checker"]
    )
    assert saved.status_code == 303
    with parts.work() as work:
        assert work.get_one(Staff, clerk.id).session_epoch == clerk.session_epoch


def test_the_list_is_narrowed_by_its_address(browser_of: Callable[[Role], Browser]) -> None:
    page = browser_of(Role.ADMINISTRATOR).client.get("/desk/staff/?employer=vendor&role=auditor").text
    assert login_of(Role.AUDITOR) in page
    assert "1 person" in page
    assert login_of(Role.RE_CHECKER) not in page


def test_a_supervisor_sees_the_own_desk(browser_of: Callable[[Role], Browser]) -> None:
    page = browser_of(Role.AUTHORITY_SUPERVISOR).client.get("/desk/colleagues/").text
    assert f"<code>{login_of(Role.PRE_CHECKER)}</code>" in page
    assert f"<code>{login_of(Role.RE_CHECKER)}</code>" not in page
