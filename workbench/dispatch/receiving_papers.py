"""Papers of the authority's door as PDF: the goods-received note of an opening or of a whole parcel, and the address
label under which another authority's key travels on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.dispatch.consignments import get_consignment
from workbench.dispatch.discrepancies import onward_waybill
from workbench.dispatch.models import Carrier, Consignment, Discrepancy
from workbench.dispatch.papers import FOOT, LabelFacts, set_address_labels, sites_for
from workbench.dispatch.receiving_queries import Scanned, Sheet, list_openings, load_sheet
from workbench.dispatch.words import DiscrepancyKind, Finding
from workbench.kernel.barcodes import code128
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.db import widened
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import EVERYWHERE, Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.typesetting import typeset
from workbench.organisation.models import Authority

_FINDINGS = {
    Finding.RIGHT: "完好",
    Finding.DAMAGED: "损坏",
    Finding.EXTRA: "清单外",
    Finding.OTHER_AUTHORITY: "属其他发证机构",
    Finding.BLANK: "空白介质",
    Finding.UNKNOWN: "非本系统介质",
}


@dataclass(frozen=True)
class NoteLine:
    """One key of a goods-received note."""

    serial: str
    enterprise: str
    finding: str
    remark: str
    fault: bool


@dataclass(frozen=True)
class NoteOpening:
    """One opening: who, from when to when."""

    number: int
    who: str
    opened: str
    closed: str


@dataclass(frozen=True)
class NoteFacts:
    """What a goods-received note says. `which` is empty on the note of the whole parcel."""

    number: str
    authority: str
    carrier: str
    waybill: str
    which: str
    openings: tuple[NoteOpening, ...]
    lines: tuple[NoteLine, ...]
    missing: tuple[NoteLine, ...]
    listed: int
    done: int


def goods_received(session: Session, actor: Actor, consignment_id: int, opening: int | None = None) -> bytes:
    """The goods-received note of one opening, or of the whole parcel.

    Raises:
        NotAllowed: the actor reads no custody.
        NotFound: no such consignment, or no such opening.
        Conflict: it was not opened yet.
    """
    demand(actor, Permission.CUSTODY_READ)
    consignment = get_consignment(session, actor, consignment_id)
    openings = list_openings(session, consignment.id)
    if not openings:
        raise Conflict(N_("A goods-received note is printed when the parcel has been opened."))
    if opening is not None:
        openings = [(receipt, name) for receipt, name in openings if receipt.number == opening]
        if not openings:
            raise NotFound(N_("There is no such opening."))
    carrier = session.get(Carrier, consignment.carrier_code)
    sheet = load_sheet(session, consignment)
    scanned = [each for each in reversed(sheet.scanned) if opening in (None, each.opening)]
    return set_goods_received(
        NoteFacts(
            number=consignment.number,
            authority=session.get_one(Authority, consignment.authority_id).name_zh,
            carrier=carrier.name_zh if carrier else "",
            waybill=consignment.waybill or "",
            which=f"第 {opening} 次拆箱" if opening is not None else "",
            openings=tuple(
                NoteOpening(receipt.number, name, _minute(receipt.opened_at), _minute(receipt.closed_at))
                for receipt, name in openings
            ),
            lines=_lines(sheet, scanned),
            missing=_missing(sheet) if opening is None and consignment.closed_at is not None else (),
            listed=len(sheet.expected),
            done=sheet.done,
        )
    )


def onward_label(session: Session, actor: Actor, discrepancy_id: int) -> bytes:
    """The address label of another authority's key that was sent on. Of the parcel itself its finder sees no more.

    Raises:
        NotAllowed: the actor receives no keys.
        NotFound: no such finding of the actor's authority, or it was not sent on.
    """
    demand(actor, Permission.KEY_RECEIVE)
    found = session.get(Discrepancy, discrepancy_id)
    if found is None or not actor.scope.covers(found.authority_id) or found.sent_on_with is None:
        raise NotFound(N_("There is no such finding."))
    carrier, waybill = onward_waybill(session, found.sent_on_with)
    with widened(session, EVERYWHERE):
        onward = session.scalars(
            select(Consignment)
            .where(
                Consignment.carrier_code == carrier.code,
                Consignment.waybill == waybill,
                Consignment.from_authority_id == found.authority_id,
            )
            .order_by(Consignment.id.desc())
            .limit(1)
        ).one()
        sites = sites_for(session, onward)
        site = sites[0] if sites else None
        facts = LabelFacts(
            number=onward.number,
            authority=session.get_one(Authority, onward.authority_id).name_zh,
            site=site.name if site else "",
            address=site.address if site else "",
            telephone=site.telephone if site else "",
            hours=site.opening_hours if site else "",
            boxes=(1,),
        )
    return set_address_labels(facts)


def set_goods_received(facts: NoteFacts) -> bytes:
    """The note as it is printed: A4."""
    return typeset("goods_received", {**asdict(facts), "code": code128(facts.number), "foot": FOOT})


def _lines(sheet: Sheet, scanned: Sequence[Scanned]) -> tuple[NoteLine, ...]:
    """What was scanned, with the word that stands today for each key, differences first."""
    notes = {(each.found.serial, each.kind): each for each in sheet.differences}
    lines = []
    for each in scanned:
        finding, remark = each.finding, each.remark or ""
        foreign = notes.get((each.serial, DiscrepancyKind.OTHER_AUTHORITY))
        if foreign is not None and foreign.belongs_zh:
            remark = " ".join(part for part in (foreign.belongs_zh, remark) if part)
        fault = finding is not Finding.RIGHT
        lines.append(NoteLine(each.serial, each.enterprise_name or "–", _FINDINGS[finding], remark, fault))
    return tuple(sorted(lines, key=lambda line: not line.fault))


def _missing(sheet: Sheet) -> tuple[NoteLine, ...]:
    return tuple(
        NoteLine(each.serial, each.enterprise_name, "缺少", "", True) for each in sheet.expected if not each.found
    )


def _minute(at: datetime | None) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at is not None else "–"
