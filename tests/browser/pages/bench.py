"""The production bench as a maker meets it: a field for the scanner, the job, the lists. Labels are English."""

from __future__ import annotations

import base64

from playwright.sync_api import Locator, Page, expect

PATH = "/desk/production/bench/"
# What a test cannot have is a printer: what the frame is given is kept instead of opening Chromium's print preview.
NO_PRINTER = """
window.handedToPrinter = [];
window.files = new Map();
const makeAddress = URL.createObjectURL;
URL.createObjectURL = (file) => {
  const address = makeAddress(file);
  window.files.set(address, file);
  return address;
};
Object.defineProperty(HTMLIFrameElement.prototype, "src", {
  get() { return window.handedToPrinter.at(-1) ?? ""; },
  set(address) {
    window.handedToPrinter.push(address);
    setTimeout(() => { if (this.onload) { this.contentWindow.print = () => {}; this.onload(); } }, 0);
  },
});
"""


class BenchPage:
    """The screen, driven as a scanner and a keyboard do."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    def open(self) -> BenchPage:
        """Go to the bench; the choice of one comes first for who sits at none."""
        self.page.goto(f"{self.base_url}{PATH}")
        return self

    def sit_down(self) -> BenchPage:
        """Take the only bench that is free and connected, by Enter."""
        expect(self.page.get_by_role("button", name="Sit down here")).to_be_focused()
        self.page.keyboard.press("Enter")
        return self.ready()

    def ready(self) -> BenchPage:
        """Wait until the script listens."""
        self.page.locator("[data-bench][data-ready]").wait_for()
        return self

    def scan(self, serial: str) -> None:
        """As a scanner: keys as fast as it can, then Enter, wherever the focus is."""
        self.page.keyboard.type(serial, delay=1)
        self.page.keyboard.press("Enter")

    def press(self, key: str) -> None:
        """A key of the keyboard."""
        self.page.keyboard.press(key)

    @property
    def field(self) -> Locator:
        """The scanner's field."""
        return self.page.get_by_role("textbox", name="Serial number of the token")

    @property
    def result(self) -> Locator:
        """What the last scan came to, in colour."""
        return self.page.locator("[data-scan-result]")

    def expect_result(self, tone: str, *words: str) -> None:
        """Wait for an answer of this tone that says so."""
        expect(self.result).to_have_attribute("data-tone", tone, timeout=20_000)
        for each in words:
            expect(self.result).to_contain_text(each)

    @property
    def job(self) -> Locator:
        """The card of the job."""
        return self.page.get_by_role("region", name="The job")

    @property
    def batch(self) -> Locator:
        """The card of the batch."""
        return self.page.get_by_role("region", name="Batch")

    @property
    def log(self) -> Locator:
        """The rows of the last keys."""
        return self.page.get_by_role("region", name="The last keys").locator("tbody tr")

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The five steps with their state, as they read."""
        found = self.job.locator(".job-steps li").all()
        return [(each.locator(".name").inner_text(), each.locator(".word").inner_text()) for each in found]

    @property
    def reason(self) -> Locator:
        """Why the old key ends, as it is chosen."""
        return self.page.get_by_role("radio", checked=True)

    def printed(self, number: int) -> bytes:
        """The file that was handed to the printer as the first, second …; waits until it was."""
        self.page.wait_for_function("count => window.handedToPrinter.length >= count", arg=number, timeout=20_000)
        content: str = self.page.evaluate(
            """async (number) => {
                const file = window.files.get(window.handedToPrinter[number - 1]);
                const bytes = new Uint8Array(await file.arrayBuffer());
                return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
            }""",
            number,
        )
        return base64.b64decode(content)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return found

    def cut_texts(self) -> list[str]:
        """Texts of the bench that stand out of their card; names in lists are shortened on purpose."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll("[data-piece], .bench-head")].flatMap((piece) => {
                const edge = piece.getBoundingClientRect();
                return [...piece.querySelectorAll("*")]
                  .filter((node) => node.getClientRects().length && !node.closest("[popover], .name, .log-name"))
                  .filter((node) => node.getBoundingClientRect().right > edge.right + 1)
                  .map((node) => `${piece.dataset.piece}: ${node.tagName} ${node.textContent.trim().slice(0, 30)}`);
            })"""
        )
        return found
