"""A maker's list as rows of cells, from CSV or XLSX. It refuses what is too large to be a list, and cells whose text
is not what the maker wrote: formulas, numbers a spreadsheet has shortened or shows otherwise, and dates.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.utils import column_index_from_string

from workbench.kernel.messages import N_
from workbench.kernel.text import LONGEST_FIELD, NotText, decode_text, is_overlong

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 5 * MIB
MAX_ROWS: Final = 20_000
MAX_LINES: Final = 2 * MAX_ROWS
"""Lines of a file, empty ones included: a sheet formatted to its end has a million of them, and each costs time."""
MAX_COLUMNS: Final = 20
"""Columns that are looked at; makers add a handful of their own."""
MAX_UNPACKED: Final = 32 * MIB
MAX_PARTS: Final = 1_000
"""What an XLSX, which is a ZIP archive, may hold: many times what MAX_ROWS need, and less than a bomb."""
EXACT_DIGITS: Final = 15
"""Digits of a number that a spreadsheet keeps; the rest become zeros."""
_ENCRYPTED: Final = 0x1
_OLE: Final = b"\xd0\xcf\x11\xe0"
_SHORTENED: Final = re.compile(r"\d+([.,]\d+)?[eE]\+\d+|\d+[.,]\d+[eE]-?\d+")
"""Scientific notation. Without point and sign, as in 1E234567, it may be a hexadecimal serial."""
_AS_IT_IS: Final = re.compile(r"general|@|", re.IGNORECASE)
_ZEROS: Final = re.compile(r"(0+)(_.)*(;.*)?", re.DOTALL)
"""Zeros, with room to their right, and with what is shown of negative numbers and of text."""
_WIDEST: Final = 11
"""Characters of a broken number that a spreadsheet shows without rounding it."""
_MERGED: Final = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})["']""")


class CellFault(StrEnum):
    """Why a cell's text can't be trusted."""

    FORMULA = "formula"
    SHORTENED = "shortened"
    SHOWN_OTHERWISE = "shown_otherwise"
    NO_TEXT = "no_text"


@dataclass(frozen=True)
class Cell:
    """One cell's text, without blanks around it. `covered` when the cell it stands in is merged with one above."""

    text: str
    fault: CellFault | None = None
    covered: bool = False


