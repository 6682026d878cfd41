"""A headless Chromium that shows Chinese on a machine without fonts, and pages that fail their test on any error."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",  # as root Chromium has none; it sees nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
CONTEXT: Final[dict[str, Any]] = {
    "locale": "zh-CN",
    "timezone_id": "Asia/Shanghai",
    "viewport": {"width": 1440, "height": 900},
    "reduced_motion": "reduce",
}
FONT_CONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans SC</family></prefer></alias>
  <alias><family>serif</family><prefer><family>Noto Serif SC</family></prefer></alias>
</fontconfig>
"""


def find_chromium() -> str | None:
    """The program named by CHROMIUM, or the first known one on PATH."""
    wanted = (os.environ.get("CHROMIUM"), *NAMES)
    return next((found for name in wanted if name and (found := shutil.which(name))), None)


def font_configuration(folder: Path) -> Path:
    """A fontconfig file in `folder` that adds the font wheel's Chinese fonts to the system's."""
    spec = find_spec("pylopdf_fonts_zh_cn")
    assert spec is not None
    assert spec.origin is not None
    file = folder / "fonts.conf"
    file.write_text(FONT_CONFIG.format(fonts=Path(spec.origin).parent, cache=folder / "font-cache"))
    return file


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all browser tests of this process."""
    program = find_chromium()
    if program is None:
        pytest.fail("Chromium is missing: apt-get install chromium, or set CHROMIUM=/path/to/it.", pytrace=False)
    fonts = font_configuration(tmp_path_factory.mktemp("fonts"))
    environment: dict[str, str | float | bool] = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, env=environment)
        yield started
        started.close()


@pytest.fixture
def complaints() -> list[str]:
    """Errors of the console and of scripts so far. A test that provokes one on purpose takes it out."""
    return []


@pytest.fixture
def new_page(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens pages without cookies or history, of people who know nothing of each other; takes options of a context.

    Whatever they complain about fails the test at its end.
    """
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{**CONTEXT, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: _note_console(message, complaints))
        page.on("pageerror", lambda error: _note_error(error, complaints))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page without cookies or history; whatever it complains about fails the test at its end."""
    return new_page()


def resize(page: Page, width: int, height: int) -> None:
    """Give a page another size, and wait until it is laid out for it: style rules follow with the next frame."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def forgive(complaints: list[str], words: str) -> None:
    """Take out what a test provoked on purpose; it has to be there.

    Raises:
        AssertionError: the browser did not complain of it.
    """
    provoked = [each for each in complaints if words in each]
    assert provoked, f"nobody complained of {words}: {complaints}"
    for each in provoked:
        complaints.remove(each)


def _note_console(message: ConsoleMessage, found: list[str]) -> None:
    if message.type == "error":
        place = message.location
        found.append(f"{message.text} ({place.get('url')}:{place.get('lineNumber')})")


def _note_error(error: Error, found: list[str]) -> None:
    found.append(str(error))
