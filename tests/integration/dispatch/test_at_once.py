"""Two people at one moment: a key that is just being scanned out of another parcel is neither missed nor given up."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TypeVar

import pytest

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.doors import Door, open_doors
from workbench.dispatch import receiving, settling
from workbench.dispatch.models import Consignment
from workbench.kernel.errors import Conflict

T = TypeVar("T")
OTHER_WAYBILL = "SF1234567890999"


@pytest.fixture
def door(table: Table) -> Door:
    """The doors of both authorities."""
    return open_doors(table)


def while_it_is_scanned(door: Door, parcel: Consignment, serial: str, act: Callable[[], T]) -> T:
    """Do something while the scan of a key is on its way to the database; it has to wait."""
    with ThreadPoolExecutor(1) as other:
        with door.table.office.work(door.first) as session:
            receiving.scan_key(session, door.first, parcel.id, serial)
            waiting = other.submit(act)
            sleep(0.4)
            assert not waiting.done(), "nothing waited for the scan"
        return waiting.result(timeout=30)


def test_a_closing_waits_for_a_key_that_turns_up_elsewhere(door: Door) -> None:
    key, other = door.table.keys(2)
    listed, found_in = door.opened([key]), door.opened([other], waybill=OTHER_WAYBILL)
    assert while_it_is_scanned(door, found_in, key.serial, lambda: door.close(listed)) == []
    assert door.found(listed) == {}
    assert door.case(key) == "at_authority"


def test_a_key_that_turns_up_is_not_given_up(door: Door) -> None:
    key, other = door.table.keys(2)
    listed, found_in = door.opened([key]), door.opened([other], waybill=OTHER_WAYBILL)
    assert door.close(listed) == [key.serial]
    door.table.do(settling.open_inquiry, listed.id, "示例查询")
    with pytest.raises(Conflict):
        while_it_is_scanned(
            door, found_in, key.serial, lambda: door.table.do(settling.declare_lost, listed.id, "示例丢失")
        )
    assert door.found(listed) == {(key.serial, "missing"): "found_elsewhere"}
    assert door.table.token(key).custodian == "authority"
