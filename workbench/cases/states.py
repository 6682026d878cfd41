"""The transition table: every move a case can make, who may make it, and what moves with it.

One row a move. `advance()` in the service is the only code that acts on it; a later desk adds its rows here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workbench.cases.clocks import ClockKind
from workbench.cases.words import Desk, Service, State
from workbench.kernel.permissions import Permission


class Action(StrEnum):
    """What someone does to a case, in the imperative."""

    SUBMIT = "submit"
    RESUBMIT = "resubmit"
    WITHDRAW = "withdraw"
    PRE_CHECK_PASS = "pre_check_pass"  # noqa: S105 - an action, not a secret
    PRE_CHECK_FAIL = "pre_check_fail"
    RE_CHECK_PASS = "re_check_pass"  # noqa: S105 - an action, not a secret
    RE_CHECK_FAIL = "re_check_fail"
    PRODUCE = "produce"
    PRODUCTION_FAIL = "production_fail"
    UPDATE_CERTIFICATE = "update_certificate"
    END_RENEWAL = "end_renewal"
    HAND_TO_COURIER = "hand_to_courier"
    RETURN_TO_PRODUCTION = "return_to_production"
    RECEIVE = "receive"
    FORWARD = "forward"
    NOTIFY = "notify"
    REFUSE_STAMPING = "refuse_stamping"
    COLLECT = "collect"
    DESTROY_KEY = "destroy_key"


class ClockMove(StrEnum):
    """What a move does to a clock."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True)
class Transition:
    """One move.

    Attributes:
        after: the state the case is in afterwards.
        permission: what the actor needs; None means the enterprise itself (or the product on its behalf).
        desk: the desk at which this is a decision; nobody decides at two desks of one case.
        needs_remark: the move is refused without one.
        event: what happened, in the past tense.
        clocks: what happens to which clock; a clock that is not running is left alone.
        services: the services that know this move; None means all.
        notice: the template of what the enterprise is told, if anything.
    """

    after: State
    permission: Permission | None
    event: str
    desk: Desk | None = None
    needs_remark: bool = False
    clocks: tuple[tuple[ClockMove, ClockKind], ...] = ()
    services: frozenset[Service] | None = None
    notice: str | None = None

    def knows(self, service: Service) -> bool:
        """Whether cases of this service make this move."""
        return self.services is None or service in self.services


_KEY_SERVICES: Final = frozenset({Service.NEW, Service.ADDITIONAL, Service.REPLACEMENT})
_RENEWAL_ONLY: Final = frozenset({Service.RENEWAL})
_TO_ENTERPRISE: Final = (
    (ClockMove.STOP, ClockKind.PRE_CHECK),
    (ClockMove.PAUSE, ClockKind.RE_CHECK_AND_PRODUCTION),
    (ClockMove.PAUSE, ClockKind.RENEWAL),
)

_RETURNED_ON_THE_WAY: Final = Transition(
    State.PRODUCTION,
    permission=Permission.KEY_DISPATCH,
    event="returned_to_production",
    needs_remark=True,
    clocks=((ClockMove.START, ClockKind.RE_CHECK_AND_PRODUCTION),),
    notice="returned_to_production",
)
_RETURNED_FROM_AUTHORITY: Final = Transition(
    State.PRODUCTION,
    permission=Permission.KEY_RECEIVE,
    event="returned_to_production",
    needs_remark=True,
    clocks=((ClockMove.STOP, ClockKind.NOTICE), (ClockMove.START, ClockKind.RE_CHECK_AND_PRODUCTION)),
    notice="returned_to_production",
)
"""A key that arrived damaged, or turned out to be unusable at the counter, is made anew."""

