"""Takes docs/screenshots/: starts the product with its demo data in var/screenshots, signs in as whoever sees a screen
and keeps a small picture of it in each language; of some screens of the front door also as a telephone shows them.

`python -m tests.browser.screenshots [name …]` takes all screens, or the named ones.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser.album import SCREENS, Screen, Visit
from tests.browser.chromium import ARGUMENTS, CONTEXT, find_chromium, font_configuration
from tests.browser.pages.entrance import Entrance
from tests.browser.pages.portal import FrontDoor
from tests.browser.portal_album import PORTAL_SCREENS, PortalScreen, PortalVisit
from tests.support.certificates import free_port
from workbench.cases.words import State
from workbench.demo.accounts import PASSWORD, logins_of
from workbench.kernel.identity import AUTHORITY_ROLES, Role
from workbench.kernel.secrets import Secrets

ROOT = Path(__file__).parents[2]
VAR = ROOT / "var" / "screenshots"
TARGET = ROOT / "docs" / "screenshots"
AUTHORITY = "110000"
LARGEST = 150_000
"""Bytes of a picture: the README shows some, and every change of one stays in the repository."""
PATIENCE = 15_000
"""Milliseconds until something that does not appear is out of reach."""
COLOURS = (256, 128, 64, 32)
DESK: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 390, "height": 844}
MOST = 2.5
"""Screens high: how much of a long page of the front door is shown."""
TRUE = 4
"""So many of a picture's commonest colours are kept exactly."""
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}


