"""What a maker's list says: which tokens are in which box. Everything that speaks against a line is told by line, and a
list with anything against it is taken in not at all.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from workbench.kernel.messages import N_
from workbench.production.stock_sheet import Cell, NotAList, read_sheet

MAX_SERIAL: Final = 64
MAX_WORD: Final = 60
"""Characters of a model's or a box's name."""
HEADER_WITHIN: Final = 10
"""Lines in which the headings are looked for: lists often begin with a title."""
ENOUGH: Final = 3
"""Serials below which nothing can be said of how the others look."""
_TYPABLE: Final = re.compile(r"[0-9A-Za-z][!-~]*")
"""What every barcode scanner types the same on every keyboard: visible ASCII, a letter or digit first."""
_LETTERS: Final = re.compile(r"[A-Za-z]*")
SPEAKING: Final = 2
"""Letters from which on a common beginning means something: hexadecimal serials share one by chance."""
_BETWEEN: Final = re.compile(r"[\s_.:：/()（）-]+")
_HEADINGS: Final[Mapping[str, frozenset[str]]] = {
    "serial": frozenset(
        {"序列号", "介质序列号", "介质编号", "产品序列号", "硬件序列号", "serial", "serialnumber", "serialno", "sn"}
        | {"s/n", "tokenserial", "tokenserialnumber"}
    ),
    "model": frozenset({"型号", "介质型号", "产品型号", "规格型号", "model", "modelname", "modelno", "type"}),
    "box": frozenset({"箱号", "包装箱号", "装箱号", "盒号", "box", "boxnumber", "boxno", "carton", "cartonno"}),
}


class Fault(StrEnum):
    """What can speak against a line, or against the list as a whole."""

    NOT_A_LIST = "not_a_list"
    NO_HEADINGS = "no_headings"
    NOTHING = "nothing"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNTYPABLE = "untypable"
    FORMULA = "formula"
    SHORTENED = "shortened"
    SHOWN_OTHERWISE = "shown_otherwise"
    NO_TEXT = "no_text"
    TWICE = "twice"
    IN_STOCK = "in_stock"
    OTHER_LENGTH = "other_length"
    OTHER_START = "other_start"
    NO_MODEL = "no_model"
    NO_BOX = "no_box"
    BAD_WORD = "bad_word"


REASONS: Final[Mapping[Fault, str]] = {
    Fault.NO_HEADINGS: N_("no line says which column holds the serial number"),
    Fault.NOTHING: N_("there is no serial number in the list"),
    Fault.EMPTY: N_("the serial number is missing"),
    Fault.TOO_LONG: N_("longer than %(limit)d characters"),
    Fault.UNTYPABLE: N_("holds characters a scanner can't type"),
    Fault.FORMULA: N_("is a formula"),
    Fault.SHORTENED: N_("is a number whose last digits the spreadsheet has lost"),
    Fault.SHOWN_OTHERWISE: N_("is a number that the sheet shows otherwise than it is stored"),
    Fault.NO_TEXT: N_("is a date, a time or a truth value"),
    Fault.TWICE: N_("stands in line %(first)d already"),
    Fault.IN_STOCK: N_("is in stock already, in box %(box)s"),
    Fault.OTHER_LENGTH: N_("looks cut off: %(length)d characters, the others have %(usual)d"),
    Fault.OTHER_START: N_("begins differently from the others (%(usual)s…)"),
    Fault.NO_MODEL: N_("no model"),
    Fault.NO_BOX: N_("no box"),
    Fault.BAD_WORD: N_("model or box is too long or holds control characters"),
}
"""Why a line can't be taken in; a file that is no list says so itself."""