TRANSITIONS: Final[Mapping[tuple[State | None, Action], Transition]] = {
    (None, Action.SUBMIT): Transition(
        State.PRE_CHECK,
        permission=None,
        event="submitted",
        clocks=((ClockMove.START, ClockKind.PRE_CHECK), (ClockMove.START, ClockKind.RENEWAL)),
        notice="submitted",
    ),
    (State.RETURNED, Action.RESUBMIT): Transition(
        State.PRE_CHECK,
        permission=None,
        event="resubmitted",
        clocks=((ClockMove.START, ClockKind.PRE_CHECK), (ClockMove.RESUME, ClockKind.RENEWAL)),
        notice="submitted",
    ),
    (State.PRE_CHECK, Action.WITHDRAW): Transition(
        State.WITHDRAWN,
        permission=None,
        event="withdrawn",
        clocks=((ClockMove.STOP, ClockKind.PRE_CHECK), (ClockMove.STOP, ClockKind.RENEWAL)),
        notice="withdrawn",
    ),
    (State.RETURNED, Action.WITHDRAW): Transition(
        State.WITHDRAWN,
        permission=None,
        event="withdrawn",
        clocks=((ClockMove.STOP, ClockKind.RE_CHECK_AND_PRODUCTION), (ClockMove.STOP, ClockKind.RENEWAL)),
        notice="withdrawn",
    ),
    (State.PRE_CHECK, Action.PRE_CHECK_PASS): Transition(
        State.RE_CHECK,
        permission=Permission.PRE_CHECK_DECIDE,
        desk=Desk.PRE_CHECK,
        event="pre_check_passed",
        needs_remark=True,
        clocks=((ClockMove.STOP, ClockKind.PRE_CHECK), (ClockMove.RESUME, ClockKind.RE_CHECK_AND_PRODUCTION)),
        notice="pre_check_passed",
    ),
    (State.PRE_CHECK, Action.PRE_CHECK_FAIL): Transition(
        State.RETURNED,
        permission=Permission.PRE_CHECK_DECIDE,
        desk=Desk.PRE_CHECK,
        event="pre_check_failed",
        needs_remark=True,
        clocks=_TO_ENTERPRISE,
        notice="returned",
    ),
    (State.RE_CHECK, Action.RE_CHECK_PASS): Transition(
        State.PRODUCTION,
        permission=Permission.RE_CHECK_DECIDE,
        desk=Desk.RE_CHECK,
        event="re_check_passed",
        needs_remark=True,
        notice="re_check_passed",
    ),
    (State.RE_CHECK, Action.RE_CHECK_FAIL): Transition(
        State.RETURNED,
        permission=Permission.RE_CHECK_DECIDE,
        desk=Desk.RE_CHECK,
        event="re_check_failed",
        needs_remark=True,
        clocks=_TO_ENTERPRISE,
        notice="returned",
    ),
    (State.PRODUCTION, Action.PRODUCE): Transition(
        State.MADE,
        permission=Permission.KEY_PRODUCE,
        desk=Desk.PRODUCTION,
        event="key_produced",
        services=_KEY_SERVICES,
        clocks=((ClockMove.STOP, ClockKind.RE_CHECK_AND_PRODUCTION),),
        notice="key_produced",
    ),
    (State.PRODUCTION, Action.PRODUCTION_FAIL): Transition(
        State.RETURNED,
        permission=Permission.KEY_PRODUCE,
        desk=Desk.PRODUCTION,
        event="production_failed",
        needs_remark=True,
        services=_KEY_SERVICES,
        clocks=_TO_ENTERPRISE,
        notice="returned",
    ),
    (State.PRODUCTION, Action.UPDATE_CERTIFICATE): Transition(
        State.UPDATED,
        permission=None,  # the token is in the enterprise's hands; production moves on what was read back from it
        event="certificate_updated",
        services=_RENEWAL_ONLY,
        clocks=((ClockMove.STOP, ClockKind.RENEWAL),),
        notice="certificate_updated",
    ),
    (State.PRODUCTION, Action.END_RENEWAL): Transition(
        State.WITHDRAWN,
        permission=Permission.CERTIFICATE_REVOKE,
        event="renewal_ended",
        needs_remark=True,
        services=_RENEWAL_ONLY,
        clocks=((ClockMove.STOP, ClockKind.RENEWAL),),  # who revokes the certificate writes to its holder
    ),
    (State.MADE, Action.HAND_TO_COURIER): Transition(
        State.IN_TRANSIT,
        permission=Permission.KEY_DISPATCH,
        event="handed_to_courier",
        notice="handed_to_courier",
    ),
    (State.IN_TRANSIT, Action.RECEIVE): Transition(
        State.AT_AUTHORITY,
        permission=Permission.KEY_RECEIVE,
        event="received",
        clocks=((ClockMove.START, ClockKind.NOTICE),),
    ),
    # A key that no packing list named may have been broken or lost on the way before its case was said to be on it.
    (State.MADE, Action.RETURN_TO_PRODUCTION): _RETURNED_ON_THE_WAY,
    (State.IN_TRANSIT, Action.RETURN_TO_PRODUCTION): _RETURNED_ON_THE_WAY,
    (State.AT_AUTHORITY, Action.RETURN_TO_PRODUCTION): _RETURNED_FROM_AUTHORITY,
    (State.AWAITING_COLLECTION, Action.RETURN_TO_PRODUCTION): _RETURNED_FROM_AUTHORITY,
    (State.AT_AUTHORITY, Action.FORWARD): Transition(
        State.IN_TRANSIT,
        permission=Permission.KEY_RECEIVE,
        event="forwarded",
        needs_remark=True,
        clocks=((ClockMove.STOP, ClockKind.NOTICE),),
    ),
    (State.AT_AUTHORITY, Action.NOTIFY): Transition(
        State.AWAITING_COLLECTION,
        permission=Permission.KEY_RECEIVE,
        event="enterprise_notified",
        clocks=((ClockMove.STOP, ClockKind.NOTICE),),
        notice="ready_for_collection",
    ),
    (State.AWAITING_COLLECTION, Action.REFUSE_STAMPING): Transition(
        State.AWAITING_COLLECTION,
        permission=Permission.KEY_COLLECT,
        desk=Desk.COUNTER,
        event="final_stamping_refused",
        needs_remark=True,
        notice="stamping_refused",
    ),
    (State.AWAITING_COLLECTION, Action.COLLECT): Transition(
        State.COLLECTED,
        permission=Permission.KEY_COLLECT,
        desk=Desk.COUNTER,
        event="collected",
        needs_remark=True,
        notice="collected",
    ),
    (State.AWAITING_COLLECTION, Action.DESTROY_KEY): Transition(
        State.KEY_DESTROYED,
        permission=Permission.KEY_DISPOSE,
        event="key_destroyed",
        needs_remark=True,
        notice="key_destroyed",
    ),
}

