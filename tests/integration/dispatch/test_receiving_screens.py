"""The authority's door through its pages, as a browser without scripts walks them and as the script asks: from the
label to the goods-received note, with every difference where the clerk looks.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.doors import Door, open_doors
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from workbench.cases.models import Application
from workbench.dispatch.models import Discrepancy
from workbench.kernel.identity import Role

DOOR = "/desk/dispatch/receiving"


@pytest.fixture
def door(table: Table) -> Door:
    """Counter staff of both authorities."""
    return open_doors(table)


@pytest.fixture
def desk(table: Table, fresh_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The application over the table's office."""
    with open_desk(fresh_database, tmp_path, table.office) as desk:
        yield desk


@pytest.fixture
def clerk(desk: Desk) -> DeskBrowser:
    """Counter staff of the first authority who reads English, signed in."""
    return desk.browser(Role.COUNTER_STAFF)


def ask(browser: DeskBrowser, path: str, page: str, **values: object) -> TestResponse:
    """What the page's script asks."""
    token = re.search(r'name="csrf-token" content="([^"]+)"', browser.client.get(page).text)
    assert token is not None
    headers = {"Accept": "application/json", "X-CSRFToken": token.group(1)}
    return browser.client.post(path, data=values, headers=headers)


def arrive(clerk: DeskBrowser, number: str) -> str:
    """The page of a parcel whose label was scanned."""
    answer = clerk.send(f"{DOOR}/find", f"{DOOR}/", number=number)
    assert answer.status_code == 303
    return answer.headers["Location"]


def text_of(content: bytes) -> str:
    """The text of a PDF, without blanks."""
    with pypdfium2.PdfDocument(content) as pdf:
        return "".join("".join(page.get_textpage().get_text_bounded().split()) for page in pdf)


def test_a_parcel_is_received_without_scripts(clerk: DeskBrowser, door: Door) -> None:
    keys = door.table.keys(3)
    parcel = door.sent(keys)
    assert parcel.number in clerk.open(f"{DOOR}/")
    assert "No parcel with the number" in clerk.open(arrive(clerk, "nothing"))
    page = arrive(clerk, WAYBILL)
    assert "has not been opened" in clerk.open(page)
    clerk.send(f"{page}/open", page)
    for key in (keys[0], keys[0], keys[1]):
        clerk.send(f"{page}/scan", page, serial=key.serial)
    shown = clerk.open(page)
    assert "<strong data-scan-done>2</strong>" in shown
    assert "1 key has not been scanned" in shown
    clerk.send(f"{page}/close", page)
    assert "Go on" in clerk.open(page)
    clerk.send(f"{page}/open", page)
    clerk.send(f"{page}/close", page, complete="yes")
    shown = clerk.open(page)
    assert "1 key is missing" in shown
    assert f'data-serial="{keys[2].serial}" data-kind="missing"' in shown
    clerk.send(f"{page}/open", page)
    clerk.send(f"{page}/scan", page, serial=keys[2].serial)
    assert "Found in a later opening" in clerk.open(page)


def test_the_script_is_told_tone_words_and_counts(clerk: DeskBrowser, door: Door) -> None:
    first, second = keys = door.table.keys(2)
    page = f"{DOOR}/{door.sent(keys).id}"
    assert ask(clerk, f"{page}/scan", page, serial=first.serial).status_code == 409
    clerk.send(f"{page}/open", page)

    def told(serial: str) -> dict[str, Any]:
        found = ask(clerk, f"{page}/scan", page, serial=serial).get_json()
        assert isinstance(found, dict)
        return found

    one = told(first.serial)
    assert (one["tone"], one["done"], one["all"]) == ("ok", 1, 2)
    assert one["enterprise"] in one["detail"]
    assert told(first.serial)["tone"] == "repeat"
    strange = told("6901234567892")
    assert (strange["tone"], strange["word"]) == ("refused", "Not one of our keys")
    assert "6901234567892" in strange["differences"]
    assert told(second.serial)["tone"] == "done"


def test_another_authority_s_key_is_sent_on_with_one_click(clerk: DeskBrowser, door: Door) -> None:
    (foreign,) = door.table.keys(1, authority=1)
    page = f"{DOOR}/{door.sent(door.table.keys(1)).id}"
    clerk.send(f"{page}/open", page)
    told = ask(clerk, f"{page}/scan", page, serial=foreign.serial).get_json()
    assert told["detail"] == f"{foreign.serial} belongs to Example 2: send it on."
    assert told["enterprise"] == ""
    number = door.table.read(lambda session: session.scalars(select(Discrepancy.id)).one())
    act = f"{page}/findings/{number}"
    clerk.open(f"{act}/label.pdf", 404)
    clerk.send(f"{act}/send-on", page, carrier="sf", waybill="no waybill")
    assert "is no waybill number" in clerk.open(page)
    clerk.send(f"{act}/send-on", page, carrier="sf", waybill="SF1234567890199")
    shown = clerk.open(page)
    assert 'Sent on to its authority · SF Express <span class="serial">SF1234567890199</span>' in shown
    label = text_of(clerk.client.get(f"{act}/label.pdf").data)
    assert "示例机构2" in label
    name = door.table.read(lambda session: session.get_one(Application, foreign.application_id).enterprise_name)
    assert name not in shown + label


