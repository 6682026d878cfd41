"""The packing table through its pages, as a browser without scripts walks them and as the script asks: from the list of
authorities to the sealed box, with every refusal where the packer looks.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.integration.dispatch.conftest import Table
from tests.support.casework import SYSTEM
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from tests.support.keys import MadeKey
from workbench.dispatch import consignments, packing
from workbench.dispatch.models import Consignment
from workbench.kernel.identity import Role
from workbench.keys.tokens import take_in

PACKING = "/desk/dispatch/packing"


@pytest.fixture
def desk(table: Table, fresh_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The application over the table's office."""
    with open_desk(fresh_database, tmp_path, table.office) as desk:
        yield desk


@pytest.fixture
def packer(desk: Desk) -> DeskBrowser:
    """A dispatcher who reads English, signed in."""
    return desk.browser(Role.DISPATCHER)


def begin(packer: DeskBrowser, table: Table, authority: int = 0) -> str:
    """The page of a consignment that was just opened."""
    answer = packer.send(f"{PACKING}/open", f"{PACKING}/", authority=table.office.authority_ids[authority])
    assert answer.status_code == 303
    return answer.headers["Location"]


def ask(packer: DeskBrowser, path: str, page: str, **values: object) -> TestResponse:
    """What the page's script asks."""
    token = re.search(r'name="csrf-token" content="([^"]+)"', packer.client.get(page).text)
    assert token is not None
    headers = {"Accept": "application/json", "X-CSRFToken": token.group(1)}
    return packer.client.post(path, data=values, headers=headers)


def test_the_list_says_what_waits_where_and_finds_an_authority(packer: DeskBrowser, table: Table) -> None:
    table.keys(3)
    page = packer.open(f"{PACKING}/")
    assert "3 finished keys wait" in page
    assert re.search(r"<b>3</b>\s+keys wait", page)
    assert "Example 1" in packer.open(f"{PACKING}/?q=990001")
    narrowed = packer.open(f"{PACKING}/?q=%E7%A4%BA%E4%BE%8B%E6%9C%BA%E6%9E%842")
    assert "Example 2" in narrowed
    assert "Example 1" not in narrowed
    assert "No authority is meant by" in packer.open(f"{PACKING}/?q=nowhere")


def test_a_consignment_is_gone_on_with_until_another_is_wanted(packer: DeskBrowser, table: Table) -> None:
    table.keys(1)
    first = begin(packer, table)
    assert begin(packer, table) == first
    another = packer.send(
        f"{PACKING}/open", f"{PACKING}/", authority=table.office.authority_ids[0], another="1"
    ).headers["Location"]
    assert another != first
    assert packer.send(f"{PACKING}/open", f"{PACKING}/").status_code == 400
    assert packer.send(f"{PACKING}/open", f"{PACKING}/", authority="999").status_code == 404


