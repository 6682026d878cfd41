"""Where on a page a value of the form stands, from the words the text layer gave; an image without text gives none."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST: Final = 20
"""Boxes for one value on one page; a name in a table's every row helps nobody."""


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of the unrotated page, origin top left, and the check item it belongs to."""

    check_item_id: int
    x0: float
    y0: float
    x1: float
    y1: float


def find(words: Sequence[Sequence[Any]] | None, value: str, check_item_id: int) -> list[Box]:
    """The rectangles of every place where `value` stands on the page, one for each line it runs over.

    Blanks and the width of letters and digits don't count, because text layers cut words anywhere.
    """
    wanted = _plain(value)
    if not words or len(wanted) < 2:
        return []
    letters: list[str] = []
    owners: list[int] = []
    for number, word in enumerate(words):
        plain = _plain(str(word[0]))
        letters.append(plain)
        owners += [number] * len(plain)
    text = "".join(letters)
    found: list[Box] = []
    at = text.find(wanted)
    while at >= 0 and len(found) < MOST:
        touched = sorted(set(owners[at : at + len(wanted)]))
        found += _by_line([words[number] for number in touched], check_item_id)
        at = text.find(wanted, at + len(wanted))
    return found[:MOST]


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _by_line(words: Sequence[Sequence[Any]], check_item_id: int) -> list[Box]:
    """One box around neighbouring words of a line; a word that doesn't overlap the line in height starts another."""
    boxes: list[Box] = []
    for _, x0, y0, x1, y1 in words:
        last = boxes[-1] if boxes else None
        if last is not None and y0 < last.y1 and y1 > last.y0:
            boxes[-1] = Box(check_item_id, min(last.x0, x0), min(last.y0, y0), max(last.x1, x1), max(last.y1, y1))
        else:
            boxes.append(Box(check_item_id, x0, y0, x1, y1))
    return boxes