def test_a_damaged_key_is_reported_with_a_photo(clerk: DeskBrowser, desk: Desk, door: Door) -> None:
    (key,) = keys = door.table.keys(1)
    page = f"{DOOR}/{door.sent(keys).id}"
    clerk.send(f"{page}/open", page)
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "red").save(picture, "JPEG")
    clerk.send(
        f"{page}/scan",
        page,
        serial=key.serial,
        damaged="yes",
        remark="外壳裂开",
        photo=(io.BytesIO(b"no picture"), "a.jpg"),
    )
    assert door.table.read(lambda session: session.scalars(select(Discrepancy)).all()) == []
    clerk.send(
        f"{page}/scan",
        page,
        serial=key.serial,
        damaged="yes",
        remark="外壳裂开",
        photo=(io.BytesIO(picture.getvalue()), "a.jpg"),
    )
    found = door.table.read(lambda session: session.scalars(select(Discrepancy)).one())
    assert (found.kind, found.remark) == ("damaged", "外壳裂开")
    photo = f"/desk/dispatch/differences/{found.id}/photo"
    vendor = desk.browser(Role.DISPATCHER)
    shown = vendor.open("/desk/dispatch/differences/")
    assert photo in shown
    assert key.serial in shown
    answer = vendor.client.get(photo)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    Image.open(io.BytesIO(answer.data)).verify()
    act = f"/desk/dispatch/differences/{found.id}/make-anew"
    vendor.send(act, "/desk/dispatch/differences/", remark="")
    assert "Say why" in vendor.open("/desk/dispatch/differences/")
    vendor.send(act, "/desk/dispatch/differences/", remark="重新制作")
    assert key.serial not in vendor.open("/desk/dispatch/differences/")
    assert key.serial in vendor.open("/desk/dispatch/differences/?settled=1")


def test_damage_seen_after_the_scan_stands_in_the_list_and_on_the_note(clerk: DeskBrowser, door: Door) -> None:
    key, whole = keys = door.table.keys(2)
    page = f"{DOOR}/{door.sent(keys).id}"
    clerk.send(f"{page}/open", page)
    for each in keys:
        clerk.send(f"{page}/scan", page, serial=each.serial)
    told = ask(clerk, f"{page}/scan", page, serial=key.serial, damaged="yes", remark="接口弯了").get_json()
    assert told["finding"] == "Damaged"
    scanned = clerk.open(page).partition("data-scanned ")[2].partition("</ul>")[0]
    words = re.findall(r'<li data-serial="([^"]+)"( class="is-unfit")?>.*?data-finding>([^<]+)<', scanned, re.DOTALL)
    assert words == [(whole.serial, "", "Right"), (key.serial, ' class="is-unfit"', "Damaged")]
    assert "接口弯了" in text_of(clerk.client.get(f"{page}/note.pdf").data)


def test_goods_received_notes_say_what_each_opening_brought(clerk: DeskBrowser, door: Door) -> None:
    first, second, third = keys = door.table.keys(3)
    parcel = door.sent(keys)
    page = f"{DOOR}/{parcel.id}"
    clerk.open(f"{page}/note.pdf", 409)
    for batch, complete in (((first,), ""), ((second,), "yes")):
        clerk.send(f"{page}/open", page)
        for key in batch:
            clerk.send(f"{page}/scan", page, serial=key.serial)
        clerk.send(f"{page}/close", page, complete=complete)
    whole, one = (text_of(clerk.client.get(f"{page}/note.pdf{part}").data) for part in ("", "?opening=1"))
    assert parcel.number in whole
    assert all(key.serial in whole for key in keys)
    assert "缺少" in whole
    assert first.serial in one
    assert second.serial not in one
    assert third.serial not in one
    clerk.open(f"{page}/note.pdf?opening=9", 404)


def test_nothing_of_another_authority_s_parcel_is_reached(clerk: DeskBrowser, door: Door) -> None:
    parcel = door.opened(door.table.keys(1, authority=1), authority=1)
    page = f"{DOOR}/{parcel.id}"
    clerk.open(page, 404)
    clerk.open(f"{page}/note.pdf", 404)
    for path in ("open", "scan", "close"):
        assert clerk.send(f"{page}/{path}", f"{DOOR}/", serial="x").status_code == 404
    assert parcel.number not in clerk.open(f"{DOOR}/")


def test_the_door_is_the_counter_s(desk: Desk) -> None:
    desk.browser(Role.DISPATCHER).open(f"{DOOR}/", 403)
    desk.browser(Role.AUDITOR).open(f"{DOOR}/", 403)
