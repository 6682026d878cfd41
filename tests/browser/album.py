"""Every screen of the product: whose it is and how to get there, for pictures of it and for tests of its accessibility.

Nothing here depends on the language read or on particular data: cases are found through the lists, as people find them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from workbench.kernel.identity import Role

R = Role
BLANK = "zzzzzzzz"
"""What no case is called."""


@dataclass(frozen=True)
class Visit:
    """Somebody signed in, with the product in front of them.

    `stranger` opens it to nobody in particular; `patient` waits for every thumbnail and count, as a picture has to.
    """

    page: Page
    base_url: str
    stranger: Callable[[], Page]
    patient: bool = True

    def go(self, path: str) -> None:
        """Open an address and wait until everything on it is there."""
        self.page.goto(f"{self.base_url}{path}")
        self.rest()

    def rest(self) -> None:
        """Wait for what comes after the page itself."""
        if self.patient:
            self.page.wait_for_load_state("networkidle")

    def first(self, path: str, link: str) -> str:
        """The address of the first link of a list that fits a selector.

        Raises:
            AssertionError: the list has none.
        """
        self.go(path)
        links = self.page.locator(link)
        assert links.count(), f"{path} has no {link}"
        return str(links.first.get_attribute("href"))

    def take(self, desk: str, filters: str = "") -> None:
        """Open a case of a desk that is in one's hands, or take a free one."""
        rows = f"/review/{desk}/?{filters}holder="
        self.go(f"{rows}mine")
        if not self.page.locator("[data-open-case]").count():
            self.go(f"{rows}free")
        self.page.locator("[data-open-case]").first.click()
        self.settle()
        if self.page.locator("[data-claim]").count():
            self.page.locator("[data-claim]").click()
            self.settle()

    def settle(self) -> None:
        """Wait until the case screen listens and its page is painted."""
        self.page.locator(".case[data-ready]").wait_for()
        self.page.locator("[data-stage=current] .paper-page.there").wait_for()
        self.rest()

    def show(self, code: str) -> None:
        """Put a document of the case into view."""
        self.page.locator(f'[data-document][href$="document={code}"]').click()
        self.settle()

    def mark(self, number: int, value: str) -> None:
        """Answer an item of the document in view by its number."""
        item = self.page.locator(".checks.current [data-item]").nth(number - 1)
        item.locator(f"input[value={value}]").check(force=True)

    def saved(self) -> None:
        """Wait until every mark is on the server."""
        busy = '[data-saving][data-state="saving"], [data-saving][data-state="retrying"]'
        self.page.locator(busy).wait_for(state="detached")


@dataclass(frozen=True)
class Screen:
    """One screen: a name for its picture, who sees it (nobody in particular if None), and the way there.

    `page` gives the page it stands on where that is not the visitor's own.
    """

    name: str
    role: Role | None
    open: Callable[[Visit], Page | None]


