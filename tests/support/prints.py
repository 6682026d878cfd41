"""Looking at a printed PDF: its pages, what they say, how they look."""

import random

import pypdfium2
import zxingcpp
from PIL import Image, ImageChops

DPI = 150
"""Of a scan on the machine at a counter."""

EVEN = 73.6
"""The standard deviation of bytes that are spread evenly."""


def drawn(content: bytes, dpi: int = DPI, page: int = 0) -> Image.Image:
    """A page as grey pixels."""
    with pypdfium2.PdfDocument(content) as pdf:
        picture: Image.Image = pdf[page].render(scale=dpi / 72, grayscale=True).to_pil()
        return picture


def text_of(content: bytes, page: int = 0) -> str:
    """What a page says."""
    with pypdfium2.PdfDocument(content) as pdf:
        return str(pdf[page].get_textpage().get_text_bounded())


def texts_of(content: bytes) -> list[str]:
    """What each page says, without blanks."""
    return ["".join(text_of(content, page).split()) for page in range(pages_of(content))]


def scanned(picture: Image.Image, degrees: float) -> Image.Image:
    """As a scanner sees it: laid down askew on the glass, with the grain of cheap paper."""
    sheet = Image.new("L", (picture.width + 160, picture.height + 160), 255)
    sheet.paste(picture, (80, 80))
    return grainy(sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255), 16)


def grainy(picture: Image.Image, deviation: float, seed: int = 0) -> Image.Image:
    """A grey picture with noise of that standard deviation, in levels of 256; the same each time."""
    grain = Image.frombytes("L", picture.size, random.Random(seed).randbytes(picture.width * picture.height))
    return ImageChops.add(picture, grain.point(lambda level: int((level - 127.5) / EVEN * deviation + 128)), 1, -128)


def codes_of(picture: Image.Image) -> list[tuple[str, str]]:
    """What stands in each barcode of a picture, and which kind it is."""
    return [(each.text, each.format.name) for each in zxingcpp.read_barcodes(picture)]


def pages_of(content: bytes) -> int:
    """How many pages there are."""
    with pypdfium2.PdfDocument(content) as pdf:
        return len(pdf)
