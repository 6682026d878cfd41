"""Claims on a real database: one case in one hand, nobody sent away while work remains, expiry by the clock alone."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from tests.support.casework import Office
from workbench.cases import claims
from workbench.cases.models import Application
from workbench.cases.words import Desk, Verdict
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at
from workbench.kernel.db import set_scope
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def _many(office: Office, how_many: int) -> list[int]:
    """Cases of the first authority, copied from one in the database because only their claims matter here."""
    first = office.submit()
    with office.work() as session:
        session.execute(
            text(
                "INSERT INTO application (number, enterprise_id, authority_id, service, category, channel, state,"
                " enterprise_name, uscc, created_at, submitted_at, state_since, due_at, due_clock)"
                " SELECT 'EK2026X' || n, enterprise_id, authority_id, service, category, channel, state,"
                " enterprise_name, uscc, created_at, submitted_at, state_since,"
                " due_at + n * interval '1 minute', due_clock"
                " FROM application, generate_series(1, :more) AS n WHERE id = :first"
            ),
            {"first": first, "more": how_many - 1},
        )
        return list(session.scalars(select(Application.id).order_by(Application.due_at, Application.id)))


def _next(office: Office, actor: Actor) -> int | None:
    with office.work(actor) as session:
        application = claims.claim_next(session, actor, Desk.PRE_CHECK, minutes=20)
        return application.id if application is not None else None


def test_next_gives_the_most_urgent_case_each_time_another(office: Office) -> None:
    clerk = office.clerk()
    expected = _many(office, 4)
    assert [_next(office, clerk) for _ in range(5)] == [*expected, None]


def test_twenty_people_pressing_at_once_share_200_cases(office: Office) -> None:
    people = [office.clerk(f"clerk{n}") for n in range(20)]
    cases = set(_many(office, 200))
    together = threading.Barrier(20)
    taken: list[int] = []
    empty_handed: list[int] = []
    problems: list[Exception] = []

    def work(actor: Actor) -> None:
        try:
            together.wait(30)
            while (case := _next(office, actor)) is not None:
                taken.append(case)
            empty_handed.append(len(taken))
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in people]
    for each in threads:
        each.start()
    for each in threads:
        each.join(100)
    assert problems == []
    assert set(taken) == cases
    assert Counter(taken).most_common(1)[0][1] == 1
    assert len(empty_handed) == 20


def test_a_case_let_go_by_another_is_waited_for(office: Office) -> None:
    """The last free case is locked by somebody whose claim is then undone: the one who asked meanwhile gets it."""
    holder, waiter = office.clerk("holder"), office.clerk("waiter")
    case = office.submit()
    answer: list[int | None] = []
    asking = threading.Thread(target=lambda: answer.append(_next(office, waiter)))
    with office.factory() as session:
        set_scope(session, holder.scope)
        assert claims.claim_next(session, holder, Desk.PRE_CHECK, minutes=20) is not None
        asking.start()
        _await_waiting(office)
        session.rollback()
    asking.join(10)
    assert answer == [case]


def test_a_case_another_takes_for_good_is_not_waited_for_long(office: Office) -> None:
    holder, waiter = office.clerk("holder"), office.clerk("waiter")
    office.submit()
    with office.work(holder) as session:
        claims.claim_next(session, holder, Desk.PRE_CHECK, minutes=20)
        assert _next(office, waiter) is None


def _await_waiting(office: Office) -> None:
    with office.engine.connect() as connection:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not connection.execute(waiting).scalar():
            connection.rollback()


def test_a_claim_ends_by_the_clock_and_activity_extends_it(office: Office) -> None:
    first, second = office.clerk("first"), office.clerk("second")
    with clock_at(NOON):
        case = office.submit()
        assert _next(office, first) == case
    with clock_at(NOON + timedelta(minutes=15)), office.work(first) as session:
        assert claims.keep(session, first, case, minutes=20) == NOON + timedelta(minutes=35)
    with clock_at(NOON + timedelta(minutes=34)):
        assert _next(office, second) is None
    with clock_at(NOON + timedelta(minutes=35)):
        assert _next(office, second) == case
        refusal = "示例second has had this case in hand since 2026-03-02 12:35"
        with pytest.raises(Conflict, match=refusal), office.work(first) as session:
            claims.keep(session, first, case, minutes=20)


def test_an_expired_claim_is_still_ones_own_while_nobody_took_it(office: Office) -> None:
    clerk = office.clerk()
    with clock_at(NOON):
        case = office.submit()
        _next(office, clerk)
    with clock_at(NOON + timedelta(hours=2)), office.work(clerk) as session:
        assert claims.keep(session, clerk, case, minutes=20) == NOON + timedelta(hours=2, minutes=20)


def test_claim_names_who_has_it_and_release_frees_it(office: Office) -> None:
    first, second = office.clerk("first"), office.clerk("second")
    case = office.submit()
    with office.work(first) as session:
        claims.claim(session, first, case, minutes=20)
    with pytest.raises(Conflict, match="示例first"), office.work(second) as session:
        claims.claim(session, second, case, minutes=20)
    with pytest.raises(Conflict, match="示例first"), office.work(second) as session:
        claims.release(session, second, case)
    with office.work(first) as session:
        claims.release(session, first, case)
        claims.release(session, first, case)
    with pytest.raises(Conflict, match="claim it again"), office.work(first) as session:
        claims.keep(session, first, case, minutes=20)
    with office.work(second) as session:
        assert claims.claim(session, second, case, minutes=20).claimed_by_id == second.id
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.case_id == case).order_by(AuditEntry.seq))
        assert [*actions][1:] == ["case.claimed", "case.claim_released", "case.claimed"]


def test_a_supervisor_reassigns_to_own_people_with_a_note(office: Office) -> None:
    first, second = office.clerk("first"), office.clerk("second")
    elsewhere, checker = office.clerk("elsewhere", authority=1), office.re_checker()
    boss = office.hire("boss", Role.AUTHORITY_SUPERVISOR, authority_id=office.authority_ids[0])
    case = office.submit()
    with office.work(first) as session:
        claims.claim(session, first, case, minutes=20)

    def hand_to(actor: Actor, person: Actor, note: str = "请接手") -> None:
        assert person.id is not None
        with office.work(actor) as session:
            claims.reassign(session, actor, case, person.id, note, minutes=20)

    with pytest.raises(Invalid):
        hand_to(boss, second, " \x00 ")
    with pytest.raises(NotAllowed):
        hand_to(first, second)
    for stranger in (elsewhere, checker):
        with pytest.raises(NotFound):
            hand_to(boss, stranger)
    with pytest.raises(NotAllowed, match="does not decide"):
        hand_to(boss, boss)
    hand_to(boss, second)
    with office.work() as session:
        assert session.get_one(Application, case).claimed_by_id == second.id
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "case.claim_reassigned", AuditEntry.case_id == case)
        ).one()
        assert entry.after is not None
        assert (entry.after["note"], entry.after["claimed_by"]) == ("请接手", second.id)
        assert entry.before == {"claimed_by": first.id}


def test_nobody_is_given_a_case_they_decided_elsewhere(office: Office) -> None:
    both = office.clerk("both")
    case = office.submit()
    office.decide(both, case, Verdict.PASSED)
    with office.work() as session:
        session.execute(
            text("UPDATE staff SET authority_id = NULL, roles = '{re_checker}' WHERE id = :id"), {"id": both.id}
        )
    moved = Actor("staff", both.id, both.name, frozenset({Role.RE_CHECKER}), office.re_checker().scope)
    boss = office.hire("boss", Role.VENDOR_SUPERVISOR)
    with office.work(moved) as session:
        assert claims.claim_next(session, moved, Desk.RE_CHECK, minutes=20) is None
    with pytest.raises(NotAllowed), office.work(moved) as session:
        claims.claim(session, moved, case, minutes=20)
    assert both.id is not None
    with pytest.raises(NotAllowed, match="another desk"), office.work(boss) as session:
        claims.reassign(session, boss, case, both.id, "请接手", minutes=20)