def test_a_box_is_packed_and_sealed_without_scripts(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(3)
    page = begin(packer, table)
    shown = packer.open(page)
    assert all(f'data-serial="{key.serial}"' in shown for key in keys)
    for key in keys[:2]:
        packer.send(f"{page}/scan", page, serial=key.serial, box="1")
    assert f"{keys[1].serial} · In box 1" in packer.open(page)
    packer.send(f"{page}/scan", page, serial=keys[1].serial, box="1")
    assert "Already in box 1" in packer.open(page)
    packer.send(f"{page}/take-out", page, serial=keys[0].serial)
    assert "back in stock" in packer.open(page)
    packer.send(f"{page}/boxes/add", page)
    packer.send(f"{page}/scan", page, serial=keys[2].serial, box="2")
    shown = packer.open(page)
    assert "<strong data-scan-done>2</strong>" in shown
    sealed = packer.send(f"{page}/seal", page, version=version_on(shown))
    assert sealed.headers["Location"].startswith("/desk/dispatch/consignments/")
    assert "is sealed. Print its papers." in packer.open(sealed.headers["Location"])
    assert packer.client.get(page).headers["Location"] == sealed.headers["Location"]


def version_on(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    return found.group(1)


def test_a_refusal_stands_on_the_page_and_nothing_is_lost(packer: DeskBrowser, table: Table) -> None:
    other = table.keys(1, authority=1)[0]
    page = begin(packer, table)
    for serial, said in (
        (other.serial, f"Key {other.serial} is for another authority: Example 2."),
        ("6901234567892", "“6901234567892” is none of our keys."),
        ("  ", "Scan or type a serial number."),
    ):
        answer = packer.send(f"{page}/scan", page, serial=serial)
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
        assert said in packer.open(page)
    packer.send(f"{page}/seal", page)
    assert "holds no key yet" in packer.open(page)
    packer.send(f"{page}/boxes/drop", page)
    assert "one box at least" in packer.open(page)


def test_the_script_is_told_tone_words_and_counts(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(2)
    page = begin(packer, table)
    first = json.loads(ask(packer, f"{page}/scan", page, serial=keys[0].serial, box="1").text)
    assert (first["tone"], first["word"], first["box"], first["serial"]) == ("ok", "In box 1", 1, keys[0].serial)
    assert first["counts"] == {"boxes": [1], "packed": 1, "waiting": 1, "all": 2}
    again = json.loads(ask(packer, f"{page}/scan", page, serial=keys[0].serial, box="1").text)
    assert (again["tone"], again["counts"]["packed"]) == ("repeat", 1)
    assert again["version"] == first["version"]
    refused = json.loads(ask(packer, f"{page}/scan", page, serial="nothing").text)
    assert (refused["tone"], refused["word"], refused["aside"]) == ("refused", "nothing", True)
    assert refused["detail"] == "“nothing” is none of our keys."
    assert refused["counts"]["packed"] == 1
    out = json.loads(ask(packer, f"{page}/take-out", page, serial=keys[0].serial).text)
    assert (out["box"], out["counts"]["packed"], out["counts"]["waiting"]) == (0, 0, 2)


def test_a_scan_into_a_box_that_was_sealed_meanwhile_is_refused(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(2)
    consignment = table.packed(keys[:1])
    table.do(consignments.seal, consignment.id)
    page = f"{PACKING}/{consignment.id}"
    refused = json.loads(ask(packer, f"{page}/scan", f"{PACKING}/", serial=keys[1].serial).text)
    assert (refused["tone"], refused["aside"]) == ("refused", False)
    assert "its contents are frozen" in refused["detail"]
    assert ask(packer, f"{PACKING}/999/scan", f"{PACKING}/", serial=keys[1].serial).status_code == 404


def test_names_are_said_in_chinese_to_whoever_reads_chinese(desk: Desk, table: Table) -> None:
    other = table.keys(1, authority=1)[0]
    packer = desk.browser(Role.DISPATCHER, "zh")
    page = begin(packer, table)
    refused = ask(packer, f"{page}/scan", page, serial=other.serial)
    assert json.loads(refused.text)["detail"] == f"介质 {other.serial} 属于其他发证机构：示例机构2。"


def packed_by_another(table: Table, keys: list[MadeKey]) -> Consignment:
    """A consignment that somebody else than the signed in dispatcher has packed."""
    return table.packed(keys)


def test_a_second_person_compares_and_differences_stand_in_red(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(3)
    with table.office.work() as session:
        take_in(session, SYSTEM, "BLANK1", model="示例", box="示例")
    consignment = packed_by_another(table, keys[:2])
    page = f"{PACKING}/{consignment.id}"
    shown = packer.open(f"{page}/check")
    assert keys[0].serial in shown
    assert keys[2].serial not in shown
    answer = packer.send(f"{page}/check", serials=f"{keys[0].serial}\r\n{keys[2].serial}\r\nBLANK1\r\n")
    assert answer.status_code == 200
    assert f"{keys[1].serial}</span>" in answer.text
    assert "on the list for box 1, not found" in answer.text
    assert "Token BLANK1 is blank" in answer.text
    why = json.loads(packer.client.get(f"{page}/why?serial={keys[2].serial}").text)
    assert why["detail"] == "Not scanned when it was packed."
    right = packer.send(f"{page}/check", serials=[keys[0].serial, keys[1].serial])
    assert right.headers["Location"] == page
    assert "2 keys checked: everything agrees." in packer.open(page)
    assert "Checked by" in packer.open(page)


def test_a_second_person_counts(packer: DeskBrowser, table: Table) -> None:
    consignment = packed_by_another(table, table.keys(2))
    page = f"{PACKING}/{consignment.id}"
    packer.send(f"{page}/count", f"{page}/check", **{"box-1": "3"})
    assert "Box 1: 3 counted, 2 on the packing list." in packer.open(f"{page}/check")
    for never in ({"box-1": "2" * 5000}, {"box-1": "٢"}, {"box-" + "1" * 5000: "2"}):
        assert packer.send(f"{page}/count", f"{page}/check", **never).headers["Location"] == f"{page}/check"
        assert "Box 1: – counted, 2 on the packing list." in packer.open(f"{page}/check")
    assert packer.send(f"{page}/count", f"{page}/check", **{"box-1": "2", "box-x": "9"}).headers["Location"] == page
    assert "The counts agree" in packer.open(page)


def test_who_packed_may_not_check(packer: DeskBrowser, table: Table) -> None:
    key = table.keys(1)[0]
    page = begin(packer, table)
    packer.send(f"{page}/scan", page, serial=key.serial)
    assert packer.client.get(f"{page}/check").status_code == 303
    assert "a second person has to check it" in packer.open(page)
    packer.send(f"{page}/check", page, serials=key.serial)
    assert "a second person has to check it" in packer.open(page)


def test_a_house_that_wants_the_second_look_says_so(table: Table, fresh_database: Database, tmp_path: Path) -> None:
    with open_desk(fresh_database, tmp_path, table.office) as desk:
        object.__setattr__(desk.parts.settings, "second_packing_check", True)
        packer = desk.browser(Role.DISPATCHER)
        consignment = table.packed(table.keys(1))
        page = f"{PACKING}/{consignment.id}"
        assert "seals only what a second person has checked" in packer.open(page)
        packer.send(f"{page}/seal", page)
        assert "A second person has to check the pack" in packer.open(page)


def test_my_day_and_the_rail_say_what_there_is_to_pack(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(4)
    table.sealed(keys[:1])
    table.packed(keys[1:2])
    page = packer.open("/desk/")
    assert re.search(r"Keys to pack</a></dt><dd>2</dd>", page)
    assert re.search(r"Waiting for the courier</a></dt><dd>1</dd>", page)
    counts = json.loads(packer.client.get("/desk/counts").text)
    assert (counts["packing.index"], counts["courier.index"], counts["consignments.index"]) == (2, 1, 2)


@pytest.mark.parametrize("role", [Role.COUNTER_STAFF, Role.KEY_MAKER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_nobody_else_enters_the_packing_table(desk: Desk, table: Table, role: Role) -> None:
    consignment = table.packed(table.keys(1))
    browser = desk.browser(role)
    for path in (f"{PACKING}/", f"{PACKING}/{consignment.id}", f"{PACKING}/{consignment.id}/check"):
        browser.open(path, 403)
    assert browser.send(f"{PACKING}/{consignment.id}/seal", "/desk/").status_code == 403
    assert table.do(packing.add_box, consignment.id).state == "packing"
