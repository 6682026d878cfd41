"""The papers page in a real browser: sent piece by piece, over broken connections, by keyboard, and without scripts."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.chromium import forgive
from tests.browser.test_accessibility import GRAVE, OPTIONS
from tests.support.database import TestServer
from tests.support.papers import Counter, a_picture, a_strip, open_counter
from workbench.documents import limits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NewPage = Callable[..., Page]


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing."""


@dataclass
class Site:
    """The application with one applicant, as a browser reaches it."""

    counter: Counter
    url: str

    def open(self, new_page: NewPage, path: str, **options: Any) -> Page:
        """A page of the applicant, already signed in."""
        page = new_page(**options)
        cookie = self.counter.client.get_cookie("workbench")
        assert cookie is not None
        page.context.add_cookies([{"name": "workbench", "value": cookie.value, "url": self.url}])
        page.goto(f"{self.url}{path}")
        return page


@pytest.fixture(scope="module")
def place(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_counter(database_server, tmp_path_factory.mktemp("papers")) as counter:
        server = make_server("127.0.0.1", 0, counter.app, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Site(counter, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.fixture
def draft_id(place: Site) -> Iterator[int]:
    made = place.counter.start()
    yield made
    place.counter.post(f"/drafts/{made}/discard")


def large(folder: Path, name: str = "large.jpg") -> Path:
    """A file of a little more than two pieces: what follows a picture's end is kept and read by nobody."""
    path = folder / name
    path.write_bytes(a_strip() + bytes(2 * limits.UPLOAD_CHUNK_BYTES))
    return path


def test_files_are_sent_as_they_are_chosen_and_shown_without_leaving(
    place: Site, draft_id: int, new_page: NewPage, tmp_path: Path
) -> None:
    page = place.open(new_page, f"/drafts/{draft_id}/papers")
    slot = page.locator("#slot-business_licence")
    small = tmp_path / "small.jpg"
    small.write_bytes(a_picture(600, 849))

    slot.locator("#files-business_licence").set_input_files([small, large(tmp_path)])

    expect(slot.locator(".paper-name")).to_have_text(["small.jpg", "large.jpg"], timeout=30_000)
    expect(slot.locator(".hint").first).to_contain_text("small.jpg：第 1 页只有 600 × 849")
    slot.get_by_role("button", name="下移：small.jpg").press("Enter")
    expect(slot.locator(".paper-name")).to_have_text(["large.jpg", "small.jpg"])
    slot.locator("a[data-page]").first.press("Enter")
    expect(page.locator("#page-dialog")).to_contain_text("large.jpg · 第 1 页，共 1 页")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#page-title")).to_contain_text("small.jpg")
    page.keyboard.press("Escape")
    slot.get_by_role("button", name="移除 large.jpg").click()
    expect(slot.locator(".paper-name")).to_have_text(["small.jpg"])


def test_a_refused_file_is_told_beside_its_slot(
    place: Site, draft_id: int, new_page: NewPage, tmp_path: Path, complaints: list[str]
) -> None:
    page = place.open(new_page, f"/drafts/{draft_id}/papers")
    bad = tmp_path / "moving.gif"
    bad.write_bytes(b"GIF89a" + bytes(50))

    page.locator("#files-user_id_card").set_input_files(bad)

    expect(page.locator("#slot-user_id_card [data-problems]")).to_contain_text("moving.gif")
    expect(page.locator("#slot-user_id_card [data-upload]")).to_have_count(0)
    forgive(complaints, "422")


def test_a_broken_connection_is_told_and_gone_on_from(
    place: Site, draft_id: int, new_page: NewPage, tmp_path: Path, complaints: list[str]
) -> None:
    page = place.open(new_page, f"/drafts/{draft_id}/papers")
    pieces: list[str] = []

    def flaky(route: Route) -> None:
        pieces.append(route.request.headers["upload-offset"])
        if len(pieces) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/*", lambda route: flaky(route) if route.request.method == "PUT" else route.continue_())
    slot = page.locator("#slot-business_licence")

    slot.locator("#files-business_licence").set_input_files(large(tmp_path))

    expect(slot.locator(".upload-line.lost")).to_contain_text("连接中断")
    expect(slot.locator(".paper-name")).to_have_text(["large.jpg"], timeout=30_000)
    step = limits.UPLOAD_CHUNK_BYTES
    assert [int(each) for each in pieces] == [0, step, step, 2 * step]
    forgive(complaints, "ERR_CONNECTION_RESET")


def test_after_a_reload_the_same_file_goes_on_where_it_stopped(
    place: Site, draft_id: int, new_page: NewPage, tmp_path: Path
) -> None:
    path, step = large(tmp_path), limits.UPLOAD_CHUNK_BYTES
    counter = place.counter
    said = {"slot": "business_licence", "name": path.name, "size": path.stat().st_size}
    upload = counter.json(f"/drafts/{draft_id}/uploads", said).get_json()
    counter.put(upload["url"], 0, path.read_bytes()[:step])
    page = place.open(new_page, f"/drafts/{draft_id}/papers")
    slot = page.locator("#slot-business_licence")
    expect(slot.locator("[data-upload]")).to_contain_text("再次选择同一文件即可继续")
    offsets: list[str] = []
    page.on("request", lambda sent: offsets.append(sent.headers["upload-offset"]) if sent.method == "PUT" else None)

    slot.locator("#files-business_licence").set_input_files(path)

    expect(slot.locator(".paper-name")).to_have_text(["large.jpg"], timeout=30_000)
    expect(slot.locator(".upload-line")).to_have_count(0)
    assert [int(each) for each in offsets] == [step, 2 * step]


def test_without_scripts_a_form_is_filled_with_papers_and_submitted(
    place: Site, draft_id: int, new_page: NewPage, tmp_path: Path
) -> None:
    page = place.open(new_page, f"/drafts/{draft_id}/papers", java_script_enabled=False)
    for shade, code in enumerate(("application_form", "business_licence", "user_id_card")):
        scan = tmp_path / f"{code}.jpg"
        scan.write_bytes(a_strip(shade))
        slot = page.locator(f"#slot-{code}")
        slot.locator(f"#files-{code}").set_input_files(scan)
        slot.locator("button[data-without-script]").click()
        expect(page.locator(f"#slot-{code} .paper-name")).to_have_text(f"{code}.jpg")
    page.locator("button[id^='turn-']").first.click()
    page.locator("#to-confirm").click()
    page.locator("#agreed").check()

    page.get_by_role("button", name="提交").click()

    expect(page).to_have_url(re.compile(r"/applications/EK\d{11}\?received=1$"))


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_serious_is_wrong_and_nothing_sticks_out(
    place: Site, draft_id: int, new_page: NewPage, width: int
) -> None:
    place.counter.add(draft_id, "application_form", a_strip(), "示例 " + "very-long-name-" * 7 + ".jpg")
    place.counter.add(draft_id, "business_licence", a_picture(600, 849), "small.jpg")
    place.counter.json(f"/drafts/{draft_id}/uploads", {"slot": "user_id_card", "name": "half.jpg", "size": 100})
    page = place.open(new_page, f"/drafts/{draft_id}/papers", viewport={"width": width, "height": 900})

    for step in ("papers", "dialog", "confirm"):
        if step == "dialog":
            page.locator("a[data-page]").first.click()
        elif step == "confirm":
            page.goto(f"{place.url}/drafts/{draft_id}/confirm")
        found = Axe().run(page, options=OPTIONS).response["violations"]
        grave = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in GRAVE]
        assert grave == [], f"{step} at {width}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{step} at {width}"
