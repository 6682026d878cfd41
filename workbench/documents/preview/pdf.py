"""Opens and renders a PDF with PDFium inside the locked child; qpdf repairs what PDFium can't open.

Runs no script, form action or attachment: this PDFium is built without a script engine and only draws. The page count
is taken from the page tree, never from what the file claims.
"""

import ctypes
import io
import math

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium_c

from workbench.documents.limits import RenderLimits
from workbench.documents.preview.geometry import pixel_size
from workbench.documents.preview.model import PageSize, RefusalCode, Refused

_POINTS_PER_INCH = 72
_EOF_WITHIN = 1024
"""Readers look for the end marker in this many last bytes (ISO 32000-1, annex H.3.4.4)."""
_WHITE = 0xFFFFFFFF
_PASSWORD_ERRORS = (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY)


class PdfPages:
    """The pages of one PDF. Raises Refused: encrypted, broken (also cut off), or too many pages."""

    def __init__(self, untrusted: bytes, limits: RenderLimits) -> None:
        if b"%%EOF" not in untrusted.rstrip(b"\x00\t\n\x0c\r ")[-_EOF_WITHIN:]:
            raise Refused(RefusalCode.BROKEN, "the PDF is cut off: its end marker is missing")
        self._limits = limits
        self._repaired = False
        self.untrusted = untrusted
        try:
            self._document, self.sizes = self._load()
        except pypdfium2.PdfiumError as error:
            if error.err_code in _PASSWORD_ERRORS:
                raise Refused(RefusalCode.ENCRYPTED, "the PDF asks for a password") from error
            self._repair(str(error))

    def render(self, index: int, dpi: int | None) -> tuple[int, int, ctypes.Array[ctypes.c_ubyte]]:
        """Width, height and packed RGB of one page, at `dpi` or the usual page width. Raises Refused."""
        try:
            return self._draw(index, dpi)
        except pypdfium2.PdfiumError as error:
            if self._repaired:
                raise Refused(RefusalCode.BROKEN, f"page {index}: {error}") from error
            self._repair(f"page {index}: {error}")
            return self.render(index, dpi)

    def _load(self) -> tuple[pypdfium2.PdfDocument, list[PageSize]]:
        document = pypdfium2.PdfDocument(self.untrusted)
        document.init_forms()
        count = len(document)
        if count > self._limits.pages:
            raise Refused(RefusalCode.TOO_MANY_PAGES, f"{count} pages, allowed are {self._limits.pages}")
        if not self._repaired and _count_by_tree(self.untrusted) not in (None, count):
            raise pypdfium2.PdfiumError("the page tree holds another number of pages than the file claims")
        return document, [self._size(document, index) for index in range(count)]

    def _size(self, document: pypdfium2.PdfDocument, index: int) -> PageSize:
        width, height = document.get_page_size(index)
        if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
            raise pypdfium2.PdfiumError(f"page {index} measures {width} x {height}")
        return PageSize(width, height)

    def _repair(self, reason: str) -> None:
        """Write the file anew with qpdf and load that. Raises Refused when there is nothing to rescue."""
        self._repaired = True
        rewritten = io.BytesIO()
        try:
            with pikepdf.open(io.BytesIO(self.untrusted)) as pdf:
                if len(pdf.pages) > self._limits.pages:
                    raise Refused(RefusalCode.TOO_MANY_PAGES, f"{len(pdf.pages)} pages after repair")
                pdf.save(rewritten)
            self.untrusted = rewritten.getvalue()
            self._document, self.sizes = self._load()
        except pikepdf.PasswordError as error:
            raise Refused(RefusalCode.ENCRYPTED, "the PDF asks for a password") from error
        except (pikepdf.PdfError, pypdfium2.PdfiumError, ValueError, RuntimeError, TypeError) as error:
            raise Refused(RefusalCode.BROKEN, f"{reason}; repair: {error}") from error

    def _draw(self, index: int, dpi: int | None) -> tuple[int, int, ctypes.Array[ctypes.c_ubyte]]:
        if not 0 <= index < len(self.sizes):
            raise Refused(RefusalCode.BROKEN, f"page {index} of {len(self.sizes)}")
        size = self.sizes[index]
        scale = dpi / _POINTS_PER_INCH if dpi else self._limits.page_width / size.width
        width, height = pixel_size(size, scale, self._limits)
        page = self._document.get_page(index)
        rgb = (ctypes.c_ubyte * (width * height * 3))()
        bitmap = pdfium_c.FPDFBitmap_CreateEx(width, height, pdfium_c.FPDFBitmap_BGR, rgb, width * 3)
        if not bitmap:
            raise MemoryError
        try:
            pdfium_c.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
            area = (0, 0, width, height, 0, pdfium_c.FPDF_ANNOT | pdfium_c.FPDF_REVERSE_BYTE_ORDER)
            pdfium_c.FPDF_RenderPageBitmap(bitmap, page, *area)
            if self._document.formenv:
                pdfium_c.FPDF_FFLDraw(self._document.formenv, bitmap, page, *area)
        finally:
            pdfium_c.FPDFBitmap_Destroy(bitmap)
            page.close()
        return width, height, rgb


def _count_by_tree(untrusted: bytes) -> int | None:
    """How many pages hang on the page tree, None when qpdf can't tell."""
    try:
        with pikepdf.open(io.BytesIO(untrusted)) as pdf:
            return len(pdf.pages)
    except (pikepdf.PdfError, ValueError, RuntimeError, TypeError):
        return None