def _at(path: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(path)


def _through(path: str, link: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(visit.first(path, link))


def _case(visit: Visit) -> None:
    """Two documents done, a doubt about the third with its place on the page."""
    visit.take("pre-check", "round=first&")
    for code in ("application_form", "seal_confirmation"):
        visit.show(code)
        for number in range(1, visit.page.locator(".checks.current [data-item]").count() + 1):
            visit.mark(number, "ok")
    visit.show("business_licence")
    for number in (2, 3, 4):
        visit.mark(number, "ok")
    visit.mark(1, "fault")
    item = visit.page.locator(".checks.current [data-item]").first
    if item.locator("[data-region-show]").is_hidden():
        visit.page.locator("[data-remark]").fill("")
        item.locator("[data-note]").fill("右下角有折痕")
        item.locator("[data-note]").press("Tab")
        item.locator("[data-region-draw]").click()
        for key in ("ArrowRight",) * 15 + ("ArrowDown",) * 18:
            visit.page.keyboard.press(key)
        visit.page.keyboard.press("Enter")
    visit.saved()


def _region(visit: Visit) -> None:
    _case(visit)
    visit.page.keyboard.press("m")


def _blockers(visit: Visit) -> None:
    _case(visit)
    visit.page.keyboard.press("g")
    visit.page.locator("[data-reasons]:not([hidden])").wait_for()


def _help(visit: Visit) -> None:
    visit.take("pre-check")
    visit.page.keyboard.press("?")


def _templates(visit: Visit) -> None:
    _case(visit)
    visit.page.keyboard.press("t")


def _identity(visit: Visit) -> None:
    visit.take("pre-check")
    visit.page.locator("[data-reveal]").click()


def _second_round(visit: Visit) -> None:
    """The page beside the one of the round before, on a document that was replaced."""
    visit.take("pre-check", "round=again&")
    visit.page.locator("[data-document]:has(em)").first.click()
    visit.settle()
    visit.page.keyboard.press("c")
    visit.page.locator("[data-stage=earlier] .paper-page.there").wait_for()


def _reassign(visit: Visit) -> None:
    visit.go("/review/pre-check/")
    for box in visit.page.locator("[data-select]").all()[:2]:
        box.check()
    visit.page.locator("button[data-reassign]").click()


def _form_with_errors(visit: Visit) -> None:
    visit.go("/desk/paper/new?service=replacement")
    visit.page.locator("[name=uscc]").fill("91110000000000001X")
    visit.page.locator("[name=enterprise_name]").fill("示例远航进出口有限公司")
    visit.page.locator("[data-submit]").click()
    visit.page.locator(".banner.late").first.wait_for()


def _receipt(visit: Visit) -> None:
    address = visit.first("/cases/", "[data-open-case]")
    visit.go(f"/desk/paper/{address.rsplit('/', 1)[1]}/receipt")


def _notice(visit: Visit) -> None:
    visit.go("/calendar/2026")
    visit.page.locator("[name=source]").fill("国务院办公厅关于部分节假日安排的通知")
    visit.page.locator("main form button.primary").click()
    visit.page.locator("main form [name=step][value=load], main form button[value=load]").first.wait_for(
        state="attached"
    )


def _first_password(visit: Visit) -> None:
    """A person's new password, shown to the administrator once."""
    visit.go(visit.first("/desk/staff/?role=counter_staff", "main table tr:last-child a"))
    visit.page.locator('form[action$="/reset-password"] button').click()
    visit.page.locator("dialog[open] [data-agree]").click()
    visit.page.locator("main dl .secret").wait_for()


def _own_password(visit: Visit) -> Page:
    """What somebody with a first password sees after the sign-in."""
    _first_password(visit)
    page = visit.stranger()
    page.goto(f"{visit.base_url}/sign-in")
    for place, name in enumerate(("login", "password")):
        shown = visit.page.locator("main dl [data-copy]").nth(place)
        page.locator(f"[name={name}]").fill(str(shown.get_attribute("data-copy")))
    page.locator(".entrance-form button.primary").click()
    page.wait_for_url(re.compile("/password"))
    return page


def _refused_sign_in(visit: Visit) -> None:
    visit.go("/sign-in")
    visit.page.locator("[name=login]").fill("nobody")
    visit.page.locator("[name=password]").fill("wrong password")
    visit.page.locator(".entrance-form button.primary").click()
    visit.page.locator("[role=alert]").first.wait_for()


def _conflict(visit: Visit) -> None:
    address = visit.first("/cases/?state=pre_check", "[data-open-case]")
    visit.go(f"/desk/paper/{address.rsplit('/', 1)[1]}/resubmit")


SCREENS = (
    Screen("sign-in", None, _at("/sign-in")),
    Screen("sign-in-refused", None, _refused_sign_in),
    *(Screen(f"home-{role.value.replace('_', '-')}", role, _at("/desk/")) for role in Role),
    Screen("queue", R.PRE_CHECKER, _at("/review/pre-check/")),
    Screen("queue-filtered", R.PRE_CHECKER, _at("/review/pre-check/?round=again&service=new")),
    Screen("queue-empty", R.PRE_CHECKER, _at(f"/review/pre-check/?q={BLANK}")),
    Screen("queue-supervisor", R.AUTHORITY_SUPERVISOR, _at("/review/pre-check/")),
    Screen("queue-reassign", R.AUTHORITY_SUPERVISOR, _reassign),
    Screen("queue-re-check", R.RE_CHECKER, _at("/review/re-check/")),
    Screen("case", R.PRE_CHECKER, _case),
    Screen("case-region", R.PRE_CHECKER, _region),
    Screen("case-blockers", R.PRE_CHECKER, _blockers),
    Screen("case-templates", R.PRE_CHECKER, _templates),
    Screen("case-help", R.PRE_CHECKER, _help),
    Screen("case-identity", R.PRE_CHECKER, _identity),
    Screen("case-second-round", R.PRE_CHECKER, _second_round),
    Screen("case-re-check", R.RE_CHECKER, lambda visit: visit.take("re-check")),
    Screen("case-read-only", R.AUDITOR, _through("/cases/?state=returned", "[data-open-case]")),
    Screen("cases", R.VENDOR_SUPERVISOR, _at("/cases/")),
    Screen("cases-search", R.VENDOR_SUPERVISOR, _at("/cases/?q=%E7%A4%BA%E4%BE%8B%E8%BF%9C")),
    Screen("application-form", R.COUNTER_STAFF, _at("/desk/paper/new")),
    Screen("application-form-errors", R.COUNTER_STAFF, _form_with_errors),
    Screen("application-receipt", R.COUNTER_STAFF, _receipt),
    Screen("corrections", R.COUNTER_STAFF, _at("/desk/paper/")),
    Screen("corrections-form", R.COUNTER_STAFF, _through("/desk/paper/", "main a[href$='/resubmit']")),
    Screen("bench", R.KEY_MAKER, _at("/desk/production/bench/")),
    Screen("seals", R.KEY_MAKER, _at("/desk/production/seals/")),
    Screen("stock", R.KEY_MAKER, _at("/desk/production/stock/")),
    Screen("stock-import", R.KEY_MAKER, _at("/desk/production/stock/import")),
    Screen("certificates", R.VENDOR_SUPERVISOR, _at("/desk/certificates/")),
    Screen("packing", R.DISPATCHER, _at("/desk/dispatch/packing/")),
    Screen("courier", R.DISPATCHER, _at("/desk/dispatch/courier/")),
    Screen("consignments", R.DISPATCHER, _at("/desk/dispatch/consignments/")),
    Screen("transit", R.DISPATCHER, _at("/desk/dispatch/transit/")),
    Screen("differences", R.DISPATCHER, _at("/desk/dispatch/differences/")),
    Screen("receiving", R.COUNTER_STAFF, _at("/desk/dispatch/receiving/")),
    Screen("telling", R.COUNTER_STAFF, _at("/desk/collection/telling/")),
    Screen("waiting-keys", R.COUNTER_STAFF, _at("/desk/collection/waiting/")),
    Screen("hand-over", R.COUNTER_STAFF, _at("/desk/collection/")),
    Screen("returned-keys", R.COUNTER_STAFF, _at("/desk/collection/returned/")),
    Screen("board", R.VENDOR_SUPERVISOR, _at("/desk/board/")),
    Screen("board-table", R.VENDOR_SUPERVISOR, _at("/desk/board/?view=table")),
    Screen("custody-log", R.VENDOR_SUPERVISOR, _at("/desk/custody/")),
    Screen("statement", R.VENDOR_SUPERVISOR, _at("/desk/statement/")),
    Screen("stations", R.ADMINISTRATOR, _at("/desk/stations/")),
    Screen("carriers", R.ADMINISTRATOR, _at("/desk/carriers/")),
    Screen("terms", R.ADMINISTRATOR, _at("/desk/terms/new/")),
    Screen("check-lists", R.ADMINISTRATOR, _at("/desk/requirements/")),
    Screen("check-list", R.ADMINISTRATOR, _at("/desk/requirements/new/")),
    Screen("check-list-edit", R.ADMINISTRATOR, _at("/desk/requirements/new/edit")),
    Screen("calendar", R.ADMINISTRATOR, _at("/calendar/")),
    Screen("calendar-year", R.ADMINISTRATOR, _at("/calendar/?year=2027")),
    Screen("calendar-notice", R.ADMINISTRATOR, _notice),
    Screen("staff", R.ADMINISTRATOR, _at("/desk/staff/")),
    Screen("staff-new", R.ADMINISTRATOR, _at("/desk/staff/new")),
    Screen("staff-edit", R.ADMINISTRATOR, _through("/desk/staff/", "main table a")),
    Screen("staff-first-password", R.ADMINISTRATOR, _first_password),
    Screen("password-forced", R.ADMINISTRATOR, _own_password),
    Screen("authorities", R.ADMINISTRATOR, _at("/desk/authorities/")),
    Screen("authority-edit", R.ADMINISTRATOR, _through("/desk/authorities/", "main table a[href*='/edit/']")),
    Screen("pickup-sites", R.ADMINISTRATOR, _at("/desk/pickup-sites/")),
    Screen("pickup-site-new", R.ADMINISTRATOR, _at("/desk/pickup-sites/new/")),
    Screen("remark-templates", R.ADMINISTRATOR, _at("/remark-templates/")),
    Screen("remark-template-new", R.ADMINISTRATOR, _at("/remark-templates/new/")),
    Screen("jobs", R.ADMINISTRATOR, _at("/operations/jobs/")),
    Screen("mail", R.ADMINISTRATOR, _at("/operations/mail/")),
    Screen("audit", R.AUDITOR, _at("/audit/")),
    Screen("account", R.PRE_CHECKER, _at("/desk/account/")),
    Screen("colleagues", R.AUTHORITY_SUPERVISOR, _at("/desk/colleagues/")),
    Screen("password", R.PRE_CHECKER, _at("/desk/account/password")),
    Screen("error-403", R.PRE_CHECKER, _at("/desk/staff/")),
    Screen("error-404", R.PRE_CHECKER, _at("/review/cases/999999999")),
    Screen("error-409", R.COUNTER_STAFF, _conflict),
)
"""In the order of a walk through the house. Later screens may stand on what earlier ones did."""
