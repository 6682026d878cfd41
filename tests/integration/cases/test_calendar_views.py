"""The calendar's screens: what everybody sees, what only the administrator does, the banner while a year is missing."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from tests.support.casework import Office
from tests.support.database import Database
from tests.support.desk import Desk, open_desk
from workbench.cases.calendar import local_day
from workbench.cases.models import CalendarException, CalendarYear, ServiceDeadline
from workbench.kernel.clock import clock_at, now
from workbench.kernel.identity import Role

NOTICE = "2090-01-01..2090-01-03 休 元旦\n2090-01-07 班 元旦\n"


@pytest.fixture
def desk(fresh_database: Database, tmp_path: Path, office: Office) -> Iterator[Desk]:
    with open_desk(fresh_database, tmp_path, office) as opened:
        yield opened


def test_everybody_sees_the_months_with_days_off_and_days_worked(desk: Desk) -> None:
    page = desk.browser(Role.PRE_CHECKER).open("/calendar/?year=2026")
    assert page.count('<table class="month">') == 12
    assert 'title="National Day">1<sup>off</sup>' in page
    assert re.search(r'class="works[^"]*" title="National Day">10<sup>on</sup>', page)
    assert "Official" in page
    assert "Correct the notice" not in page
    assert 'type="number"' not in page
    assert "国庆节" in desk.browser(Role.PRE_CHECKER, "zh").open("/calendar/?year=2026")


def test_a_year_without_a_notice_says_so(desk: Desk) -> None:
    page = desk.browser(Role.AUDITOR).open("/calendar/?year=2090")
    assert "Not loaded" in page
    assert "<sup>" not in page


@pytest.mark.parametrize("year", ["1999", "2101", "99999"])
def test_years_no_notice_speaks_of_are_not_there(desk: Desk, year: str) -> None:
    assert "404" in desk.browser(Role.AUDITOR).open(f"/calendar/?year={year}", 404)
    assert "404" in desk.browser(Role.ADMINISTRATOR).open(f"/calendar/{year}", 404)


def test_a_missing_year_is_told_on_every_page_until_it_is_loaded(desk: Desk, office: Office) -> None:
    this = local_day(now()).year
    with office.work() as session:
        session.execute(delete(CalendarYear).where(CalendarYear.year >= this))
    words = f"The official calendar of {this}"
    clerk, keeper = desk.browser(Role.PRE_CHECKER), desk.browser(Role.ADMINISTRATOR)
    for path in ("/desk/", "/calendar/", "/desk/account/"):
        assert words in clerk.open(path), path
    assert f'href="/calendar/{this}">Load the notice' in keeper.open("/desk/")
    assert words in clerk.open("/audit/", 403)
    with office.work() as session:
        session.add_all(
            CalendarYear(year=year, source="示例", loaded_at=now(), loaded_by="system:test")
            for year in (this, this + 1)
        )
    assert "The official calendar of" not in clerk.open("/desk/")


def test_a_typed_notice_is_shown_before_it_counts(desk: Desk, office: Office) -> None:
    browser = desk.browser(Role.ADMINISTRATOR)
    answer = browser.send("/calendar/2090", notice=NOTICE, source="示例通知")
    assert answer.status_code == 200
    assert "No open case's due date moves." in answer.text
    with office.work() as session:
        assert session.get(CalendarYear, 2090) is None
    answer = browser.send("/calendar/2090", notice=NOTICE, source="示例通知", step="load")
    assert (answer.status_code, answer.location) == (303, "/calendar/?year=2090")
    with office.work() as session:
        assert session.get_one(CalendarYear, 2090).source == "示例通知"
        days = session.scalars(select(CalendarException.day).where(CalendarException.day >= date(2090, 1, 1))).all()
    assert len(days) == 4
    assert "2090-01-01..2090-01-03 休 元旦" in browser.open("/calendar/2090")


def test_what_cannot_be_read_is_told_by_line_and_the_text_is_kept(desk: Desk, office: Office) -> None:
    browser = desk.browser(Role.ADMINISTRATOR)
    for step in ("", "load"):
        answer = browser.send("/calendar/2090", notice=NOTICE + "2090-02-30 休 春节\n", source="示例通知", step=step)
        assert answer.status_code == 400
        assert "Line 3: There is no day 2090-02-30." in answer.text
        assert "2090-02-30 休 春节" in answer.text
    answer = browser.send("/calendar/2090", notice=NOTICE, source=" ", step="load")
    assert "Say which notice this is" in answer.text
    with office.work() as session:
        assert session.get(CalendarYear, 2090) is None


def test_the_lines_of_a_year_the_library_knows_are_offered(desk: Desk) -> None:
    page = desk.browser(Role.ADMINISTRATOR).open("/calendar/2024")
    assert "2024-10-01..2024-10-07 休 国庆节" in page
    assert "Compare them with the notice" in page


def test_deadlines_are_changed_by_the_administrator_alone(desk: Desk, office: Office) -> None:
    keeper = desk.browser(Role.ADMINISTRATOR)
    fields = dict(re.findall(r'name="(\w+\.\w+)" value="(\d+)"', keeper.open("/calendar/")))
    assert len(fields) == 11
    assert keeper.send("/calendar/deadlines", "/calendar/", **{**fields, "new.pre_check": "4"}).status_code == 303
    with office.work() as session:
        kept = session.execute(select(ServiceDeadline.service, ServiceDeadline.clock, ServiceDeadline.days)).all()
    assert kept == [("new", "pre_check", 4)]
    for wrong in ("0", "61", "", "two", "１"):
        answer = keeper.send("/calendar/deadlines", "/calendar/", **{**fields, "new.notice": wrong})
        assert answer.status_code == (303 if wrong == "１" else 400), wrong
    clerk = desk.browser(Role.PRE_CHECKER)
    assert clerk.send("/calendar/deadlines", "/calendar/", **fields).status_code == 403
    assert clerk.send("/calendar/2090", "/calendar/", notice=NOTICE, source="x", step="load").status_code == 403
    clerk.open("/calendar/2090", 403)


def test_the_preview_counts_what_loading_moves(desk: Desk, office: Office) -> None:
    with clock_at(datetime(2027, 9, 30, 2, tzinfo=UTC)):
        office.submit()
        answer = desk.browser(Role.ADMINISTRATOR).send(
            "/calendar/2027", notice="2027-10-01..2027-10-07 休 国庆节", source="示例通知"
        )
    assert "1 open case gets another due date" in answer.text
    assert "12 Oct 2027, 00:00" in answer.text
