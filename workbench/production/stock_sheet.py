"""A maker's list as rows of cells, from CSV or XLSX. It refuses what is too large to be a list, and cells whose text
is not what the maker wrote: formulas, and numbers a spreadsheet has shortened.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.cell.read_only import EMPTY_CELL

from workbench.kernel.messages import N_
from workbench.kernel.text import LONGEST_FIELD, NotText, decode_text, is_overlong

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 5 * MIB
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 20
"""Columns that are looked at; makers add a handful of their own."""
LAST_ROW: Final = 1_048_576
"""Where every sheet ends; a row that claims to lie beyond would have all before it filled up with empty ones."""
MAX_UNPACKED: Final = 32 * MIB
MAX_PARTS: Final = 1_000
"""What an XLSX, which is a ZIP archive, may hold: many times what MAX_ROWS need, and less than a bomb."""
EXACT_DIGITS: Final = 15
"""Digits of a number that a spreadsheet keeps; the rest become zeros."""
_ENCRYPTED: Final = 0x1
_OLE: Final = b"\xd0\xcf\x11\xe0"
_SHORTENED: Final = re.compile(r"\d(\.\d+)?[eE]\+\d+")
_ZEROS: Final = re.compile(r"0+")


class CellFault(StrEnum):
    """Why a cell's text can't be trusted."""

    FORMULA = "formula"
    SHORTENED = "shortened"


@dataclass(frozen=True)
class Cell:
    """One cell's text, without blanks around it."""

    text: str
    fault: CellFault | None = None


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
        rows = sheet.iter_rows(min_row=1, max_row=LAST_ROW, min_col=1, max_col=MAX_COLUMNS)
        for line, row in enumerate(rows, start=1):
            if not all(cell is EMPTY_CELL for cell in row):
                yield line, [_cell_of_sheet(each) for each in row]
    except Exception as error:  # a damaged file makes its reader raise whatever its parts raise
        raise NotAList(N_("The Excel file is damaged: open it, save it again as XLSX and send that.")) from error


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
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _cell_of_number(value, str(cell.number_format or ""))
    return Cell(str(value).strip())


def _cell_of_number(value: int | float, number_format: str) -> Cell:
    """A serial that was taken for a number: its leading zeros are in the format, its last digits may be lost."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    if isinstance(value, int) and _ZEROS.fullmatch(number_format):
        text = text.zfill(len(number_format))
    return Cell(text, CellFault.SHORTENED if abs(value) >= 10**EXACT_DIGITS else None)
