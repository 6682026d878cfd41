"""What the month-end statement calls its lines, each as a condition on hand-overs: the statement counts by it, the log
lists by it. Together the lines cover every way a key gets into an authority's hands or out of them.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import aliased

from workbench.kernel.messages import N_
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import Custodian, TokenState


class Flow(StrEnum):
    """A line of the statement. LOST_ON_WAY and DISPATCHED happen outside the authority's hands."""

    RECEIVED = "received"
    HANDED_BACK = "handed_back"
    HANDED_OVER = "handed_over"
    RETURNED = "returned"
    SENT_ON = "sent_on"
    DESTROYED = "destroyed"
    WRITTEN_OFF = "written_off"
    DISPATCHED = "dispatched"
    LOST_ON_WAY = "lost_on_way"


INTO_HANDS: Final = (Flow.RECEIVED, Flow.HANDED_BACK)
OUT_OF_HANDS: Final = (Flow.HANDED_OVER, Flow.RETURNED, Flow.SENT_ON, Flow.DESTROYED, Flow.WRITTEN_OFF)
FLOW_NAMES: Final[Mapping[Flow, str]] = {
    Flow.RECEIVED: N_("Received"),
    Flow.HANDED_BACK: N_("Handed back by enterprises"),
    Flow.HANDED_OVER: N_("Handed over to enterprises"),
    Flow.RETURNED: N_("Returned to the vendor"),
    Flow.SENT_ON: N_("Sent on"),
    Flow.DESTROYED: N_("Destroyed"),
    Flow.WRITTEN_OFF: N_("Lost or set aside"),
    Flow.DISPATCHED: N_("Handed to the courier by the vendor"),
    Flow.LOST_ON_WAY: N_("Lost on the way"),
}

_E = CustodyEntry
_TO: Final = and_(_E.to_custodian == Custodian.AUTHORITY.value, _E.to_ref == _E.authority_id)
_FROM: Final = and_(_E.from_custodian == Custodian.AUTHORITY.value, _E.from_ref == _E.authority_id)
COMES: Final = and_(_TO, not_(_FROM))
"""A key gets into the hands of the authority it is for."""
GOES: Final = and_(_FROM, not_(_TO))
"""A key leaves them."""
_SENT_BACK: Final = and_(_E.to_custodian == Custodian.COURIER.value, _E.event == "sent_back")
_KNOWN_ENDS: Final = (Custodian.ENTERPRISE.value, Custodian.COURIER.value, Custodian.DESTROYED.value)
CONDITIONS: Final[Mapping[Flow, ColumnElement[bool]]] = {
    Flow.RECEIVED: and_(COMES, _E.from_custodian != Custodian.ENTERPRISE.value),
    Flow.HANDED_BACK: and_(COMES, _E.from_custodian == Custodian.ENTERPRISE.value),
    Flow.HANDED_OVER: and_(GOES, _E.to_custodian == Custodian.ENTERPRISE.value),
    Flow.RETURNED: and_(GOES, _SENT_BACK),
    Flow.SENT_ON: and_(GOES, _E.to_custodian == Custodian.COURIER.value, _E.event != "sent_back"),
    Flow.DESTROYED: and_(GOES, _E.to_custodian == Custodian.DESTROYED.value),
    Flow.WRITTEN_OFF: and_(GOES, _E.to_custodian.not_in(_KNOWN_ENDS)),
    Flow.DISPATCHED: _E.event == "handed_to_courier",
    Flow.LOST_ON_WAY: and_(_E.event == "lost", _E.from_custodian == Custodian.COURIER.value),
}


_TRAVELS: Final = (TokenState.PERSONALISED.value, TokenState.SURRENDERED.value)


def held_by(custodian: Custodian) -> ColumnElement[bool]:
    """Keys that the courier holds now, or the authority that they are for."""
    # Only such keys are held by either; said as well, because an index knows states and not custodians.
    held = and_(Token.state.in_(_TRAVELS), Token.custodian == custodian.value)
    return and_(held, Token.custodian_ref == Token.authority_id) if custodian is Custodian.AUTHORITY else held


def held_at(instant: datetime, custodian: Custodian, authority_id: int | None = None) -> ColumnElement[bool]:
    """Tokens that were in the authority's hands, or in couriers', at an instant: their last entry before it says so.

    Looked for among those still there and those that have left since, which an index finds.
    """
    entry: Any = aliased(CustodyEntry)
    following: Any = aliased(CustodyEntry)
    left = select(_E.token_id).where(_E.at >= instant, _E.from_custodian == custodian.value)
    if authority_id is not None:
        left = left.where(_E.authority_id == authority_id)
    own = entry.to_ref == entry.authority_id if custodian is Custodian.AUTHORITY else entry.to_ref.is_not(None)
    nothing_between = not_(
        exists().where(following.token_id == entry.token_id, following.seq == entry.seq + 1, following.at < instant)
    )
    was_there = exists().where(
        entry.token_id == Token.id,
        entry.at < instant,
        entry.to_custodian == custodian.value,
        own,
        nothing_between,
    )
    return and_(or_(held_by(custodian), Token.id.in_(left)), was_there)
