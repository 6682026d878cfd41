"""The QR mark on each printed page: which form, version and page a scan shows, signed so that nobody can make one up.

A mark is a hint for the applicant and the desks, never a proof that the rest of the page is unchanged. What does not
verify under this installation's key is not a mark.
"""

import base64
import hashlib
import hmac
import io
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import rfc8785
import segno
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from workbench.kernel.secrets import Secrets

LABEL: Final = b"workbench printed page mark 1"
SIGNATURE_BYTES: Final = 15
"""120 bits: 24 characters of base32 without padding."""
LONGEST_MARK: Final = 160
LONGEST_SEARCH_SECONDS: Final = 2.0
MAX_PICTURE_PIXELS: Final = 50_000_000
WIDTHS: Final = (1240, 2200)
"""Pixels across a page at which codes are looked for when the picture as it is shows none (150 and 265 dpi on A4)."""
_QR: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_FORM: Final = re.compile(
    r"(?P<body>EK1/(?P<number>[A-Z0-9]{1,40})/(?P<version>[1-9][0-9]{0,5})/(?P<code>[A-Z0-9-]{1,40})"
    r"/(?P<page>[1-9][0-9]{0,2})/(?P<pages>[1-9][0-9]{0,2})/(?P<digest>[0-9A-F]{16}))/(?P<signature>[A-Z2-7]{24})",
    re.ASCII,
)


@dataclass(frozen=True)
class PrintMark:
    """What a printed page says of itself; `page` counts from 1, `digest` is `digest_of` the printed facts."""

    number: str
    version: int
    document_code: str
    page: int
    pages: int
    digest: str


def digest_of(facts: Mapping[str, str]) -> str:
    """The first 16 hexadecimal digits of SHA-256 over the facts as canonical JSON (RFC 8785).

    Raises ValueError when a text holds half a character (a lone surrogate), which no encoding can write.
    """
    return hashlib.sha256(rfc8785.dumps(dict(facts))).hexdigest()[:16]


def mark_text(secrets: Secrets, mark: PrintMark) -> str:
    """The signed mark, in the 45 characters of QR's alphanumeric mode (ISO/IEC 18004): upper case, '_' as '-'.

    Raises ValueError when the mark could not be read back as it is.
    """
    code = mark.document_code.upper().replace("_", "-")
    body = f"EK1/{mark.number}/{mark.version}/{code}/{mark.page}/{mark.pages}/{mark.digest.upper()}"
    text = f"{body}/{_signature(secrets, body)}"
    if read_mark(secrets, text) != mark:
        raise ValueError(f"no mark can be printed of {mark}")
    return text


def read_mark(secrets: Secrets, untrusted: str) -> PrintMark | None:
    """The mark a code's text stands for, or None when it is not ours, damaged or forged."""
    if len(untrusted) > LONGEST_MARK or (found := _FORM.fullmatch(untrusted)) is None:
        return None
    if not hmac.compare_digest(found["signature"], _signature(secrets, found["body"])):
        return None
    mark = PrintMark(
        number=found["number"],
        version=int(found["version"]),
        document_code=found["code"].lower().replace("-", "_"),
        page=int(found["page"]),
        pages=int(found["pages"]),
        digest=found["digest"].lower(),
    )
    return mark if mark.page <= mark.pages else None


def mark_svg(text: str) -> str:
    """The code as an SVG picture without quiet zone: who places it keeps four modules white around (ISO/IEC 18004)."""
    stream = io.BytesIO()
    segno.make_qr(text, error="q").save(stream, kind="svg", border=0, xmldecl=False, omitsize=True)
    return stream.getvalue().decode()


def find_marks(picture: bytes, secrets: Secrets) -> list[PrintMark]:
    """Our marks in a page picture (JPEG, WebP or PNG made by the locked renderer), each once, by document and page.

    Tries harder and harder, and stops at the first try that shows one of ours or after LONGEST_SEARCH_SECONDS.

    Raises:
        ValueError: the picture can't be opened or is larger than any page.
    """
    grey = _open(picture)
    give_up_at = time.monotonic() + LONGEST_SEARCH_SECONDS
    for attempt in _attempts(grey):
        codes = zxingcpp.read_barcodes(attempt, formats=_QR, try_invert=False)
        marks = {mark for code in codes if (mark := read_mark(secrets, code.text)) is not None}
        if marks:
            return sorted(marks, key=lambda mark: (mark.number, mark.document_code, mark.version, mark.page))
        if time.monotonic() > give_up_at:
            break
    return []


def _open(picture: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "WEBP", "PNG")) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise ValueError(f"a picture of {image.width} x {image.height} pixels is no page")
            return image.convert("L")
    except (OSError, SyntaxError) as error:
        raise ValueError("not a page picture") from error


def _attempts(grey: Image.Image) -> Iterator[Image.Image]:
    """The picture as it is; at usual scan sizes, smoothed, in stark black and white, sharpened; turned a little."""
    yield grey
    for width in WIDTHS:
        scaled = _across(grey, width)
        yield scaled
        smooth = scaled.filter(ImageFilter.GaussianBlur(1.2))
        yield smooth
        yield ImageOps.autocontrast(smooth, cutoff=2).point(lambda level: 255 if level > 128 else 0)
        yield smooth.filter(ImageFilter.UnsharpMask(radius=width / 310, percent=400, threshold=0))
    upright = _across(grey, WIDTHS[0])
    for degrees in (-8, 8, -20, 20):
        yield upright.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def _across(image: Image.Image, width: int) -> Image.Image:
    """The image with its shorter side `width` pixels long: pages lie on their side too."""
    factor = width / min(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    if size[0] * size[1] > MAX_PICTURE_PIXELS:
        return image
    return image.resize(size, Image.Resampling.LANCZOS)


def _signature(secrets: Secrets, body: str) -> str:
    key = hmac.new(secrets.session_key, LABEL, hashlib.sha256).digest()
    return base64.b32encode(hmac.new(key, body.encode(), hashlib.sha256).digest()[:SIGNATURE_BYTES]).decode()