ADVICE: Final[Mapping[Fault, str]] = {
    Fault.NO_HEADINGS: N_(
        "Name the columns in the first line: serial, model, box. Or send one column of serials only."
    ),
    Fault.NOTHING: N_("Check that the serials stand on the first sheet of the file."),
    Fault.EMPTY: N_("Fill in the serial number, or remove the line."),
    Fault.TOO_LONG: N_("Check whether two cells have run together."),
    Fault.UNTYPABLE: N_("Only letters, digits and signs without spaces, as printed on the token; totals and notes go."),
    Fault.FORMULA: N_("Paste the column as values, then save."),
    Fault.SHORTENED: N_(
        "Ask the maker for the list with serials as text; the digits can't be recovered from this one."
    ),
    Fault.SHOWN_OTHERWISE: N_("Format the column as text and enter what is printed, or ask the maker for such a list."),
    Fault.NO_TEXT: N_("Format the column as text and enter what is printed, or ask the maker for such a list."),
    Fault.TWICE: N_("Remove the line, or ask the maker which serial the second token bears."),
    Fault.IN_STOCK: N_("Remove these lines if they were delivered before; otherwise ask the maker."),
    Fault.OTHER_LENGTH: N_("Compare with the token. If serials of this model do differ, untick that they are alike."),
    Fault.OTHER_START: N_("Compare with the token. If serials of this model do differ, untick that they are alike."),
    Fault.NO_MODEL: N_("Enter the model beside the file, or add a column for it."),
    Fault.NO_BOX: N_("Enter the box beside the file, or add a column for it."),
    Fault.BAD_WORD: N_("Shorten it, and remove line breaks."),
}


@dataclass(frozen=True)
class Problem:
    """What speaks against one line; line 0 is the list as a whole."""

    line: int
    serial: str
    fault: Fault
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One token of a delivery."""

    line: int
    serial: str
    model: str
    box: str


@dataclass(frozen=True)
class Contents:
    """What a list says is in one box."""

    box: str
    model: str
    count: int
    first: str
    last: str


@dataclass(frozen=True)
class Delivery:
    """A list as it was read. Its rows are worth nothing while there are problems."""

    name: str
    sha256: str
    rows: Sequence[Line]
    problems: Sequence[Problem]

    def also(self, problems: Iterable[Problem]) -> "Delivery":
        """The same with what else was found, all by line."""
        return replace(self, problems=tuple(sorted((*self.problems, *problems), key=lambda each: each.line)))

    def boxes(self) -> list[Contents]:
        """What is in each box, in the order of the list."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            found.setdefault((row.box, row.model), []).append(row.serial)
        return [
            Contents(box, model, len(serials), min(serials), max(serials)) for (box, model), serials in found.items()
        ]


def problem(line: int, serial: str, fault: Fault, **values: Any) -> Problem:
    """A problem in the words of its kind."""
    return Problem(line, serial[: MAX_SERIAL + 1], fault, REASONS[fault], values)


def read_list(name: str, content: bytes, *, model: str = "", box: str = "", alike: bool = True) -> Delivery:
    """Read a maker's list: CSV or XLSX, with headings in Chinese or English, or one column of serials without any.

    Args:
        model, box: for lines that name none themselves.
        alike: whether the serials of a model have one length and one beginning; who differs is then a problem.
    """
    digest = hashlib.sha256(content).hexdigest()
    name = "".join(each for each in name if each.isprintable())[:120]
    try:
        sheet = read_sheet(content)
        columns, body = _columns(sheet)
    except NotAList as refusal:
        found = Problem(0, "", Fault.NOT_A_LIST, refusal.reason, refusal.values)
        return Delivery(name, digest, (), (found,))
    if columns is None:
        fault = Fault.NO_HEADINGS if sheet else Fault.NOTHING
        return Delivery(name, digest, (), (problem(0, "", fault),))
    rows, problems = _lines(body, columns, _word(model), _word(box))
    if not rows and not problems:
        problems.append(problem(0, "", Fault.NOTHING))
    problems += _twice(rows)
    if alike:
        told = {each.line for each in problems}
        problems += (each for each in _unlike(rows) if each.line not in told)
    return Delivery(name, digest, tuple(rows), ()).also(problems)


