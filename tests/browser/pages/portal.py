"""The front door as an enterprise meets it, up to its own applications. Labels are English: a walk sets that first."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.support.applicant import PASSWORD
from workbench.kernel.secrets import Secrets
from workbench.portal.accounts import captcha


class FrontDoor:
    """The pages anybody may open."""

    def __init__(self, page: Page, base_url: str, secrets: Secrets) -> None:
        self.page = page
        self.base_url = base_url
        self._secrets = secrets

    def choose_language(self, language: str) -> FrontDoor:
        """What this browser reads from now on: `zh` or `en`."""
        self.page.context.add_cookies([{"name": "language", "value": language, "url": self.base_url}])
        return self

    def open(self, path: str = "/") -> FrontDoor:
        """Go to an address of the front door."""
        self.page.goto(f"{self.base_url}{path}")
        return self

    def link(self, name: str) -> Locator:
        """A link in the page's content."""
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first

    def captcha_answer(self) -> str:
        """What the picture on the page shows."""
        token = self.page.locator("[name=captcha_token]").first.get_attribute("value")
        assert token
        return captcha.answer_of(self._secrets, token)

    def register(self, *, code: str, name: str, login: str, email: str, category: str = "Other licences") -> None:
        """Fill in the registration with the code as somebody types it, and send it."""
        self.page.get_by_role("radio", name=category).check()
        for field, value in (
            ("uscc", code),
            ("enterprise_name", name),
            ("login", login),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("email", email),
            ("captcha", self.captcha_answer()),
        ):
            self.page.locator(f"main [name={field}]").fill(value)
        self.page.get_by_role("main").get_by_role("button", name="Register").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Look at your e-mail")

    def activate(self, link: str) -> None:
        """Open the link of an activation mail and press its button."""
        self.page.goto(link)
        self.page.get_by_role("button", name="Activate the account").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Sign in")

    def sign_in(self, code: str, login: str, password: str = PASSWORD) -> None:
        """Sign in with the box on this page, which leads to one's applications."""
        for field, value in (
            ("uscc", code),
            ("login", login),
            ("password", password),
            ("captcha", self.captcha_answer()),
        ):
            self.page.locator(f"form.sign-in [name={field}]").fill(value)
        self.page.locator("form.sign-in button.primary").click()
        self.page.wait_for_url(lambda url: "/entrance" not in url)


class HomePage:
    """One's unfinished forms and cases."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    def open(self) -> HomePage:
        """Go there."""
        self.page.goto(f"{self.base_url}/applications")
        return self

    def door(self, service: str) -> Locator:
        """The box of one service: `new`, `additional`, `replacement`, `renewal`."""
        return self.page.locator(f"section.door:has(#door-{service})")

    def start(self, service: str) -> None:
        """Start a form."""
        self.door(service).get_by_role("button").click()
        self.page.wait_for_url("**/enterprise")


class FollowPage:
    """One application, as the enterprise follows it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, base_url: str, number: str) -> FollowPage:
        """Go there."""
        self.page.goto(f"{base_url}/applications/{number}")
        return self

    def remarked(self, document: str) -> Locator:
        """What was said of one document."""
        return self.page.locator("section.remarked").filter(
            has=self.page.get_by_role("heading", name=document, exact=True)
        )

    def correct(self) -> None:
        """Start the correction."""
        self.page.get_by_role("button", name="Correct and send again").click()
        self.page.wait_for_url("**/papers")
