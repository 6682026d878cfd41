"""Moves made on real rows: every state, action and role through `advance`, and the clocks through a whole story."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from tests.support.casework import SYSTEM, Office
from tests.unit.cases.test_states import EXPECTED, who_may
from workbench.cases.models import Application, CaseClock
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import Service, State, Verdict
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import Conflict, NotAllowed
from workbench.kernel.identity import AUTHORITY_ROLES, Actor, Role

OF_CASES = [action for action in Action if action not in (Action.SUBMIT, Action.RESUBMIT)]
PRODUCTION = "re_check_and_production"


@pytest.mark.parametrize("service", [Service.NEW, Service.RENEWAL])
def test_advance_makes_exactly_the_expected_moves_for_every_state_action_and_role(
    office: Office, service: Service
) -> None:
    """Each attempt is made on the same case, put into the state by hand and put back by rollback."""
    authority = office.authority_ids[0]
    people = [
        office.hire(role.value, role, authority_id=authority if role in AUTHORITY_ROLES else None) for role in Role
    ]
    case = office.submit(office.facts(service))
    for actor in people:
        role = next(iter(actor.roles))
        with office.work() as session:
            for state in State:
                session.execute(
                    text("UPDATE application SET state = :state WHERE id = :id"), {"state": state.value, "id": case}
                )
                for action in OF_CASES:
                    attempt = session.begin_nested()
                    expected = _expected_answer(state, action, role, service)
                    try:
                        answer: object = advance(session, case, action, actor, remark="示例").state
                    except (Conflict, NotAllowed) as refusal:
                        answer = type(refusal)
                    attempt.rollback()
                    assert answer == expected, (state, action, role)
            session.rollback()


def _expected_answer(state: State, action: Action, role: Role, service: Service) -> object:
    row = EXPECTED.get((state.value, action.value))
    known = row is not None and (row[2] == "every" or (row[2] == "renewal") == (service is Service.RENEWAL))
    if row is None or not known:
        return Conflict
    enters = row[1] == "the enterprise" and role in (Role.PRE_CHECKER, Role.COUNTER_STAFF)
    return row[0] if enters or role.value in who_may(row[1]) else NotAllowed


def _at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 2, 0, tzinfo=UTC)


@pytest.fixture
def due(office: Office) -> Callable[[int], tuple[str | None, str | None]]:
    """Which clock a case is due by, and the last day in time, as the queue would read them."""

    def read(case: int) -> tuple[str | None, str | None]:
        with office.work() as session:
            application = session.get_one(Application, case)
            last = session.execute(
                text(
                    "SELECT (due_at - interval '1 second') AT TIME ZONE 'Asia/Shanghai' FROM application WHERE id = :id"
                ),
                {"id": case},
            ).scalar()
            return application.due_clock, last.strftime("%m-%d") if last else None

    return read


def test_the_clocks_of_a_new_application_through_a_return(
    office: Office, due: Callable[[int], tuple[str | None, str | None]]
) -> None:
    clerk, checker, maker = office.clerk(), office.re_checker(), office.hire("maker", Role.KEY_MAKER)
    facts = office.facts()
    with clock_at(_at(3, 2)):  # Monday
        case = office.submit(facts)
    assert due(case) == ("pre_check", "03-04")
    with clock_at(_at(3, 3)):
        office.decide(clerk, case, Verdict.PASSED)
    assert due(case) == (PRODUCTION, "03-10")
    with clock_at(_at(3, 5)):  # two of five days used
        office.decide(checker, case, Verdict.FAILED)
    assert due(case) == (None, None)
    with clock_at(_at(3, 16)):
        office.submit_again(case, facts)
    assert due(case) == ("pre_check", "03-18")
    with clock_at(_at(3, 17)):
        office.decide(clerk, case, Verdict.PASSED)
    assert due(case) == (PRODUCTION, "03-20")  # three days were left
    with clock_at(_at(3, 18)):
        office.decide(checker, case, Verdict.PASSED)
    assert due(case) == (PRODUCTION, "03-20")
    with clock_at(_at(3, 19)), office.work(maker) as session:
        advance(session, case, Action.PRODUCE, maker)
    assert due(case) == (None, None)


def test_a_renewal_has_three_days_in_all_and_pauses_while_returned(
    office: Office, due: Callable[[int], tuple[str | None, str | None]]
) -> None:
    clerk, checker = office.clerk(), office.re_checker()
    facts = office.facts(Service.RENEWAL)
    with clock_at(_at(3, 2)):
        case = office.submit(facts)
    assert due(case) == ("pre_check", "03-04")
    with clock_at(_at(3, 3)):  # one of three days used
        office.decide(clerk, case, Verdict.FAILED)
    assert due(case) == (None, None)
    with office.work() as session:
        clocks = {row.kind: row for row in session.scalars(select(CaseClock).where(CaseClock.application_id == case))}
        assert set(clocks) == {"pre_check", "renewal"}
        assert clocks["pre_check"].stopped_at is not None
        assert (clocks["renewal"].paused_at, clocks["renewal"].used_days) == (_at(3, 3), 1)
    with clock_at(_at(3, 9)):
        office.submit_again(case, facts)
    with clock_at(_at(3, 10)):
        office.decide(clerk, case, Verdict.PASSED)
    assert due(case) == ("renewal", "03-11")  # two days were left
    with clock_at(_at(3, 11)):
        office.decide(checker, case, Verdict.PASSED)
    assert due(case) == ("renewal", "03-11")
    with clock_at(_at(3, 11)), office.work() as session:
        assert advance(session, case, Action.UPDATE_CERTIFICATE, SYSTEM).state == State.UPDATED
    assert due(case) == (None, None)


def test_the_maker_of_a_key_was_not_its_re_checker(office: Office) -> None:
    clerk, checker = office.clerk(), office.re_checker()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED)
    office.decide(checker, case, Verdict.PASSED)
    moved = Actor("staff", checker.id, checker.name, frozenset({Role.KEY_MAKER}), checker.scope)
    with pytest.raises(NotAllowed, match="another desk"), office.work(moved) as session:
        advance(session, case, Action.PRODUCE, moved)