def _columns(
    sheet: Sequence[tuple[int, list[Cell]]],
) -> tuple[Mapping[str, int] | None, Sequence[tuple[int, list[Cell]]]]:
    """Which column holds what, and the lines below the headings.

    Raises:
        NotAList: two columns are headed as serial numbers.
    """
    for place, (_, cells) in enumerate(sheet[:HEADER_WITHIN]):
        headings = [_heading(cell.text) for cell in cells]
        if headings.count("serial") > 1:
            raise NotAList(N_("Two columns are headed as serial numbers: leave the one that is printed on the tokens."))
        named = {name: column for column, name in reversed(list(enumerate(headings)))}
        if "serial" in named:
            return {name: column for name, column in named.items() if name}, sheet[place + 1 :]
    single = bool(sheet) and all(not any(cell.text for cell in cells[1:]) for _, cells in sheet)
    return ({"serial": 0} if single else None), sheet


def _heading(text: str) -> str:
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    return next((name for name, words in _HEADINGS.items() if plain in words), "")


def _word(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _lines(
    body: Iterable[tuple[int, list[Cell]]], columns: Mapping[str, int], model: str, box: str
) -> tuple[list[Line], list[Problem]]:
    rows: list[Line] = []
    problems: list[Problem] = []
    for number, cells in body:
        serial, *words = (_at(cells, columns.get(name)) for name in ("serial", "model", "box"))
        if serial.covered:
            # One serial for several tokens: it counts for the first, the others have none.
            serial = Cell("")
        row = Line(number, serial.text, _word(words[0].text) or model, _word(words[1].text) or box)
        against = _against_serial(serial) or _against_words(row, words)
        if against is None:
            rows.append(row)
        else:
            problems.append(problem(number, row.serial, against, limit=MAX_SERIAL))
    return rows, problems


def _at(cells: Sequence[Cell], column: int | None) -> Cell:
    return cells[column] if column is not None and column < len(cells) else Cell("")


def _against_serial(cell: Cell) -> Fault | None:
    if cell.fault is not None:
        return Fault(cell.fault.value)
    if not cell.text:
        return Fault.EMPTY
    if len(cell.text) > MAX_SERIAL:
        return Fault.TOO_LONG
    return None if _TYPABLE.fullmatch(cell.text) else Fault.UNTYPABLE


def _against_words(row: Line, cells: Iterable[Cell]) -> Fault | None:
    fault = next((cell.fault for cell in cells if cell.fault is not None), None)
    if fault is not None:
        return Fault(fault.value)
    if not row.model or not row.box:
        return Fault.NO_BOX if row.model else Fault.NO_MODEL
    sound = all(len(word) <= MAX_WORD and word.isprintable() for word in (row.model, row.box))
    return None if sound else Fault.BAD_WORD


def _twice(rows: Iterable[Line]) -> list[Problem]:
    first: dict[str, int] = {}
    found = []
    for row in rows:
        # Two tokens whose serials differ in capitals alone could not be told apart by eye.
        before = first.setdefault(row.serial.casefold(), row.line)
        if before != row.line:
            found.append(problem(row.line, row.serial, Fault.TWICE, first=before))
    return found


def _unlike(rows: Sequence[Line]) -> list[Problem]:
    """Serials that don't look like most others of their model: a maker counts them up, so they look alike."""
    found = []
    for model in {row.model for row in rows}:
        own = [row for row in rows if row.model == model]
        length = _usual(own, lambda row: len(row.serial))
        start = _usual(own, lambda row: _start(row.serial))
        for row in own:
            if length is not None and len(row.serial) != length:
                found.append(problem(row.line, row.serial, Fault.OTHER_LENGTH, length=len(row.serial), usual=length))
            elif start is not None and len(start) >= SPEAKING and _start(row.serial) != start:
                found.append(problem(row.line, row.serial, Fault.OTHER_START, usual=start))
    return found


def _start(serial: str) -> str:
    """The letters a serial begins with."""
    letters = _LETTERS.match(serial)
    assert letters is not None
    return letters[0].upper()


def _usual(rows: Sequence[Line], look: Callable[[Line], Any]) -> Any:
    """How more than half of them look; None when there are too few, or no such half."""
    (look_of_most, count), *_ = Counter(map(look, rows)).most_common(1)
    return look_of_most if len(rows) >= ENOUGH and count * 2 > len(rows) else None
