"""A day at the counter: keys for holders and delegates, originals that differ, a line that drops and comes back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.browser.chromium import forgive
from tests.browser.pages.entrance import Entrance
from tests.browser.pages.hand_over import Counter
from tests.browser.served import HOLDER, PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.casework import OTHER_IDENTITY, SYSTEM
from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.collection.models import HandOver, StampingAttempt
from workbench.collection.telling import notify
from workbench.collection.terms import seed_terms
from workbench.kernel.identity import Actor, Role
from workbench.keys.service import register_certificate
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import get_token, hand_on, move, take_in

pytestmark = pytest.mark.browser
MOST_ACTS = 12
TABLET = {"viewport": {"width": 1024, "height": 768}, "has_touch": True}


class Ready(NamedTuple):
    """A key that waits: its case, its number, its pick-up code and its serial."""

    case_id: int
    number: str
    code: str
    serial: str


@pytest.fixture(scope="module")
def staff(site: Site) -> Actor:
    """Who stands at the counter."""
    with site.parts.work() as session:
        seed_terms(session, SYSTEM)
    return site.hire(Role.COUNTER_STAFF, site.next_authority())


@pytest.fixture
def waiting(site: Site, staff: Actor) -> Callable[[], Ready]:
    """Makes keys that wait at this counter."""

    def make() -> Ready:
        (authority_id,) = staff.scope.authority_ids
        case_id = site.submit(authority_id, site.mended)
        with site.parts.work() as session:
            serial = _make_key(site, session, case_id)
            hand_on(session, get_token(session, serial), TokenMove.RECEIVE, SYSTEM, to_ref=authority_id)
            advance(session, case_id, Action.HAND_TO_COURIER, SYSTEM)
            advance(session, case_id, Action.RECEIVE, SYSTEM)
            code = notify(session, staff, case_id).code
            number = session.get_one(Application, case_id).number
        return Ready(case_id, number, code, serial)

    return make


@pytest.fixture
def counter(site: Site, staff: Actor, new_page: Callable[..., Page]) -> Counter:
    """The counter's tablet, signed in."""
    page = new_page(**TABLET)
    Entrance(page, site.url).choose_language("en").open().sign_in(site.login_of(staff), PASSWORD)
    return Counter(page, site.url).open()


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A photo of a letter."""
    picture = Image.new("RGB", (900, 1200), "white")
    ImageDraw.Draw(picture).rectangle((100, 100, 800, 400), outline="black", width=8)
    picture.save(tmp_path / "letter.jpg")
    return tmp_path / "letter.jpg"


def _make_key(site: Site, session: Session, case_id: int) -> str:
    """The case passes both desks and the bench; returns the serial of its key."""
    case = session.get_one(Application, case_id)
    clerk = site.hire(Role.PRE_CHECKER, case.authority_id)
    checker, maker = site.hire(Role.RE_CHECKER), site.hire(Role.KEY_MAKER)
    advance(session, case_id, Action.PRE_CHECK_PASS, clerk, remark="示例批语")
    advance(session, case_id, Action.RE_CHECK_PASS, checker, remark="示例批语")
    own: dict[str, Any] = {"authority_id": case.authority_id, "application_id": case_id}
    serial = f"GM26{case_id:08d}"
    token = take_in(session, SYSTEM, serial, model="示例介质", box="示例箱")
    move(session, token.id, TokenMove.ALLOCATE, maker, to_ref=maker.id, **own)
    named: dict[str, Any] = {"uscc": case.uscc, "enterprise_name": case.enterprise_name, "holder_name": HOLDER.name}
    certificate = site.key_issuer.issue_client(**named).certificate
    register_certificate(session, certificate, key_number=serial, actor=maker, token_id=token.id, **named, **own)
    advance(session, case_id, Action.PRODUCE, maker)
    move(session, token.id, TokenMove.PERSONALISE, maker, **own)
    return serial


def _handed_over(site: Site, key: Ready) -> int:
    statement = select(func.count()).where(HandOver.application_id == key.case_id)
    return site.read(lambda session: session.scalar(statement)) or 0


def _captured(counter: Counter, key: Ready) -> None:
    """Everything but the last key."""
    counter.find(key.code)
    counter.wait_until_looked()
    counter.press("F2")
    counter.press("F4")
    counter.press("F6")
    counter.scan(key.serial)
    counter.sign()


def test_the_holder_collects(site: Site, counter: Counter, waiting: Callable[[], Ready]) -> None:
    key = waiting()
    _captured(counter, key)
    expect(counter.key_said).to_have_text("Right: this case's key")
    counter.press("F8")
    expect(counter.result).to_have_text("Handed over")
    assert counter.acts <= MOST_ACTS
    assert site.state(key.case_id) == "collected"


def test_a_delegate_collects_in_twelve_acts(
    site: Site, counter: Counter, waiting: Callable[[], Ready], letter: Path
) -> None:
    key = waiting()
    counter.find(key.code)
    expect(counter.all_match).to_be_disabled()
    counter.wait_until_looked()
    counter.press("F2")
    counter.press("F4")
    counter.press("F7")
    counter.fill("Delegate's name", "示例代领")
    counter.fill("Delegate's identity number", OTHER_IDENTITY)
    counter.photograph("Photo of the letter of authorisation", letter)
    expect(counter.step("sign")).to_have_class("step is-open")
    counter.scan(key.serial)
    counter.sign()
    counter.press("F8")
    expect(counter.result).to_have_text("Handed over")
    assert counter.acts <= MOST_ACTS, counter.acts
    expect(counter.page.get_by_text(f"1{'*' * 16}1")).to_be_visible()
    assert OTHER_IDENTITY not in counter.page.content()


def test_a_mistyped_identity_number_is_named_where_it_stands(counter: Counter, waiting: Callable[[], Ready]) -> None:
    key = waiting()
    counter.find(key.code)
    counter.wait_until_looked()
    for press in ("F2", "F4", "F7"):
        counter.press(press)
    number = counter.page.get_by_label("Delegate's identity number")
    for typed, problem in (
        ("123456", "has 18 characters"),
        ("11010519491231X02X", "holds digits, and X at the end only"),
        ("110105194912310021", "its last character does not fit"),
    ):
        number.fill(typed)
        number.blur()
        expect(counter.page.locator("[data-identity-said]")).to_contain_text(problem)
    number.fill(OTHER_IDENTITY)
    number.blur()
    expect(counter.page.locator("[data-identity-said]")).to_be_hidden()


def test_keys_out_of_turn_say_what_comes_first(counter: Counter, waiting: Callable[[], Ready]) -> None:
    key = waiting()
    counter.find(key.code)
    counter.wait_until_looked()
    counter.press("F4")
    expect(counter.page.locator(".toasts")).to_contain_text("First: originals.")
    counter.press("F2")
    counter.press("F7")
    expect(counter.page.locator(".toasts")).to_contain_text("First: final stamping.")
    expect(counter.step("stamping")).to_have_class("step is-open")


def test_another_key_is_refused_and_the_right_one_follows(
    site: Site, counter: Counter, waiting: Callable[[], Ready]
) -> None:
    key = waiting()
    counter.find(key.number)
    counter.wait_until_looked()
    for press in ("F2", "F4", "F6"):
        counter.press(press)
    counter.scan("WRONG0001")
    expect(counter.key_said).to_have_text("WRONG0001 is not this case's key")
    counter.scan(key.serial)
    expect(counter.key_said).to_have_text("Right: this case's key")
    expect(counter.page.locator("[data-give]")).to_be_disabled()
    counter.sign()
    expect(counter.page.locator("[data-give]")).to_be_enabled()


def test_an_original_that_differs_refuses_and_tells_which(
    site: Site, counter: Counter, waiting: Callable[[], Ready]
) -> None:
    key = waiting()
    counter.find(key.code)
    counter.wait_until_looked()
    for original in counter.page.locator("[data-original]").all():
        original.get_by_role("radio", name="Matches").check()
    licence = counter.page.locator("[data-original=business_licence]")
    counter.step("originals").locator("[data-fold]").click()
    licence.get_by_role("radio", name="Differs").check()
    licence.get_by_label("What is different").fill("公章不清")
    counter.press("F2")
    expect(licence.locator('[value="differs"]')).to_be_checked()
    counter.press("F4")
    expect(counter.page.locator(".toasts")).to_contain_text("An original differs")
    counter.page.get_by_role("button", name="Refuse the final stamping").click()
    expect(counter.result).to_have_text("Final stamping refused")
    expect(counter.page.get_by_text("公章不清")).to_be_visible()
    assert site.state(key.case_id) == "awaiting_collection"
    outcome = select(StampingAttempt.outcome).where(StampingAttempt.application_id == key.case_id)
    assert site.read(lambda session: session.scalars(outcome).all()) == ["refused"]


def test_a_line_that_drops_loses_nothing_and_sends_once(
    site: Site, counter: Counter, waiting: Callable[[], Ready], complaints: list[str]
) -> None:
    key = waiting()
    _captured(counter, key)
    counter.page.context.set_offline(True)
    counter.press("F8")
    expect(counter.banner).to_contain_text("The line is down")
    expect(counter.banner).to_contain_text(key.number)
    assert _handed_over(site, key) == 0
    counter.page.context.set_offline(False)
    expect(counter.result).to_have_text("Handed over")
    expect(counter.banner).to_be_hidden()
    assert _handed_over(site, key) == 1
    forgive(complaints, "ERR_INTERNET_DISCONNECTED")


def test_an_answer_that_got_lost_is_asked_for_again(
    site: Site, counter: Counter, waiting: Callable[[], Ready], complaints: list[str]
) -> None:
    key = waiting()
    _captured(counter, key)
    lost: list[str] = []

    def lose(route: Route) -> None:
        # The server writes it; what it answers never arrives.
        if not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    counter.page.route("**/attend", lose)
    counter.press("F8")
    expect(counter.result).to_have_text("Handed over", timeout=20_000)
    assert lost
    assert _handed_over(site, key) == 1
    forgive(complaints, "ERR_CONNECTION_RESET")


def test_what_was_captured_survives_a_reload(
    site: Site, counter: Counter, waiting: Callable[[], Ready], complaints: list[str]
) -> None:
    key = waiting()
    _captured(counter, key)
    counter.page.route("**/attend", lambda route: route.abort("connectionrefused"))
    counter.press("F8")
    expect(counter.banner).to_contain_text(key.number)
    counter.open()
    expect(counter.banner).to_contain_text(key.number)
    assert _handed_over(site, key) == 0
    counter.page.unroute("**/attend")
    expect(counter.banner).to_be_hidden(timeout=20_000)
    assert _handed_over(site, key) == 1
    forgive(complaints, "ERR_CONNECTION_REFUSED")


def test_a_capture_that_came_too_late_says_so_and_can_be_discarded(
    site: Site,
    counter: Counter,
    waiting: Callable[[], Ready],
    new_page: Callable[..., Page],
    staff: Actor,
    complaints: list[str],
) -> None:
    key = waiting()
    _captured(counter, key)
    counter.page.route("**/attend", lambda route: route.abort("connectionrefused"))
    counter.press("F8")
    expect(counter.banner).to_contain_text(key.number)
    other = Counter(new_page(**TABLET), site.url)
    second = site.hire(Role.COUNTER_STAFF, next(iter(staff.scope.authority_ids)))
    Entrance(other.page, site.url).choose_language("en").open().sign_in(site.login_of(second), PASSWORD)
    _captured(other.open(), key)
    other.press("F8")
    expect(other.result).to_have_text("Handed over")
    counter.open()
    counter.page.unroute("**/attend")
    expect(counter.banner).to_contain_text("refused", timeout=20_000)
    counter.banner.get_by_role("button", name="Discard").click()
    counter.page.locator("dialog#confirm [data-agree]").click()
    expect(counter.banner).to_be_hidden()
    assert _handed_over(site, key) == 1
    forgive(complaints, "ERR_CONNECTION_REFUSED")
    forgive(complaints, "409")


def test_the_counter_is_open_to_everybody(counter: Counter, waiting: Callable[[], Ready]) -> None:
    key = waiting()
    found = Axe().run(counter.page, options=OPTIONS)
    assert [words_of(each) for each in found.response["violations"] if each["impact"] in GRAVE] == []
    _captured(counter, key)
    found = Axe().run(counter.page, options=OPTIONS)
    assert [words_of(each) for each in found.response["violations"] if each["impact"] in GRAVE] == []
