"""A parcel of an authority and what came of each of its keys, through the verbs: rows in every table of dispatch and
collection for whoever tries to reach them. One key was collected by a delegate, one waits, one came damaged, one never.
"""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any, Final
from uuid import uuid4

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.integration.review.desk import Desk
from tests.support.casework import DOCUMENTS, OTHER_IDENTITY, SYSTEM, actor_of
from tests.support.keys import MadeKey, made_key
from workbench.collection.collectors import Collector
from workbench.collection.handing import Comparison, Giving, attend
from workbench.collection.models import Pickup
from workbench.collection.originals import Tick
from workbench.collection.telling import notify
from workbench.collection.terms import seed_terms
from workbench.collection.words import CollectorKind, Stamping
from workbench.dispatch import consignments, packing, receiving, settling, transit
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.dispatch.words import DiscrepancyKind, TrackingStatus
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.keys.destroying import propose_destruction
from workbench.organisation.models import Staff
from workbench.reports.models import CustodyExport

OF_AUTHORITY: Final = (
    "consignment",
    "consignment_item",
    "tracking_event",
    "receipt",
    "receipt_line",
    "discrepancy",
    "pickup",
    "stamping_attempt",
    "hand_over",
    "destruction",
    "custody_export",
)
"""Tables of dispatch, collection and their log, whose rows belong to an authority."""


@dataclass(frozen=True)
class Travelled:
    """What an attacker would like to reach of a parcel: ids, and the words by which it would be recognised."""

    collected: MadeKey
    waiting: MadeKey
    damaged: MadeKey
    missing: MadeKey
    consignment: int
    discrepancy: int
    missed: int
    pickup: int
    destruction: int
    export: int
    number: str
    waybill: str
    code: str

    @property
    def marks(self) -> tuple[str, ...]:
        """What stands in nothing that another authority is sent."""
        keys = (self.collected, self.waiting, self.damaged, self.missing)
        return (self.number, self.waybill, self.code, *(key.serial for key in keys), DELEGATE)

    def ids(self, key: MadeKey) -> dict[str, Any]:
        """What each argument of an address means, when it is about this key's case."""
        return {
            "application_id": key.application_id,
            "consignment_id": self.consignment,
            "discrepancy_id": self.discrepancy,
            "pickup_id": self.pickup,
            "destruction_id": self.destruction,
            "export_id": self.export,
        }


DELEGATE: Final = "示例受托人"


def send(desk: Desk, authority: int, login: str, waybill: str) -> Travelled:
    """A parcel to an authority, opened there by the member of staff with this login."""
    office = desk.office
    with office.work() as session:
        seed_carriers(session, SYSTEM)
        seed_terms(session, SYSTEM)
        packer, clerk = (_actor(session, desk.people[each]) for each in ("dispatcher", login))
    collected, waiting, damaged, missing = keys = [made_key(office, authority, name="示例经办") for _ in range(4)]
    picture = desk.parts.blobs.put(_picture(authority))
    with office.work(packer) as session:
        parcel = consignments.open_consignment(session, packer, office.authority_ids[authority])
        for key in keys:
            packing.pack(session, packer, parcel.id, key.serial)
        consignments.seal(session, packer, parcel.id)
        consignments.hand_over(session, packer, parcel.id, "sf", waybill)
        transit.note_by_hand(
            session, packer, parcel.id, at=now(), status=TrackingStatus.DELIVERED, place="", words="示例", ref=waybill
        )
    with office.work(clerk) as session:
        receiving.open_parcel(session, clerk, parcel.id)
        for key in (collected, waiting):
            receiving.scan_key(session, clerk, parcel.id, key.serial)
        receiving.scan_key(
            session, clerk, parcel.id, damaged.serial, damaged=True, remark="示例断裂", photo_sha256=picture
        )
        receiving.close_parcel(session, clerk, parcel.id, complete=True)
        for key in (collected, waiting):
            notify(session, clerk, key.application_id)
        attend(session, office.secrets, clerk, collected.application_id, _comparison(), _giving(collected, picture))
        refused = _comparison(differs=DOCUMENTS[0])
        attend(session, office.secrets, clerk, waiting.application_id, refused)
        found = {each.kind: each.id for each in session.scalars(select(Discrepancy)).all()}
    with office.work(packer) as session:
        settling.make_anew(session, packer, found[DiscrepancyKind.DAMAGED], "示例断裂")
    with office.work(clerk) as session:
        proposal = propose_destruction(session, clerk, damaged.serial, "示例断裂")
        export = _export(clerk, office.authority_ids[authority], picture)
        session.add(export)
        session.flush()
        pickup = session.scalars(select(Pickup).where(Pickup.application_id == waiting.application_id)).one()
        return Travelled(
            collected=collected,
            waiting=waiting,
            damaged=damaged,
            missing=missing,
            consignment=parcel.id,
            discrepancy=found[DiscrepancyKind.DAMAGED],
            missed=found[DiscrepancyKind.MISSING],
            pickup=pickup.id,
            destruction=proposal.id,
            export=export.id,
            number=session.get_one(Consignment, parcel.id).number,
            waybill=waybill,
            code=pickup.code,
        )


def _actor(session: Session, staff_id: int) -> Actor:
    return actor_of(session.get_one(Staff, staff_id))


def _comparison(differs: str = "") -> Comparison:
    ticks = tuple(Tick(code, code != differs, "示例不符" if code == differs else "") for code in DOCUMENTS)
    return Comparison(uuid4(), now(), ticks, Stamping.REFUSED if differs else Stamping.PASSED, "示例结论")


def _giving(key: MadeKey, picture: str) -> Giving:
    delegate = Collector(CollectorKind.DELEGATE, DELEGATE, OTHER_IDENTITY, letter_sha256=picture)
    return Giving(key.serial, delegate, 1, signature_sha256=picture)


def _export(clerk: Actor, authority_id: int, digest: str) -> CustodyExport:
    return CustodyExport(
        authority_id=authority_id,
        asked_by_id=clerk.id,
        asked_at=now(),
        address="127.0.0.1",
        wanted={},
        format="csv",
        language="zh",
        state="ready",
        rows_expected=1,
        sha256=digest,
        byte_size=1,
        expires_at=now() + timedelta(days=1),
    )


def _picture(authority: int) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (40 + authority, 40), (200, 30, 40)).save(stream, "PNG")
    return stream.getvalue()
