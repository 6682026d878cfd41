"""Looking at a printed PDF: its pages, what they say, how they look."""

import pypdfium2
from PIL import Image

DPI = 150
"""Of a scan on the machine at a counter."""


def drawn(content: bytes, dpi: int = DPI, page: int = 0) -> Image.Image:
    """A page as grey pixels."""
    with pypdfium2.PdfDocument(content) as pdf:
        picture: Image.Image = pdf[page].render(scale=dpi / 72, grayscale=True).to_pil()
        return picture


def text_of(content: bytes, page: int = 0) -> str:
    """What a page says."""
    with pypdfium2.PdfDocument(content) as pdf:
        return str(pdf[page].get_textpage().get_text_bounded())


def pages_of(content: bytes) -> int:
    """How many pages there are."""
    with pypdfium2.PdfDocument(content) as pdf:
        return len(pdf)