def main(wanted: set[str]) -> int:
    """Take the wanted pictures, or all; the exit code says whether every screen could be reached."""
    program = find_chromium()
    if program is None:
        print("Chromium is missing: apt-get install chromium, or set CHROMIUM=/path/to/it.", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    screens = [each for each in SCREENS if not wanted or each.name in wanted]
    portal = [each for each in PORTAL_SCREENS if not wanted or each.name in wanted]
    with _product() as base_url, tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {
            **os.environ,
            "FONTCONFIG_FILE": str(font_configuration(Path(folder))),
        }
        missed = []
        for language, tag in LANGUAGES.items():
            # The browser's own widgets, such as date fields, follow its language and not the page's.
            browser = playwright.chromium.launch(
                executable_path=program, args=[*ARGUMENTS, f"--lang={tag}"], env={**environment, "LANGUAGE": tag}
            )
            missed += _take_all(browser, base_url, screens, language)
            missed += _take_portal(browser, base_url, portal, language, Secrets.load_or_create(VAR / "keys"))
            browser.close()
    print(f"{(len(screens) + len(portal)) * len(LANGUAGES) - len(missed)} screens in {TARGET.relative_to(ROOT)}")
    return 1 if missed else 0


@contextlib.contextmanager
def _product() -> Iterator[str]:
    """The product on a free port, with demo data on its first start, until the block ends."""
    port, key_port = free_port(), free_port()
    environment = {
        **os.environ,
        "WORKBENCH_VAR_DIR": str(VAR),
        "WORKBENCH_PORT": str(port),
        "WORKBENCH_KEY_PORT": str(key_port),
        "WORKBENCH_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "workbench", "serve", "--demo"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as product:
        assert product.stderr is not None
        try:
            for line in product.stderr:
                print(line, end="", flush=True)
                if line.startswith("Ready:"):
                    break
            else:
                raise SystemExit("The product did not start.")
            yield f"http://127.0.0.1:{port}"
        finally:
            product.send_signal(signal.SIGINT)
            product.stderr.read()


def _take_all(browser: Browser, base_url: str, screens: list[Screen], language: str) -> list[str]:
    """Take the screens in one language; returns the names of those that could not be reached."""
    missed = []
    pages: dict[Role | None, Page] = {}

    def stranger() -> Page:
        page = browser.new_context(**{**CONTEXT, "viewport": DESK}).new_page()
        page.set_default_timeout(PATIENCE)
        Entrance(page, base_url).choose_language(language)
        return page

    for screen in screens:
        if screen.role not in pages:
            pages[screen.role] = stranger()
            if screen.role is not None:
                Entrance(pages[screen.role], base_url).open().sign_in(_login(screen.role), PASSWORD)
        page = pages[screen.role]
        try:
            shown = screen.open(Visit(page, base_url, stranger)) or page
        except Exception as error:
            print(f"{screen.name}: {error}", file=sys.stderr)
            missed.append(screen.name)
            continue
        shown.mouse.move(0, 0)
        _keep(shown.screenshot(), TARGET / f"{screen.name}-{language}.png")
    return missed


def _take_portal(
    browser: Browser, base_url: str, screens: list[PortalScreen], language: str, secrets: Secrets
) -> list[str]:
    """Take the screens of the front door in one language; returns the names of those that could not be reached."""
    missed = []
    pages: dict[State | None, Page] = {}
    for screen in screens:
        if screen.applicant not in pages:
            page = browser.new_context(**{**CONTEXT, "viewport": DESK}).new_page()
            page.set_default_timeout(PATIENCE)
            door = FrontDoor(page, base_url, secrets).choose_language(language)
            if screen.applicant is not None:
                door.open("/entrance")
                page.locator(f"[data-offer][data-state={screen.applicant}]").click()
                page.locator("form.sign-in [name=captcha]").fill(door.captcha_answer())
                page.locator("form.sign-in button.primary").click()
                page.wait_for_url("**/applications")
            pages[screen.applicant] = page
        page = pages[screen.applicant]
        try:
            page.set_viewport_size(DESK)
            screen.open(PortalVisit(page, base_url, secrets))
        except Exception as error:
            print(f"{screen.name}: {error}", file=sys.stderr)
            missed.append(screen.name)
            continue
        page.mouse.move(0, 0)
        _keep(_whole(page, DESK), TARGET / f"{screen.name}-{language}.png")
        if screen.phone:
            page.set_viewport_size(PHONE)
            _keep(_whole(page, PHONE), TARGET / f"{screen.name}-phone-{language}.png")
    return missed


def _whole(page: Page, size: ViewportSize) -> bytes:
    """The page from its top, MOST screens of it; what loads when it comes into view is fetched first."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    covered = page.locator("dialog[open]").count()
    height = size["height"] if covered else min(page.evaluate("document.body.scrollHeight"), MOST * size["height"])
    return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": size["width"], "height": height})


def _login(role: Role) -> str:
    return logins_of(role, AUTHORITY if role in AUTHORITY_ROLES else None)[0]


def _keep(taken: bytes, file: Path) -> None:
    """Write a picture with as many colours as fit into LARGEST."""
    picture = Image.open(BytesIO(taken)).convert("RGB")
    content = b""
    for colours in COLOURS:
        stream = BytesIO()
        few = _with_true_grounds(
            picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE), picture
        )
        few.save(stream, "PNG", optimize=True)
        content = stream.getvalue()
        if len(content) <= LARGEST:
            break
    file.write_bytes(content)


def _with_true_grounds(few: Image.Image, picture: Image.Image) -> Image.Image:
    """The commonest colours as they are: grounds and letters must not take the tint of a photograph beside them."""
    palette = few.getpalette() or []
    places = range(0, len(palette), 3)
    counted = picture.getcolors(picture.width * picture.height) or []
    for _, colour in sorted(counted, reverse=True)[:TRUE]:
        assert isinstance(colour, tuple)
        nearest = min(places, key=lambda at: sum((palette[at + each] - colour[each]) ** 2 for each in range(3)))
        if tuple(palette[nearest : nearest + 3]) not in {each for _, each in sorted(counted, reverse=True)[:TRUE]}:
            palette[nearest : nearest + 3] = colour
    few.putpalette(palette)
    return few


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
