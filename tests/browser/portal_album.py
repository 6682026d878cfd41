"""Every screen of the front door: who sees it and how to get there, for pictures and for tests of its accessibility.

An applicant is known by the state its newest case is in: the demo offers one of each, and a test makes its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import FilePayload, Page, expect

from tests.browser import applying
from tests.browser.pages.portal_form import ENTERPRISE, HOLDER, FormPages, PapersPage, PrintPage
from workbench.cases.words import State
from workbench.kernel.secrets import Secrets
from workbench.portal.accounts import captcha

RETURNED: Final = State.RETURNED
WAITING: Final = State.PRE_CHECK
FAULTY: Final = {"uscc": "9111 0000 0000 0000 1X", "enterprise_name": "示例", "login": "a", "email": "示例"}


@dataclass(frozen=True)
class PortalVisit:
    """Somebody at the front door, signed in or not.

    `patient` waits for every picture, as a picture of the screen has to.
    """

    page: Page
    base_url: str
    secrets: Secrets
    patient: bool = True

    def go(self, path: str) -> None:
        """Open an address and wait until everything on it is there."""
        self.page.goto(path if path.startswith("http") else f"{self.base_url}{path}")
        if self.patient:
            self.page.wait_for_load_state("networkidle")

    def solve(self) -> None:
        """Type what the picture shows."""
        token = self.page.locator("[name=captcha_token]").first.get_attribute("value")
        assert token
        self.page.locator("main [name=captcha]").fill(captcha.answer_of(self.secrets, token))

    def case(self) -> str:
        """The address of the newest case."""
        self.go("/applications")
        return str(self.page.locator("a.line-link").first.get_attribute("href"))

    def draft(self) -> str:
        """The address of an unfinished form for a further key, up to its number; started when there is none."""
        self.go("/applications")
        open_ones = self.page.locator('a.button.primary[href*="/drafts/"]')
        for link in open_ones.all():
            address = str(link.get_attribute("href"))
            if not address.endswith("/papers"):
                return address.rsplit("/", 1)[0]
        self.page.locator("section.door form button").first.click()
        self.page.wait_for_url("**/drafts/**")
        return self.page.url.rsplit("/", 1)[0]


@dataclass(frozen=True)
class PortalScreen:
    """One screen: a name for its picture, who sees it (a stranger if None), the way there, and whether a picture is
    taken as a telephone shows it too."""

    name: str
    applicant: State | None
    open: Callable[[PortalVisit], None]
    phone: bool = False


def _at(path: str) -> Callable[[PortalVisit], None]:
    return lambda visit: visit.go(path)


def _register_wrong(visit: PortalVisit) -> None:
    visit.go("/register")
    for field, value in FAULTY.items():
        visit.page.locator(f"main [name={field}]").fill(value)
    visit.page.locator("main form button.primary").click()
    visit.page.locator("[data-summary]").wait_for()


def _refused(visit: PortalVisit) -> None:
    visit.go("/entrance")
    for field, value in (("uscc", "91110000000000001X"), ("login", "nobody"), ("password", "wrong password")):
        visit.page.locator(f"form.sign-in [name={field}]").fill(value)
    visit.solve()
    visit.page.locator("form.sign-in button.primary").click()
    visit.page.locator("[role=alert]").first.wait_for()


def _step(name: str) -> Callable[[PortalVisit], None]:
    return lambda visit: visit.go(f"{visit.draft()}/{name}")


def _holder_wrong(visit: PortalVisit) -> None:
    visit.go(f"{visit.draft()}/holder")
    FormPages(visit.page).fill({"holder_name": "示例乙", "holder_mobile": "1", "holder_email": "示例"})
    visit.page.locator("main button.primary[name=go]").click()
    visit.page.locator(".banner.late").first.wait_for()


def _filled(visit: PortalVisit) -> None:
    """A complete form, in view at its review."""
    address = visit.draft()
    form = FormPages(visit.page)
    visit.go(f"{address}/enterprise")
    form.fill(ENTERPRISE)
    form.go_on("place")
    form.field("authority_id").select_option(index=1)
    form.go_on("holder")
    asked = {"reason": "示例：新设办事处需要一把。"} if form.field("reason").count() else {}
    identity = form.field("holder_identity_number")
    form.fill({**asked, **{name: value for name, value in HOLDER.items() if name != "holder_identity_number"}})
    if identity.is_visible():
        identity.fill(HOLDER["holder_identity_number"])
    form.go_on("review")


def _with_papers(visit: PortalVisit) -> None:
    """A form with its prints scanned into their slots, one of them into another's."""
    address = visit.draft()
    visit.go(f"{address}/documents")
    page = PrintPage(visit.page)
    scans = {code: applying.scans_of(page.fetch(code), code) for code in ("application_form", "seal_confirmation")}
    papers = page.go_on()
    wanted: dict[str, list[FilePayload]] = {
        "application_form": scans["application_form"],
        "authorisation": scans["seal_confirmation"],
        **applying.brought_papers("示例远航进出口有限公司", "91110000000000001X"),
    }
    for code, files in wanted.items():
        if not papers.files(code).count():
            papers.upload(code, files)
    expect(visit.page.locator(".upload-line")).to_have_count(0)
    visit.go(f"{address}/papers")


