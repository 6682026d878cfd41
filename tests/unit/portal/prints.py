"""What the tests of printed documents share: invented facts, a bad scanner, and a look inside a PDF."""

import io
from collections.abc import Iterator
from datetime import date

import pikepdf
import pypdfium2
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from tests.support.prints import grainy
from workbench.kernel.secrets import Secrets
from workbench.portal.drafting.printing import PrintedFacts

SECRETS = Secrets(b"s" * 32, (Fernet.generate_key(),), b"f" * 32, Ed25519PrivateKey.generate())
LONG_NAME = "示例" * 98 + "有限公司"
LONG_REASON = "原电子钥匙在搬迁中遗失，现申请补办。" * 111 + "示例"


def facts(**changes: object) -> PrintedFacts:
    """A replacement with every field filled in, each visibly invented."""
    given: dict[str, object] = {
        "number": "EK20260000123",
        "version": 3,
        "service": "replacement",
        "category_zh": "机电类许可证",
        "authority_name": "示例省商务厅",
        "pickup_site": "示例省政务服务中心（示例市示例路 1 号）",
        "enterprise_name": "示例进出口贸易有限公司",
        "uscc": "91110000MA00000X0A",
        "address": "示例省示例市示例区示例路 88 号",
        "legal_representative": "示例甲",
        "postcode": "100000",
        "telephone": "010-00000000",
        "machinery_account": "SHILI0001",
        "holder_name": "示例乙",
        "holder_identity_number": "11010519491231002X",
        "holder_mobile": "13800000000",
        "holder_email": "shili@example.com",
        "reason": "原电子钥匙损坏，无法读取。",
        "prior_key": "SHILI-KEY-1",
        "printed_on": date(2026, 11, 22),
    }
    return PrintedFacts(**(given | changes))  # type: ignore[arg-type]  # fields by name, types checked by the tests


def page_count(content: bytes) -> int:
    """Pages of a PDF."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return len(pdf.pages)


def text_of(content: bytes) -> str:
    """All text of a PDF, without line ends: names wrap."""
    pdf = pypdfium2.PdfDocument(content)
    return "".join(pdf[index].get_textpage().get_text_range() for index in range(len(pdf))).replace("\r\n", "")


def picture_of(content: bytes, page: int, *, dpi: int) -> Image.Image:
    """A page in grey, as a printer would draw it."""
    image: Image.Image = pypdfium2.PdfDocument(content)[page].render(scale=dpi / 72).to_pil()
    return image.convert("L")


def has_ink(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether anything dark is in that part, given in pixels."""
    darkest, _ = picture.crop((int(left), int(top), int(right), int(bottom))).convert("L").getextrema()
    return isinstance(darkest, int | float) and darkest < 128


def scanned(
    content: bytes, page: int, *, dpi: int = 150, degrees: float = 3.0, noise: float = 22.0, quality: int = 60
) -> bytes:
    """A page as a poor scanner gives it: skewed, with noise of that standard deviation, as JPEG. Deterministic."""
    image = picture_of(content, page, dpi=dpi)
    image = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    stream = io.BytesIO()
    grainy(image, noise, seed=page).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def fonts_of(content: bytes) -> list[tuple[str, bool]]:
    """Every font of a PDF by name, and whether its glyphs are in the file."""
    found = []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for thing in pdf.objects:
            if (
                isinstance(thing, pikepdf.Dictionary)
                and thing.get("/Type") == "/Font"
                and "/DescendantFonts" not in thing
            ):
                descriptor = thing.get("/FontDescriptor", pikepdf.Dictionary())
                found.append((str(thing.BaseFont), "/FontFile2" in descriptor or "/FontFile3" in descriptor))
    return found


def glyphs_of(content: bytes) -> Iterator[int]:
    """The number of each glyph a PDF draws; 0 is .notdef, the empty box."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for page in pdf.pages:
            yield from _glyphs(page.obj)


def _glyphs(drawing: pikepdf.Object) -> Iterator[int]:
    for step in pikepdf.parse_content_stream(drawing):
        operator, operands = str(step.operator), list(step.operands)
        if operator == "Tj":
            yield from _pairs(bytes(operands[0]))
        elif operator == "TJ":
            for piece in operands[0]:
                if isinstance(piece, pikepdf.String):
                    yield from _pairs(bytes(piece))
        elif operator == "Do":
            inner = drawing.Resources.XObject[str(operands[0])]
            if inner.Subtype == "/Form":
                yield from _glyphs(inner)


def _pairs(text: bytes) -> Iterator[int]:
    """typst writes two bytes a glyph (Identity-H)."""
    return (int.from_bytes(text[index : index + 2], "big") for index in range(0, len(text), 2))
