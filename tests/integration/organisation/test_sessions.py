"""Sessions over HTTP: how they begin, what ends them, and that nothing gets round the entrance or a first password."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.integration.organisation.conftest import PASSWORD, SYSTEM, Browser, login_of, staffed
from workbench.kernel import clock
from workbench.kernel.identity import Role
from workbench.kernel.parts import Parts
from workbench.organisation import service
from workbench.organisation.models import SignInAttempt, Staff

CLERK = login_of(Role.PRE_CHECKER)
ACCOUNT = "/desk/account/"


@pytest.fixture(autouse=True)
def no_earlier_attempts(parts: Parts) -> None:
    with parts.work() as work:
        work.execute(delete(SignInAttempt))


def staff_id(parts: Parts, login: str) -> int:
    with parts.work() as work:
        return work.scalars(select(Staff.id).where(Staff.login == login)).one()


def is_open(browser: Browser) -> bool:
    answer = browser.client.get(ACCOUNT)
    assert answer.status_code in {200, 303}
    return answer.status_code == 200


def test_strangers_are_led_to_the_entrance_and_back(browser: Browser) -> None:
    answer = browser.client.get("/desk/account/?x=1")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=%2Fdesk%2Faccount%2F%3Fx%3D1")
    answer = browser.sign_in(CLERK, next="/desk/account/?x=1")
    assert (answer.status_code, answer.location) == (303, "/desk/account/?x=1")
    assert is_open(browser)


def test_every_address_but_a_few_asks_for_a_sign_in(app: Flask) -> None:
    public = {"static", "frame.font", "health", "entrance.sign_in", "entrance.sign_out", "language.choose"}
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in public:
            continue
        path = rule.build({name: "1" for name in rule.arguments}, append_unknown=False)
        assert path is not None
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = client.open(path[1], method=method, headers={"Accept": "application/json"})
            assert answer.status_code == 401, (rule.endpoint, method, answer.status_code)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-out", "x"]
)
def test_an_address_elsewhere_is_never_followed(browser: Browser, elsewhere: str) -> None:
    assert browser.sign_in(CLERK, next=elsewhere).location == "/"


def test_the_session_changes_at_sign_in(browser: Browser) -> None:
    browser.client.get("/sign-in")
    with browser.client.session_transaction() as stranger:
        stranger["planted"] = "by somebody else"
        before = stranger["csrf_token"]
    staffed(browser, Role.PRE_CHECKER)
    with browser.client.session_transaction() as own:
        assert "planted" not in own
        assert own.get("csrf_token") != before


def test_refusals_say_the_same_and_then_how_long_to_wait(browser: Browser) -> None:
    unknown = browser.sign_in("nobody-here")
    wrong = browser.sign_in(CLERK, "wrong wrong wrong")
    assert unknown.status_code == wrong.status_code == 401
    sentence = "Login name or password is not right."
    assert sentence in unknown.text
    assert sentence in wrong.text
    for _ in range(4):
        browser.sign_in(CLERK, "wrong wrong wrong")
    blocked = browser.sign_in(CLERK)
    assert blocked.status_code == 429
    assert 890 <= int(blocked.headers["Retry-After"]) <= 901
    assert "Wait 15 minutes, then try again." in blocked.text
    assert PASSWORD not in blocked.text


def test_a_session_ends_by_idleness(browser: Browser) -> None:
    staffed(browser, Role.PRE_CHECKER)
    start = clock.now()
    with clock.clock_at(start + timedelta(minutes=29)):
        assert is_open(browser)
    with clock.clock_at(start + timedelta(minutes=58)):
        assert is_open(browser)
    with clock.clock_at(start + timedelta(minutes=58 + 31)):
        assert not is_open(browser)
        assert "Your sign-in has ended." in browser.client.get("/sign-in").text


def test_a_session_ends_by_age_however_busy(browser: Browser) -> None:
    staffed(browser, Role.PRE_CHECKER)
    start = clock.now()
    for quarter in range(1, 40):
        with clock.clock_at(start + timedelta(minutes=15 * quarter)):
            assert is_open(browser), quarter
    with clock.clock_at(start + timedelta(hours=10, seconds=1)):
        assert not is_open(browser)


def test_signing_out_ends_copies_of_the_cookie_too(browser: Browser, app: Flask) -> None:
    staffed(browser, Role.PRE_CHECKER)
    cookie = browser.client.get_cookie("workbench")
    assert cookie is not None
    assert browser.client.get("/sign-out").status_code == 405
    assert browser.send("/sign-out", page=ACCOUNT).location == "/sign-in"
    assert not is_open(browser)
    thief = Browser(app)
    thief.client.set_cookie("workbench", cookie.value)
    assert not is_open(thief)


def test_deactivation_reset_and_other_roles_end_open_sessions(browser: Browser, parts: Parts) -> None:
    maker = staff_id(parts, login_of(Role.KEY_MAKER))
    staffed(browser, Role.KEY_MAKER)
    with parts.work() as work:
        service.change_roles(work, SYSTEM, maker, {Role.KEY_MAKER, Role.DISPATCHER}, None)
    assert not is_open(browser)
    staffed(browser, Role.KEY_MAKER)
    with parts.work() as work:
        service.deactivate(work, SYSTEM, maker)
    assert not is_open(browser)
    assert browser.sign_in(login_of(Role.KEY_MAKER)).status_code == 401
    with parts.work() as work:
        service.activate(work, SYSTEM, maker)
        _, first = service.reset_password(work, SYSTEM, maker)
    assert browser.sign_in(login_of(Role.KEY_MAKER), first).status_code == 303


def test_a_first_password_opens_one_page_only(browser: Browser, parts: Parts, app: Flask) -> None:
    with parts.work() as work:
        _, first = service.create_staff(work, SYSTEM, login="newcomer", name="示例", roles={Role.ADMINISTRATOR})
    assert browser.sign_in("newcomer", first, next="/desk/staff/").status_code == 303
    password_page = "/desk/account/password"
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(("static", "frame.font", "health", "entrance", "language", "account.password")):
            continue
        path = rule.build({name: "1" for name in rule.arguments}, append_unknown=False)
        assert path is not None
        if "GET" in (rule.methods or ()):
            assert browser.client.get(path[1]).location == password_page, rule.endpoint
        else:
            token = browser.token(password_page)
            assert browser.client.post(path[1], data={"csrf_token": token}).status_code == 403, rule.endpoint
    new = "a sentence of my own"
    refused = browser.send(password_page, current="wrong wrong wrong", new=new, again=new)
    assert (refused.status_code, "The current password is not right." in refused.text) == (400, True)
    assert browser.send(password_page, current=first, new=new, again=new + "x").status_code == 400
    assert browser.send(password_page, current=first, new=first, again=first).status_code == 400
    assert browser.send(password_page, current=first, new=new, again=new).location == "/desk/"
    assert browser.client.get("/desk/staff/").status_code == 200


def test_changing_the_own_password_ends_the_other_sessions(app: Flask) -> None:
    here, there = staffed(Browser(app), Role.DISPATCHER), staffed(Browser(app), Role.DISPATCHER)
    new = "another sentence here"
    assert here.send("/desk/account/password", current=PASSWORD, new=new, again=new).location == ACCOUNT
    assert is_open(here)
    assert not is_open(there)


def test_a_form_without_its_token_changes_nothing(browser: Browser) -> None:
    assert browser.client.post("/sign-in", data={"login": CLERK, "password": PASSWORD}).status_code == 400
    assert not is_open(browser)


def test_demo_accounts_show_only_where_they_are_configured(browser: Browser, app: Flask) -> None:
    assert "Demo accounts" not in browser.client.get("/sign-in").text
    app.config["DEMO_ACCOUNTS"] = [{"login": "demo-clerk", "password": "demo password", "title": "Pre-check clerk"}]
    try:
        assert 'data-login="demo-clerk"' in browser.client.get("/sign-in").text
    finally:
        app.config["DEMO_ACCOUNTS"] = None
