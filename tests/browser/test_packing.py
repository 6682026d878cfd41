"""A box of fifty keys packed, looked at a second time, sealed and handed over by typing alone, as a scanner types: with
scans repeated, a foreign key and an unknown one, with a line that breaks, and with the focus elsewhere.
"""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser import walking
from tests.browser.chromium import forgive
from tests.browser.pages.entrance import Entrance
from tests.browser.pages.packing import CheckPage, CourierPage, PackingHome, PackingPage
from tests.browser.served import PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.casework import SYSTEM
from tests.support.keys import MadeKey, bulk_keys
from workbench.cases.models import Application
from workbench.dispatch import consignments, packing
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import Token
from workbench.organisation.models import Authority

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

KEYS = 50
WAYBILL = "SF1234567890123"
COUNT_MOUSE = """
addEventListener('mousedown', () => sessionStorage.setItem('mouse', 'used'), true)
"""


class Shelf:
    """Finished keys of two authorities of the site, and who packs."""

    def __init__(self, site: Site, count: int) -> None:
        self.site = site
        authority_id, other_id = site.next_authority(), site.next_authority()
        with site.parts.work() as session:
            seed_carriers(session, SYSTEM)
            self.keys: list[MadeKey] = bulk_keys(session, site.parts.secrets, authority_id, count)
            self.foreign = bulk_keys(session, site.parts.secrets, other_id, 1)[0]
            self.code = session.get_one(Authority, authority_id).code
            self.other_name = session.get_one(Authority, other_id).name_en

    def packer(self, new_page: Callable[..., Page]) -> tuple[Actor, Page]:
        """A dispatcher's own browser, signed in by keys."""
        person = self.site.hire(Role.DISPATCHER)
        page = walking.come_in(new_page, self.site, person, by_keys=True)
        page.add_init_script(COUNT_MOUSE)
        return person, page

    def state(self, consignment_id: int) -> str:
        return self.site.read(lambda session: session.get_one(Consignment, consignment_id).state)

    def custodians(self) -> set[tuple[str, int | None]]:
        serials = [key.serial for key in self.keys]
        found = select(Token.custodian, Token.custodian_ref).where(Token.serial.in_(serials))
        return {(kind, ref) for kind, ref in self.site.read(lambda session: session.execute(found).all())}


def test_fifty_keys_are_packed_checked_sealed_and_handed_over_by_typing_alone(
    new_page: Callable[..., Page], site: Site
) -> None:
    shelf = Shelf(site, KEYS)
    _, page = shelf.packer(new_page)
    packing = PackingHome(page).open(site.url).choose(shelf.code)
    packing.expect_count(0, KEYS)
    expect(packing.waiting).to_have_count(KEYS)

    _pack(packing, shelf)
    consignment_id = packing.consignment_id
    _check(new_page, shelf, consignment_id)

    page.reload()
    packing.ready()
    parcel = packing.seal()
    assert shelf.state(consignment_id) == "sealed"
    courier = parcel.hand_to_courier()
    _hand_over(courier, shelf)
    assert shelf.state(consignment_id) == "in_transit"
    assert shelf.custodians() == {("courier", consignment_id)}
    cases = select(Application.state).where(Application.id.in_([key.application_id for key in shelf.keys])).distinct()
    assert site.read(lambda session: session.scalars(cases).all()) == ["in_transit"]
    assert page.evaluate("sessionStorage.getItem('mouse')") is None


