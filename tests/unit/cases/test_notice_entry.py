"""A notice typed in by hand: what is read, what is refused with its line, and that showing it again reads the same."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.calendar import CalendarDay, DayKind, days_from_chinesecalendar
from workbench.cases.notice_entry import MOST_LINES, english_name, parse_notice, write_notice

NOTICE = """
# 示例通知
2027-01-01..2027-01-03 休 元旦
2027-02-05 至 2027-02-11  放假  春节
2027-02-14 班 春节   # 周日上班
2026-12-31 off 元旦
"""


def test_days_runs_and_remarks_are_read() -> None:
    typed = parse_notice(NOTICE, 2027)
    assert typed.problems == ()
    assert len(typed.days) == 12
    assert typed.days[0] == CalendarDay(date(2026, 12, 31), DayKind.HOLIDAY, "元旦", "New Year's Day")
    assert typed.days[-1] == CalendarDay(date(2027, 2, 14), DayKind.MAKE_UP_WORKDAY, "春节", "Spring Festival")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2027-02-30 休 春节", "There is no day"),
        ("2027-1 休 春节", "Write date, kind and name"),
        ("元旦", "Write date, kind and name"),
        ("2027-01-01 休", "Name the holiday"),
        ("2027-01-01 " + "休 " + "长" * 61, "Name the holiday"),
        ("2027-01-01 半 元旦", "neither 休"),
        ("2026-06-01 休 元旦", "does not belong"),
        ("2026-12-28 休 元旦", "does not belong"),
        ("2028-01-01 休 元旦", "does not belong"),
        ("2027-01-03..2027-01-01 休 元旦", "ends before it begins"),
        ("2027-01-01..2027-03-01 休 元旦", "ends before it begins"),
        ("2027-01-05 班 元旦", "no weekend day"),
        ("9999-99-99 休 元旦", "There is no day"),
    ],
)
def test_a_line_that_cannot_stand_is_named_with_its_number(line: str, reason: str) -> None:
    typed = parse_notice(f"2027-01-01 休 元旦\n\n{line}\n", 2027)
    assert [(each.line, reason in each.reason) for each in typed.problems] == [(3, True)]


def test_a_day_named_twice_is_refused() -> None:
    (problem,) = parse_notice("2027-01-01..2027-01-03 休 元旦\n2027-01-02 班 元旦", 2027).problems
    assert (problem.line, problem.values) == (2, {"day": "2027-01-02"})


def test_a_notice_without_a_day_off_or_without_end_is_none() -> None:
    assert parse_notice("", 2027).problems
    assert parse_notice("2027-01-02 班 元旦", 2027).problems
    assert parse_notice("\n" * (MOST_LINES + 1) + "2027-01-01 休 元旦", 2027).problems


@pytest.mark.parametrize("year", range(2018, 2027))
def test_what_the_library_knows_is_shown_and_read_back_the_same(year: int) -> None:
    days = days_from_chinesecalendar(year)
    typed = parse_notice(write_notice(days), year)
    assert typed.problems == ()
    assert [(each.day, each.kind, each.name) for each in typed.days] == [
        (each.day, each.kind, each.name) for each in days
    ]


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    typed = parse_notice(text, 2027)
    assert typed.problems or typed.days


@given(
    st.sets(st.integers(0, 364), min_size=1, max_size=12),
    st.sampled_from(["元旦", "春节", "国庆节、中秋节", "示例日"]),
)
def test_any_days_off_are_read_back_as_they_were_written(offsets: set[int], name: str) -> None:
    days = [
        CalendarDay(date(2027, 1, 1) + timedelta(days=offset), DayKind.HOLIDAY, name, english_name(name))
        for offset in sorted(offsets)
    ]
    assert parse_notice(write_notice(days), 2027).days == tuple(days)


def test_holidays_together_have_an_english_name_together() -> None:
    assert english_name("国庆节、中秋节") == "National Day and Mid-autumn Festival"
    assert english_name("示例日") == "示例日"
