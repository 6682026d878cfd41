"""A case from the first look to both verdicts, from the sign-in on without a mouse, and few keys for a clean case."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import walking
from tests.browser.pages.entrance import tab_to
from tests.browser.pages.review import CasePage, QueuePage
from tests.browser.served import Site
from workbench.kernel.identity import Role

pytestmark = pytest.mark.browser

COUNT_KEYS = """
addEventListener('keydown', () => sessionStorage.setItem('keys', 1 + Number(sessionStorage.getItem('keys'))), true)
"""
MOST_KEYS = 12
"""For a clean case, the remark's own words not counted."""


def test_a_case_goes_through_both_desks_without_a_mouse(new_page: Callable[..., Page], site: Site) -> None:
    authority_id = site.next_authority()
    clerk, checker = site.hire(Role.PRE_CHECKER, authority_id), site.hire(Role.RE_CHECKER)
    case_id = site.submit(authority_id)

    page = walking.come_in(new_page, site, clerk, by_keys=True)
    traffic = walking.Traffic.of(page)
    tab_to(page, page.get_by_role("main").get_by_role("button", name="Next case"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/review/cases/*")
    case = CasePage(page).ready()
    assert case.case_id == case_id
    _look_at_everything(case, traffic)
    _fail(case)
    expect(case.said).to_contain_text("nothing else is waiting")
    walking.check_failed(site, case_id)

    site.resubmit(case_id, walking.RESENT, telephone=walking.TELEPHONE, answer=walking.ANSWER)
    case = QueuePage(page).next_case(by_key=True)
    walking.check_second_round(case, lambda name: _show(case, name))
    page.keyboard.press("c")
    expect(page.get_by_text("Last round", exact=True).first).to_be_visible()
    _pass(case)
    expect(case.said).to_contain_text("nothing else is waiting")
    traffic.check_pictures_only()
    assert site.state(case_id) == "re_check"
    page.goto(f"{site.url}/review/cases/{case_id}")
    expect(page.get_by_text("Read only")).to_be_visible()

    page = walking.come_in(new_page, site, checker, by_keys=True)
    page.add_init_script(COUNT_KEYS)
    queue = QueuePage(page, "re-check").open(site.url)
    page.evaluate("sessionStorage.setItem('keys', 0)")
    case = queue.next_case(by_key=True)
    assert case.case_id == case_id
    expect(case.items.first).to_contain_text("Pre-check ✓")
    _pass(case)
    expect(case.said).to_contain_text("nothing else is waiting")
    assert int(page.evaluate("sessionStorage.getItem('keys')")) <= MOST_KEYS
    walking.check_done(site, case_id)


def _look_at_everything(case: CasePage, traffic: walking.Traffic) -> None:
    """See every page; only the page in view and its neighbours are fetched, and nothing loads the screen anew."""
    pages = [address for each in walking.pages_of(case) for address in each]
    loads = traffic.page_loads
    for number in range(len(pages)):
        case.wait_for_picture()
        expect(case.picture).to_have_attribute("src", pages[number].removeprefix(case.page.evaluate("location.origin")))
        case.page.wait_for_load_state("networkidle")
        assert traffic.page_images == set(pages[: number + 2])
        if number + 1 < len(pages):
            case.page.keyboard.press("ArrowRight")
    assert traffic.page_loads == loads


def _fail(case: CasePage) -> None:
    """Two faults, one with its place on the page; the rest is fine."""
    _show(case, "Business licence")
    case.press_item(2, times=2)
    case.mark_region_by_key()
    expect(case.item("Company seal").locator("[data-region-show]")).to_be_visible()
    _show(case, "Letter of authorisation")
    case.press_item(3, times=2)
    _tick_all(case)
    case.decide(passed=True, by_key=True)
    expect(case.refusal).to_contain_text("Business licence: 1 item is marked as a fault")
    case.template_by_key(3)
    expect(case.remark).to_have_value(re.compile("未加盖公章"))
    case.decide(passed=False, by_key=True)
    case.page.wait_for_url("**/review/pre-check/")


def _pass(case: CasePage) -> None:
    _tick_all(case)
    case.template_by_key(1)
    case.decide(passed=True, by_key=True)
    case.page.wait_for_url(f"**/review/{case.desk}/")


def _tick_all(case: CasePage) -> None:
    """All that is open is fine, document by document, until the pass button has the focus."""
    for _ in range(case.documents.count()):
        case.tick_rest_by_key()
    expect(case.verdict_button(passed=True)).to_be_focused()
    case.wait_until_saved()


def _show(case: CasePage, name: str) -> None:
    """Walk the documents up and then down until the wanted one is in view."""
    wanted = case.document(name)
    for key in ("ArrowUp", "ArrowDown"):
        for _ in range(case.documents.count()):
            if wanted.get_attribute("aria-current") == "true":
                return
            case.page.keyboard.press(key)
    raise AssertionError(f"{name} cannot be reached by arrow keys")