def _pack(packing: PackingPage, shelf: Shelf) -> None:
    serials = [key.serial for key in shelf.keys]
    for number, serial in enumerate(serials[:30], 1):
        packing.scan(serial, "ok", "In box 1")
        if number % 10 == 0:
            packing.scan(serial, "repeat", "Already in box 1")
            packing.expect_count(number, KEYS)
    packing.scan(shelf.foreign.serial, "refused", f"is for another authority: {shelf.other_name}.")
    packing.scan("6901234567892", "refused", "none of our keys")
    packing.scan(shelf.foreign.serial, "refused", shelf.other_name)
    expect(packing.refused).to_have_count(2)
    packing.expect_count(30, KEYS)

    packing.next_box()
    expect(packing.refused).to_have_count(2)
    for _ in range(5):
        packing.page.keyboard.press("Tab")
    expect(packing.field).not_to_be_focused()
    packing.scan(serials[30], "ok", "In box 2")
    for serial in serials[31:49]:
        packing.type(serial)
    packing.expect_count(49, KEYS)
    packing.page.keyboard.press("F4")
    packing.type(serials[48])
    packing.expect_count(48, KEYS)
    expect(packing.waiting).to_have_count(2)
    packing.ready()
    packing.scan(serials[48], "ok", "In box 2")
    packing.scan(serials[49], "done", "All packed")
    packing.expect_count(KEYS, KEYS)
    expect(packing.packed).to_have_count(KEYS)
    expect(packing.waiting).to_have_count(0)
    expect(packing.box(1)).to_have_text("30")
    expect(packing.box(2)).to_have_text("20")


