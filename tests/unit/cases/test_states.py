"""The transition table against an expectation written down apart from it: every state, action, role and service.

The expectation is a plain text table read by eye against DOMAIN's process, so that a slip in the code's table shows.
"""

from itertools import product

import pytest

from workbench.cases.states import TRANSITIONS, Action, find_transition
from workbench.cases.words import Service, State
from workbench.kernel.identity import Actor, Role, Scope
from workbench.kernel.permissions import permits

KEYS = {Service.NEW, Service.ADDITIONAL, Service.REPLACEMENT}
RENEWAL = {Service.RENEWAL}
EVERY = set(Service)
ENTERPRISE = "the enterprise"
DISPOSERS = {"counter_staff", "authority_supervisor", "dispatcher", "vendor_supervisor"}
"""Two of them sign when a key that nobody collected is destroyed."""

# before | action | after | who | services | desk | remark | mail | clocks
TABLE = """
none                | submit               | pre_check           | the enterprise | every   | -          | no  | submitted              | start pre_check, start renewal
returned            | resubmit             | pre_check           | the enterprise | every   | -          | no  | submitted              | start pre_check, resume renewal
pre_check           | withdraw             | withdrawn           | the enterprise | every   | -          | no  | withdrawn              | stop pre_check, stop renewal
returned            | withdraw             | withdrawn           | the enterprise | every   | -          | no  | withdrawn              | stop re_check_and_production, stop renewal
pre_check           | pre_check_pass       | re_check            | pre_checker    | every   | pre_check  | yes | pre_check_passed       | stop pre_check, resume re_check_and_production
pre_check           | pre_check_fail       | returned            | pre_checker    | every   | pre_check  | yes | returned               | stop pre_check, pause re_check_and_production, pause renewal
re_check            | re_check_pass        | production          | re_checker     | every   | re_check   | yes | re_check_passed        | -
re_check            | re_check_fail        | returned            | re_checker     | every   | re_check   | yes | returned               | stop pre_check, pause re_check_and_production, pause renewal
production          | produce              | made                | key_maker      | keys    | production | no  | key_produced           | stop re_check_and_production
production          | production_fail      | returned            | key_maker      | keys    | production | yes | returned               | stop pre_check, pause re_check_and_production, pause renewal
production          | update_certificate   | updated             | the enterprise | renewal | -          | no  | certificate_updated    | stop renewal
production          | end_renewal          | withdrawn           | vendor_supervisor | renewal | -       | yes | -                      | stop renewal
made                | hand_to_courier      | in_transit          | dispatcher     | every   | -          | no  | handed_to_courier      | -
made                | return_to_production | production          | dispatcher     | every   | -          | yes | returned_to_production | start re_check_and_production
in_transit          | receive              | at_authority        | counter_staff  | every   | -          | no  | -                      | start notice
in_transit          | return_to_production | production          | dispatcher     | every   | -          | yes | returned_to_production | start re_check_and_production
at_authority        | return_to_production | production          | counter_staff  | every   | -          | yes | returned_to_production | stop notice, start re_check_and_production
awaiting_collection | return_to_production | production          | counter_staff  | every   | -          | yes | returned_to_production | stop notice, start re_check_and_production
at_authority        | forward              | in_transit          | counter_staff  | every   | -          | yes | -                      | stop notice
at_authority        | notify               | awaiting_collection | counter_staff  | every   | -          | no  | ready_for_collection   | stop notice
awaiting_collection | refuse_stamping      | awaiting_collection | counter_staff  | every   | counter    | yes | stamping_refused       | -
awaiting_collection | collect              | collected           | counter_staff  | every   | counter    | yes | collected              | -
awaiting_collection | destroy_key          | key_destroyed       | disposers      | every   | -          | yes | key_destroyed          | -
"""  # noqa: E501 - a table is read across

ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
EXPECTED = {(row[0], row[1]): row[2:] for row in ROWS}
SERVICES = {"every": EVERY, "keys": KEYS, "renewal": RENEWAL}
STATES: list[State | None] = [None, *State]


def who_may(who: str) -> set[str]:
    """The roles that a line of the table names."""
    return DISPOSERS if who == "disposers" else {who}


def _expected(state: State | None, action: Action, service: Service) -> list[str] | None:
    row = EXPECTED.get((state.value if state else "none", action.value))
    return row if row is not None and service in SERVICES[row[2]] else None


@pytest.mark.parametrize(("state", "action"), list(product(STATES, Action)))
def test_each_state_and_action_lead_where_the_expectation_says(state: State | None, action: Action) -> None:
    for service in Service:
        found, expected = find_transition(state, action, service), _expected(state, action, service)
        assert (found is None) == (expected is None), (state, action, service)
        if found is not None and expected is not None:
            after, _, _, desk, remark, mail, clocks = expected
            assert found.after.value == after
            assert (found.desk.value if found.desk else "-") == desk
            assert ("yes" if found.needs_remark else "no") == remark
            assert (found.notice or "-") == mail
            moves = ", ".join(f"{move.value} {kind.value}" for move, kind in found.clocks)
            assert (moves or "-") == clocks


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_make_exactly_the_moves_of_its_own_desk(role: Role) -> None:
    actor = Actor("staff", 1, "示例", frozenset({role}), Scope(everything=True))
    for (state, action), transition in TRANSITIONS.items():
        who = EXPECTED[(state.value if state else "none", action.value)][1]
        may = transition.permission is not None and permits(actor, transition.permission)
        assert may == (role.value in who_may(who)), (state, action, role)


def test_the_expectation_names_every_move_once() -> None:
    assert len(EXPECTED) == len(ROWS) == len(TRANSITIONS)


def test_nothing_leaves_a_closed_case() -> None:
    closed = (State.WITHDRAWN, State.COLLECTED, State.UPDATED, State.KEY_DESTROYED)
    assert not [move for move in TRANSITIONS if move[0] in closed]
