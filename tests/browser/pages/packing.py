"""The packing table, the second look and the courier's hatch. Nothing here touches the mouse: a scanner types and ends
with Enter. Labels are English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from playwright.sync_api import Locator, Page, expect

PATIENCE = 30_000
"""Milliseconds: a scanner types faster than a busy machine answers, and fifty keys change hands in one go."""


class ScanScreen:
    """What every screen for a scanner has: one field that keeps the focus, and one large answer."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def field(self) -> Locator:
        """Where the scanner types."""
        return self.page.locator("[data-scan]")

    @property
    def answer(self) -> Locator:
        """What the last scan came to."""
        return self.page.locator("[data-scan-result]")

    def listen(self) -> None:
        """Wait until the page's script takes scans: what is typed while a page is on its way belongs to no page."""
        expect(self.page.locator("[data-scan-sound-offer]")).to_be_visible()
        expect(self.field).to_be_focused()

    def scan(self, text: str, tone: str, words: str = "") -> None:
        """Type as a scanner does, wherever the focus is, and wait for the colour and the words of the answer."""
        self.type(text)
        expect(self.answer).to_have_attribute("data-tone", tone, timeout=PATIENCE)
        expect(self.answer).to_contain_text(words or text, timeout=PATIENCE)

    def type(self, text: str) -> None:
        """Type as a scanner does, without waiting for an answer."""
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def expect_count(self, done: int, of: int) -> None:
        """The large figures."""
        expect(self.page.locator("[data-scan-done]")).to_have_text(str(done), timeout=PATIENCE)
        expect(self.page.locator("[data-scan-all]")).to_have_text(str(of), timeout=PATIENCE)


class PackingHome(ScanScreen):
    """What waits for which authority."""

    def open(self, base_url: str) -> PackingHome:
        """Go to the list of authorities."""
        self.page.goto(f"{base_url}/desk/dispatch/packing/")
        return self

    @property
    def chosen(self) -> Locator:
        """The authority that Enter would open."""
        return self.page.locator("[data-authority][aria-current]")

    @property
    def shown(self) -> Locator:
        """The authorities that are listed now."""
        return self.page.locator("[data-authority]:visible")

    def choose(self, typed: str) -> PackingPage:
        """Type what names an authority and open its boxes."""
        self.page.keyboard.type(typed)
        self.page.keyboard.press("Enter")
        return PackingPage(self.page).ready()


class PackingPage(ScanScreen):
    """The packing table of one consignment."""

    def ready(self) -> PackingPage:
        """Wait until it takes scans."""
        self.page.wait_for_url(re.compile(r"/desk/dispatch/packing/\d+$"))
        self.listen()
        return self

    @property
    def consignment_id(self) -> int:
        """Which consignment is packed."""
        return int(self.page.url.rsplit("/", 1)[1])

    @property
    def packed(self) -> Locator:
        """The keys in the boxes, newest first."""
        return self.page.locator("[data-packed] > li")

    @property
    def waiting(self) -> Locator:
        """The keys that should go in."""
        return self.page.locator("[data-waiting] > li")

    @property
    def refused(self) -> Locator:
        """What has to be put aside."""
        return self.page.locator("[data-refused] > li")

    def box(self, number: int) -> Locator:
        """How many keys a box holds."""
        return self.page.locator(f'[data-box-count="{number}"]')

    def next_box(self) -> None:
        """Begin another box."""
        boxes = self.page.locator("[data-box-count]")
        count = boxes.count()
        self.page.keyboard.press("F2")
        expect(boxes).to_have_count(count + 1)
        self.listen()

    def seal(self) -> ParcelPage:
        """Close the boxes."""
        self.page.keyboard.press("F8")
        return ParcelPage(self.page).ready()


class CheckPage(ScanScreen):
    """The second look."""

    def open(self, base_url: str, consignment_id: int) -> CheckPage:
        """Go to the check of a consignment."""
        self.page.goto(f"{base_url}/desk/dispatch/packing/{consignment_id}/check")
        self.listen()
        return self

    @property
    def differences(self) -> Locator:
        """What differs, on top."""
        return self.page.locator("[data-refused] > li")

    def scan_all(self, serials: Iterable[str]) -> None:
        """Scan keys one after the other, faster than the eye follows."""
        for serial in serials:
            self.type(serial)

    def compare(self) -> None:
        """Hold what was scanned against the packing list."""
        self.page.keyboard.press("F8")


class ParcelPage:
    """A consignment's own page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ready(self) -> ParcelPage:
        """Wait until it is there with its script."""
        self.page.wait_for_url(re.compile(r"/desk/dispatch/consignments/\d+$"))
        self.page.wait_for_load_state("networkidle")
        return self

    def hand_to_courier(self) -> CourierPage:
        """Go on to the courier's hatch with this parcel."""
        self.page.keyboard.press("g")
        return CourierPage(self.page).ready()


class CourierPage(ScanScreen):
    """The courier's hatch."""

    def ready(self) -> CourierPage:
        """Wait until it takes scans."""
        self.page.wait_for_url("**/desk/dispatch/courier/**")
        self.listen()
        return self

    @property
    def step(self) -> Locator:
        """What is to be scanned now."""
        return self.page.locator("[data-step][aria-current]")

    @property
    def company(self) -> Locator:
        """The courier company that is chosen."""
        return self.page.locator("[data-carrier]")

    def next_company(self) -> None:
        """Choose the next courier company."""
        self.page.keyboard.press("F2")
