"""The review desks as a person meets them: the queue and the case screen, by role and label or by key.

Labels are English: a walk sets the language first.
"""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import Locator, Page, expect

Desk = Literal["pre-check", "re-check"]
State = Literal["OK", "Fault", "Not applicable"]
VERDICTS = {
    ("pre-check", True): "Pass pre-check",
    ("pre-check", False): "Fail pre-check",
    ("re-check", True): "Pass re-check",
    ("re-check", False): "Fail re-check",
}


class QueuePage:
    """The queue of a review desk."""

    def __init__(self, page: Page, desk: Desk = "pre-check") -> None:
        self.page = page
        self.desk = desk

    def open(self, base_url: str, query: str = "") -> QueuePage:
        """Go to the queue."""
        self.page.goto(f"{base_url}/review/{self.desk}/{query}")
        return self

    @property
    def rows(self) -> Locator:
        """The cases on the page."""
        return self.page.locator("table.queue tbody tr")

    def row(self, text: str) -> Locator:
        """The row that holds a number or a name."""
        return self.rows.filter(has_text=text)

    def open_case(self, name: str) -> CasePage:
        """Open the case of an enterprise."""
        self.page.get_by_role("link", name=name, exact=True).click()
        return CasePage(self.page, self.desk).ready()

    def next_case(self, *, by_key: bool = False) -> CasePage:
        """Claim the most urgent case and open it."""
        if by_key:
            self.page.keyboard.press("n")
        else:
            self.page.get_by_role("button", name="Next case").click()
        self.page.wait_for_url(re.compile(r"/review/cases/\d+"))
        return CasePage(self.page, self.desk).ready()

    def filter_by(self, label: str) -> None:
        """Switch a chip on or off."""
        self.page.get_by_role("navigation", name="Filters").get_by_role("link", name=label, exact=True).click()

    def search(self, text: str) -> None:
        """Search inside the queue."""
        box = self.page.get_by_role("main").get_by_role("searchbox", name="Number, code or name")
        box.fill(text)
        box.press("Enter")

    def reassign(self, numbers: list[str], person: str, note: str) -> None:
        """Select rows and hand them to a person."""
        for number in numbers:
            self.page.get_by_role("checkbox", name=f"Select {number}").check()
        self.page.get_by_role("button", name="Reassign").first.click()
        self.page.get_by_label("Hand to").select_option(label=person)
        self.page.get_by_label("Note").fill(note)
        self.page.locator("#reassign").get_by_role("button", name="Reassign").click()


