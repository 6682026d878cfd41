"""Every screen of every role under axe, in Chinese, and the case screen in English too: nothing serious is wrong."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.album import SCREENS, Visit
from tests.browser.pages.entrance import Entrance
from tests.browser.served import PASSWORD, Site, served
from tests.support.database import TestServer
from workbench.cases.words import Verdict
from workbench.demo.papers import Document
from workbench.kernel.identity import AUTHORITY_ROLES, Actor, Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
IN_BOTH = {"case", "case-second-round", "case-re-check"}
"""Screens looked at in English too: their words differ most in length."""
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def staffed(
    database_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, dict[Role, Actor]]]:
    """An office with somebody of each role and a case at each point the screens show."""
    database = database_server.copy()
    with served(database, tmp_path_factory.mktemp("accessible")) as site:
        authority_id = site.next_authority()
        people = {role: site.hire(role, authority_id if role in AUTHORITY_ROLES else None) for role in Role}
        clerk = people[Role.PRE_CHECKER]
        site.hire(Role.COUNTER_STAFF, authority_id)
        site.submit(authority_id)
        again, back, passed = (site.submit(authority_id) for _ in range(3))
        for case_id in (again, back):
            site.decide(clerk, case_id, Verdict.FAILED)
        site.resubmit(again, (Document.BUSINESS_LICENCE,), telephone="000-11111111", answer="已补正")
        site.decide(clerk, passed, Verdict.PASSED)
        yield site, people
    database_server.drop(database)


@pytest.mark.parametrize(
    ("role", "language"), [*((role, "zh") for role in (None, *Role)), (Role.PRE_CHECKER, "en"), (Role.RE_CHECKER, "en")]
)
def test_nothing_serious_is_wrong(
    staffed: tuple[Site, dict[Role, Actor]],
    new_page: Callable[..., Page],
    complaints: list[str],
    role: Role | None,
    language: str,
) -> None:
    site, people = staffed
    screens = [each for each in SCREENS if each.role is role and (language == "zh" or each.name in IN_BOTH)]

    def stranger() -> Page:
        page = new_page(viewport={"width": 1280, "height": 720})
        Entrance(page, site.url).choose_language(language)
        return page

    page = stranger()
    if role is not None:
        Entrance(page, site.url).open().sign_in(site.login_of(people[role]), PASSWORD)
    found = []
    for screen in screens:
        shown = screen.open(Visit(page, site.url, stranger, patient=False)) or page
        results = Axe().run(shown, options=OPTIONS).response["violations"]
        found += [f"{screen.name}: {words_of(each)}" for each in results if each["impact"] in GRAVE]
    # Screens that refuse answer with their status, which Chromium writes to its console.
    complaints[:] = [each for each in complaints if "the server responded with a status of 4" not in each]
    assert not found, "\n".join(found)


def words_of(violation: dict[str, object]) -> str:
    """What axe found, and where."""
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    return f"{violation['id']} ({violation['impact']}): " + ", ".join(str(each["target"]) for each in nodes[:5])
