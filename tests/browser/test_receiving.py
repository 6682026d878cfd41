"""A parcel of fifty keys received by typing alone, as a scanner types: with scans repeated, one key missing, one of
another authority that is sent on, one damaged, one of no parcel, and a line that breaks.
"""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from tests.browser import walking
from tests.browser.chromium import forgive
from tests.browser.pages.entrance import Entrance
from tests.browser.pages.receiving import DoorPage, ReceivingPage
from tests.browser.served import PASSWORD, Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.support.casework import SYSTEM
from tests.support.keys import bulk_keys
from workbench.dispatch import consignments, packing, receiving, settling
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import Token
from workbench.keys.token_states import Custodian
from workbench.organisation.models import Authority

pytestmark = pytest.mark.browser

KEYS = 50
COUNT_MOUSE = "addEventListener('mousedown', () => sessionStorage.setItem('mouse', 'used'), true)"


class Parcel:
    """A parcel of finished keys on its way to an authority of the site, and keys that don't belong in it."""

    def __init__(self, site: Site, count: int, beside: "Parcel | None" = None) -> None:
        self.site = site
        self.authority_id: int = beside.authority_id if beside else site.next_authority()
        self.other_id: int = beside.other_id if beside else site.next_authority()
        self.packer = site.hire(Role.DISPATCHER)
        with site.parts.work() as session:
            seed_carriers(session, SYSTEM)
            made = bulk_keys(session, site.parts.secrets, self.authority_id, count + 1)
            self.serials = [key.serial for key in made[:count]]
            self.stray = made[count].serial
            self.foreign = bulk_keys(session, site.parts.secrets, self.other_id, 1)[0].serial
            self.other_name = session.get_one(Authority, self.other_id).name_en
            consignment = consignments.open_consignment(session, self.packer, self.authority_id)
            for serial in self.serials:
                packing.pack(session, self.packer, consignment.id, serial)
            consignments.seal(session, self.packer, consignment.id)
            self.waybill = f"SF{consignment.id:013d}"
            consignments.hand_over(session, self.packer, consignment.id, "sf", self.waybill)
            self.id, self.number = consignment.id, consignment.number

    def clerk(self, new_page: Callable[..., Page]) -> tuple[Actor, Page]:
        """Counter staff in a browser of their own, signed in by keys."""
        person = self.site.hire(Role.COUNTER_STAFF, self.authority_id)
        page = walking.come_in(new_page, self.site, person, by_keys=True)
        page.add_init_script(COUNT_MOUSE)
        return person, page

    def state(self) -> str:
        """Where the parcel stands."""
        return self.site.read(lambda session: session.get_one(Consignment, self.id).state)

    def holders(self) -> dict[str, str]:
        """Who holds each key."""
        serials = [*self.serials, self.stray, self.foreign]
        found = select(Token.serial, Token.custodian).where(Token.serial.in_(serials))
        return {serial: holder for serial, holder in self.site.read(lambda session: session.execute(found).all())}

    def findings(self) -> dict[str, str]:
        """What differed, by serial."""
        found = select(Discrepancy.serial, Discrepancy.kind).where(Discrepancy.consignment_id == self.id)
        return {serial: kind for serial, kind in self.site.read(lambda session: session.execute(found).all())}


def test_fifty_keys_are_received_by_typing_alone(new_page: Callable[..., Page], site: Site) -> None:
    parcel = Parcel(site, KEYS)
    _, page = parcel.clerk(new_page)
    counter = DoorPage(page).open(site.url).scan_label(parcel.waybill)
    assert parcel.state() == "arrived"
    counter.unpack().expect_count(0, KEYS)
    expect(counter.expected).to_have_count(KEYS)
    _scan_most(counter, parcel)
    counter.pause()
    counter.unpack().expect_count(40, KEYS)
    _scan_the_rest(counter, parcel)
    counter.complete(missing=1)
    assert parcel.state() == "closed"
    damaged, missing = parcel.serials[9], parcel.serials[49]
    expect(counter.open_differences).to_have_count(3)
    expect(counter.difference(missing)).to_contain_text("Missing")
    assert parcel.findings() == {
        damaged: "damaged",
        parcel.foreign: "other_authority",
        parcel.stray: "extra",
        missing: "missing",
    }
    holders = parcel.holders()
    assert {serial for serial, holder in holders.items() if holder == Custodian.COURIER} == {missing, parcel.foreign}
    assert page.evaluate("sessionStorage.getItem('mouse')") is None


def test_the_courier_is_asked_straight_from_the_list_of_differences(new_page: Callable[..., Page], site: Site) -> None:
    parcel = Parcel(site, 1)
    clerk = site.hire(Role.COUNTER_STAFF, parcel.authority_id)
    with site.parts.work() as session:
        receiving.open_parcel(session, clerk, parcel.id)
        receiving.close_parcel(session, clerk, parcel.id, complete=True)
    page = walking.come_in(new_page, site, parcel.packer, by_keys=True)
    page.goto(f"{site.url}/desk/dispatch/differences/?kind=missing&authority={parcel.authority_id}")
    page.get_by_role("link", name="Ask the courier where it is").press("Enter")
    expect(page.get_by_label("What was asked, of whom")).to_be_focused()


