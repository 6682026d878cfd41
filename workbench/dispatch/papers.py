"""The papers of a parcel as PDF: packing list, address labels, the courier's manifest. What is not sealed gets none;
an address that nobody has entered is not made up: the label says that it is missing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.dispatch.consignments import get_consignment
from workbench.dispatch.models import Carrier, Consignment, ConsignmentItem
from workbench.dispatch.words import ConsignmentState, Outcome
from workbench.kernel.barcodes import code128
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.typesetting import typeset
from workbench.keys.models import Token
from workbench.organisation.models import Authority, PickupSite, Staff

FOOT: Final = "进出口企业电子钥匙寄送"
_OPEN: Final = (ConsignmentState.PACKING, ConsignmentState.CANCELLED)


@dataclass(frozen=True)
class KeyLine:
    """One key of a packing list."""

    serial: str
    enterprise: str
    application: str


@dataclass(frozen=True)
class PackingFacts:
    """What a packing list says; the keys of each box in the order in which they were packed."""

    number: str
    authority: str
    sealed_on: str
    packer: str
    checker: str
    carrier: str
    waybill: str
    boxes: tuple[tuple[KeyLine, ...], ...]


@dataclass(frozen=True)
class LabelFacts:
    """What the address labels say; `boxes` are the numbers of keys in each. Empty texts are unknown."""

    number: str
    authority: str
    site: str
    address: str
    telephone: str
    hours: str
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class ManifestRow:
    """One consignment of a manifest; no waybill before it was scanned."""

    number: str
    authority: str
    boxes: int
    keys: int
    waybill: str


def packing_list(session: Session, actor: Actor, consignment_id: int) -> bytes:
    """The packing list of a sealed consignment.

    Raises:
        NotFound, Conflict: as `get_sealed`.
    """
    consignment = get_sealed(session, actor, consignment_id)
    rows = session.execute(
        select(ConsignmentItem.box, Token.serial, Application.enterprise_name, Application.number)
        .join(Token, Token.id == ConsignmentItem.token_id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .where(*_travels_in(consignment.id))
        .order_by(ConsignmentItem.box, ConsignmentItem.id)
    )
    boxes: list[list[KeyLine]] = [[] for _ in range(consignment.boxes)]
    for box, serial, enterprise, number in rows:
        boxes[box - 1].append(KeyLine(serial, enterprise, number))
    carrier = session.get(Carrier, consignment.carrier_code) if consignment.carrier_code else None
    assert consignment.sealed_at is not None
    return set_packing_list(
        PackingFacts(
            number=consignment.number,
            authority=session.get_one(Authority, consignment.authority_id).name_zh,
            sealed_on=f"{consignment.sealed_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            packer=session.get_one(Staff, consignment.packer_id).name,
            checker=session.get_one(Staff, consignment.checked_by_id).name if consignment.checked_by_id else "–",
            carrier=carrier.name_zh if carrier else "",
            waybill=consignment.waybill or "",
            boxes=tuple(tuple(each) for each in boxes),
        )
    )


def address_labels(session: Session, actor: Actor, consignment_id: int, site_id: int | None = None) -> bytes:
    """The address labels of a sealed consignment, one a box.

    Args:
        site_id: the pick-up site it goes to; the one that most of its cases name, unless given.

    Raises:
        NotFound, Conflict: as `get_sealed`.
    """
    consignment = get_sealed(session, actor, consignment_id)
    sites = sites_for(session, consignment)
    site = next((each for each in sites if each.id == site_id), sites[0] if sites else None)
    filled = session.execute(
        select(ConsignmentItem.box, func.count()).where(*_travels_in(consignment.id)).group_by(ConsignmentItem.box)
    )
    counts = {box: count for box, count in filled}
    return set_address_labels(
        LabelFacts(
            number=consignment.number,
            authority=session.get_one(Authority, consignment.authority_id).name_zh,
            site=site.name if site else "",
            address=site.address if site else "",
            telephone=site.telephone if site else "",
            hours=site.opening_hours if site else "",
            boxes=tuple(counts.get(box, 0) for box in range(1, consignment.boxes + 1)),
        )
    )


def manifest(session: Session, carrier: Carrier, day: date, consignments: Sequence[Consignment]) -> bytes:
    """What a courier takes away on one day.

    Raises:
        NotFound: nothing was handed over.
    """
    if not consignments:
        raise NotFound(N_("Nothing was handed to this courier on that day."))
    ids = [each.id for each in consignments]
    counted = session.execute(
        select(ConsignmentItem.consignment_id, func.count())
        .where(ConsignmentItem.consignment_id.in_(ids), *_TRAVELLED)
        .group_by(ConsignmentItem.consignment_id)
    )
    keys = {consignment_id: count for consignment_id, count in counted}
    places = session.execute(select(Authority.id, Authority.name_zh))
    names = {authority_id: name for authority_id, name in places}
    rows = [
        ManifestRow(each.number, names[each.authority_id], each.boxes, keys.get(each.id, 0), each.waybill or "")
        for each in consignments
    ]
    return set_manifest(carrier.name_zh, day, rows)


def set_packing_list(facts: PackingFacts) -> bytes:
    """The list as it is printed: A4, a page or more for each box."""
    boxes = [{"number": number, "keys": [asdict(key) for key in keys]} for number, keys in enumerate(facts.boxes, 1)]
    count = sum(len(each) for each in facts.boxes)
    return typeset(
        "packing_list",
        {**asdict(facts), "boxes": boxes, "count": count, "code": code128(facts.number), "foot": FOOT},
    )


def set_address_labels(facts: LabelFacts) -> bytes:
    """The labels as they are printed: 100 x 150 mm, a page each."""
    return typeset("address_label", {**asdict(facts), "code": code128(facts.number)})


def set_manifest(carrier: str, day: date, rows: Sequence[ManifestRow]) -> bytes:
    """The manifest as it is printed: A4."""
    return typeset(
        "manifest",
        {
            "carrier": carrier,
            "day": day.isoformat(),
            "rows": [asdict(each) for each in rows],
            "boxes": sum(each.boxes for each in rows),
            "keys": sum(each.keys for each in rows),
            "foot": FOOT,
        },
    )


def get_sealed(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    """A consignment whose contents are frozen.

    Raises:
        NotFound: no such consignment inside the actor's authority.
        Conflict: it is not sealed yet, or was cancelled.
    """
    consignment = get_consignment(session, actor, consignment_id)
    if consignment.state in _OPEN:
        raise Conflict(N_("Papers are printed when the consignment is sealed."))
    return consignment


def sites_for(session: Session, consignment: Consignment) -> list[PickupSite]:
    """The authority's open pick-up sites, those first that most cases of the consignment name."""
    named = session.scalars(
        select(Application.pickup_site_id)
        .join(ConsignmentItem, ConsignmentItem.application_id == Application.id)
        .where(*_travels_in(consignment.id), Application.pickup_site_id.is_not(None))
    )
    votes = Counter(named)
    sites = session.scalars(
        select(PickupSite).where(PickupSite.authority_id == consignment.authority_id, PickupSite.active)
    ).all()
    return sorted(sites, key=lambda site: (-votes[site.id], site.id))


_TRAVELLED: Final = (func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,)
"""What was taken out before the seal never travelled; whatever became of the others later, they did."""


def _travels_in(consignment_id: int) -> tuple[ColumnElement[bool], ...]:
    return (ConsignmentItem.consignment_id == consignment_id, *_TRAVELLED)
