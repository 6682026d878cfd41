"""Board, log, discrepancies, statement and exports over HTTP: whole pages, figures that lead to their keys."""

import re

import pytest

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.conftest import table as table
from tests.support.desk import Desk
from workbench.dispatch import consignments
from workbench.kernel.identity import Role

ADDRESSES = (
    "/desk/board/",
    "/desk/board/?as=table&sort=urgent",
    "/desk/custody/",
    "/desk/custody/?view=keys",
    "/desk/custody/?columns=at&columns=serial&columns=remark&event=packed&holder=packer&state=personalised",
    "/desk/custody/?since=2026-01-01&until=2026-13-99&authority=x&after=nonsense",
    "/desk/custody/discrepancies",
    "/desk/statement/",
)


@pytest.fixture
def sent(table: Table) -> str:
    """A parcel on its way to the first authority, two keys that wait for it, one of the second's; its number."""
    table.keys(2)
    table.keys(1, authority=1)
    parcel = table.sealed(table.keys(3))
    table.do(consignments.hand_over, parcel.id, "sf", WAYBILL)
    return parcel.number


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.COUNTER_STAFF, Role.AUDITOR])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_whole_for_each_reader_in_both_languages(
    desk: Desk, sent: str, role: Role, language: str
) -> None:
    browser = desk.browser(role, language)
    for address in ADDRESSES:
        browser.open(address)


def test_a_figure_of_the_board_leads_to_its_keys(desk: Desk, sent: str) -> None:
    browser = desk.browser(Role.DISPATCHER)
    board = browser.open("/desk/board/")
    for figure, keys in (("ready", 2), ("in_transit", 3)):
        link = re.search(rf'href="([^"]+figure={figure}&amp;authority=[^"]+)"[^>]*><b>(\d+)', board)
        assert link is not None, figure
        assert int(link[2]) == keys
        assert browser.open(link[1].replace("&amp;", "&")).count("<tr><td") == keys
    everywhere = browser.open("/desk/custody/?view=keys&figure=ready")
    assert everywhere.count("<tr><td") == 3


def test_an_authority_sees_its_own_tile_and_none_of_the_others_keys(desk: Desk, sent: str) -> None:
    browser = desk.browser(Role.COUNTER_STAFF)
    board = browser.open("/desk/board/")
    assert "Example 1" in board
    assert "Example 2" not in board
    assert browser.open("/desk/custody/?view=keys&figure=ready").count("<tr><td") == 2
    other = desk.browser(Role.DISPATCHER).open("/desk/custody/?view=keys&figure=ready&authority=2")
    serial = re.search(r"q=(BK\d+)", other)
    assert serial is not None
    for address in (f"/desk/custody/?q={serial[1]}", f"/desk/custody/?view=keys&q={serial[1]}&authority=2"):
        assert "Nothing fits" in browser.open(address)
    browser.open("/desk/statement/?authority=2", 404)


def test_the_log_finds_a_parcel_by_its_waybill_and_a_key_by_its_serial(desk: Desk, sent: str) -> None:
    browser = desk.browser(Role.DISPATCHER)
    page = browser.open(f"/desk/custody/?q={WAYBILL.lower()}")
    assert page.count("<tr><td") == 3
    assert sent in page
    serial = re.search(r"q=(BK\d+)", page)
    assert serial is not None
    history = browser.open(f"/desk/custody/?q={serial[1]}")
    assert [word in history for word in ("packed", "handed to the courier", "taken into stock")] == [True] * 3


def test_the_statement_is_a_page_and_a_paper(desk: Desk, sent: str) -> None:
    browser = desk.browser(Role.DISPATCHER)
    page = browser.open("/desk/statement/")
    assert "flow=dispatched" in page
    answer = browser.client.get("/desk/statement/statement.pdf?authority=1")
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF")


def test_who_reads_no_custody_is_shown_none(desk: Desk) -> None:
    browser = desk.browser(Role.PRE_CHECKER)
    for address in ("/desk/board/", "/desk/custody/", "/desk/statement/", "/desk/custody/exports/1"):
        browser.open(address, 403)
