"""The official calendar as entered by hand from the State Council's notices, and a slow reference built on it."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from workbench.cases.calendar import WorkingCalendar, days_from_chinesecalendar

OFFICIAL_CSV = Path(__file__).parents[2] / "data" / "official_calendar.csv"
OFFICIAL_YEARS = frozenset({2024, 2025, 2026})


@pytest.fixture(scope="session")
def notices() -> list[dict[str, str]]:
    """One row per run of days in a notice: year, kind, first, last, days (the notice's own count), name."""
    with OFFICIAL_CSV.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def notice_days(notices: list[dict[str, str]]) -> dict[date, tuple[str, str]]:
    """Every exceptional day of the notices → (kind, name)."""
    days: dict[date, tuple[str, str]] = {}
    for row in notices:
        day, last = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
        while day <= last:
            assert day not in days, f"{day} is entered twice"
            days[day] = (row["kind"], row["name"])
            day += timedelta(days=1)
    return days


@pytest.fixture(scope="session")
def works(notice_days: dict[date, tuple[str, str]]) -> Callable[[date], bool]:
    """The slow reference's only question, answered from the notices; 2027 is a plain week."""

    def answer(day: date) -> bool:
        if day in notice_days:
            return notice_days[day][0] == "make_up_workday"
        return day.isoweekday() not in (6, 7)

    return answer


@pytest.fixture(scope="session")
def calendar() -> WorkingCalendar:
    """What the product runs on: chinesecalendar's years, nothing provisional."""
    days = [day for year in OFFICIAL_YEARS for day in days_from_chinesecalendar(year)]
    return WorkingCalendar(days, OFFICIAL_YEARS)


@pytest.fixture(scope="session")
def lenient() -> WorkingCalendar:
    """The same, with provisional answers allowed."""
    days = [day for year in OFFICIAL_YEARS for day in days_from_chinesecalendar(year)]
    return WorkingCalendar(days, OFFICIAL_YEARS, allow_provisional=True)
