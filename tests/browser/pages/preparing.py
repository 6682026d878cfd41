"""Seal preparation: the list of cases, and one case with its letter and frame. Labels are English."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


class PreparingList:
    """The cases that wait for their seal."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    def open(self, *, prepared: bool = False) -> PreparingList:
        """Go to the list."""
        self.page.goto(f"{self.base_url}/desk/production/seals/" + ("?show=prepared" if prepared else ""))
        return self

    @property
    def numbers(self) -> list[str]:
        """The listed cases, in order."""
        return self.page.locator("[data-row]").all_inner_texts()

    def begin_by_key(self) -> PreparingPage:
        """Open the first case without a mouse."""
        self.page.keyboard.press("n")
        return PreparingPage(self.page).ready()

    def open_case(self, number: str) -> PreparingPage:
        """Open a case of the list."""
        self.page.get_by_role("link", name=number).click()
        return PreparingPage(self.page).ready()


class PreparingPage:
    """One case."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ready(self) -> PreparingPage:
        """Wait until the scripts listen."""
        self.page.locator("[data-prepare][data-ready]").wait_for()
        return self

    @property
    def case_id(self) -> int:
        """The number in the address."""
        found = re.search(r"/desk/production/seals/(\d+)", self.page.url)
        assert found
        return int(found.group(1))

    def value(self, name: str) -> float:
        """A number the form would send."""
        return float(self.page.locator(f"[data-accept-form] [name={name}]").input_value())

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """The frame, as fractions of the page as shown."""
        return self.value("x0"), self.value("y0"), self.value("x1"), self.value("y1")

    @property
    def picture(self) -> Locator:
        """The seal on white."""
        return self.page.get_by_role("img", name="The seal on white")

    @property
    def size(self) -> Locator:
        """What it measures."""
        return self.page.locator("[data-size]")

    @property
    def problem(self) -> Locator:
        """Why there is no seal."""
        return self.page.locator("[data-problem]")

    @property
    def warnings(self) -> Locator:
        """What to look at."""
        return self.page.locator("[data-warnings]")

    @property
    def accept_button(self) -> Locator:
        """The primary button."""
        return self.page.get_by_role("button", name=re.compile("^Accept"))

    def wait_for_letter(self) -> None:
        """Wait until the page is painted."""
        expect(self.page.locator("[data-stage] .paper-page")).to_have_class(re.compile(r"\bthere\b"))

    def wait_until_settled(self) -> None:
        """Wait until the seal shown is the frame's."""
        expect(self.page.locator("[data-tiles]")).not_to_have_class(re.compile(r"\bstale\b"))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, then wait for the server's answer."""
        for key in keys:
            self.page.keyboard.press(key)
        self.wait_until_settled()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag with the mouse from one place to another, in fractions of the page as shown."""
        box = self.page.locator("[data-stage] .paper-box").bounding_box()
        assert box is not None
        (x0, y0), (x1, y1) = ((box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=5)
        self.page.mouse.up()
        self.wait_until_settled()

    def accept_by_key(self) -> PreparingPage:
        """Accept the seal; the next case follows."""
        before = self.page.url
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: url != before)
        return self

    @property
    def said(self) -> Locator:
        """What the last action said."""
        return self.page.locator("[data-flashes]")