def _check(new_page: Callable[..., Page], shelf: Shelf, consignment_id: int) -> None:
    """A second person scans every key again; one forgotten and one foreign are named, then everything agrees."""
    _, page = shelf.packer(new_page)
    check = CheckPage(page).open(shelf.site.url, consignment_id)
    serials = [key.serial for key in shelf.keys]
    check.scan_all(serials[:49])
    check.expect_count(49, KEYS)
    check.scan(serials[0], "repeat", "Scanned before")
    check.scan(shelf.foreign.serial, "refused", "Not on the packing list")
    check.compare()
    expect(check.differences).to_have_count(2)
    expect(check.differences.first).to_contain_text(serials[49])
    expect(check.differences.last).to_contain_text(shelf.foreign.serial)
    check.listen()
    check.scan_all(serials)
    check.scan(serials[0], "repeat", "Scanned before")
    check.compare()
    PackingPage(page).ready()
    expect(page.get_by_text("50 keys checked: everything agrees.")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('mouse')") is None


def _hand_over(courier: CourierPage, shelf: Shelf) -> None:
    expect(courier.step).to_contain_text("Scan the waybill")
    courier.page.keyboard.press("F4")
    expect(courier.step).to_contain_text("Scan the address label")
    courier.scan("YB0", "refused", "is no consignment")
    number = courier.page.locator("[data-sealed] [data-number]").first.get_attribute("data-number") or ""
    courier.scan(number, "ok", "50 keys")
    while courier.company.input_value() != "sf":
        courier.next_company()
    courier.scan("JD0000000000001", "refused", "those look like SF1000000000001")
    courier.scan(WAYBILL, "done", f"Handed over: {number}")
    expect(courier.page.locator("[data-sealed] [data-number]")).to_have_count(0)
    expect(courier.page.locator("[data-count-sealed]")).to_have_text("0 sealed parcels wait")
    expect(courier.page.locator("[data-taken] tbody tr")).to_contain_text([WAYBILL])
    expect(courier.page.locator("[data-taken]")).to_contain_text("Manifest SF Express (1)")


def test_an_authority_is_found_by_typing_and_by_arrows(new_page: Callable[..., Page], site: Site) -> None:
    shelf = Shelf(site, 2)
    _, page = shelf.packer(new_page)
    home = PackingHome(page).open(site.url)
    expect(home.chosen).to_have_count(1)
    first = home.chosen.get_attribute("data-code")
    page.keyboard.press("ArrowDown")
    assert home.chosen.get_attribute("data-code") != first
    for typed, code in (
        ("gd", "440000"),
        ("guangx", "450000"),
        ("新疆生产", "660000"),
        ("4403", "440300"),
        ("nmg", None),
    ):
        page.locator("#q").fill(typed)
        if code is None:
            expect(home.shown).to_have_count(0)
            expect(page.get_by_text(f"No authority is meant by “{typed}”")).to_be_visible()
            expect(page.get_by_text("Nothing waits to be packed")).to_be_hidden()
        else:
            expect(home.chosen).to_have_attribute("data-code", code)
    page.locator("#q").fill("")
    expect(page.get_by_text("No authority is meant")).to_be_hidden()
    table = home.choose(shelf.code)
    table.expect_count(0, 2)
    page.keyboard.press("F8")
    flash = page.locator("[data-flashes]")
    expect(flash).to_contain_text("holds no key yet")
    table.listen()
    table.scan(shelf.keys[0].serial, "ok")
    expect(flash).not_to_contain_text("holds no key yet")


def test_a_broken_line_loses_no_scan_and_packs_none_twice(
    new_page: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    shelf = Shelf(site, 6)
    person, page = shelf.packer(new_page)
    packing = PackingHome(page).open(site.url).choose(shelf.code)
    packing.scan(shelf.keys[0].serial, "ok", "In box 1")
    page.context.set_offline(True)
    for key in shelf.keys[1:4]:
        packing.type(key.serial)
    expect(packing.answer).to_have_attribute("data-tone", "waiting")
    expect(packing.answer).to_contain_text("Nothing is lost")
    expect(page.locator("[data-scan-waiting]")).to_have_text("3 scans on their way")
    packing.expect_count(1, 6)
    page.context.set_offline(False)
    packing.expect_count(4, 6)
    expect(packing.packed).to_have_count(4)
    packing.scan(shelf.keys[1].serial, "repeat", "Already in box 1")
    forgive(complaints, "ERR_INTERNET_DISCONNECTED")
    assert shelf.custodians() == {("packer", person.id), ("vendor_stock", None)}


def test_two_packers_see_each_others_keys(new_page: Callable[..., Page], site: Site) -> None:
    shelf = Shelf(site, 4)
    _, mine = shelf.packer(new_page)
    _, yours = shelf.packer(new_page)
    first = PackingHome(mine).open(site.url).choose(shelf.code)
    second = PackingHome(yours).open(site.url).choose(shelf.code)
    assert first.consignment_id == second.consignment_id
    first.scan(shelf.keys[0].serial, "ok", "In box 1")
    second.type(shelf.keys[1].serial)
    second.expect_count(2, 4)
    expect(second.packed).to_have_count(2)
    second.scan(shelf.keys[0].serial, "repeat", "Already in box 1")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_serious_is_wrong_with_the_screens(new_page: Callable[..., Page], site: Site, language: str) -> None:
    shelf = Shelf(site, 5)
    packer, second = site.hire(Role.DISPATCHER), site.hire(Role.DISPATCHER)
    open_one, sealed, gone = (_packed(shelf, packer, number) for number in range(3))
    with site.parts.work() as session:
        for consignment_id in (sealed, gone):
            consignments.seal(session, packer, consignment_id)
        consignments.hand_over(session, packer, gone, "zto", f"7{gone:013d}")
    page = new_page(viewport={"width": 1024, "height": 768})
    Entrance(page, site.url).choose_language(language).open().sign_in(site.login_of(second), PASSWORD)
    found = []
    for path in (
        "packing/",
        "packing/?q=nowhere",
        f"packing/{open_one}",
        f"packing/{open_one}/check",
        "consignments/",
        *(f"consignments/{each}" for each in (open_one, sealed, gone)),
        "courier/",
    ):
        page.goto(f"{site.url}/desk/dispatch/{path}")
        if path == f"packing/{open_one}":
            page.keyboard.type(shelf.foreign.serial)
            page.keyboard.press("Enter")
            expect(page.locator("[data-refused] > li")).to_have_count(1)
        results = Axe().run(page, options=OPTIONS).response["violations"]
        found += [f"{path}: {words_of(each)}" for each in results if each["impact"] in GRAVE]
    assert not found, "\n".join(found)


def _packed(shelf: Shelf, packer: Actor, number: int) -> int:
    """A consignment with one key of the shelf in it."""
    with shelf.site.parts.work() as session:
        authority_id = session.get_one(Application, shelf.keys[number].application_id).authority_id
        consignment = consignments.open_consignment(session, packer, authority_id)
        packing.pack(session, packer, consignment.id, shelf.keys[number].serial)
        return consignment.id
