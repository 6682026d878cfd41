"""The front door without a mouse: from signing in to an uploaded paper, and through a page from top to end."""

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser import applying
from tests.browser.pages.entrance import tab_to
from tests.browser.pages.portal import HomePage
from tests.browser.pages.portal_form import ENTERPRISE, HOLDER, PapersPage
from tests.browser.served import Site
from tests.support.applicant import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
STANDS_OUT = """() => {
    const outlined = (node) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(node);
        return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    };
    const active = document.activeElement;
    const label = active.id && document.querySelector(`label[for="${CSS.escape(active.id)}"]`);
    return outlined(active) || (label && outlined(label)) || getComputedStyle(active).boxShadow !== "none";
}"""
"""Whether one sees where the focus is: on the element itself, or on the label that stands for a hidden field."""


def test_form_and_upload_by_keyboard(new_page: Callable[..., Page], site: Site) -> None:
    applicant = applying.an_account(site)
    authority_id = site.next_authority()
    door = applying.front_door(new_page, site)
    page = door.open("/entrance").page
    for field, value in (("uscc", applicant.uscc), ("login", applicant.login), ("password", PASSWORD)):
        _type(page, field, str(value))
    _type(page, "captcha", door.captcha_answer())
    page.keyboard.press("Enter")
    page.wait_for_url("**/applications")

    _press(page, HomePage(page, site.url).door("new").get_by_role("button"))
    page.wait_for_url("**/enterprise")
    for field, value in ENTERPRISE.items():
        _type(page, field, value)
    page.keyboard.press("Enter")
    page.wait_for_url("**/place")
    _reach(page, page.locator("[name=authority_id]"))
    choices = page.locator("[name=authority_id] option").evaluate_all("all => all.map((each) => each.value)")
    for _ in range(choices.index(str(authority_id))):
        page.keyboard.press("ArrowDown")
    _press(page, page.locator("main button.primary[name=go]"))
    page.wait_for_url("**/holder")
    for field, value in HOLDER.items():
        _type(page, field, value)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review")
    _press(page, page.locator("main button.primary[name=go]"))
    page.wait_for_url("**/documents")
    _press(page, page.get_by_role("link", name="Next: upload"))
    page.wait_for_url("**/papers")
    _upload(page, applying.brought_papers(applicant.name, applicant.uscc or "")["business_licence"])
    _walk_through(page)


def _type(page: Page, field: str, value: str) -> None:
    _reach(page, page.locator(f"main [name={field}]"))
    page.keyboard.press("Control+a")
    page.keyboard.type(value)


def _press(page: Page, target: Locator) -> None:
    _reach(page, target)
    page.keyboard.press("Enter")


def _reach(page: Page, target: Locator) -> None:
    tab_to(page, target)
    assert page.evaluate(STANDS_OUT), f"the focus on {target} cannot be seen"


def _upload(page: Page, files: list[FilePayload]) -> None:
    _reach(page, page.locator("#files-business_licence"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(files)
    expect(PapersPage(page).files("business_licence")).to_have_count(1, timeout=30_000)
    _press(page, PapersPage(page).slot("business_licence").locator("a[data-page]").first)
    expect(page.locator("#page-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#page-dialog")).to_be_hidden()


def _walk_through(page: Page) -> None:
    """Tab from the top of the page to its end: every stop can be seen, and none holds the focus."""
    page.goto(page.url)
    page.evaluate("document.activeElement.blur()")
    last = page.locator("footer a").last
    stops = tab_to(page, last, most=120)
    assert stops > 10
    page.keyboard.press("Shift+Tab")
    expect(last).not_to_be_focused()