def _correction(visit: PortalVisit) -> None:
    visit.go(visit.case())
    visit.page.locator('form[action$="/correct"] button').click()
    visit.page.wait_for_url("**/papers")
    visit.go(visit.page.url)


def _page_large(visit: PortalVisit) -> None:
    visit.go(f"{visit.draft()}/papers")
    PapersPage(visit.page).slot("business_licence").locator("a[data-page]").first.click()
    visit.page.locator("#page-dialog img[src]").wait_for()
    if visit.patient:
        visit.page.wait_for_load_state("networkidle")


def _case(visit: PortalVisit) -> None:
    visit.go(visit.case())


PORTAL_SCREENS: Final = (
    PortalScreen("portal-front", None, _at("/"), phone=True),
    PortalScreen("portal-authorities", None, _at("/authorities")),
    PortalScreen("portal-contacts", None, _at("/contacts")),
    PortalScreen("portal-guide-code", None, _at("/guide/enterprise-code")),
    PortalScreen("portal-guide-registry", None, _at("/guide/registry")),
    PortalScreen("portal-guide-certificate", None, _at("/guide/certificate")),
    PortalScreen("portal-guide-preparing", None, _at("/guide/preparing")),
    PortalScreen("portal-register", None, _at("/register"), phone=True),
    PortalScreen("portal-register-errors", None, _register_wrong),
    PortalScreen("portal-dead-link", None, _at("/activate/forged")),
    PortalScreen("portal-resend", None, _at("/register/resend")),
    PortalScreen("portal-sign-in", None, _at("/entrance"), phone=True),
    PortalScreen("portal-sign-in-refused", None, _refused),
    PortalScreen("portal-forgotten", None, _at("/password/forgotten")),
    PortalScreen("portal-key", None, _at("/key")),
    PortalScreen("portal-home", RETURNED, _at("/applications"), phone=True),
    PortalScreen("portal-form-enterprise", WAITING, _step("enterprise"), phone=True),
    PortalScreen("portal-form-errors", WAITING, _holder_wrong),
    PortalScreen("portal-form-incomplete", WAITING, _step("review")),
    PortalScreen("portal-form-review", WAITING, _filled),
    PortalScreen("portal-form-place", WAITING, _step("place")),
    PortalScreen("portal-form-holder", WAITING, _step("holder")),
    PortalScreen("portal-print", WAITING, _step("documents")),
    PortalScreen("portal-papers", WAITING, _with_papers, phone=True),
    PortalScreen("portal-papers-page", WAITING, _page_large),
    PortalScreen("portal-confirm", WAITING, _step("confirm"), phone=True),
    PortalScreen("portal-discard", WAITING, _step("discard")),
    PortalScreen("portal-case", WAITING, _case, phone=True),
    PortalScreen("portal-withdraw", WAITING, lambda visit: visit.go(f"{visit.case()}/withdraw")),
    PortalScreen("portal-account", WAITING, _at("/account")),
    PortalScreen("portal-not-found", WAITING, _at("/applications/EK20260099999")),
    PortalScreen("portal-case-returned", RETURNED, _case, phone=True),
    PortalScreen("portal-correction", RETURNED, _correction, phone=True),
)
"""In the order of a walk; later ones stand on what earlier ones did."""
