"""CSV and XLSX that are safe to open in a spreadsheet: formulas are defused, rows are limited, the encoding of text is
announced.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from flask import Response
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from workbench.kernel.errors import TooLarge

ROW_LIMIT: Final = 50_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_BOM: Final = "\ufeff"


def defused(value: Any) -> str:
    """A cell as text that no spreadsheet computes: a leading formula sign gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    content = str(value)
    looks_at = content.lstrip(" \n\ufeff\u00a0\u3000")
    # Some spreadsheets make wide signs narrow first, and then compute.
    sign = unicodedata.normalize("NFKC", looks_at[:1])
    return f"'{content}" if sign.startswith(_FORMULA_STARTS) else content


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]], limit: int = ROW_LIMIT) -> str:
    """The whole file, byte order mark first: without it spreadsheets take Chinese for another encoding.

    Raises:
        TooLarge: there are more than `limit` rows; a list cut short would pass for the whole.
    """
    out = io.StringIO(newline="")
    out.write(_BOM)
    writer = csv.writer(out)
    writer.writerow([defused(each) for each in header])
    for row in _limited(rows, limit):
        writer.writerow([defused(each) for each in row])
    return out.getvalue()


def xlsx_bytes(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    limit: int = ROW_LIMIT,
    widths: Sequence[float] = (),
) -> bytes:
    """A workbook of one sheet called `title`, written row by row, its header in sight; numbers stay numbers, and times
    without a zone stay times, everything else is text. Columns are as wide as `widths` says, in characters.

    Raises:
        TooLarge: there are more than `limit` rows; a list cut short would pass for the whole.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.append([_in_sheet(each) for each in header])
    for row in _limited(rows, limit):
        sheet.append([_in_sheet(each) for each in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _in_sheet(value: Any) -> Any:
    if isinstance(value, int | float | datetime) and not isinstance(value, bool):
        return value
    return ILLEGAL_CHARACTERS_RE.sub("", defused(value))


def csv_download(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]], limit: int = ROW_LIMIT) -> Response:
    """The file as a download called `name`, which is ours and plain ASCII."""
    response = Response(csv_text(header, rows, limit), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _limited(rows: Iterable[Sequence[Any]], limit: int) -> Iterator[Sequence[Any]]:
    iterator = iter(rows)
    yield from islice(iterator, limit)
    if next(iterator, None) is not None:
        raise TooLarge("The list has more than %(limit)d rows: narrow the filters, then export.", limit=limit)
