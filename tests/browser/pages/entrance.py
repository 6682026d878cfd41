"""The entrance and the bar at the top of every page. Labels are English unless told otherwise."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


class Entrance:
    """The sign-in page."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    def choose_language(self, language: str) -> Entrance:
        """What this browser reads from now on: `zh` or `en`."""
        self.page.context.add_cookies([{"name": "language", "value": language, "url": self.base_url}])
        return self

    def open(self) -> Entrance:
        """Go to the sign-in page."""
        self.page.goto(f"{self.base_url}/sign-in")
        return self

    def sign_in(self, login: str, password: str) -> None:
        """Sign in with the mouse at hand."""
        self.page.locator("[name=login]").fill(login)
        self.page.locator("[name=password]").fill(password)
        self.page.locator(".entrance-form button.primary").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def sign_in_by_keys(self, login: str, password: str) -> None:
        """Sign in without a mouse: the first field has the focus."""
        expect(self.page.locator("[name=login]")).to_be_focused()
        self.page.keyboard.type(login)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)


def tab_to(page: Page, target: Locator, most: int = 40) -> int:
    """Press Tab until the target has the focus; returns how often.

    Raises:
        AssertionError: it cannot be reached.
    """
    target.wait_for()
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        if target.evaluate("node => node === document.activeElement"):
            return presses
    raise AssertionError(f"{most} tabs did not reach {target}")


class Bar:
    """The bar at the top of every desk page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def switch_language(self) -> None:
        """Read the other language from now on."""
        self.page.locator('form[action^="/language/"] button').click()
