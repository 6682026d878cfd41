"""A courier's list of where parcels are, as CSV or as spreadsheets save "Unicode text": waybill, time, status, place,
words and, where two companies share a number, the company's code. Lines that cannot be read are named by their number;
nothing is guessed.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from workbench.dispatch.carriers import LONGEST_WAYBILL, normalise_waybill
from workbench.dispatch.words import TrackingStatus
from workbench.kernel.clock import SHANGHAI, in_utc
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_
from workbench.kernel.text import LONGEST_FIELD, NotText, decode_text, is_overlong

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 2 * MIB
MAX_LINES: Final = 10_000
MAX_WORDS: Final = 300
"""Characters of what a courier says of an event; of its place, a third."""
CLOCKS_DIFFER: Final = timedelta(minutes=10)
"""How far another house's clock may go ahead of ours."""
COLUMNS: Final = ("waybill", "time", "status", "place", "words", "carrier")
NEEDED: Final = 3
"""The first columns, without which a line says nothing."""
STATUS_WORDS: Final[Mapping[str, TrackingStatus]] = {
    **{each.value: each for each in TrackingStatus},
    "揽收": TrackingStatus.COLLECTED,
    "已揽收": TrackingStatus.COLLECTED,
    "已揽件": TrackingStatus.COLLECTED,
    "在途": TrackingStatus.UNDER_WAY,
    "运输中": TrackingStatus.UNDER_WAY,
    "派送中": TrackingStatus.OUT_FOR_DELIVERY,
    "派件中": TrackingStatus.OUT_FOR_DELIVERY,
    "签收": TrackingStatus.DELIVERED,
    "已签收": TrackingStatus.DELIVERED,
    "异常": TrackingStatus.PROBLEM,
    "问题件": TrackingStatus.PROBLEM,
}
"""How statuses are written in lists: our own codes, and what courier companies print (ours)."""
_HEADINGS: Final = frozenset({*COLUMNS, "运单号", "时间", "状态", "地点", "说明", "快递公司"})
_EXCEL: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How XLSX and the older XLS begin."""
_FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")


@dataclass(frozen=True)
class Told:
    """What a courier says happened to a parcel. `ref` is by what its source is known not to say it twice."""

    at: datetime
    status: TrackingStatus
    place: str
    words: str
    ref: str


@dataclass(frozen=True)
class FileLine:
    """One line of a list, by its number in the file."""

    line: int
    waybill: str
    carrier: str
    told: Told


@dataclass(frozen=True)
class LineProblem:
    """Why a line cannot be taken; `reason` is a msgid that `values` fill."""

    line: int
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


class ListRefused(Invalid):
    """Nothing of the list was taken; `problems` name each line that stands in the way."""

    def __init__(self, problems: Sequence[LineProblem]) -> None:
        super().__init__(N_("Nothing was imported: put these lines right and send the list again."))
        self.problems = tuple(problems)


def read_list(content: bytes, at: datetime) -> list[FileLine]:
    """The events of a list.

    Args:
        at: now; what happens later than that has not happened.

    Raises:
        Invalid: it is no such list, empty, or too long.
        ListRefused: lines of it cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise Invalid(N_("The list is larger than %(limit)d MB: split it."), limit=MAX_BYTES // MIB)
    found: list[FileLine] = []
    problems: list[LineProblem] = []
    for line, cells in _rows(content):
        read = _read_line(line, cells, at)
        if isinstance(read, LineProblem):
            problems.append(read)
        else:
            found.append(read)
    if problems:
        raise ListRefused(problems)
    if not found:
        raise Invalid(N_("The list holds no line."))
    return found


def parse_time(text: str) -> datetime | None:
    """An instant: with an offset as ISO 8601 writes it, otherwise in Asia/Shanghai; None when it is none."""
    for pattern in _FORMATS:
        try:
            return in_utc(datetime.strptime(text, pattern).replace(tzinfo=SHANGHAI))
        except ValueError:
            continue
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return in_utc(read if read.tzinfo else read.replace(tzinfo=SHANGHAI))


def parse_status(text: str) -> TrackingStatus | None:
    """What a courier means by a word; None when we don't know it."""
    return STATUS_WORDS.get(text.strip().lower())


def told(at: datetime, status: TrackingStatus, place: str, words: str, ref: str = "") -> Told:
    """An event with texts cut to what is kept; without a reference of its source, its content is its reference."""
    place, words = plain(place, MAX_WORDS // 3), plain(words, MAX_WORDS)
    content = "\x1f".join((at.astimezone(UTC).isoformat(), status.value, place, words))
    return Told(at, status, place, words, ref or sha256(content.encode()).hexdigest())


def plain(untrusted: str, longest: int) -> str:
    """One line of text without control characters."""
    return "".join(each if each.isprintable() else " " for each in untrusted).strip()[:longest]


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    if content.startswith(_EXCEL):
        raise Invalid(N_("This is an Excel file: save it as CSV and send that."))
    try:
        text = decode_text(content)
    except NotText as error:
        raise Invalid(N_("This is no list of tracking events: send it as CSV in UTF-8 or GB 18030.")) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line, count = 1, 0
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not (count == 0 and cells[0].lower() in _HEADINGS):
                yield line, cells
            count += any(cells)
            if count > MAX_LINES + 1:
                raise Invalid(N_("The list has more than %(limit)d lines: split it."), limit=MAX_LINES)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ListRefused([_unread(line, error)]) from error


def _separator(text: str) -> str:
    """What comes first of the three in the first line that says anything: no heading and no waybill holds one."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return min((each for each in ",;\t" if each in first), key=first.index, default=",")


def _unread(line: int, error: csv.Error) -> LineProblem:
    if is_overlong(error):
        reason = N_("A field is longer than %(limit)d characters: is a quotation mark missing?")
        return LineProblem(line, reason, {"limit": LONGEST_FIELD})
    return LineProblem(line, N_("A quotation mark is missing."))


def _read_line(line: int, cells: list[str], at: datetime) -> FileLine | LineProblem:
    if len(cells) < NEEDED:
        lacking = N_("A line has waybill, time and status at least, with commas, semicolons or tabs between them.")
        return LineProblem(line, lacking)
    waybill, when, status, place, words, carrier = (*cells, "", "", "")[: len(COLUMNS)]
    number, instant, known = normalise_waybill(waybill), parse_time(when), parse_status(status)
    if not 0 < len(number) <= LONGEST_WAYBILL:
        return LineProblem(line, N_("There is no waybill number."))
    if instant is None:
        return LineProblem(line, N_("“%(time)s” is no time: write 2026-11-24 15:04."), {"time": when[:40]})
    if instant > at + CLOCKS_DIFFER:
        return LineProblem(line, N_("“%(time)s” lies in the future."), {"time": when[:40]})
    if known is None:
        return LineProblem(line, N_("“%(status)s” is no status we know."), {"status": status[:40]})
    return FileLine(line, number, carrier.lower(), told(instant, known, place, words))
