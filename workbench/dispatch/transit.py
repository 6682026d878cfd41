"""Where parcels are said to be: noted by hand, from a courier's list, or from its interface. What a source has said
once is not taken twice, and what a courier says moves no key: only the authority's own scan does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.dispatch import consignments
from workbench.dispatch.consignments import get_consignment
from workbench.dispatch.models import Consignment, TrackingEvent
from workbench.dispatch.tracking_file import (
    CLOCKS_DIFFER,
    MAX_WORDS,
    FileLine,
    LineProblem,
    ListRefused,
    Told,
    read_list,
    told,
)
from workbench.dispatch.words import ConsignmentState, TrackingStatus
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand

BY_HAND: Final = "hand"
BY_FILE: Final = "file"
BY_CARRIER: Final = "carrier"
UNCONFIRMED_AFTER: Final = timedelta(days=1)
"""How long a parcel that its courier calls delivered may wait for the authority to say so (issue 5)."""
CLOCKS_BEHIND: Final = timedelta(days=1)
"""How long before a parcel was handed over its courier may say that something happened to it."""
LONGEST_REF: Final = 80
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Imported:
    """What a list brought: events that are new, events that were known, parcels they speak of."""

    added: int
    known: int
    parcels: int


def note_by_hand(
    session: Session,
    actor: Actor,
    consignment_id: int,
    *,
    at: datetime,
    status: TrackingStatus,
    place: str,
    words: str,
    ref: str,
) -> bool:
    """Write down what a courier said on the telephone.

    Args:
        ref: made by the form, so that a form sent twice is one event.

    Returns:
        Whether it is new.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        NotFound: no such consignment.
        Conflict: the courier never had it.
        Invalid: no words or too many, a time that lies ahead or before the hand-over, or a form that says not
            which it is.
    """
    demand(actor, Permission.KEY_DISPATCH)
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    _refuse_unsent(consignment)
    if not 0 < len(words.strip()) <= MAX_WORDS:
        raise Invalid(N_("Say in 1 to %(limit)s characters what the courier says."), limit=MAX_WORDS)
    if at > now() + CLOCKS_DIFFER:
        raise Invalid(N_("This time lies in the future."))
    if _precedes(consignment, at):
        raise Invalid(N_("At this time the courier did not have the parcel yet."))
    if not 0 < len(ref) <= LONGEST_REF:
        raise Invalid(N_("Open the page again: this form is incomplete."))
    new = _add(session, actor, consignment, told(at, status, place, words, ref), BY_HAND)
    if new:
        consignments.record(
            session, "consignment.tracked", actor, consignment, status=status.value, words=words.strip(), source=BY_HAND
        )
    return new


def import_list(session: Session, actor: Actor, content: bytes) -> Imported:
    """Take a courier's list of events: all of it or nothing; sent again, it adds nothing.

    Raises:
        NotAllowed: the actor doesn't dispatch keys.
        Invalid, ListRefused: as `tracking_file.read_list`, or lines name parcels that are not ours, or times at which
            the courier did not have them.
    """
    demand(actor, Permission.KEY_DISPATCH)
    lines = read_list(content, now())
    parcels = _parcels_of(session, lines)
    added = 0
    problems: list[LineProblem] = []
    seen: set[int] = set()
    for line in lines:
        found = [each for each in parcels.get(line.waybill, ()) if line.carrier in ("", each.carrier_code)]
        if len(found) != 1:
            problems.append(_unclear(line, len(found)))
        elif _precedes(found[0], line.told.at):
            problems.append(_too_early(line))
        elif not problems:
            seen.add(found[0].id)
            added += _add(session, actor, found[0], line.told, BY_FILE)
    if problems:
        raise ListRefused(problems)
    for parcel in sorted({each.id: each for group in parcels.values() for each in group}.values(), key=lambda p: p.id):
        if added and parcel.id in seen:
            consignments.record(session, "consignment.tracked", actor, parcel, source=BY_FILE)
    session.flush()
    return Imported(added, len(lines) - added, len(seen))


def note_from_carrier(session: Session, actor: Actor, consignment_id: int, events: Sequence[Told]) -> int:
    """Keep what the carrier's interface says of a parcel on its way, and of no other time: waybill numbers come again.

    Returns:
        How many events are new.

    Raises:
        NotFound, Conflict: there is no such parcel, or the courier never had it.
    """
    consignment = get_consignment(session, actor, consignment_id, lock=True)
    _refuse_unsent(consignment)
    latest = now() + CLOCKS_DIFFER
    fitting = [each for each in events if each.at <= latest and not _precedes(consignment, each.at)]
    if len(fitting) < len(events):
        _log.warning("tracking_events_skipped", consignment=consignment_id, count=len(events) - len(fitting))
    return sum(_add(session, actor, consignment, each, BY_CARRIER) for each in fitting)


def _refuse_unsent(consignment: Consignment) -> None:
    if consignment.handed_over_at is None:
        raise Conflict(N_("The courier does not have consignment %(number)s."), number=consignment.number)


def _precedes(consignment: Consignment, at: datetime) -> bool:
    """Whether this lies before the parcel was handed over."""
    return consignment.handed_over_at is not None and at < consignment.handed_over_at - CLOCKS_BEHIND


def _parcels_of(session: Session, lines: Sequence[FileLine]) -> dict[str, list[Consignment]]:
    """The parcels with these waybills, locked in the order of their ids, by waybill."""
    rows = session.scalars(
        select(Consignment)
        .where(
            Consignment.waybill.in_({each.waybill for each in lines}),
            Consignment.state != ConsignmentState.CANCELLED.value,
            Consignment.handed_over_at.is_not(None),
        )
        .order_by(Consignment.id)
        .with_for_update()
    )
    found: dict[str, list[Consignment]] = {}
    for each in rows:
        found.setdefault(str(each.waybill), []).append(each)
    return found


def _unclear(line: FileLine, count: int) -> LineProblem:
    values: dict[str, Any] = {"waybill": line.waybill}
    if count == 0:
        return LineProblem(line.line, N_("No parcel of ours travels under the waybill %(waybill)s."), values)
    return LineProblem(
        line.line, N_("Two companies use the waybill %(waybill)s: add the company's code as sixth column."), values
    )


def _too_early(line: FileLine) -> LineProblem:
    time = f"{line.told.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return LineProblem(line.line, N_("At “%(time)s” the courier did not have the parcel yet."), {"time": time})


def _add(session: Session, actor: Actor, consignment: Consignment, event: Told, source: str) -> bool:
    """Write an event unless its source has said it before."""
    row = {
        "consignment_id": consignment.id,
        "authority_id": consignment.authority_id,
        "at": event.at,
        "status": event.status.value,
        "place": event.place or None,
        "words": event.words,
        "source": source,
        "source_ref": event.ref,
        "noted_at": now(),
        "noted_by": actor.label,
    }
    statement = insert(TrackingEvent).values(row).on_conflict_do_nothing().returning(TrackingEvent.id)
    return session.execute(statement).scalar_one_or_none() is not None
