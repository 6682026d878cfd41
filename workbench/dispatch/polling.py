"""Asks the courier's interface about every parcel under way, each in a unit of work of its own. A courier that does not
answer is left alone until the next round; nothing that it says or fails to say of one parcel stops the asking about
others.
"""

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import select

from workbench.dispatch import transit
from workbench.dispatch.models import Consignment
from workbench.dispatch.tracking_source import SourceFailed, TrackingSource
from workbench.dispatch.words import ConsignmentState
from workbench.kernel.clock import now
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts

AT_ONCE: Final = 500
"""Parcels of one round, those longest under way first."""
GIVE_UP_AFTER: Final = 3
"""Parcels in a row about which the courier could not be asked: the next round tries again."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Round:
    """What a round of asking came to. `given_up` when the courier did not answer any more."""

    asked: int
    added: int
    failed: int
    given_up: bool


def poll(parts: Parts, source: TrackingSource) -> Round:
    """Ask about every parcel under way once."""
    asked = added = failed = in_a_row = 0
    for consignment_id, carrier_code, waybill in _under_way(parts):
        asked += 1
        try:
            events = source.events_of(carrier_code, waybill, now())
            with parts.work() as session:
                added += transit.note_from_carrier(session, system_actor("tracking"), consignment_id, events)
            in_a_row = 0
        except SourceFailed as failure:
            failed += 1
            in_a_row = 0 if failure.answered else in_a_row + 1
            _log.warning("tracking_failed", consignment=consignment_id, reason=str(failure))
            if in_a_row >= GIVE_UP_AFTER:
                return Round(asked, added, failed, given_up=True)
        except Exception:  # whatever it is about this parcel, the others are asked about all the same
            failed += 1
            _log.exception("tracking_not_kept", consignment=consignment_id)
    return Round(asked, added, failed, given_up=False)


def _under_way(parts: Parts) -> list[tuple[int, str, str]]:
    with parts.work() as session:
        rows = session.execute(
            select(Consignment.id, Consignment.carrier_code, Consignment.waybill)
            .where(Consignment.state == ConsignmentState.IN_TRANSIT.value, Consignment.waybill.is_not(None))
            .order_by(Consignment.due_on, Consignment.id)
            .limit(AT_ONCE)
        )
        return [(row.id, str(row.carrier_code), str(row.waybill)) for row in rows]
