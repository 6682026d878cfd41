"""A second look at a pack before it is sealed: every key is scanned again, or the keys of each box are counted.

Whoever packed in it is refused; what differs is named by serial number and recorded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.dispatch import consignments
from workbench.dispatch.consignments import MOST_KEYS, get_consignment, get_packing
from workbench.dispatch.models import Consignment, ConsignmentItem
from workbench.dispatch.packing import Line, clean_serial, find_live_item, list_packed, why_not
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.keys.tokens import get_token


@dataclass(frozen=True)
class Extra:
    """A scanned key that is not on the packing list, with what speaks against it; None when nothing but that does."""

    serial: str
    against: WorkbenchError | None


@dataclass(frozen=True)
class Comparison:
    """What a second person found against the packing list. Nothing on either side means that both agree."""

    missing: tuple[Line, ...]
    extra: tuple[Extra, ...]

    @property
    def agrees(self) -> bool:
        """Whether the pack holds what its list says."""
        return not self.missing and not self.extra


def check_pack(session: Session, actor: Actor, consignment_id: int, serials: Iterable[str]) -> Comparison:
    """A second person has scanned every key again: compare with the packing list. When both agree, the pack is checked.

    Raises:
        NotAllowed: the actor doesn't dispatch keys, or has packed here.
        NotFound, Conflict: as `unpack`.
        Invalid: nothing was scanned.
    """
    consignment = _get_to_check(session, actor, consignment_id)
    scanned = dict.fromkeys(serial for each in serials if (serial := clean_serial(each)))
    if not scanned:
        raise Invalid(N_("Scan the keys of the boxes first."))
    packed = {line.serial: line for line in list_packed(session, consignment.id)}
    missing = tuple(line for serial, line in packed.items() if serial not in scanned)
    extra = tuple(_extra(session, consignment, serial) for serial in list(scanned)[:MOST_KEYS] if serial not in packed)
    found = Comparison(missing, extra)
    if found.agrees:
        _check(session, actor, consignment, keys=len(packed))
    else:
        consignments.record(
            session,
            "consignment.check_differed",
            actor,
            consignment,
            missing=[line.serial for line in missing],
            extra=[each.serial for each in extra],
        )
    return found


def check_counts(session: Session, actor: Actor, consignment_id: int, counts: Mapping[int, int]) -> Consignment:
    """A second person has counted the keys of each box. When the numbers are right, the pack is checked.

    Raises:
        NotAllowed, NotFound, Conflict: as `check_pack`, or a box holds another number than was counted.
    """
    consignment = _get_to_check(session, actor, consignment_id)
    filled = consignments.count_by_box(session, consignment)
    for box in range(1, consignment.boxes + 1):
        if counts.get(box) != filled.get(box, 0):
            raise Conflict(
                N_("Box %(box)d: %(counted)s counted, %(listed)d on the packing list. Scan its keys to find which."),
                box=box,
                counted=counts.get(box, "–"),
                listed=filled.get(box, 0),
            )
    _check(session, actor, consignment, counted=sum(filled.values()))
    return consignment


def why_extra(session: Session, actor: Actor, consignment_id: int, serial: str) -> WorkbenchError | None:
    """What speaks against a key that is not on a consignment's packing list; None when nothing does but that it was not
    scanned when it was packed.

    Raises:
        NotAllowed, NotFound: the actor doesn't dispatch keys, or there is no such consignment.
    """
    demand(actor, Permission.KEY_DISPATCH)
    return _extra(session, get_consignment(session, actor, consignment_id), serial).against


def _extra(session: Session, consignment: Consignment, serial: str) -> Extra:
    try:
        token = get_token(session, serial)
    except NotFound:
        return Extra(serial, NotFound(N_("“%(serial)s” is none of our keys."), serial=serial))
    return Extra(serial, why_not(session, consignment, token, find_live_item(session, token.id)))


def _get_to_check(session: Session, actor: Actor, consignment_id: int) -> Consignment:
    consignment = get_packing(session, actor, consignment_id)
    refuse_packer(session, actor, consignment)
    return consignment


def refuse_packer(session: Session, actor: Actor, consignment: Consignment) -> None:
    """Stop who has packed here from taking the second look.

    Raises:
        NotAllowed: the actor opened the consignment, or a key in it was packed by the actor.
    """
    packed_here = session.scalar(
        select(func.count())
        .select_from(ConsignmentItem)
        .where(
            ConsignmentItem.consignment_id == consignment.id,
            ConsignmentItem.settled_at.is_(None),
            ConsignmentItem.packed_by_id == actor.id,
        )
    )
    if packed_here or consignment.packer_id == actor.id:
        raise NotAllowed(N_("You have packed here yourself: a second person has to check it."))


def _check(session: Session, actor: Actor, consignment: Consignment, **after: Any) -> None:
    consignment.checked_by_id, consignment.checked_at = actor.id, now()
    consignment.version += 1
    consignments.record(session, "consignment.checked", actor, consignment, **after)
    session.flush()
