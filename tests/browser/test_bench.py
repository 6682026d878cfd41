"""A maker at the bench with nothing but a scanner and a keyboard, tokens of SoftHSM beside it: from the blank token to
the label, past a wrong token and a fault, and many keys in a row.
"""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.browser.chromium import resize
from tests.browser.pages.bench import NO_PRINTER, BenchPage
from tests.browser.pages.entrance import Entrance
from tests.browser.served import _Quiet
from tests.browser.test_accessibility import GRAVE, OPTIONS, words_of
from tests.integration.production.bench_floor import Floor, open_floor
from tests.integration.review.desk import PASSWORD
from tests.support.database import TestServer
from tests.support.prints import drawn, pages_of, text_of
from tests.support.tokens import softhsm_bench
from workbench.cases.words import Service
from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@dataclass
class Served:
    """A floor that is served, with an agent that works by itself."""

    floor: Floor
    url: str


@pytest.fixture
def served(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A bench with its agent; nobody has sat down."""
    database, folder = database_server.copy(), tmp_path_factory.mktemp("bench")
    drawer = softhsm_bench(folder / "tokens", Algorithm.P_256)
    with open_floor(database, folder, drawer) as floor:
        server = make_server("127.0.0.1", 0, floor.app, threaded=True, request_handler=_Quiet)
        done = threading.Event()
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="web server"),
            threading.Thread(target=_work, args=(floor, done), name="bench agent"),
        ]
        floor.agent_step()
        for each in threads:
            each.start()
        try:
            yield Served(floor, f"http://127.0.0.1:{server.server_port}")
        finally:
            done.set()
            server.shutdown()
            for each in threads:
                each.join()
            server.server_close()
    database_server.drop(database)


def _work(floor: Floor, done: threading.Event) -> None:
    while not done.wait(0.05):
        floor.agent_step()


@pytest.fixture
def bench(served: Served, new_page: Callable[..., Page]) -> BenchPage:
    """The maker's browser at the bench, reading English; whoever touches the mouse fails."""
    return come_in(served, new_page)


def come_in(served: Served, new_page: Callable[..., Page], language: str = "en", **options: object) -> BenchPage:
    page = new_page(viewport={"width": 1280, "height": 720}, **options)
    page.add_init_script(NO_PRINTER)
    page.add_init_script(
        "addEventListener('pointerdown', () => console.error('somebody used the mouse'), { capture: true });"
    )
    entrance = Entrance(page, served.url).choose_language(language).open()
    entrance.sign_in_by_keys("bench-maker", PASSWORD)
    return BenchPage(page, served.url).open()


def test_from_the_blank_token_to_the_label_without_a_mouse(served: Served, bench: BenchPage) -> None:
    floor = served.floor
    floor.workshop.approved(enterprise_name="示例甲有限公司")
    floor.workshop.approved(enterprise_name="示例乙有限公司")
    first, second = floor.tokens(2)
    bench.sit_down()
    expect(bench.field).to_be_focused()
    expect(bench.job).to_contain_text("The next token is for")
    expect(bench.job).to_contain_text("示例甲有限公司")
    expect(bench.job.get_by_role("img", name="The seal of 示例甲有限公司")).to_be_visible()
    bench.scan(first)
    bench.expect_result("done", f"{first} is made and verified", "示例甲有限公司")
    assert [each.text for each in zxingcpp.read_barcodes(drawn(bench.printed(1)))] == [first]
    expect(bench.field).to_be_focused()
    expect(bench.log.first).to_contain_text(first)
    expect(bench.log.first).to_contain_text("made")
    bench.scan(second)
    bench.expect_result("done", f"{second} is made and verified", "示例乙有限公司")
    assert [each.text for each in zxingcpp.read_barcodes(drawn(bench.printed(2)))] == [second]
    expect(bench.job).to_contain_text("No approved case with a prepared seal is waiting")
    bench.press("F7")
    assert "口令" in text_of(bench.printed(3))
    expect(bench.page.get_by_role("button", name="The letter is closed")).to_be_visible()
    bench.press("F9")
    bench.expect_result("ok", "Letters closed")
    expect(bench.page.get_by_role("region", name="PIN letters")).to_contain_text("1 letter waits")


def test_a_wrong_serial_is_refused_loudly_and_the_right_one_goes_on(served: Served, bench: BenchPage) -> None:
    served.floor.workshop.approved()
    (serial,) = served.floor.tokens()
    bench.sit_down()
    bench.scan("WRONG-0001")
    bench.expect_result("refused", "WRONG-0001", "There is no token WRONG-0001 in stock.")
    expect(bench.field).to_be_focused()
    expect(bench.field).to_have_value("")
    bench.scan(serial)
    bench.expect_result("done", f"{serial} is made and verified")
    bench.scan(serial)
    bench.expect_result("refused", serial, "is a finished key")
    expect(bench.job).to_contain_text("Finished on")
    label = bench.printed(1)
    bench.press("F10")
    assert bench.printed(2) == label
    bench.press("Escape")
    expect(bench.job).not_to_contain_text("Finished on")


def test_a_fault_is_shown_where_it_happened_and_enter_tries_again(served: Served, bench: BenchPage) -> None:
    case = served.floor.workshop.approved()
    first, second = served.floor.tokens(2)
    bench.sit_down()
    served.floor.driver.fail("write_certificate", Fault.TOKEN_PULLED)
    bench.scan(first)
    bench.expect_result("refused", "The token was pulled out", "Plug it in again, then retry.")
    expect(bench.job.locator(".job-fault")).to_be_visible()
    assert bench.steps == [
        ("Token", "finished"),
        ("Key pair", "finished"),
        ("Certificate", "finished"),
        ("Seal", "finished"),
        ("Read back", "stopped"),
    ]
    served.floor.driver.fail("write_certificate", Fault.TOKEN_FULL)
    bench.press("Enter")
    bench.expect_result("refused", "There is no room left on the token.")
    bench.press("F8")
    expect(bench.page.get_by_label("What is wrong with it?")).to_be_focused()
    bench.page.keyboard.type("空间不足")
    bench.press("Enter")
    bench.expect_result("ok", first, "Set aside as spoiled")
    expect(bench.field).to_be_focused()
    assert served.floor.workshop.token(first).state == "spoiled"
    bench.scan(second)
    bench.expect_result("done", f"{second} is made and verified")
    states = [each.state for each in served.floor.workshop.certificates(case)]
    assert states == ["revoked", "valid"]


def test_a_case_and_why_its_old_key_ends_are_chosen_by_arrows(served: Served, bench: BenchPage) -> None:
    workshop = served.floor.workshop
    workshop.approved(enterprise_name="示例甲有限公司")
    case = workshop.approved(Service.REPLACEMENT, enterprise_name="示例乙有限公司", reason="钥匙损坏")
    (serial,) = served.floor.tokens()
    bench.sit_down()
    bench.press("ArrowDown")
    expect(bench.job).to_contain_text("Chosen: the next token is for")
    expect(bench.reason).to_have_value("damaged")
    bench.press("ArrowRight")
    expect(bench.reason).to_have_value("changed")
    expect(bench.field).to_be_focused()
    bench.scan(serial)
    bench.expect_result("done", serial, "示例乙有限公司")
    assert workshop.state(case) == "made"
    made = workshop.making(1)
    assert (made.application_id, made.ends_because) == (case, "changed")


def test_three_keys_in_a_row_with_their_labels_in_one_file(served: Served, bench: BenchPage) -> None:
    for name in ("示例甲有限公司", "示例乙有限公司", "示例丙有限公司"):
        served.floor.workshop.approved(enterprise_name=name)
    serials = served.floor.tokens(3)
    bench.sit_down()
    wanted = bench.batch.get_by_label("Keys in a row")
    expect(wanted).to_have_value("3")
    wanted.focus()
    bench.press("Enter")
    expect(bench.batch.get_by_role("progressbar")).to_be_visible()
    bench.expect_result("done", "3 of 3 made")
    labels = bench.printed(1)
    assert pages_of(labels) == 3
    found = {zxingcpp.read_barcodes(drawn(labels, page=page))[0].text for page in range(3)}
    assert found == set(serials)
    expect(bench.batch).to_contain_text("3 of 3 made")
    for name in ("示例甲有限公司", "示例乙有限公司", "示例丙有限公司"):
        expect(bench.batch).to_contain_text(name)
    expect(bench.batch.get_by_role("button", name="Print 3 labels again")).to_be_visible()


def test_the_names_of_a_batch_are_never_cut_in_half(served: Served, bench: BenchPage) -> None:
    for number in range(6):
        served.floor.workshop.approved(enterprise_name=f"示例{number}北方机械设备进出口集团股份有限公司华东分公司")
    served.floor.tokens(6)
    bench.page.set_viewport_size({"width": 1366, "height": 768})
    bench.sit_down()
    bench.batch.get_by_label("Keys in a row").focus()
    bench.press("Enter")
    bench.expect_result("done", "6 of 6 made")
    names = bench.batch.locator(".batch-names")
    expect(names.locator("li")).to_have_count(6)
    seen = names.evaluate("list => list.clientHeight / list.firstElementChild.getBoundingClientRect().height")
    assert seen == 5


def test_two_scans_in_one_breath_are_taken_in_their_order(served: Served, bench: BenchPage) -> None:
    served.floor.workshop.approved()
    first, second = served.floor.tokens(2)
    bench.sit_down()
    bench.scan(first)
    bench.scan(second)
    bench.expect_result("refused", second, f"Token {first} is still in work here")
    expect(bench.job).to_contain_text(first)


def test_labels_wait_for_the_button_when_the_maker_wants_it_so(served: Served, bench: BenchPage) -> None:
    served.floor.workshop.approved()
    (serial,) = served.floor.tokens()
    bench.sit_down()
    box = bench.page.get_by_label("Print labels by themselves")
    box.focus()
    bench.press("Space")
    expect(bench.field).to_be_focused()
    bench.scan(serial)
    bench.expect_result("done", serial)
    expect(bench.log.first).to_contain_text("no label")
    assert bench.page.evaluate("window.handedToPrinter.length") == 0
    bench.press("F10")
    assert pages_of(bench.printed(1)) == 1
    expect(bench.log.first).not_to_contain_text("no label")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_cut_off_and_nothing_serious_is_wrong(
    served: Served, new_page: Callable[..., Page], language: str
) -> None:
    floor = served.floor
    floor.workshop.approved(
        Service.REPLACEMENT, enterprise_name="示例北方机械设备进出口集团股份有限公司华东国际贸易分公司", reason="损坏"
    )
    for _ in range(9):
        floor.workshop.approved()
    first, second, _third = floor.tokens(3)
    bench = come_in(served, new_page, language)
    bench.press("Enter")
    bench.ready()
    check_looks(bench)
    bench.page.locator("[data-print-by-itself]").focus()
    bench.press("Space")
    bench.scan(first)
    bench.expect_result("done", first)
    check_looks(bench)  # with a label that waits to be printed
    bench.press("F10")
    assert pages_of(bench.printed(1)) == 1
    check_looks(bench)
    floor.driver.fail("personalise", Fault.SO_PIN_REFUSED)
    bench.scan(second)
    bench.expect_result("refused")
    check_looks(bench)


def check_looks(bench: BenchPage) -> None:
    for width, height in ((1024, 768), (1280, 720)):
        resize(bench.page, width, height)
        assert bench.overflow() == 0
        assert bench.cut_texts() == []
    expect(bench.page.locator("[data-scan]")).to_be_in_viewport()
    expect(bench.page.locator(".job-steps")).to_be_in_viewport(ratio=1)
    found = Axe().run(bench.page, options=OPTIONS).response["violations"]
    assert not [words_of(each) for each in found if each["impact"] in GRAVE]
    assert re.search("bench", bench.page.url)
