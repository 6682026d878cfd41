"""The browser itself: Chinese has shapes here, and a script error is not overlooked."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_chinese_shows_as_different_glyphs_without_system_fonts(page: Page) -> None:
    page.set_content("<p id=a style='display:inline-block;font-family:sans-serif'>核</p>")
    first = page.locator("#a").screenshot()
    page.locator("#a").evaluate("node => { node.textContent = '验' }")
    assert page.locator("#a").screenshot() != first


def test_a_script_error_is_a_complaint(page: Page, complaints: list[str]) -> None:
    with page.expect_event("pageerror"):
        page.set_content("<script>throw new Error('seen')</script>")
    assert any("seen" in complaint for complaint in complaints)
    complaints.clear()