def _scan_most(counter: ReceivingPage, parcel: Parcel) -> None:
    """Forty keys with repeats, one of them damaged; what does not belong is named on top."""
    for number, serial in enumerate(parcel.serials[:10], 1):
        counter.scan(serial, "ok")
        counter.expect_count(number, KEYS)
    counter.scan(parcel.serials[0], "repeat")
    counter.scan(parcel.serials[9], "repeat")
    counter.report_damage("case cracked")
    expect(counter.difference(parcel.serials[9])).to_contain_text("case cracked")
    counter.scan(parcel.foreign, "refused", f"{parcel.foreign} belongs to {parcel.other_name}")
    counter.scan(parcel.foreign, "repeat", parcel.other_name)
    counter.scan(parcel.stray, "refused", "Not on the packing list")
    expect(counter.open_differences).to_have_count(3)
    counter.send_on(f"SF9{parcel.id:012d}")
    expect(counter.open_differences).to_have_count(2)
    expect(counter.difference(parcel.foreign)).to_contain_text("Address label")
    for serial in parcel.serials[10:40]:
        counter.type(serial)
    counter.expect_count(40, KEYS)


def _scan_the_rest(counter: ReceivingPage, parcel: Parcel) -> None:
    """Nine more of the ten, faster than the eye follows, with the focus elsewhere to begin with."""
    for _ in range(4):
        counter.page.keyboard.press("Tab")
    expect(counter.field).not_to_be_focused()
    for serial in parcel.serials[38:49]:
        counter.type(serial)
    counter.expect_count(49, KEYS)
    expect(counter.scanned).to_have_count(51)


def test_a_broken_line_loses_no_scan(new_page: Callable[..., Page], site: Site, complaints: list[str]) -> None:
    parcel = Parcel(site, 4)
    _, page = parcel.clerk(new_page)
    counter = DoorPage(page).open(site.url).scan_label(parcel.number.lower()).unpack()
    page.context.set_offline(True)
    for serial in parcel.serials:
        counter.type(serial)
    expect(counter.answer).to_have_attribute("data-tone", "waiting")
    page.context.set_offline(False)
    counter.expect_count(4, 4)
    expect(counter.answer).to_have_attribute("data-tone", "done")
    forgive(complaints, "ERR_INTERNET_DISCONNECTED")
    counter.complete(missing=0)
    assert parcel.state() == "closed"


def test_keys_are_scanned_while_another_is_being_sent_on(
    new_page: Callable[..., Page], site: Site, complaints: list[str]
) -> None:
    parcel = Parcel(site, 4)
    _, page = parcel.clerk(new_page)
    counter = DoorPage(page).open(site.url).scan_label(parcel.waybill).unpack()
    counter.scan(parcel.foreign, "refused", parcel.other_name)
    sent_on: list[Route] = []
    page.route("**/send-on", lambda route: sent_on.append(route))  # playwright marks its handlers
    counter.type_waybill("not a waybill")
    counter.scan(parcel.serials[0], "ok")
    sent_on.pop().continue_()
    expect(counter.answer).to_contain_text("“NOTAWAYBILL” is no waybill number")
    forgive(complaints, "400 (BAD REQUEST)")
    counter.type_waybill(f"SF7{parcel.id:012d}")
    for serial in parcel.serials[1:]:
        counter.type(serial)
    counter.expect_count(4, 4)
    sent_on.pop().continue_()
    expect(counter.answer).to_contain_text("Sent on")
    expect(counter.open_differences).to_have_count(0)
    expect(counter.field).to_be_focused()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_serious_is_wrong_with_the_screens(new_page: Callable[..., Page], site: Site, language: str) -> None:
    parcel = Parcel(site, 5)
    beside = Parcel(site, 1, parcel)
    clerk = site.hire(Role.COUNTER_STAFF, parcel.authority_id)
    with site.parts.work(clerk.scope) as session:
        receiving.open_parcel(session, clerk, parcel.id)
        for serial in (*parcel.serials[:2], parcel.foreign, parcel.stray, "6901234567892"):
            receiving.scan_key(session, clerk, parcel.id, serial)
        receiving.scan_key(session, clerk, parcel.id, parcel.serials[2], damaged=True, remark="外壳裂开")
    with site.parts.work(clerk.scope) as session:
        astray = select(Discrepancy.id).where(Discrepancy.serial == parcel.foreign)
        settling.send_on(session, clerk, session.scalars(astray).one(), "sf", f"SF6{parcel.id:012d}")
        receiving.scan_key(session, clerk, parcel.id, beside.foreign)
    with site.parts.work() as session:
        settling.open_inquiry(session, parcel.packer, parcel.id, "已请快递公司查找")
    door, under_way = "receiving/", Parcel(site, 2, parcel)
    walks = (
        (clerk, (door, f"receiving/{parcel.id}", "differences/")),
        (parcel.packer, ("transit/", f"transit/{under_way.id}", f"transit/{parcel.id}", "differences/")),
    )
    found = []
    for person, paths in walks:
        page = new_page(viewport={"width": 1024, "height": 768})
        Entrance(page, site.url).choose_language(language).open().sign_in(site.login_of(person), PASSWORD)
        for path in paths:
            page.goto(f"{site.url}/desk/dispatch/{path}")
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, path
            results = Axe().run(page, options=OPTIONS).response["violations"]
            found += [f"{path}: {words_of(each)}" for each in results if each["impact"] in GRAVE]
    assert not found, "\n".join(found)
