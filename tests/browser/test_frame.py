"""The frame in a real browser: keys, counts, questions before deleting, copying; and no complaint of the browser."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.integration.shell.conftest import Shell, shell, shell_parts
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority

__all__ = ["shell", "shell_parts"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(shell: Shell) -> Iterator[str]:
    """Where the application is served, for as long as the module's tests run."""
    server = make_server("127.0.0.1", 0, shell.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_sheet_lists_the_keys_and_none_fires_while_typing(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/")
    sheet = page.locator("dialog#keys")
    page.keyboard.press("/")
    search = page.locator("[data-search]")
    expect(search).to_be_focused()
    page.keyboard.press("?")
    expect(search).to_have_value("?")
    expect(sheet).not_to_be_visible()
    search.blur()
    page.keyboard.press("?")
    expect(sheet).to_be_visible()
    expect(sheet.locator("kbd")).to_have_text(["/", "?"])
    page.keyboard.press("Escape")
    expect(sheet).not_to_be_visible()


def test_counts_arrive_after_the_page(page: Page, address: str) -> None:
    page.goto(f"{address}/desk/")
    expect(page.locator('[data-count="bench.index"]')).to_have_text("3")


def test_deleting_asks_once_and_names_the_thing(page: Page, address: str, shell_parts: Parts) -> None:
    with shell_parts.work() as session:
        session.add(
            Authority(code="990009", name_zh="示例机构", short_zh="示例", name_en="-", kind="province", position=10)
        )
    page.goto(f"{address}/desk/authorities/")
    row = page.locator("tbody tr", has_text="示例机构")
    question = page.locator("dialog#confirm")
    row.locator("form[data-confirm] button").click()
    expect(question.locator("[data-question]")).to_contain_text("示例机构")
    question.locator("button[value=no]").click()
    expect(question).not_to_be_visible()
    expect(row).to_be_visible()
    row.locator("form[data-confirm] button").click()
    question.locator("[data-agree]").click()
    expect(page.locator("[data-flashes] .banner.done")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_code_is_copied_by_one_click(page: Page, address: str, complaints: list[str]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}/nowhere")
    button = page.locator("button[data-copy]")
    button.click()
    expect(page.locator("[data-announce]")).not_to_be_empty()
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")
    assert all("404" in complaint for complaint in complaints)
    complaints.clear()


@pytest.mark.parametrize("width", [1024, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["/desk/", "/desk/authorities/", "/desk/authorities/new/"])
def test_nothing_scrolls_sideways(page: Page, address: str, path: str, language: str, width: int) -> None:
    page.context.add_cookies([{"name": "language", "value": language, "url": address}])
    page.set_viewport_size({"width": width, "height": 720})
    page.goto(address + path)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
