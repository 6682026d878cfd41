"""The board of 37 fits a small screen, says everything in words as well, and each figure leads to its keys."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.pages.entrance import Entrance
from tests.browser.served import PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.casework import SYSTEM
from tests.support.keys import MadeKey, bulk_keys
from workbench.dispatch import consignments, packing, receiving, settling
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment
from workbench.kernel.identity import EVERYWHERE, Actor, Role
from workbench.organisation.queries import list_authorities

pytestmark = pytest.mark.browser
PAGES = (
    ("board", "/desk/board/"),
    ("board-table", "/desk/board/?as=table"),
    ("log", "/desk/custody/"),
    ("keys", "/desk/custody/?view=keys"),
    ("statement", "/desk/statement/"),
    ("discrepancies", "/desk/custody/discrepancies"),
)


@pytest.fixture
def busy(site: Site) -> int:
    """Keys at every point of their way, at every third authority; how many authorities there are."""
    packer = site.hire(Role.DISPATCHER)
    with site.parts.work() as session:
        seed_carriers(session, SYSTEM)
        authorities = [each.id for each in list_authorities(session)]
    for place, authority_id in enumerate(authorities):
        if place % 3 == 0:
            with site.parts.work() as session:
                keys = bulk_keys(session, site.parts.secrets, authority_id, 6)
            _send(site, packer, authority_id, place, keys[: 4 + place % 3])
    return len(authorities)


def _send(site: Site, packer: Actor, authority_id: int, place: int, keys: list[MadeKey]) -> None:
    with site.parts.work(EVERYWHERE) as session:
        parcel = consignments.open_consignment(session, packer, authority_id)
        for key in keys:
            packing.pack(session, packer, parcel.id, key.serial)
        if place % 4 == 3:
            return
        consignments.seal(session, packer, parcel.id)
        consignments.hand_over(session, packer, parcel.id, "sf", f"SF{authority_id:013d}")
        if place % 4 == 2:
            late = session.get_one(Consignment, parcel.id)
            late.handed_over_at = late.handed_over_at and late.handed_over_at - timedelta(days=12)
            late.due_on = late.due_on and late.due_on - timedelta(days=12)
            if place % 5 == 0:
                settling.open_inquiry(session, packer, parcel.id, "示例：查询")
    if place % 4 == 1:
        return
    if place % 4 == 0:
        counter = site.hire(Role.COUNTER_STAFF, authority_id)
        with site.parts.work(counter.scope) as session:
            receiving.arrive(session, counter, parcel.id)
            if place % 8 == 0:
                receiving.open_parcel(session, counter, parcel.id)
                for key in keys[1:]:
                    receiving.scan_key(session, counter, parcel.id, key.serial)
                receiving.close_parcel(session, counter, parcel.id, complete=True)


def test_the_board_fits_a_small_screen_and_leads_to_its_keys(
    site: Site, busy: int, new_page: Callable[..., Page], tmp_path: Path
) -> None:
    album = Path(os.environ.get("BOARD_ALBUM") or tmp_path)
    login = site.login_of(site.hire(Role.DISPATCHER))
    for width, height in ((1280, 720), (1024, 768)):
        for language in ("zh", "en"):
            page = new_page(viewport={"width": width, "height": height})
            Entrance(page, site.url).choose_language(language).open().sign_in(login, PASSWORD)
            for name, path in PAGES:
                page.goto(f"{site.url}{path}")
                page.screenshot(path=album / f"{name}-{width}-{language}.png")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width, language)
            page.goto(f"{site.url}/desk/board/")
            expect(page.locator(".tile")).to_have_count(busy + 1)
            if (width, language) == (1280, "zh"):
                bottom = page.locator(".tile").last.bounding_box()
                assert bottom is not None
                assert bottom["y"] + bottom["height"] <= height
                found = Axe().run(page, options=OPTIONS).response["violations"]
                assert [words_of(each) for each in found if each["impact"] in GRAVE] == []
    figure = page.locator("a.figure.active").first
    expected = int(figure.locator("b").inner_text())
    figure.click()
    expect(page.locator("table.custody tbody tr")).to_have_count(expected)
    expect(page.locator(".chips [aria-current]")).to_have_count(2)
