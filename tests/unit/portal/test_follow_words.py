"""The timeline's words: every event and state has them, and the way to come fits the service."""

import pytest

from workbench.cases.states import CLOSED_STATES, TRANSITIONS
from workbench.cases.words import Service, State
from workbench.portal.following.timeline import ENDS, HAPPENED, NOW, TOLD, Place, stages_after, standing, timeline


def test_every_event_of_the_transition_table_has_words() -> None:
    assert {move.event for move in TRANSITIONS.values()} == set(HAPPENED)


def test_only_events_that_the_applicant_is_written_about_carry_a_remark() -> None:
    told = {move.event for move in TRANSITIONS.values() if move.needs_remark and move.notice is not None}
    assert told >= TOLD


def test_every_state_has_words() -> None:
    assert set(NOW) | set(ENDS) == set(State)
    assert set(ENDS) == CLOSED_STATES


KEY_WAY = (
    State.PRE_CHECK,
    State.RE_CHECK,
    State.PRODUCTION,
    State.MADE,
    State.IN_TRANSIT,
    State.AT_AUTHORITY,
    State.AWAITING_COLLECTION,
    State.COLLECTED,
)
RENEWAL_WAY = (*KEY_WAY[:3], State.UPDATED)


@pytest.mark.parametrize("service", Service)
def test_the_way_to_come_gets_shorter_to_its_end(service: Service) -> None:
    way = RENEWAL_WAY if service is Service.RENEWAL else KEY_WAY
    left = [len(stages_after(state, service)) for state in way]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert len(stages_after(State.RETURNED, service)) == left[0] + 1


@pytest.mark.parametrize(
    ("state", "service"),
    [(state, Service.NEW) for state in State]
    + [(state, Service.RENEWAL) for state in (*RENEWAL_WAY, State.RETURNED, State.WITHDRAWN)],
)
def test_a_case_stands_at_one_place_until_it_ends(state: State, service: Service) -> None:
    steps = timeline([], state, service, {})
    assert [step.place for step in steps].count(Place.NOW) == (0 if state in CLOSED_STATES else 1)
    assert standing(state, service).title


def test_a_renewal_never_hears_of_a_courier() -> None:
    for state in (State.PRE_CHECK, State.RE_CHECK, State.PRODUCTION, State.RETURNED, State.UPDATED):
        said = " ".join(
            f"{step.title} {step.text}"
            for step in timeline([], state, Service.RENEWAL, {})
            if step.place is not Place.NOW or state is not State.PRODUCTION
        )
        assert "courier" not in said.lower()
        assert "collect" not in said.lower()
