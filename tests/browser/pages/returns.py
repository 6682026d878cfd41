"""The page of keys that go back to the vendor. Labels are English."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.pages.packing import ScanScreen


class ReturnsPage(ScanScreen):
    """At the counter and at the vendor's: each sees what it can do."""

    def open(self, base_url: str) -> ReturnsPage:
        """Go there."""
        self.page.goto(f"{base_url}/desk/dispatch/returns/")
        self.listen()
        return self

    @property
    def packed(self) -> Locator:
        """The keys in the box."""
        return self.page.locator("[data-packed] li")

    @property
    def waybill(self) -> Locator:
        """Where the courier's number is written."""
        return self.page.locator("#waybill")

    def under_way(self, waybill: str) -> Locator:
        """The line of a return that the courier has."""
        return self.page.locator("[data-under-way] tr", has_text=waybill)

    def hand_over(self, waybill: str) -> None:
        """Write the courier's number with the keyboard and say yes to the question."""
        self.page.keyboard.press("F8")
        expect(self.waybill).to_be_focused()
        self.type(waybill)
        agree = self.page.locator("dialog#confirm [data-agree]")
        expect(agree).to_be_visible()
        agree.focus()
        self.page.keyboard.press("Enter")
        expect(self.under_way(waybill)).to_have_count(1)
