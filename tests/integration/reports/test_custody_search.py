"""What is typed into the custody log speaks of everything it may name, and of no other authority's keys."""

import pytest

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.conftest import table as table
from tests.support.keys import made_key
from workbench.dispatch import consignments
from workbench.kernel.identity import Role
from workbench.reports.custody_search import Meant, meant_by

WAYBILL = "SF1234567890123"


def _meant(table: Table, typed: str, authority: int = 0) -> Meant:
    authority_id = table.office.authority_ids[authority]
    reader = table.office.hire(f"reader-{authority}", Role.COUNTER_STAFF, authority_id=authority_id)
    with table.office.work(reader) as session:
        return meant_by(session, typed)


@pytest.mark.parametrize("serial", ["12345678", "EK12345678901", "EK99999999", "91110000MA0000001X", WAYBILL])
def test_a_key_is_found_by_a_serial_that_looks_like_something_else(table: Table, serial: str) -> None:
    key = made_key(table.office, serial=serial)
    assert list(_meant(table, serial).tokens) == [table.token(key).id]
    assert not _meant(table, serial, authority=1).tokens


def test_what_names_two_things_speaks_of_both(table: Table) -> None:
    key = made_key(table.office, serial=WAYBILL)
    parcel = table.sealed(table.keys(1))
    table.do(consignments.hand_over, parcel.id, "sf", WAYBILL)
    found = _meant(table, WAYBILL)
    assert (list(found.tokens), list(found.consignments)) == ([table.token(key).id], [parcel.id])


def test_a_number_that_names_no_case_finds_the_serials_that_begin_with_it(table: Table) -> None:
    key = made_key(table.office, serial="EK1234567890123")
    assert list(_meant(table, "EK12345678901").tokens) == [table.token(key).id]
