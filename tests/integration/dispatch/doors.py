"""The doors of two authorities beside the packing table: parcels that were sent, opened and scanned."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tests.integration.dispatch.conftest import WAYBILL, Table
from tests.support.casework import Office
from tests.support.keys import MadeKey
from workbench.cases.models import Application
from workbench.dispatch import consignments, receiving
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.dispatch.receiving import Seen
from workbench.kernel.identity import Actor, Role


@dataclass
class Door:
    """The doors of two authorities, and the packing table whose parcels come in."""

    table: Table
    first: Actor
    second: Actor

    def sent(self, keys: list[MadeKey], authority: int = 0, waybill: str = WAYBILL) -> Consignment:
        """A parcel of these keys with the courier."""
        sealed = self.table.sealed(keys, authority)
        return self.table.do(consignments.hand_over, sealed.id, "sf", waybill)

    def opened(self, keys: list[MadeKey], authority: int = 0, waybill: str = WAYBILL) -> Consignment:
        """A parcel of these keys, open on the authority's counter."""
        parcel = self.sent(keys, authority, waybill)
        self.table.do(receiving.open_parcel, parcel.id, who=self.second if authority else self.first)
        return parcel

    def scan(self, parcel: Consignment, serial: str, who: Actor | None = None, **named: Any) -> Seen:
        """One scan of a unit of work of its own."""
        return self.table.do(receiving.scan_key, parcel.id, serial, who=who or self.first, **named)

    def close(self, parcel: Consignment, *, complete: bool = True) -> list[str]:
        """End the opening."""
        return self.table.do(receiving.close_parcel, parcel.id, who=self.first, complete=complete)

    def parcel(self, parcel: Consignment) -> Consignment:
        """The parcel as it stands."""
        return self.table.read(lambda session: session.get_one(Consignment, parcel.id))

    def case(self, key: MadeKey) -> str:
        """The state of the key's case."""
        return self.table.read(lambda session: session.get_one(Application, key.application_id).state)

    def found(self, parcel: Consignment) -> dict[tuple[str, str], str | None]:
        """The discrepancies of a parcel: serial and kind to how each was settled."""
        rows = self.table.read(
            lambda session: session.scalars(
                select(Discrepancy).where(Discrepancy.consignment_id == parcel.id).order_by(Discrepancy.id)
            ).all()
        )
        return {(each.serial, each.kind): each.settlement for each in rows}


def open_doors(table: Table) -> Door:
    """Counter staff of both authorities."""
    first, second = (counter_staff(table.office, f"counter-{place}", place) for place in (0, 1))
    return Door(table, first, second)


def counter_staff(office: Office, name: str, authority: int = 0) -> Actor:
    """Somebody at the counter of the first or the second authority."""
    return office.hire(name, Role.COUNTER_STAFF, authority_id=office.authority_ids[authority])
