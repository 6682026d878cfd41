"""Text in files that other houses' programs have written."""

import csv
from typing import Final

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")

LONGEST_FIELD: Final = 131_072
"""Characters of one field of a CSV, beyond which Python's reader does not read it."""


class NotText(Exception):
    """The bytes are no text in an encoding that is read here."""


def decode_text(content: bytes) -> str:
    """Text in UTF-8, in GB 18030, or, as spreadsheets save "Unicode text", in UTF-16 that says so.

    Raises:
        NotText: it is none of them, or holds NUL.
    """
    for encoding in ("utf-16",) if content.startswith(_UTF16) else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise NotText


def is_overlong(error: csv.Error) -> bool:
    """Whether a reader stopped at a field of more than LONGEST_FIELD characters, rather than at a quotation mark."""
    return str(error).startswith("field larger than")
