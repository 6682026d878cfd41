"""Keys that go back, by typing alone as a scanner types: packed at the authority, taken in at the vendor's, each scan
with its colour and its words, lists and counts following without the page being left.
"""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser import walking
from tests.browser.pages.returns import ReturnsPage
from tests.browser.served import Site
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.browser.test_receiving import Parcel
from tests.support.keys import withdraw
from workbench.dispatch import receiving
from workbench.kernel.identity import Actor
from workbench.keys.models import Token

pytestmark = pytest.mark.browser

KEYS = 5


@pytest.fixture
def parcel(site: Site) -> Parcel:
    """A parcel whose keys nobody collected."""
    return Parcel(site, KEYS)


@pytest.fixture
def returns(parcel: Parcel, new_page: Callable[..., Page]) -> ReturnsPage:
    """The screen of the counter that holds them."""
    person, page = parcel.clerk(new_page)
    _nobody_comes(parcel, person)
    return ReturnsPage(page).open(parcel.site.url)


def _nobody_comes(parcel: Parcel, person: Actor) -> None:
    with parcel.site.parts.work(person.scope) as session:
        receiving.open_parcel(session, person, parcel.id)
        for serial in parcel.serials:
            receiving.scan_key(session, person, parcel.id, serial)
        receiving.close_parcel(session, person, parcel.id, complete=True)
    with parcel.site.parts.work() as session:
        for serial in parcel.serials:
            withdraw(session, serial)


def test_keys_go_back_by_typing_alone(parcel: Parcel, returns: ReturnsPage, new_page: Callable[..., Page]) -> None:
    waybill = f"SF8{parcel.id:012d}"
    returns.scan(parcel.serials[0], "ok", "1 key packed")
    returns.scan(parcel.serials[0], "repeat", "Scanned before")
    returns.scan(parcel.foreign, "refused", parcel.foreign)
    for serial in parcel.serials[1:]:
        returns.type(serial)
    expect(returns.packed).to_have_count(KEYS)
    returns.hand_over(waybill)

    vendor = ReturnsPage(walking.come_in(new_page, parcel.site, parcel.packer, by_keys=True)).open(parcel.site.url)
    expect(vendor.under_way(waybill)).to_contain_text(str(KEYS))
    for serial in parcel.serials[:-1]:
        vendor.type(serial)
    expect(vendor.answer).to_contain_text("1 key to come")
    expect(vendor.under_way(waybill)).to_contain_text("Box is empty")
    vendor.scan(parcel.serials[-1], "ok", "0 keys to come")
    expect(vendor.under_way(waybill)).to_have_count(0)
    held = select(Token.custodian).where(Token.serial.in_(parcel.serials)).distinct()
    assert parcel.site.read(lambda session: session.scalars(held).all()) == ["vendor_stock"]


def test_what_is_written_stays_when_another_key_is_scanned(parcel: Parcel, returns: ReturnsPage) -> None:
    returns.scan(parcel.serials[0], "ok")
    expect(returns.packed).to_have_count(1)
    returns.waybill.fill("SF8")
    returns.field.focus()
    returns.scan(parcel.serials[1], "ok", "2 keys packed")
    expect(returns.packed).to_have_count(2)
    expect(returns.waybill).to_have_value("SF8")


def test_nothing_serious_is_wrong_with_the_screen(parcel: Parcel, returns: ReturnsPage) -> None:
    returns.scan(parcel.serials[0], "ok")
    expect(returns.packed).to_have_count(1)
    found = Axe().run(returns.page, options=OPTIONS).response["violations"]
    assert not [words_of(each) for each in found if each["impact"] in GRAVE]
