"""Courier companies: the usual ones are there from the start, a waybill number is refused by example and by name."""

import threading

import pytest
from sqlalchemy import select

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.support.casework import SYSTEM
from workbench.dispatch import carriers, consignments
from workbench.dispatch.models import Carrier
from workbench.kernel.errors import Conflict, Invalid, NotFound


def test_the_usual_companies_are_added_once_and_what_was_edited_stays(table: Table) -> None:
    with table.office.work() as session:
        session.get_one(Carrier, "sf").usual_days = 9
        session.delete(session.get_one(Carrier, "sto"))
    with table.office.work() as session:
        assert carriers.seed_carriers(session, SYSTEM) == 1
        assert carriers.seed_carriers(session, SYSTEM) == 0
        assert session.get_one(Carrier, "sf").usual_days == 9
        assert {each.code for each in carriers.list_carriers(session)} == {each[0] for each in carriers.USUAL_CARRIERS}


def test_a_number_of_another_company_is_refused_with_an_example(table: Table) -> None:
    consignment = table.sealed(table.keys(1))
    with pytest.raises(Invalid) as refused:
        table.do(consignments.hand_over, consignment.id, "yto", WAYBILL)
    assert refused.value.values["example"] == "YT1000000000001"
    assert refused.value.values["carrier"].en == "YTO Express"
    assert refused.value.values["waybill"] == WAYBILL


def test_a_number_in_use_is_refused_naming_its_consignment(table: Table) -> None:
    first = table.sealed(table.keys(1))
    table.do(consignments.hand_over, first.id, "sf", WAYBILL)
    second = table.sealed(table.keys(1))
    with pytest.raises(Conflict) as refused:
        table.do(consignments.hand_over, second.id, "sf", WAYBILL.lower())
    assert refused.value.values == {"waybill": WAYBILL, "number": first.number}


def test_one_number_given_to_two_parcels_at_once_is_on_one(table: Table) -> None:
    parcels = [table.sealed(table.keys(1)) for _ in range(2)]
    said: list[str] = []
    start = threading.Barrier(2)

    def hand(consignment_id: int) -> None:
        start.wait(20)
        try:
            said.append(table.do(consignments.hand_over, consignment_id, "sf", WAYBILL).state)
        except Conflict as refused:
            said.append(refused.reason.split()[0])

    threads = [threading.Thread(target=hand, args=(each.id,)) for each in parcels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["Waybill", "in_transit"]


def test_a_company_no_longer_used_takes_no_parcel(table: Table) -> None:
    consignment = table.sealed(table.keys(1))
    with table.office.work() as session:
        session.get_one(Carrier, "sf").active = False
    for code in ("sf", "nobody"):
        with pytest.raises(NotFound):
            table.do(consignments.hand_over, consignment.id, code, WAYBILL)
    shown = table.read(lambda session: [each.code for each in carriers.list_carriers(session)])
    assert "sf" not in shown
    assert "sf" in table.read(lambda session: list(session.scalars(select(Carrier.code))))
