"""A due date and its reasons in one line for people: "Fri 9 Oct: 1–7 Oct National Day holiday, Sat 10 Oct works".

Pure text from data, Chinese for a `zh…` locale and English for every other; it decides nothing about dates.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from workbench.cases.calendar import DayKind, DayNote, DueDate, WorkingCalendar, last_day, local_day

_WEEKDAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def describe(due: DueDate, locale: str) -> str:
    """The last day in time, why it is that day, and whether it is provisional."""
    if locale.startswith("zh"):
        text = f"{_day_zh(due.day)} {_WEEKDAYS_ZH[due.day.weekday()]}"
        reasons = describe_notes(due.notes, locale)
        text = f"{text}：{reasons}" if reasons else text
        return f"{text}（暂定：官方日历尚未载入）" if due.provisional else text
    text = f"{_WEEKDAYS_EN[due.day.weekday()]} {_day_en(due.day)}"
    reasons = describe_notes(due.notes, locale)
    text = f"{text}: {reasons}" if reasons else text
    return f"{text} (provisional: official calendar not loaded)" if due.provisional else text


def due_reason(calendar: WorkingCalendar, due_from: datetime, due_at: datetime, locale: str) -> str:
    """The last day in time and why it is that day, for a period that started (or resumed) at `due_from`."""
    first, last = local_day(due_from), last_day(due_at)
    start = first - timedelta(days=1) if first == last else first
    counted = (start + timedelta(days=i) for i in range(1, (last - start).days + 1))
    provisional = not all(calendar.is_settled(day) for day in counted)
    return describe(DueDate(due_at, provisional, calendar.explain(start, last)), locale)


def describe_notes(notes: Sequence[DayNote], locale: str) -> str:
    """The reasons alone; empty when the plain week explains everything."""
    if locale.startswith("zh"):
        return "，".join(_note_zh(note) for note in notes)
    return ", ".join(_note_en(note) for note in notes)


def _note_zh(note: DayNote) -> str:
    if note.kind is DayKind.HOLIDAY:
        return f"{_run_zh(note)}{'、'.join(note.names)}放假"
    weekday = _WEEKDAYS_ZH[note.first.weekday()] if note.first == note.last else ""
    return f"{_run_zh(note)}{weekday}上班"


def _note_en(note: DayNote) -> str:
    if note.kind is DayKind.HOLIDAY:
        return f"{_run_en(note)} {' and '.join(note.names_en)} holiday"
    if note.first == note.last:
        return f"{_WEEKDAYS_EN[note.first.weekday()]} {_day_en(note.first)} works"
    return f"{_run_en(note)} work"


def _run_zh(note: DayNote) -> str:
    if note.first == note.last:
        return _day_zh(note.first)
    if note.first.month == note.last.month:
        return f"{note.first.month}月{note.first.day}–{note.last.day}日"
    return f"{_day_zh(note.first)}–{_day_zh(note.last)}"


def _run_en(note: DayNote) -> str:
    if note.first == note.last:
        return _day_en(note.first)
    if note.first.month == note.last.month:
        return f"{note.first.day}–{_day_en(note.last)}"
    return f"{_day_en(note.first)} – {_day_en(note.last)}"


def _day_zh(day: date) -> str:
    return f"{day.month}月{day.day}日"


def _day_en(day: date) -> str:
    return f"{day.day} {_MONTHS_EN[day.month - 1]}"
