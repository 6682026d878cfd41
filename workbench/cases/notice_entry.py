"""A State Council notice typed in by hand: one line a day or a run of days, every line that cannot be read named with
its number. Nothing is guessed; whoever types it sees what it changes before it counts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import chinese_calendar

from workbench.cases.calendar import NOTICE_NAMES, CalendarDay, DayKind
from workbench.kernel.messages import N_

KINDS: Final[Mapping[str, DayKind]] = {
    "休": DayKind.HOLIDAY,
    "假": DayKind.HOLIDAY,
    "放假": DayKind.HOLIDAY,
    "off": DayKind.HOLIDAY,
    "holiday": DayKind.HOLIDAY,
    "班": DayKind.MAKE_UP_WORKDAY,
    "上班": DayKind.MAKE_UP_WORKDAY,
    "works": DayKind.MAKE_UP_WORKDAY,
    "work": DayKind.MAKE_UP_WORKDAY,
}
KIND_WORDS: Final[Mapping[DayKind, str]] = {DayKind.HOLIDAY: "休", DayKind.MAKE_UP_WORKDAY: "班"}
"""What a line is written with when the form shows days it knows."""
MOST_LINES: Final = 120
LONGEST_RUN: Final = 20
"""Days; no notice has had a longer holiday, a longer run is a slip in a month."""
_ENGLISH: Final[Mapping[str, str]] = {
    NOTICE_NAMES.get(each.chinese, each.chinese): each.value for each in chinese_calendar.Holiday
}
_LINE: Final = re.compile(
    r"(?P<first>\d{4}-\d{1,2}-\d{1,2})(?:\s*(?:\.\.|~|～|至|–|—)\s*(?P<last>\d{4}-\d{1,2}-\d{1,2}))?\s+(?P<rest>.+)"
)


@dataclass(frozen=True)
class LineProblem:
    """Why a line cannot be read; `reason` is a msgid that `values` fill."""

    line: int
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TypedNotice:
    """The days of a notice in order, and what stands in the way of loading it."""

    days: tuple[CalendarDay, ...]
    problems: tuple[LineProblem, ...]


class _Unreadable(Exception):
    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


def parse_notice(untrusted_text: str, year: int) -> TypedNotice:
    """Read what was typed: `date kind name`, or `first..last kind name`; empty lines and lines after # are passed over.

    The last days of the December before may be named: a notice sometimes reaches back for New Year's Day.
    """
    days: dict[date, CalendarDay] = {}
    problems: list[LineProblem] = []
    lines = untrusted_text.splitlines()
    for number, line in enumerate(lines[:MOST_LINES], start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        try:
            for day in _days_of(content, year):
                if day.day in days:
                    raise _Unreadable(N_("%(day)s is named twice."), day=day.day.isoformat())
                days[day.day] = day
        except _Unreadable as problem:
            problems.append(LineProblem(number, problem.reason, problem.values))
    if len(lines) > MOST_LINES:
        problems.append(LineProblem(MOST_LINES, N_("A notice has fewer lines than this."), {}))
    if not problems and not any(day.kind is DayKind.HOLIDAY for day in days.values()):
        problems.append(LineProblem(1, N_("No day off is named: this is not a whole notice."), {}))
    return TypedNotice(tuple(days[day] for day in sorted(days)), tuple(problems))


def _days_of(content: str, year: int) -> Iterator[CalendarDay]:
    found = _LINE.fullmatch(content)
    if found is None:
        raise _Unreadable(N_("Write date, kind and name, such as: 2027-01-01 休 元旦"))
    first = _date(found["first"])
    last = _date(found["last"]) if found["last"] else first
    word, _, name = found["rest"].strip().partition(" ")
    kind = KINDS.get(word.strip().lower())
    name = name.strip()
    if kind is None:
        raise _Unreadable(N_("“%(word)s” is neither 休 (off) nor 班 (works)."), word=word[:20])
    if not name or len(name) > 60:
        raise _Unreadable(N_("Name the holiday this day belongs to."))
    if not 0 <= (last - first).days < LONGEST_RUN:
        raise _Unreadable(N_("The run of days ends before it begins, or is too long."))
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        _check(day, kind, year)
        yield CalendarDay(day, kind, name, english_name(name))


def _date(text: str) -> date:
    try:
        year, month, day = (int(part) for part in text.split("-"))
        return date(year, month, day)
    except ValueError:
        raise _Unreadable(N_("There is no day %(day)s."), day=text) from None


def _check(day: date, kind: DayKind, year: int) -> None:
    if day.year != year and not date(year - 1, 12, 29) <= day < date(year, 1, 1):
        raise _Unreadable(N_("%(day)s does not belong to the notice for %(year)d."), day=day.isoformat(), year=year)
    if kind is DayKind.MAKE_UP_WORKDAY and day.isoweekday() < 6:
        raise _Unreadable(N_("%(day)s is no weekend day: it is worked anyway."), day=day.isoformat())


def english_name(name: str) -> str:
    """The holiday's English name where it is known, otherwise the name as it was typed."""
    return " and ".join(_ENGLISH.get(part, part) for part in re.split(r"[、,，]", name) if part)


def write_notice(days: Sequence[CalendarDay]) -> str:
    """Days as the form shows them: runs of one kind and name on one line. `parse_notice` reads it back."""
    lines: list[str] = []
    run: list[CalendarDay] = []
    for day in [*days, None]:
        goes_on = (
            day is not None
            and bool(run)
            and (day.day - run[-1].day).days == 1
            and (day.kind, day.name) == (run[-1].kind, run[-1].name)
        )
        if run and not goes_on:
            lines.append(_line(run))
            run = []
        if day is not None:
            run.append(day)
    return "\n".join(lines) + "\n" if lines else ""


def _line(run: Sequence[CalendarDay]) -> str:
    first, last = run[0], run[-1]
    days = first.day.isoformat() if first is last else f"{first.day.isoformat()}..{last.day.isoformat()}"
    return f"{days} {KIND_WORDS[first.kind]} {first.name}"
