"""Nobody decides on one case at two desks, over random histories and by hand, however people and cases are moved."""

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.support.casework import Office, actor_of, open_office
from tests.support.database import Database
from workbench.cases import claims
from workbench.cases.models import Application
from workbench.cases.words import Desk, Verdict
from workbench.kernel.db import make_engine
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import Actor, Role
from workbench.organisation.models import Staff
from workbench.review.case_file import load

PEOPLE = 4
EVENT_DESK = {
    "pre_check_passed": "pre_check",
    "pre_check_failed": "pre_check",
    "re_check_passed": "re_check",
    "re_check_failed": "re_check",
}


class RandomHistory(RuleBasedStateMachine):
    """Four people who change desks at any time, two supervisors, and two cases that come back again and again."""

    office: ClassVar[Office]

    @initialize()
    def open_cases(self) -> None:
        office = self.office
        with office.work() as session:
            for number in range(PEOPLE):
                self._employ(session.get_one(Staff, office.people[f"person{number}"]), clerk=number % 2 == 0)
        self.facts = [office.facts(), office.facts()]
        self.cases = [office.submit(each) for each in self.facts]

    def _employ(self, staff: Staff, *, clerk: bool) -> None:
        staff.roles = [(Role.PRE_CHECKER if clerk else Role.RE_CHECKER).value]
        staff.authority_id = self.office.authority_ids[0] if clerk else None

    def _actor(self, name: str) -> Actor:
        with self.office.work() as session:
            return actor_of(session.get_one(Staff, self.office.people[name]))

    @rule(person=st.integers(0, PEOPLE - 1), clerk=st.booleans())
    def change_role(self, person: int, clerk: bool) -> None:
        with self.office.work() as session:
            self._employ(session.get_one(Staff, self.office.people[f"person{person}"]), clerk=clerk)

    @rule(person=st.integers(0, PEOPLE - 1), case=st.integers(0, 1), passed=st.booleans())
    def decide(self, person: int, case: int, passed: bool) -> None:
        actor = self._actor(f"person{person}")
        with suppress(WorkbenchError):
            self.office.decide(actor, self.cases[case], Verdict.PASSED if passed else Verdict.FAILED)

    @rule(person=st.integers(0, PEOPLE - 1))
    def take_next(self, person: int) -> None:
        actor = self._actor(f"person{person}")
        desk = Desk.PRE_CHECK if Role.PRE_CHECKER in actor.roles else Desk.RE_CHECK
        with self.office.work(actor) as session:
            given = claims.claim_next(session, actor, desk, minutes=20)
            assert given is None or not claims.barred(session, given.id, desk, actor.id)

    @rule(person=st.integers(0, PEOPLE - 1), case=st.integers(0, 1))
    def release(self, person: int, case: int) -> None:
        actor = self._actor(f"person{person}")
        with suppress(WorkbenchError), self.office.work(actor) as session:
            claims.release(session, actor, self.cases[case])

    @rule(
        boss=st.sampled_from(["authority_boss", "vendor_boss"]), to=st.integers(0, PEOPLE - 1), case=st.integers(0, 1)
    )
    def reassign(self, boss: str, to: int, case: int) -> None:
        actor = self._actor(boss)
        with suppress(WorkbenchError), self.office.work(actor) as session:
            claims.reassign(session, actor, self.cases[case], self.office.people[f"person{to}"], "x", minutes=20)

    @rule(case=st.integers(0, 1))
    def send_in_again(self, case: int) -> None:
        with suppress(WorkbenchError):
            self.office.submit_again(self.cases[case], self.facts[case])

    @invariant()
    def nobody_decided_at_two_desks(self) -> None:
        desks: dict[tuple[int, int], set[str]] = {}
        with self.office.work() as session:
            events = session.execute(
                text("SELECT application_id, staff_id, event FROM case_event WHERE event = ANY(:events)"),
                {"events": list(EVENT_DESK)},
            )
            for case, staff, event in events:
                desks.setdefault((case, staff), set()).add(EVENT_DESK[event])
            reviews = session.execute(
                text("SELECT application_id, decided_by_id, desk FROM review WHERE verdict IS NOT NULL")
            )
            for case, staff, desk in reviews:
                desks.setdefault((case, staff), set()).add(desk)
        assert all(len(each) == 1 for each in desks.values())


def test_four_eyes_over_random_histories(fresh_database: Database, tmp_path: Path) -> None:
    engine = make_engine(fresh_database.app_url)
    office = open_office(engine, tmp_path)
    for number in range(PEOPLE):
        office.people[f"person{number}"] = office.clerk(f"person{number}").id or 0
    boss = office.hire("authority_boss", Role.AUTHORITY_SUPERVISOR, authority_id=office.authority_ids[0])
    office.people["authority_boss"] = boss.id or 0
    office.people["vendor_boss"] = office.hire("vendor_boss", Role.VENDOR_SUPERVISOR).id or 0
    RandomHistory.office = office
    try:
        run_state_machine_as_test(
            RandomHistory,
            settings=settings(
                max_examples=25,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        with office.work() as session:
            decided = session.execute(text("SELECT count(*) FROM review WHERE verdict IS NOT NULL")).scalar_one()
            assert decided > 20, "the histories hardly decided anything, so they prove nothing"
    finally:
        engine.dispose()


def test_the_database_refuses_a_second_desk_to_plain_sql(office: Office) -> None:
    clerk, checker = office.clerk(), office.re_checker()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED)
    office.decide(checker, case, Verdict.FAILED)
    own = {"case": case, "authority": office.authority_ids[0], "staff": clerk.id}
    for attempt in (
        "INSERT INTO case_decider (application_id, authority_id, staff_id, desk)"
        " VALUES (:case, :authority, :staff, 're_check')",
        "UPDATE review SET decided_by_id = :staff WHERE desk = 're_check' AND application_id = :case",
        "UPDATE application SET pre_checked_by_id = :staff, re_checked_by_id = :staff WHERE id = :case",
    ):
        with pytest.raises(IntegrityError), office.work() as session:
            session.execute(text(attempt), own)


def test_a_promoted_clerk_is_told_why_a_second_person_must_look(office: Office) -> None:
    clerk = office.clerk()
    case = office.submit()
    office.decide(clerk, case, Verdict.PASSED)
    promoted = Actor("staff", clerk.id, clerk.name, frozenset({Role.RE_CHECKER}), office.re_checker().scope)
    with office.work(promoted) as session:
        assert session.scalars(select(Application.id)).all() == [case]
        bar = load(session, promoted, case, Desk.RE_CHECK, "zh").bar
        assert bar is not None
        assert "another desk" in bar
