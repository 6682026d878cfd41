"""Parcels through their pages: the list and its filters, papers of what is sealed, the courier's hatch, undoing, and
courier companies as an administrator keeps them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.integration.dispatch.test_packing_screens import ask
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from workbench.cases.models import Application
from workbench.dispatch import consignments, papers
from workbench.dispatch.models import Carrier, Consignment
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Role
from workbench.organisation.models import PickupSite

PARCELS = "/desk/dispatch/consignments"
COURIER = "/desk/dispatch/courier"


@pytest.fixture
def desk(table: Table, fresh_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """The application over the table's office."""
    with open_desk(fresh_database, tmp_path, table.office) as desk:
        yield desk


@pytest.fixture
def packer(desk: Desk) -> DeskBrowser:
    """A dispatcher who reads English, signed in."""
    return desk.browser(Role.DISPATCHER)


def a_site(table: Table, name: str, authority: int = 0) -> int:
    with table.office.work() as session:
        site = PickupSite(
            authority_id=table.office.authority_ids[authority], name=name, address=f"{name}路 1 号", telephone="000"
        )
        session.add(site)
        session.flush()
        return site.id


def read(content: bytes) -> tuple[int, str, set[str]]:
    """Pages, text without blanks, and what the barcodes say at 150 dpi."""
    with pypdfium2.PdfDocument(content) as pdf:
        text = "".join("".join(str(page.get_textpage().get_text_bounded()).split()) for page in pdf)
        codes = {each.text for page in pdf for each in zxingcpp.read_barcodes(page.render(scale=150 / 72).to_pil())}
        return len(pdf), text, codes


