"""What must hold on the case screen: nothing happens twice, nothing is lost, nothing is shown without a reason."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser import walking
from tests.browser.chromium import forgive
from tests.browser.pages.entrance import Bar
from tests.browser.pages.review import CasePage, QueuePage
from tests.browser.served import HOLDER, Site
from tests.support.casework import SYSTEM
from workbench.cases.words import Verdict
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Actor, Role
from workbench.organisation.service import change_roles
from workbench.review.models import Mark, Review

pytestmark = pytest.mark.browser


@pytest.fixture
def authority_id(site: Site) -> int:
    """An authority of this test's own."""
    return site.next_authority()


@pytest.fixture
def clerk(site: Site, authority_id: int) -> Actor:
    """A pre-check clerk there."""
    return site.hire(Role.PRE_CHECKER, authority_id)


@pytest.fixture
def case_id(site: Site, authority_id: int) -> int:
    """A new case there."""
    return site.submit(authority_id)


@pytest.fixture
def case(new_page: Callable[..., Page], site: Site, clerk: Actor, case_id: int) -> CasePage:
    """The clerk with that case in hand."""
    page = walking.come_in(new_page, site, clerk)
    opened = QueuePage(page).open(site.url).next_case()
    assert opened.case_id == case_id
    return opened


def _tick_everything(case: CasePage) -> None:
    for _ in range(case.documents.count()):
        case.tick_rest_by_key()
    case.wait_until_saved()


def test_a_double_click_decides_once(case: CasePage, site: Site, case_id: int) -> None:
    traffic = walking.Traffic.of(case.page)
    case.press_item(1, times=2)
    case.wait_until_saved()
    case.verdict_button(passed=False).dblclick()
    case.page.wait_for_url("**/review/pre-check/")
    assert [each.method for each in traffic.requests if each.url.endswith("/decide")] == ["POST"]
    verdicts = select(Review.verdict).where(Review.application_id == case_id, Review.verdict.is_not(None))
    assert site.read(lambda session: session.scalars(verdicts).all()) == ["failed"]


def test_a_stale_page_says_what_happened_and_keeps_the_remark(
    case: CasePage, site: Site, case_id: int, authority_id: int, complaints: list[str]
) -> None:
    supervisor = site.hire(Role.AUTHORITY_SUPERVISOR, authority_id)
    colleague = site.hire(Role.PRE_CHECKER, authority_id)
    _tick_everything(case)
    site.reassign(supervisor, case_id, colleague)
    site.decide(colleague, case_id, Verdict.FAILED)
    case.remark.fill("我写了很久的批语")
    with case.page.expect_response("**/decide") as answer:
        case.verdict_button(passed=True).click()
    assert answer.value.status == 409
    expect(case.meanwhile).to_be_visible()
    expect(case.meanwhile).to_contain_text(colleague.name)
    expect(case.remark).to_have_value("我写了很久的批语")
    assert site.state(case_id) == "returned"
    forgive(complaints, "409")


def test_a_mark_made_without_a_line_is_sent_later(
    case: CasePage, site: Site, case_id: int, complaints: list[str]
) -> None:
    saving = case.page.locator("[data-saving]")
    case.page.context.set_offline(True)
    case.press_item(1)
    expect(saving).to_have_attribute("data-state", "retrying")
    case.page.context.set_offline(False)
    case.wait_until_saved()
    values = select(Mark.value).join(Review).where(Review.application_id == case_id)
    assert site.read(lambda session: session.scalars(values).all()) == ["ok"]
    forgive(complaints, "ERR_INTERNET_DISCONNECTED")


def test_keys_do_nothing_while_somebody_types(case: CasePage) -> None:
    traffic = walking.Traffic.of(case.page)
    case.remark.focus()
    case.page.keyboard.type("1gxnua2m t?")
    expect(case.remark).to_have_value("1gxnua2m t?")
    expect(case.page.locator("[data-item]:not([data-value=open])")).to_have_count(0)
    assert not traffic.page_loads
    assert not [each for each in traffic.requests if each.url.endswith(("/marks", "/decide"))]
    expect(case.page.locator("dialog[open]")).to_have_count(0)


