"""What did not agree with a packing list: noted once by serial and kind, open until somebody has said how it ended."""

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from workbench.dispatch import consignments
from workbench.dispatch.models import Carrier, Consignment, Discrepancy
from workbench.dispatch.words import DiscrepancyKind
from workbench.kernel.clock import now
from workbench.kernel.db import widened
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import EVERYWHERE, Actor
from workbench.kernel.messages import N_
from workbench.keys.models import Token


def find_discrepancy(
    session: Session, consignment: Consignment, serial: str, kind: DiscrepancyKind
) -> Discrepancy | None:
    """What was noted of a serial in a consignment, settled or not."""
    return session.scalars(
        select(Discrepancy).where(
            Discrepancy.consignment_id == consignment.id, Discrepancy.serial == serial, Discrepancy.kind == kind.value
        )
    ).one_or_none()


def add_discrepancy(
    session: Session,
    actor: Actor,
    consignment: Consignment,
    serial: str,
    kind: DiscrepancyKind,
    token_id: int | None,
) -> Discrepancy:
    """Note a finding; noted before, that one stands, open again if it had been settled."""
    found = find_discrepancy(session, consignment, serial, kind)
    if found is not None and found.settled_at is None:
        return found
    if found is None:
        found = Discrepancy(
            consignment_id=consignment.id,
            authority_id=consignment.authority_id,
            serial=serial,
            kind=kind.value,
            token_id=token_id,
        )
        session.add(found)
    found.found_at, found.found_by = now(), actor.label
    found.settled_at = found.settled_by = found.settlement = None
    session.flush()
    consignments.record(session, "discrepancy.found", actor, consignment, serial=serial, kind=kind.value)
    return found


def note_damage_of_stray(
    session: Session, actor: Actor, consignment: Consignment, serial: str, said: str | None, photo_sha256: str | None
) -> bool:
    """Another authority's key that was scanned as whole shows damage: it is said with the open finding, once.

    Returns:
        Whether it is said now; otherwise it was said before.

    Raises:
        Conflict: the key was sent on.
    """
    found = find_discrepancy(session, consignment, serial, DiscrepancyKind.OTHER_AUTHORITY)
    if found is None or found.settled_at is not None:
        raise Conflict(N_("Key %(serial)s has been sent on: whoever holds it reports the damage."), serial=serial)
    if found.remark is not None:
        return False
    found.remark, found.photo_sha256 = said, photo_sha256
    what = "discrepancy.damage_noted"
    consignments.record(session, what, actor, consignment, serial=serial, kind=found.kind, remark=said)
    session.flush()
    return True


def settle_found(session: Session, actor: Actor, token: Token, found_in: Consignment) -> None:
    """A key that was missing has turned up, in a later opening of the same parcel or in another one; one that lay in
    another authority's parcel and was to be sent on is no longer there."""
    to_be_sent_on = and_(
        Discrepancy.kind == DiscrepancyKind.OTHER_AUTHORITY.value, Discrepancy.consignment_id != found_in.id
    )
    settled_by_it = or_(Discrepancy.kind == DiscrepancyKind.MISSING.value, to_be_sent_on)
    with widened(session, EVERYWHERE):  # the finding may be another authority's
        for each in session.scalars(
            select(Discrepancy).where(Discrepancy.token_id == token.id, settled_by_it, Discrepancy.settled_at.is_(None))
        ).all():
            consignment = session.get_one(Consignment, each.consignment_id)
            how = "found_later" if consignment.id == found_in.id else "found_elsewhere"
            settle(session, actor, consignment, each, how)


def settle(session: Session, actor: Actor, consignment: Consignment, discrepancy: Discrepancy, how: str) -> None:
    """Say how a discrepancy ended: a code of `words.SETTLEMENT_NAMES`, or somebody's own words."""
    discrepancy.settled_at, discrepancy.settled_by, discrepancy.settlement = now(), actor.label, how
    consignments.record(
        session,
        "discrepancy.settled",
        actor,
        consignment,
        serial=discrepancy.serial,
        kind=discrepancy.kind,
        settlement=how,
    )
    session.flush()


def onward_waybill(session: Session, kept: str) -> tuple[Carrier, str]:
    """Company and number of what a finding keeps as `code number`; a company that is no longer used included."""
    code, _blank, number = kept.partition(" ")
    return session.get_one(Carrier, code), number