class NotAList(Exception):
    """The file can't be read as a list; `reason` is a msgid that says why and what to do, `values` fill it."""

    def __init__(self, reason: str, **values: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


def read_sheet(content: bytes) -> list[tuple[int, list[Cell]]]:
    """The rows that hold anything, each with its line number in the file; which format it is, the content says.

    Raises:
        NotAList: it is neither CSV nor XLSX, or larger than a list may be.
    """
    if len(content) > MAX_BYTES:
        raise NotAList(N_("The file is larger than %(limit)d MB: split the delivery by boxes."), limit=MAX_BYTES // MIB)
    if content.startswith(_OLE):
        raise NotAList(N_("This is an old or a locked Excel file: save it as XLSX or CSV, without a password."))
    rows = _xlsx(content) if content.startswith(b"PK") else _csv(content)
    found: list[tuple[int, list[Cell]]] = []
    for line, cells in rows:
        if line > MAX_LINES:
            raise NotAList(
                N_("The sheet has more than %(limit)d lines, empty ones included: copy the list into a new file."),
                limit=MAX_LINES,
            )
        if any(cell.text or cell.fault for cell in cells):
            found.append((line, cells))
        if len(found) > MAX_ROWS:
            raise NotAList(N_("The list has more than %(limit)d lines: split the delivery by boxes."), limit=MAX_ROWS)
    return found


def _csv(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    try:
        text = decode_text(content)
    except NotText as error:
        raise NotAList(N_("This is no list: send the maker's list as XLSX, or as CSV in UTF-8 or GB 18030.")) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    # The commonest of the three in the first line; a list of one column has none of them.
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, [_cell_of_text(each) for each in row[:MAX_COLUMNS]]
            line = reader.line_num + 1
    except csv.Error as error:
        if is_overlong(error):
            overlong = N_("Line %(line)d holds a field of more than %(limit)d characters: is a quotation mark missing?")
            raise NotAList(overlong, line=line, limit=LONGEST_FIELD) from error
        raise NotAList(N_("Line %(line)d can't be read: a quotation mark is missing."), line=line) from error


def _cell_of_text(text: str) -> Cell:
    text = text.strip()
    return Cell(text, CellFault.SHORTENED if _SHORTENED.fullmatch(text) else None)


def _xlsx(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    _refuse_bombs(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheet = next(each for each in book.worksheets if each.sheet_state == "visible")
        covers = _Covers(content, sheet)
        rows = sheet.iter_rows(min_row=1, max_row=MAX_LINES + 1, min_col=1, max_col=MAX_COLUMNS)
        for line, row in enumerate(rows, start=1):
            own = [] if all(cell is EMPTY_CELL for cell in row) else [_cell_of_sheet(each) for each in row]
            yield line, covers.spread(line, own)
    except Exception as error:  # a damaged file makes its reader raise whatever its parts raise
        raise NotAList(N_("The Excel file is damaged: open it, save it again as XLSX and send that.")) from error


class _Covers:
    """Cells merged over several lines: what the first one says counts for each. The reader of rows knows of none."""

    def __init__(self, content: bytes, sheet: Any) -> None:
        part = zipfile.ZipFile(io.BytesIO(content)).read(sheet._worksheet_path)
        self._ends = {
            (int(first), column_index_from_string(column.decode()) - 1): int(last)
            for column, first, last in _MERGED.findall(part)
            if int(last) > int(first)
        }
        self._running: dict[int, tuple[Cell, int]] = {}

    def spread(self, line: int, own: list[Cell]) -> list[Cell]:
        """The cells of a line, with those filled in that a merged one covers; an empty line stays empty."""
        cells = list(own)
        for column, cell in enumerate(own):
            end = self._ends.get((line, column))
            if end is not None:
                self._running[column] = (replace(cell, covered=True), end)
            elif self._running and any(each.text for each in own):
                above, until = self._running.get(column, (None, 0))
                if above is not None and line <= until:
                    cells[column] = above
        return cells


def _refuse_bombs(content: bytes) -> None:
    """By what the archive says of itself: no part unpacks to more than it says."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise NotAList(N_("The Excel file is damaged: open it, save it again as XLSX and send that.")) from error
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise NotAList(N_("The Excel file unpacks to more than a list can hold: save its first sheet as CSV."))
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise NotAList(N_("This is an old or a locked Excel file: save it as XLSX or CSV, without a password."))


def _cell_of_sheet(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if cell.data_type == "f":
        return Cell(str(value)[:80], CellFault.FORMULA)
    if isinstance(value, bool | date | time | timedelta):
        return Cell(str(value)[:80], CellFault.NO_TEXT)
    if isinstance(value, int | float):
        return _cell_of_number(value, str(cell.number_format or ""))
    return _cell_of_text(str(value))


def _cell_of_number(value: int | float, number_format: str) -> Cell:
    """A serial that was taken for a number: its leading zeros are in the format, its last digits may be lost, and some
    formats show what is not in the number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if abs(value) >= 10**EXACT_DIGITS:
        return Cell(str(value), CellFault.SHORTENED)
    if _AS_IT_IS.fullmatch(number_format):
        rounded = isinstance(value, float) and (len(str(value)) > _WIDEST or "e" in str(value))
        return Cell(str(value), CellFault.SHOWN_OTHERWISE if rounded else None)
    zeros = _ZEROS.fullmatch(number_format)
    if zeros is None or isinstance(value, float) or value < 0:
        return Cell(str(value), CellFault.SHOWN_OTHERWISE)
    return Cell(str(value).zfill(len(zeros[1])))
