"""Loading a notice: open cases of every authority get their new due dates, each recorded; nothing is guessed."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from tests.support.casework import Office
from workbench.cases import deadlines
from workbench.cases.calendar import CalendarDay, CalendarMissing, DayKind, last_day
from workbench.cases.clocks import ClockKind
from workbench.cases.models import Application, CalendarException, CalendarYear, CaseClock
from workbench.cases.words import Service, Verdict
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at
from workbench.kernel.db import scope_of
from workbench.kernel.errors import Invalid, NotAllowed
from workbench.kernel.identity import NOWHERE, Actor, Role

ADMINISTRATOR = Actor("staff", 1, "示例管理员", frozenset({Role.ADMINISTRATOR}), NOWHERE)
CLERK = Actor("staff", 2, "示例预审员", frozenset({Role.PRE_CHECKER}), NOWHERE)
BEFORE_HOLIDAY = datetime(2027, 9, 30, 2, tzinfo=UTC)
NATIONAL_DAY = [CalendarDay(date(2027, 10, day), DayKind.HOLIDAY, "国庆节", "National Day") for day in range(1, 8)]


def due_days(office: Office, *case_ids: int) -> list[date | None]:
    with office.work() as session:
        found = [session.get_one(Application, each).due_at for each in case_ids]
    return [last_day(at) if at else None for at in found]


def test_due_dates_of_every_authority_move_though_the_administrator_sees_no_case(office: Office) -> None:
    with clock_at(BEFORE_HOLIDAY):
        first, second = office.submit(), office.submit(office.facts(authority=1))
        assert due_days(office, first, second) == [date(2027, 10, 4)] * 2
        with office.work(ADMINISTRATOR) as session:
            changes = deadlines.preview_year(session, 2027, NATIONAL_DAY)
            assert [(last_day(each.before or each.after), last_day(each.after)) for each in changes] == [
                (date(2027, 10, 4), date(2027, 10, 11))
            ] * 2
            assert session.scalars(select(CalendarYear).where(CalendarYear.year == 2027)).all() == []
        with office.work(ADMINISTRATOR) as session:
            assert deadlines.load_year(session, 2027, ADMINISTRATOR, days=NATIONAL_DAY, source="示例通知") == 2
            assert scope_of(session) == NOWHERE
            assert session.scalars(select(Application)).all() == []
    assert due_days(office, first, second) == [date(2027, 10, 11)] * 2


def test_what_was_loaded_and_each_moved_date_are_recorded(office: Office) -> None:
    with clock_at(BEFORE_HOLIDAY):
        case_id = office.submit()
        with office.work(ADMINISTRATOR) as session:
            deadlines.load_year(session, 2027, ADMINISTRATOR, days=NATIONAL_DAY, source="示例通知")
    with office.work() as session:
        loaded = session.scalars(select(AuditEntry).where(AuditEntry.subject == "calendar:2027")).one()
        moved = session.scalars(select(AuditEntry).where(AuditEntry.action == "case.due_date_moved")).one()
        year = session.get_one(CalendarYear, 2027)
    assert loaded.after == {"source": "示例通知", "exceptions": 7, "due_dates_moved": 1}
    assert (moved.case_id, moved.actor) == (case_id, "staff:1")
    assert (moved.before, moved.after) == (
        {"due_at": "2027-10-04T16:00:00+00:00"},
        {"due_at": "2027-10-11T16:00:00+00:00"},
    )
    assert (year.source, year.loaded_by) == ("示例通知", "staff:1")


def test_loading_again_replaces_the_year_and_moves_dates_back(office: Office) -> None:
    with clock_at(BEFORE_HOLIDAY):
        case_id = office.submit()
        for days, expected in (
            (NATIONAL_DAY, date(2027, 10, 11)),
            (NATIONAL_DAY[:3], date(2027, 10, 5)),
            (NATIONAL_DAY[:3], date(2027, 10, 5)),
        ):
            with office.work(ADMINISTRATOR) as session:
                deadlines.load_year(session, 2027, ADMINISTRATOR, days=days, source="示例通知")
            assert due_days(office, case_id) == [expected]
    with office.work() as session:
        kept = session.scalars(select(CalendarException.day).where(CalendarException.day >= date(2027, 1, 1))).all()
    assert len(kept) == 3


def test_clocks_that_stand_still_do_not_move(office: Office) -> None:
    clerk = office.clerk()
    with clock_at(BEFORE_HOLIDAY):
        returned = office.submit()
        office.decide(clerk, returned, Verdict.FAILED)
        with office.work(ADMINISTRATOR) as session:
            assert deadlines.load_year(session, 2027, ADMINISTRATOR, days=NATIONAL_DAY, source="示例通知") == 0
    assert due_days(office, returned) == [None]


def test_a_year_nobody_knows_is_never_guessed(office: Office) -> None:
    with office.work(ADMINISTRATOR) as session, pytest.raises(CalendarMissing):
        deadlines.load_year(session, 2090, ADMINISTRATOR, source="示例")
    with office.work() as session:
        assert session.get(CalendarYear, 2090) is None


@pytest.mark.parametrize("day", [date(2026, 12, 28), date(2028, 1, 1), date(2025, 5, 1)])
def test_days_of_another_year_are_refused(office: Office, day: date) -> None:
    strange = [CalendarDay(day, DayKind.HOLIDAY, "元旦", "New Year's Day")]
    with office.work(ADMINISTRATOR) as session, pytest.raises(Invalid):
        deadlines.load_year(session, 2027, ADMINISTRATOR, days=strange, source="示例")


def test_a_notice_that_reaches_back_into_december_is_loaded_over_what_is_there(office: Office) -> None:
    new_year = [
        CalendarDay(day, DayKind.HOLIDAY, "元旦", "New Year's Day") for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]
    for _ in range(2):
        with office.work(ADMINISTRATOR) as session:
            deadlines.load_year(session, 2027, ADMINISTRATOR, days=new_year, source="示例")
    with office.work() as session:
        assert not deadlines.load_calendar(session).is_working(date(2026, 12, 31))


def test_only_who_keeps_the_calendar_changes_it(office: Office) -> None:
    with office.work() as session:
        with pytest.raises(NotAllowed):
            deadlines.load_year(session, 2027, CLERK, days=NATIONAL_DAY, source="示例")
        with pytest.raises(NotAllowed):
            deadlines.set_days(session, Service.NEW, ClockKind.PRE_CHECK, 3, CLERK)


def test_the_banner_names_the_years_deadlines_may_touch(office: Office) -> None:
    with office.work() as session:
        with clock_at(datetime(2026, 10, 1, tzinfo=UTC)):
            assert deadlines.years_to_load(session) == []
        with clock_at(datetime(2026, 11, 10, tzinfo=UTC)):
            assert deadlines.years_to_load(session) == [2027]
        with clock_at(datetime(2026, 12, 31, 17, tzinfo=UTC)):
            assert deadlines.years_to_load(session) == [2027]
        with clock_at(datetime(2027, 12, 1, tzinfo=UTC)):
            assert deadlines.years_to_load(session) == [2027, 2028]


def test_changed_days_count_for_clocks_that_start_later_and_are_recorded(office: Office) -> None:
    with clock_at(datetime(2026, 6, 1, 2, tzinfo=UTC)):
        before = office.submit()
        with office.work(ADMINISTRATOR) as session:
            assert deadlines.set_days(session, Service.NEW, ClockKind.PRE_CHECK, 4, ADMINISTRATOR)
            assert not deadlines.set_days(session, Service.NEW, ClockKind.PRE_CHECK, 4, ADMINISTRATOR)
        after = office.submit()
    with office.work() as session:
        days = {
            each.application_id: each.days
            for each in session.scalars(select(CaseClock).where(CaseClock.kind == "pre_check"))
        }
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "calendar.deadline_changed")).one()
    assert (days[before], days[after]) == (2, 4)
    assert (entry.before, entry.after) == ({"days": 2}, {"days": 4})


@pytest.mark.parametrize(
    ("service", "clock", "days"),
    [
        (Service.NEW, ClockKind.PRE_CHECK, 0),
        (Service.NEW, ClockKind.PRE_CHECK, 61),
        (Service.NEW, ClockKind.RENEWAL, 3),
        (Service.RENEWAL, ClockKind.NOTICE, 3),
    ],
)
def test_days_outside_reason_are_refused(office: Office, service: Service, clock: ClockKind, days: int) -> None:
    with office.work() as session, pytest.raises(Invalid):
        deadlines.set_days(session, service, clock, days, ADMINISTRATOR)
