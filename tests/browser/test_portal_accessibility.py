"""Every page of the front door in both languages: nothing serious under axe, nothing cut off on a phone or zoomed."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser import applying
from tests.browser.chromium import resize
from tests.browser.pages.portal import FrontDoor
from tests.browser.portal_album import PORTAL_SCREENS, PortalVisit
from tests.browser.served import Site, served
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.database import TestServer
from workbench.cases.models import Applicant
from workbench.cases.words import State, Verdict
from workbench.demo.applicants import DemoApplicant
from workbench.kernel.identity import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
ZOOMED: ViewportSize = {"width": 640, "height": 400}
"""What a window of 1280 by 800 shows at 200 %."""
TOO_WIDE = """async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    const root = document.scrollingElement;
    const over = root.scrollWidth > innerWidth ? [`the page is ${root.scrollWidth} px wide`] : [];
    const controls = document.querySelectorAll("main a.button, main button:not([hidden]), main summary, header a");
    const cut = [...controls].filter((each) => each.offsetParent && each.clientWidth > 1
        && getComputedStyle(each).overflow !== "visible" && each.scrollWidth > each.clientWidth + 1);
    const end = (each) => each.getBoundingClientRect().right;
    const outside = [...controls].filter((each) => each.offsetParent && end(each) > innerWidth + 1);
    return [...over, ...[...cut, ...outside].map((each) => each.textContent.trim())];
}"""


@pytest.fixture(scope="module")
def known(
    database_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, dict[State, Applicant]]]:
    """A site with an applicant whose case waits and one whose case came back, offered as the demo offers them."""
    database = database_server.copy()
    with served(database, tmp_path_factory.mktemp("portal")) as site:
        authority_id = site.next_authority()
        applying.open_pickup_site(site, authority_id)
        clerk = site.hire(Role.PRE_CHECKER, authority_id)
        people = {state: applying.an_account(site) for state in (State.PRE_CHECK, State.RETURNED)}
        cases = {state: site.submit(authority_id, applicant=people[state]) for state in people}
        site.decide(clerk, cases[State.RETURNED], Verdict.FAILED)
        site.app.config["DEMO_APPLICANTS"] = tuple(
            DemoApplicant(each.uscc or "", each.name, "A case that waits for the pre-check", state, each.login or "")
            for state, each in people.items()
        )
        yield site, people
    database_server.drop(database)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("applicant", [None, State.PRE_CHECK, State.RETURNED])
def test_nothing_serious_is_wrong_and_nothing_cut_off(
    known: tuple[Site, dict[State, Applicant]],
    new_page: Callable[..., Page],
    complaints: list[str],
    applicant: State | None,
    language: str,
) -> None:
    site, people = known
    page = new_page(viewport=WIDE)
    door = FrontDoor(page, site.url, site.parts.secrets).choose_language(language)
    if applicant is not None:
        door.open("/entrance").sign_in(people[applicant].uscc or "", people[applicant].login or "")
    found = []
    for screen in PORTAL_SCREENS:
        if screen.applicant is applicant:
            page.set_viewport_size(WIDE)
            screen.open(PortalVisit(page, site.url, site.parts.secrets, patient=False))
            results = Axe().run(page, options=OPTIONS).response["violations"]
            found += [f"{screen.name}: {words_of(each)}" for each in results if each["impact"] in GRAVE]
            for size in (ZOOMED, PHONE):
                resize(page, size["width"], size["height"])
                found += [f"{screen.name} at {size['width']} px: {each}" for each in page.evaluate(TOO_WIDE)]
    # Screens that refuse answer with their status, which Chromium writes to its console.
    complaints[:] = [each for each in complaints if "the server responded with a status of 4" not in each]
    assert not found, "\n".join(found)


def test_the_demos_accounts_fill_in_the_sign_in_box(
    known: tuple[Site, dict[State, Applicant]], new_page: Callable[..., Page]
) -> None:
    site, people = known
    page = applying.front_door(new_page, site).page
    page.locator(f"[data-offer][data-state={State.RETURNED}]").click()
    offered = people[State.RETURNED]
    expect(page.locator("form.sign-in [name=uscc]")).to_have_value(offered.uscc or "")
    expect(page.locator("form.sign-in [name=login]")).to_have_value(offered.login or "")
    expect(page.locator("form.sign-in [name=captcha]")).to_be_focused()