def test_a_refused_verdict_leads_to_what_is_open(case: CasePage) -> None:
    case.press_item(1)
    case.decide(passed=True, by_key=True)
    expect(case.refusal).to_contain_text("Seal confirmation letter: 5 items are still open")
    case.refusal.get_by_role("link", name="Seal confirmation letter").click()
    expect(case.document("Seal confirmation letter")).to_have_attribute("aria-current", "true")
    expect(case.items.first.locator("input").first).to_be_focused()


def test_the_identity_number_asks_for_a_reason(case: CasePage, site: Site, case_id: int) -> None:
    shown = case.page.locator("[data-identity]")
    masked = shown.inner_text()
    assert HOLDER.id_number not in case.page.content()
    case.page.get_by_role("button", name="Show in full").click()
    case.page.get_by_role("button", name="Show", exact=True).click()
    expect(case.page.get_by_label("Reason")).to_be_focused()
    expect(shown).to_have_text(masked)
    case.page.get_by_role("button", name="Cancel").last.click()
    expect(case.reveal_identity("核对身份证号码")).to_have_text(HOLDER.id_number)
    entries = select(AuditEntry).where(AuditEntry.case_id == case_id, AuditEntry.action.like("%reveal%"))
    (entry,) = site.read(lambda session: session.scalars(entries).all())
    assert "核对身份证号码" in str(entry.after)


def test_the_language_changes_and_the_page_stays(case: CasePage) -> None:
    case.show_document("Business licence")
    before = case.page.url
    Bar(case.page).switch_language()
    expect(case.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    case.ready()
    assert case.page.url.split("?")[0] == before.split("?")[0]
    expect(case.page.get_by_role("button", name="核验通过")).to_be_visible()
    Bar(case.page).switch_language()
    expect(case.page.locator("html")).to_have_attribute("lang", "en")


def test_the_page_stays_turned_for_the_next_desk(case: CasePage, new_page: Callable[..., Page], site: Site) -> None:
    case.wait_for_picture()
    with case.page.expect_response("**/rotation") as answer:
        case.page.keyboard.press("r")
    assert answer.value.ok
    checker = site.hire(Role.RE_CHECKER)
    page = walking.come_in(new_page, site, checker)
    later = CasePage(page, "re-check").open(site.url, case.case_id)
    later.wait_for_picture()
    expect(page.locator("[data-stage=current] .paper")).to_have_attribute("style", re.compile(r"rotate\(90deg\)"))


def test_who_decided_at_the_first_desk_never_gets_the_case_at_the_second(
    new_page: Callable[..., Page], site: Site, clerk: Actor, case_id: int
) -> None:
    site.decide(clerk, case_id, Verdict.PASSED)
    assert clerk.id is not None
    with site.parts.work() as session:
        change_roles(session, SYSTEM, clerk.id, {Role.RE_CHECKER}, None)
    page = walking.come_in(new_page, site, clerk)
    queue = QueuePage(page, "re-check").open(site.url)
    page.get_by_role("button", name="Next case").click()
    expect(queue.page.locator("[data-flashes], .banner").first).to_be_visible()
    assert f"/review/cases/{case_id}" not in page.url
    opened = CasePage(page, "re-check").open(site.url, case_id)
    expect(page.get_by_text("Read only")).to_be_visible()
    expect(page.get_by_role("button", name="Take this case")).to_have_count(0)
    expect(opened.verdict_button(passed=True)).to_have_count(0)
    site.decide(site.hire(Role.RE_CHECKER), case_id, Verdict.PASSED)
    assert site.state(case_id) == "production"


def test_a_case_is_decided_without_scripts(
    new_page: Callable[..., Page], site: Site, clerk: Actor, case_id: int
) -> None:
    page = walking.come_in(new_page, site, clerk, java_script_enabled=False)
    page.goto(f"{site.url}/review/pre-check/")
    page.get_by_role("button", name="Next case").click()
    page.wait_for_url("**/review/cases/*")
    for item in page.locator("[data-item]").all():
        item.get_by_role("radio", name="OK", exact=True).check(force=True)
    page.get_by_role("textbox", name="Remark").fill("材料齐全，核验通过。")
    page.get_by_role("button", name="Pass pre-check").click()
    page.wait_for_url("**/review/pre-check/")
    expect(page.get_by_text("nothing else is waiting")).to_be_visible()
    assert site.state(case_id) == "re_check"
    site.decide(site.hire(Role.RE_CHECKER), case_id, Verdict.PASSED)