def test_papers_are_printed_of_what_is_sealed(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(3)
    consignment = table.packed(keys)
    page = f"{PARCELS}/{consignment.id}"
    assert packer.client.get(f"{page}/packing-list.pdf").status_code == 409
    assert packer.client.get(f"{page}/labels.pdf").status_code == 409
    table.do(consignments.seal, consignment.id)
    answer = packer.client.get(f"{page}/packing-list.pdf")
    assert answer.content_type == "application/pdf"
    pages, text, codes = read(answer.data)
    assert (pages, codes) == (1, {consignment.number})
    assert all(key.serial in text for key in keys)
    _, text, codes = read(packer.client.get(f"{page}/labels.pdf").data)
    assert "领取地点尚未录入" in text
    assert codes == {consignment.number}
    assert "the label has no address and says so" in packer.open(page)


def test_the_label_goes_where_most_of_its_enterprises_collect(packer: DeskBrowser, table: Table) -> None:
    near, far = a_site(table, "示例近处"), a_site(table, "示例远处")
    a_site(table, "示例别处", authority=1)
    keys = table.keys(3)
    with table.office.work() as session:
        for key, site in zip(keys, (far, near, far), strict=True):
            session.get_one(Application, key.application_id).pickup_site_id = site
    consignment = table.sealed(keys)
    page = f"{PARCELS}/{consignment.id}"
    assert "示例远处路1号" in read(packer.client.get(f"{page}/labels.pdf").data)[1]
    assert "示例近处路1号" in read(packer.client.get(f"{page}/labels.pdf?site={near}").data)[1]
    shown = packer.open(page)
    assert "示例近处" in shown
    assert "示例别处" not in shown


def test_what_was_taken_out_before_the_seal_is_on_no_paper(table: Table) -> None:
    from workbench.dispatch import packing

    keys = table.keys(2)
    consignment = table.packed(keys)
    table.do(packing.unpack, consignment.id, keys[0].serial)
    table.do(consignments.seal, consignment.id)
    text = read(table.do(papers.packing_list, consignment.id))[1]
    assert keys[0].serial not in text
    assert keys[1].serial in text
    with pytest.raises(NotFound):
        table.do(papers.packing_list, 999)
    cancelled = table.open()
    table.do(consignments.cancel, cancelled.id)
    with pytest.raises(Conflict):
        table.do(papers.packing_list, cancelled.id)


def test_a_parcel_is_handed_over_by_two_scans(packer: DeskBrowser, table: Table) -> None:
    consignment = table.sealed(table.keys(2))
    open_one = table.packed(table.keys(1))
    assert consignment.number in packer.open(f"{COURIER}/")
    found = json.loads(packer.client.get(f"{COURIER}/find?number={consignment.number.lower()}").text)
    assert (found["tone"], found["number"]) == ("ok", consignment.number)
    assert found["detail"] == "Example 1 · 1 box · 2 keys"

    def said(number: str, carrier: str = "sf", waybill: str = WAYBILL) -> dict[str, str]:
        answer = ask(packer, f"{COURIER}/hand-over", f"{COURIER}/", number=number, carrier=carrier, waybill=waybill)
        told: dict[str, str] = json.loads(answer.text)
        return told

    for number, why in ((open_one.number, "is not sealed"), ("nothing", "is no consignment")):
        refused = json.loads(packer.client.get(f"{COURIER}/find?number={number}").text)
        assert refused["tone"] == said(number)["tone"] == "refused"
        assert why in refused["detail"]
    wrong = said(consignment.number, carrier="yto")
    assert "no waybill number of YTO Express: those look like YT1000000000001" in wrong["detail"]
    assert said(consignment.number)["tone"] == "done"
    assert table.read(lambda session: session.get_one(Consignment, consignment.id).state) == "in_transit"
    assert "The courier has consignment" in said(consignment.number)["detail"]
    assert (
        "The courier has" in json.loads(packer.client.get(f"{COURIER}/find?number={consignment.number}").text)["detail"]
    )


def test_the_hatch_works_without_scripts_and_prints_the_manifest(packer: DeskBrowser, table: Table) -> None:
    parcels = [table.sealed(table.keys(2, authority), authority) for authority in (0, 1)]
    for number, parcel in enumerate(parcels):
        answer = packer.send(
            f"{COURIER}/hand-over", f"{COURIER}/", number=parcel.number, carrier="sf", waybill=f"SF123456789012{number}"
        )
        assert answer.headers["Location"] == f"{COURIER}/"
    page = packer.open(f"{COURIER}/")
    assert "Manifest SF Express (2)" in page
    assert "No sealed parcel waits" in page
    day = now().astimezone(SHANGHAI).date().isoformat()
    _, text, _ = read(packer.client.get(f"{COURIER}/manifest.pdf?carrier=sf&day={day}").data)
    assert all(parcel.number in text for parcel in parcels)
    assert "合计2批24" in text
    for query, status in (("carrier=sf&day=2020-01-01", 404), ("carrier=no&day=2020-01-01", 404), ("carrier=sf", 400)):
        assert packer.client.get(f"{COURIER}/manifest.pdf?{query}").status_code == status
    for edge in ("0001-01-01", "9999-12-31"):
        for path in (f"?day={edge}", f"manifest.pdf?carrier=sf&day={edge}"):
            assert packer.client.get(f"{COURIER}/{path}").status_code == 400
    assert "Nothing was handed over on this day." in packer.open(f"{COURIER}/?day=2020-01-01")
    refused = packer.send(f"{COURIER}/hand-over", f"{COURIER}/", number="YB0", carrier="sf", waybill=WAYBILL)
    assert refused.headers["Location"] == f"{COURIER}/?number=YB0"
    assert "is no consignment" in packer.open(f"{COURIER}/?number=YB0")


def test_the_list_is_narrowed_by_what_stands_in_the_address(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(2)
    gone, here, there = table.sealed(keys[:1]), table.packed(keys[1:]), table.open(authority=1)
    table.do(consignments.hand_over, gone.id, "sf", WAYBILL)
    own = table.office.authority_ids[1]
    for query, shown in (
        ("", {gone, here, there}),
        ("state=in_transit", {gone}),
        ("state=nonsense", {gone, here, there}),
        (f"authority={own}", {there}),
        ("carrier=sf", {gone}),
        (f"q={WAYBILL.lower()}", {gone}),
        (f"q={here.number[-5:]}", {here}),
        (f"q={keys[1].serial}", {here}),
        ("kind=return", set()),
        ("q=%25%27%5C", set()),
    ):
        page = packer.open(f"{PARCELS}/?{query}")
        assert {each for each in (gone, here, there) if f">{each.number}</a>" in page} == shown, query


def test_the_list_turns_its_pages(packer: DeskBrowser, table: Table) -> None:
    with table.office.work(table.packer) as session:
        for _ in range(53):
            consignments.open_consignment(session, table.packer, table.office.authority_ids[0])
    first = packer.open(f"{PARCELS}/")
    assert "53 consignments" in first
    assert first.count('class="one-line"><a href="/desk/dispatch/consignments/') == 50
    second = packer.open(_link(first, "next"))
    assert second.count('class="one-line"><a href="/desk/dispatch/consignments/') == 3
    assert packer.open(_link(second, "prev")).count("YB20") >= 50


def _link(page: str, rel: str) -> str:
    return page.split(f'rel="{rel}" href="')[1].split('"')[0].replace("&amp;", "&")


def test_a_parcel_is_undone_and_its_waybill_corrected_on_its_page(packer: DeskBrowser, table: Table) -> None:
    keys = table.keys(2)
    consignment = table.sealed(keys)
    page = f"{PARCELS}/{consignment.id}"
    assert packer.send(f"{page}/unseal", page, remark=" ").status_code == 400
    answer = packer.send(f"{page}/unseal", page, remark="示例：少放一把")
    assert answer.headers["Location"] == f"/desk/dispatch/packing/{consignment.id}"
    table.do(consignments.seal, consignment.id)
    table.do(consignments.hand_over, consignment.id, "sf", WAYBILL)
    wrong = packer.send(f"{page}/waybill", page, carrier="yto", waybill="123", remark="示例")
    assert wrong.status_code == 400
    assert "those look like" in wrong.text
    packer.send(f"{page}/waybill", page, carrier="yto", waybill="YT1234567890123", remark="示例：贴错单")
    shown = packer.open(page)
    assert "YT1234567890123" in shown
    assert "示例：贴错单" in shown
    assert "corrected the waybill number" in shown
    assert packer.send(f"{page}/cancel", page, remark="示例").status_code == 409
    other = table.packed(table.keys(1))
    assert packer.send(f"{PARCELS}/{other.id}/cancel", f"{PARCELS}/{other.id}", remark="").status_code == 400
    packer.send(f"{PARCELS}/{other.id}/cancel", f"{PARCELS}/{other.id}", remark="示例")
    assert "cancelled it" in packer.open(f"{PARCELS}/{other.id}")


def test_others_read_their_own_parcels_and_change_none(desk: Desk, table: Table) -> None:
    own, others = table.sealed(table.keys(1)), table.sealed(table.keys(1, 1), 1)
    counter = desk.browser(Role.COUNTER_STAFF)
    listed = counter.open(f"{PARCELS}/")
    assert own.number in listed
    assert others.number not in listed
    assert "Unseal" not in counter.open(f"{PARCELS}/{own.id}")
    counter.open(f"{PARCELS}/{others.id}", 404)
    assert counter.client.get(f"{PARCELS}/{own.id}/packing-list.pdf").status_code == 200
    assert counter.client.get(f"{PARCELS}/{others.id}/packing-list.pdf").status_code == 404
    assert counter.client.get(f"{PARCELS}/{own.id}/labels.pdf").status_code == 403
    assert counter.send(f"{PARCELS}/{own.id}/unseal", "/desk/", remark="示例").status_code == 403
    auditor = desk.browser(Role.AUDITOR)
    assert others.number in auditor.open(f"{PARCELS}/")
    assert auditor.send(f"{PARCELS}/{own.id}/cancel", "/desk/", remark="示例").status_code == 403
    auditor.open(f"{COURIER}/", 403)


def test_an_administrator_keeps_the_companies(desk: Desk, table: Table) -> None:
    admin = desk.browser(Role.ADMINISTRATOR)
    page = admin.open("/desk/carriers/")
    assert "SF Express" in page
    stated = {
        "code": "shili",
        "name_zh": "示例快递",
        "name_en": "Example Express",
        "waybill_pattern": r"SL\d{10}",
        "waybill_example": "SL0000000001",
        "usual_days": "4",
        "active": "y",
    }
    new = "/desk/carriers/new/"
    for wrong, said in (
        ({"waybill_pattern": "(a+)+"}, "Use capitals"),
        ({"waybill_example": "SL1"}, "The example does not fit the pattern."),
        ({"code": "Shi Li"}, "Small letters and digits"),
        ({"usual_days": "0"}, "Enter a number from 1 to 60."),
    ):
        answer = admin.send(new, **{**stated, **wrong})
        assert answer.status_code == 200
        assert said in answer.text
    assert admin.send(new, **stated).status_code in (302, 303)
    edit = "/desk/carriers/edit/?id=shili"
    assert "Example Express" in admin.open(edit)
    changed = {name: value for name, value in stated.items() if name not in ("code", "active")}
    assert admin.send(edit, **changed).status_code in (302, 303)
    stored = table.read(lambda session: session.get_one(Carrier, "shili"))
    assert (stored.usual_days, stored.active) == (4, False)
    desk.browser(Role.DISPATCHER).open("/desk/carriers/", 403)
