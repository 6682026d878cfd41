"""Reads the words of a PDF and where they stand, with pdfplumber inside the locked child.

A page that takes too long or that pdfplumber can't read gives empty text: text only helps the reviewer, so it never
makes a document unusable.
"""

import io
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pdfplumber
from pdfplumber.page import Page

from workbench.documents import limits as fixed
from workbench.documents.limits import RenderLimits
from workbench.documents.preview.model import PageText, Word


class _TooSlow(BaseException):
    """Not an Exception, so that no handler inside the parser swallows it."""


def read_text(untrusted: bytes, page_count: int, limits: RenderLimits) -> Iterator[PageText]:
    """The text of every page in order; the processor time per page and in all is bounded by the limits."""
    started = time.process_time()
    pages = _open(untrusted, page_count, limits)
    for index in range(page_count):
        left = limits.text_cpu_seconds - (time.process_time() - started)
        page = pages[index] if index < len(pages) else None
        empty = PageText(index, "", ())
        if page is None or left <= 0:
            yield empty
            continue
        try:
            with _at_most(min(left, limits.text_cpu_seconds_per_page)):
                found = _read_page(page, index)
        except (Exception, _TooSlow):  # the parser raises anything at all on bad files
            found = empty
        yield found


def _open(untrusted: bytes, page_count: int, limits: RenderLimits) -> list[Page]:
    try:
        with _at_most(limits.text_cpu_seconds_per_page):
            return list(pdfplumber.open(io.BytesIO(untrusted), pages=list(range(1, page_count + 1))).pages)
    except (Exception, _TooSlow):  # see read_text
        return []


def _read_page(page: Page, index: int) -> PageText:
    left, top, width, height = _shown_area(page)
    words = [
        Word(
            found["text"],
            (float(found["x0"]) - left) / width,
            (float(found["top"]) - top) / height,
            (float(found["x1"]) - left) / width,
            (float(found["bottom"]) - top) / height,
        )
        for found in page.extract_words()[: fixed.MAX_PAGE_WORDS]
    ]
    text = page.extract_text()
    page.close()
    return PageText(index, text, tuple(words))


def _shown_area(page: Page) -> tuple[float, float, float, float]:
    """Left, top, width and height of what PDFium shows (the crop box), in the coordinates of pdfplumber's words.

    Those are measured on the media box after rotation, so pdfplumber's own crop box is of no use on a rotated page.
    """
    media, crop = page.page_obj.mediabox, page.page_obj.cropbox
    x0, y0 = max(crop[0], media[0]), max(crop[1], media[1])
    x1, y1 = min(crop[2], media[2]), min(crop[3], media[3])
    cut_left, cut_bottom, cut_right, cut_top = x0 - media[0], y0 - media[1], media[2] - x1, media[3] - y1
    left, top = {90: (cut_bottom, cut_left), 180: (cut_right, cut_bottom), 270: (cut_top, cut_right)}.get(
        page.rotation, (cut_left, cut_top)
    )
    width, height = (y1 - y0, x1 - x0) if page.rotation in (90, 270) else (x1 - x0, y1 - y0)
    return float(page.bbox[0] + left), float(page.bbox[1] + top), float(width), float(height)


@contextmanager
def _at_most(cpu_seconds: float) -> Iterator[None]:
    """Interrupt the block when it has used that much processor time."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