CLOCK_SERVICES: Final[Mapping[ClockKind, frozenset[Service]]] = {
    ClockKind.PRE_CHECK: frozenset(Service),
    ClockKind.RE_CHECK_AND_PRODUCTION: _KEY_SERVICES,
    ClockKind.RENEWAL: _RENEWAL_ONLY,
    ClockKind.NOTICE: _KEY_SERVICES,
}
"""Which clocks run for which service (DOMAIN: deadlines)."""

REVIEW_STATES: Final[Mapping[Desk, State]] = {Desk.PRE_CHECK: State.PRE_CHECK, Desk.RE_CHECK: State.RE_CHECK}
REVIEW_PERMISSIONS: Final[Mapping[Desk, Permission]] = {
    Desk.PRE_CHECK: Permission.PRE_CHECK_DECIDE,
    Desk.RE_CHECK: Permission.RE_CHECK_DECIDE,
}
ENTERPRISE_STATES: Final = frozenset({State.RETURNED})
"""States in which the enterprise has the case and clocks stand still."""

CLOSED_STATES: Final = frozenset({State.WITHDRAWN, State.COLLECTED, State.UPDATED, State.KEY_DESTROYED})


def find_transition(state: State | None, action: Action, service: Service) -> Transition | None:
    """The move `action` makes from `state` for a case of `service`, if there is one."""
    transition = TRANSITIONS.get((state, action))
    return transition if transition is not None and transition.knows(service) else None