class CasePage:
    """The case screen."""

    def __init__(self, page: Page, desk: Desk = "pre-check") -> None:
        self.page = page
        self.desk = desk

    def open(self, base_url: str, case_id: int) -> CasePage:
        """Go to a case."""
        self.page.goto(f"{base_url}/review/cases/{case_id}")
        return self.ready()

    def ready(self) -> CasePage:
        """Wait until the scripts listen."""
        self.page.locator(".case[data-ready]").wait_for()
        return self

    @property
    def case_id(self) -> int:
        """The number in the address."""
        found = re.search(r"/review/cases/(\d+)", self.page.url)
        assert found
        return int(found.group(1))

    @property
    def heading(self) -> Locator:
        """The enterprise's name."""
        return self.page.get_by_role("heading", level=1)

    @property
    def documents(self) -> Locator:
        """The documents on the left."""
        return self.page.get_by_role("navigation", name="Documents and application").locator("[data-document]")

    def document(self, name: str) -> Locator:
        """One document on the left."""
        return self.documents.filter(has_text=name)

    def show_document(self, name: str) -> None:
        """Put a document into view."""
        self.document(name).click()

    @property
    def picture(self) -> Locator:
        """The page image in view."""
        return self.page.locator("[data-stage=current] .paper-page")

    def wait_for_picture(self) -> None:
        """Wait until the page in view is painted."""
        expect(self.picture).to_have_class(re.compile(r"\bthere\b"))

    @property
    def items(self) -> Locator:
        """The check items of the document in view."""
        return self.page.locator(".checks.current [data-item]")

    def item(self, label: str) -> Locator:
        """One check item of the document in view."""
        return self.items.filter(has_text=label)

    def mark(self, label: str, state: State) -> None:
        """Answer a check item with the mouse."""
        self.item(label).get_by_role("radio", name=state, exact=True).check(force=True)

    def press_item(self, number: int, times: int = 1) -> None:
        """Answer a check item by its key: once is OK, twice a fault, three times not applicable."""
        for _ in range(times):
            self.page.keyboard.press(str(number))

    def note(self, label: str, text: str) -> None:
        """Write a note on a check item."""
        field = self.item(label).get_by_role("textbox")
        if not field.is_visible():
            self.item(label).get_by_role("button", name=re.compile("^Note on")).click()
        field.fill(text)
        field.press("Tab")

    def tick_open_ones(self) -> None:
        """Everything that is open on any document is OK, with the mouse."""
        for document in range(self.documents.count()):
            self.documents.nth(document).click()
            while (item := self.items.and_(self.page.locator("[data-value=open]")).first).count():
                item.locator("label.state.ok").click()
        self.wait_until_saved()

    def draw_region(self, label: str) -> None:
        """Mark the place of an item on the page in view with the mouse."""
        self.item(label).hover()
        self.item(label).get_by_role("button", name=f"Mark the place of {label}").click()
        box = self.picture.bounding_box()
        assert box is not None
        mouse = self.page.mouse
        mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 120)
        mouse.down()
        mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 260, steps=4)
        mouse.up()

    def mark_region_by_key(self, down: int = 2, right: int = 2) -> None:
        """Mark the place of the item touched last with the arrow keys."""
        self.page.keyboard.press("m")
        for key, times in (("ArrowDown", down), ("ArrowRight", right)):
            for _ in range(times):
                self.page.keyboard.press(key)
        self.page.keyboard.press("Enter")

    def tick_rest_by_key(self) -> None:
        """All that is open on this document is OK; the next document with open items comes into view."""
        self.page.keyboard.press("a")

    def wait_until_saved(self) -> None:
        """Wait until every mark is on the server."""
        expect(self.page.locator("[data-saving]")).to_have_attribute("data-state", "saved")

    @property
    def remark(self) -> Locator:
        """The remark."""
        return self.page.get_by_role("textbox", name="Remark")

    def template(self, title: str) -> None:
        """Use a remark template with the mouse."""
        self.page.locator("[data-templates] summary").click()
        self.page.get_by_role("button", name=title).click()

    def template_by_key(self, number: int = 1) -> None:
        """Use a remark template by its place in the menu."""
        self.page.keyboard.press("t")
        self.page.keyboard.press(str(number))

    def verdict_button(self, *, passed: bool) -> Locator:
        """The button of a verdict."""
        return self.page.get_by_role("button", name=VERDICTS[self.desk, passed])

    def decide(self, *, passed: bool, by_key: bool = False) -> None:
        """Give the verdict."""
        if by_key:
            self.page.keyboard.press("g" if passed else "x")
        else:
            self.verdict_button(passed=passed).click()

    @property
    def refusal(self) -> Locator:
        """Why a verdict is refused, with links to what is open."""
        return self.page.locator("[data-reasons]")

    @property
    def meanwhile(self) -> Locator:
        """What happened to the case while this page was open."""
        return self.page.locator("[data-stale]")

    @property
    def said(self) -> Locator:
        """What the last action said."""
        return self.page.locator("[data-flashes]")

    @property
    def changes(self) -> Locator:
        """What changed since the round before."""
        return self.page.locator("[data-diff]")

    def compare(self) -> None:
        """Show the round before beside the page in view."""
        self.page.get_by_role("button", name="Compare with the last round").click()

    def take(self) -> None:
        """Take a free case in hand."""
        self.page.get_by_role("button", name="Take this case").click()

    def release(self) -> None:
        """Let go of the case."""
        self.page.get_by_role("button", name="Release").click()

    def reveal_identity(self, reason: str) -> Locator:
        """Ask for the full identity number; returns where it stands."""
        self.page.get_by_role("button", name="Show in full").click()
        self.page.get_by_label("Reason").fill(reason)
        self.page.get_by_role("button", name="Show", exact=True).click()
        return self.page.locator("[data-identity]")
