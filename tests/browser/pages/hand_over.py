"""The counter: finding a key and the five steps of handing it over. Labels are English. Each act counts as the person
at the counter would count it: one scan, one tap, one field, one signature.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect


class Counter:
    """Whoever stands at the counter, with a count of what was done."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.acts = 0

    def open(self) -> Counter:
        """Go to the field to find by; the count begins."""
        self.page.goto(f"{self.base_url}/desk/collection/")
        self.acts = 0
        return self

    def scan(self, text: str) -> None:
        """A scanner types wherever the focus is, and Enter."""
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.acts += 1

    def find(self, code: str) -> Counter:
        """Scan what names the key, and wait for its five steps."""
        self.scan(code)
        return self.ready()

    def ready(self) -> Counter:
        """Wait until the scripts listen."""
        self.page.locator("[data-hand-over][data-ready]").wait_for()
        return self

    def press(self, key: str) -> None:
        """One key."""
        self.page.keyboard.press(key)
        self.acts += 1

    def fill(self, label: str, text: str) -> None:
        """One field."""
        self.page.get_by_label(label).fill(text)
        self.acts += 1

    def photograph(self, label: str, file: Path) -> None:
        """One photo."""
        self.page.get_by_label(label).set_input_files(file)
        self.acts += 1

    @property
    def all_match(self) -> Locator:
        """The button that says that every original matches."""
        return self.page.get_by_role("button", name=re.compile("^All match"))

    def wait_until_looked(self) -> None:
        """Every page has been in view for a moment; each turning down of the list counts."""
        for _ in range(4):
            try:
                expect(self.all_match).to_be_enabled(timeout=4_000)
            except AssertionError:
                self.press("PageDown")
            else:
                return
        expect(self.all_match).to_be_enabled()

    def step(self, name: str) -> Locator:
        """One of the five."""
        return self.page.locator(f"[data-step={name}]")

    @property
    def key_said(self) -> Locator:
        """What the scan of the key came to."""
        return self.page.locator("[data-key-said]")

    def sign(self) -> None:
        """Draw a signature with the mouse."""
        box = self.page.locator("[data-canvas]").bounding_box()
        assert box is not None
        x, y = box["x"] + 40, box["y"] + 40
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for number in range(1, 9):
            self.page.mouse.move(x + 30 * number, y + (50 if number % 2 else 0), steps=3)
        self.page.mouse.up()
        self.acts += 1

    @property
    def banner(self) -> Locator:
        """What says that the line is down, and what waits for it."""
        return self.page.get_by_role("region", name="Connection")

    @property
    def result(self) -> Locator:
        """How it ended, on the page that follows."""
        return self.page.locator("[data-scan-word]")
