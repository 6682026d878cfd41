"""Withdrawing: before the first verdict of the case and never after; whoever has it open is told by a conflict."""

import pytest
from sqlalchemy import select

from tests.integration.portal.follow_door import CLERK, Door, door
from tests.support.casework import whole
from workbench.cases import claims
from workbench.cases.models import Application
from workbench.cases.words import Desk, Service, State, Verdict
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict
from workbench.portal.following import cases as following
from workbench.review.hand import Stale
from workbench.review.service import decide, open_review

__all__ = ["door"]


@pytest.mark.parametrize("service", [Service.NEW, Service.RENEWAL])
def test_it_asks_once_and_names_the_application(door: Door, service: Service) -> None:
    number, browser = door.submit(service), door.browser()
    address = f"/applications/{number}/withdraw"
    assert address in browser.open(f"/applications/{number}")
    assert f"Withdraw application {number}" in browser.words(address)
    assert door.state(number) == State.PRE_CHECK
    answer = browser.post(address)
    assert (answer.status_code, answer.location) == (303, f"/applications/{number}")
    assert door.state(number) == State.WITHDRAWN
    shown = browser.open(f"/applications/{number}")
    assert "You withdrew this application" in shown
    assert address not in shown


def test_it_is_recorded_as_the_applicants_doing(door: Door) -> None:
    number = door.submit()
    door.browser().post(f"/applications/{number}/withdraw")
    with door.office.work() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "case.withdrawn")).one()
        assert entry.actor == f"enterprise:{door.applicant.id}"
        assert session.get_one(Application, door.case_id(number)).due_at is None


def test_twice_is_once_with_a_reason(door: Door) -> None:
    number, browser = door.submit(), door.browser()
    address = f"/applications/{number}/withdraw"
    browser.post(address)
    answer = browser.post(address)
    assert answer.status_code == 409
    assert "has been withdrawn already" in answer.text


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
def test_not_after_a_verdict(door: Door, verdict: Verdict) -> None:
    number, browser = door.submit(), door.browser()
    door.office.decide(door.staff[CLERK], door.case_id(number), verdict)
    address = f"/applications/{number}/withdraw"
    assert address not in browser.open(f"/applications/{number}")
    assert "can no longer be withdrawn" in browser.words(address)
    before = door.state(number)
    assert browser.post(address).status_code == 409
    assert door.state(number) == before


def test_not_in_a_later_round_though_it_is_at_the_pre_check_again(door: Door) -> None:
    number = door.submit()
    door.fail(number, "business_licence")
    with door.office.work(door.actor) as session:
        uscc = session.get_one(Application, door.case_id(number)).uscc
    door.office.submit_again(door.case_id(number), door.office.facts(uscc=uscc), whole(), who=door.actor)
    assert door.state(number) == State.PRE_CHECK
    with door.office.work(door.actor) as session, pytest.raises(Conflict, match="begun to decide"):
        following.withdraw(session, door.actor, number)


def test_a_clerk_who_has_it_open_is_told(door: Door) -> None:
    number = door.submit()
    clerk, case_id = door.staff[CLERK], door.case_id(number)
    with door.office.work(clerk) as session:
        claims.claim(session, clerk, case_id, minutes=20)
        open_review(session, clerk, case_id, Desk.PRE_CHECK)
        door.office.mark_all(session, clerk, case_id, Verdict.PASSED)
        seen = session.get_one(Application, case_id).version
    door.browser().post(f"/applications/{number}/withdraw")
    with door.office.work(clerk) as session, pytest.raises(Stale):
        decide(session, clerk, case_id, Verdict.PASSED, "示例", seen_version=seen)
    assert door.state(number) == State.WITHDRAWN
