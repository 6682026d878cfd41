"""Takes docs/screenshots/: starts the product with its demo data in var/screenshots, signs in as whoever sees a screen
and keeps a small picture of it in each language.

`python -m tests.browser.screenshots [name …]` takes all screens, or the named ones.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.album import SCREENS, Screen, Visit
from tests.browser.chromium import ARGUMENTS, CONTEXT, find_chromium, font_configuration
from tests.browser.pages.entrance import Entrance
from workbench.demo.accounts import PASSWORD, logins_of
from workbench.kernel.identity import AUTHORITY_ROLES, Role

ROOT = Path(__file__).parents[2]
VAR = ROOT / "var" / "screenshots"
TARGET = ROOT / "docs" / "screenshots"
AUTHORITY = "110000"
LARGEST = 150_000
"""Bytes of a picture: the README shows some, and every change of one stays in the repository."""
PATIENCE = 15_000
"""Milliseconds until something that does not appear is out of reach."""
COLOURS = (256, 128, 64, 32)
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}


def main(wanted: set[str]) -> int:
    """Take the wanted pictures, or all; the exit code says whether every screen could be reached."""
    program = find_chromium()
    if program is None:
        print("Chromium is missing: apt-get install chromium, or set CHROMIUM=/path/to/it.", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    screens = [each for each in SCREENS if not wanted or each.name in wanted]
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
            browser.close()
    print(f"{len(screens) * len(LANGUAGES) - len(missed)} pictures in {TARGET.relative_to(ROOT)}")
    return 1 if missed else 0


@contextlib.contextmanager
def _product() -> Iterator[str]:
    """The product on a free port, with demo data on its first start, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "WORKBENCH_VAR_DIR": str(VAR),
        "WORKBENCH_PORT": str(port),
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
        page = browser.new_context(**{**CONTEXT, "viewport": {"width": 1280, "height": 720}}).new_page()
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


def _login(role: Role) -> str:
    return logins_of(role, AUTHORITY if role in AUTHORITY_ROLES else None)[0]


def _keep(taken: bytes, file: Path) -> None:
    """Write a picture with as many colours as fit into LARGEST."""
    picture = Image.open(BytesIO(taken)).convert("RGB")
    content = b""
    for colours in COLOURS:
        stream = BytesIO()
        few = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(stream, "PNG", optimize=True)
        content = stream.getvalue()
        if len(content) <= LARGEST:
            break
    file.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
