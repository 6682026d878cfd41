"""The frames a rendering child sends: a type, a length and numbers, pixels or text in fixed layouts.

The reading half treats every frame as hostile, because a child that parsed a stranger's file may have been taken over:
it checks each length and number against the limits before it allocates anything.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from workbench.documents import limits
from workbench.documents.limits import RenderLimits
from workbench.documents.preview.model import Kind, PageSize, PageText, RefusalCode, Refused, Word

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_HEADER = struct.Struct(">BI")
_SIZE = struct.Struct(">dd")
_PIXELS = struct.Struct(">III")
_TEXT = struct.Struct(">III")
_WORD = struct.Struct(">ffffH")
_MAX_DETAIL = 500
_CODES = tuple(RefusalCode)


class Frame(IntEnum):
    """What a frame carries."""

    SIZES = 1
    PIXELS = 2
    TEXT = 3
    REFUSED = 4
    END = 5


class GibberishError(Exception):
    """The child sent something that is no valid frame."""


@dataclass(frozen=True)
class Pixels:
    """One page as packed RGB, three bytes a pixel."""

    index: int
    width: int
    height: int
    rgb: bytearray


def write_all(fd: int, *chunks: ReadableBuffer) -> None:
    """Write every byte of the chunks, waiting for the reader. Raises BrokenPipeError when it has gone."""
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        while view:
            view = view[os.write(fd, view) :]


def send_end(fd: int) -> None:
    """Say that the operation is complete."""
    write_all(fd, _HEADER.pack(Frame.END, 0))


def send_refusal(fd: int, code: RefusalCode, detail: str) -> None:
    """Say why the file can't be shown."""
    text = detail.encode("utf-8", "replace")[:_MAX_DETAIL]
    write_all(fd, _HEADER.pack(Frame.REFUSED, 1 + len(text)), bytes([_CODES.index(code)]), text)


def send_sizes(fd: int, sizes: list[PageSize]) -> None:
    """Send the size of every page."""
    body = b"".join(_SIZE.pack(size.width, size.height) for size in sizes)
    write_all(fd, _HEADER.pack(Frame.SIZES, len(body)), body)


def send_pixels(fd: int, index: int, width: int, height: int, rgb: ReadableBuffer) -> None:
    """Send one page as packed RGB."""
    length = _PIXELS.size + width * height * 3
    write_all(fd, _HEADER.pack(Frame.PIXELS, length), _PIXELS.pack(index, width, height), rgb)


def send_text(fd: int, page: PageText) -> None:
    """Send the text of one page, cut to the limits."""
    text = page.text[: limits.MAX_PAGE_TEXT].encode("utf-8", "replace")
    words = page.words[: limits.MAX_PAGE_WORDS]
    body = [_TEXT.pack(page.index, len(text), len(words)), text]
    for word in words:
        letters = word.text[:200].encode("utf-8", "replace")
        body += [_WORD.pack(word.x0, word.y0, word.x1, word.y1, len(letters)), letters]
    joined = b"".join(body)
    write_all(fd, _HEADER.pack(Frame.TEXT, len(joined)), joined)


class FrameReader:
    """Reads a child's frames from a pipe. Raises EOFError when it ended early, GibberishError for nonsense."""

    def __init__(self, fd: int, kind: Kind, allowed: RenderLimits) -> None:
        self._fd = fd
        self._kind = kind
        self._limits = allowed

    def read(self) -> list[PageSize] | Pixels | PageText | None:
        """The next frame, None at the end. Raises Refused when the child refused the file."""
        kind, length = _HEADER.unpack(self._take(_HEADER.size))
        if kind == Frame.END and length == 0:
            return None
        if kind == Frame.REFUSED and 1 <= length <= 1 + _MAX_DETAIL:
            raise self._refusal(self._take(length))
        if kind == Frame.SIZES and length % _SIZE.size == 0 and 1 <= length // _SIZE.size <= self._limits.pages:
            return self._sizes(self._take(length))
        if kind == Frame.PIXELS and length > _PIXELS.size:
            return self._pixels(length)
        if kind == Frame.TEXT and _TEXT.size <= length <= 4 * limits.MAX_PAGE_TEXT + 900 * limits.MAX_PAGE_WORDS:
            return self._text(self._take(length))
        raise GibberishError(f"frame {kind} of {length} bytes")

    def _take(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            count = os.readv(self._fd, [view])
            if count == 0:
                raise EOFError("the rendering process ended early")
            view = view[count:]
        return data

    def _refusal(self, body: bytearray) -> Refused:
        if body[0] >= len(_CODES):
            raise GibberishError(f"refusal {body[0]}")
        detail = "".join(c if c.isprintable() else "?" for c in body[1:].decode("utf-8", "replace"))
        return Refused(_CODES[body[0]], detail)

    def _sizes(self, body: bytearray) -> list[PageSize]:
        sizes = [PageSize(width, height) for width, height in _SIZE.iter_unpack(body)]
        for size in sizes:
            if not (math.isfinite(size.width) and math.isfinite(size.height) and size.width > 0 and size.height > 0):
                raise GibberishError(f"page of {size.width} x {size.height}")
            if self._kind is not Kind.PDF and size.width * size.height > self._limits.pixels:
                raise GibberishError(f"image of {size.width} x {size.height} pixels")
        return sizes

    def _pixels(self, length: int) -> Pixels:
        index, width, height = _PIXELS.unpack(self._take(_PIXELS.size))
        fits = 0 < max(width, height) <= self._limits.page_side and width * height <= self._limits.page_pixels
        if not fits or index >= self._limits.pages or length != _PIXELS.size + width * height * 3:
            raise GibberishError(f"page {index} of {width} x {height} in {length} bytes")
        return Pixels(index, width, height, self._take(length - _PIXELS.size))

    def _text(self, body: bytearray) -> PageText:
        try:
            index, letters, count = _TEXT.unpack_from(body)
            at = _TEXT.size + letters
            text = body[_TEXT.size : at].decode("utf-8", "replace")
            if index >= self._limits.pages or at > len(body) or count > limits.MAX_PAGE_WORDS:
                raise GibberishError(f"text of page {index}")
            words = []
            for _ in range(count):
                x0, y0, x1, y1, size = _WORD.unpack_from(body, at)
                at += _WORD.size
                box = [min(1.0, max(0.0, edge)) if math.isfinite(edge) else 0.0 for edge in (x0, y0, x1, y1)]
                words.append(Word(body[at : at + size].decode("utf-8", "replace"), *box))
                at += size
        except struct.error as error:
            raise GibberishError(f"text frame: {error}") from error
        if at != len(body):
            raise GibberishError("text frame of a wrong length")
        return PageText(index, text.replace("\x00", ""), tuple(words))
