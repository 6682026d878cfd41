"""The authority's door: the list of parcels, and one that lies open. Nothing touches the mouse; labels are English."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages.packing import PATIENCE, ScanScreen


class DoorPage:
    """Which parcels come."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, base_url: str) -> DoorPage:
        """Go to the list of parcels."""
        self.page.goto(f"{base_url}/desk/dispatch/receiving/")
        expect(self.page.locator("[data-scan]")).to_be_focused()
        return self

    def scan_label(self, number: str) -> ReceivingPage:
        """Scan a parcel's label: it is here."""
        self.page.keyboard.type(number)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile(r"/desk/dispatch/receiving/\d+$"))
        return ReceivingPage(self.page)


class ReceivingPage(ScanScreen):
    """One parcel on the counter."""

    def unpack(self) -> ReceivingPage:
        """Press Enter on what the page offers first: open it, or go on."""
        expect(self.page.locator(".button.large")).to_be_focused()
        self.page.keyboard.press("Enter")
        expect(self.field).to_be_focused()
        self.page.wait_for_load_state()  # the field has the focus before the scripts have come
        return self

    @property
    def expected(self) -> Locator:
        """What should be in the boxes."""
        return self.page.locator("[data-expected] > li")

    @property
    def scanned(self) -> Locator:
        """What was scanned, newest first."""
        return self.page.locator("[data-scanned] > li")

    @property
    def open_differences(self) -> Locator:
        """What waits to be settled, on top."""
        return self.page.locator("[data-differences] .difference:not(.is-settled)")

    def difference(self, serial: str) -> Locator:
        """What differs about one serial."""
        return self.page.locator(f'[data-differences] [data-serial="{serial}"]')

    def report_damage(self, remark: str) -> None:
        """The key that was scanned last is damaged."""
        self.page.keyboard.press("F6")
        expect(self.page.locator("#damaged-remark")).to_be_focused()
        self.page.keyboard.type(remark)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#damaged-remark")).to_be_hidden()
        expect(self.field).to_be_focused()

    def send_on(self, waybill: str) -> None:
        """Scan the waybill under which another authority's key travels on."""
        self.type_waybill(waybill)
        expect(self.answer).to_contain_text("Sent on", timeout=PATIENCE)

    def type_waybill(self, waybill: str) -> None:
        """Write a waybill number over what stands there, without waiting for the answer."""
        field = self.page.locator("[data-waybill]").first
        self.page.keyboard.press("F7")
        expect(field).to_be_focused()
        self.page.keyboard.press("ControlOrMeta+a")
        self.type(waybill)

    def pause(self) -> None:
        """Leave the rest for later."""
        self.page.keyboard.press("F9")
        expect(self.page.locator("[data-flashes]")).to_contain_text("Paused")

    def complete(self, *, missing: int) -> None:
        """Say that the boxes are empty; with one key missing, the question is answered with yes."""
        self.page.keyboard.press("F8")
        if missing:
            expect(self.page.locator("dialog#confirm")).to_contain_text(f"{missing} key has not been scanned")
            agree = self.page.locator("dialog#confirm [data-agree]")
            for _ in range(3):
                if not agree.evaluate("each => each === document.activeElement"):
                    self.page.keyboard.press("Tab")
            expect(agree).to_be_focused()
            self.page.keyboard.press("Enter")
        expect(self.field).to_have_count(0)
