"""The clean page of a document, before any scanner sees it: typst sets the text, PDFium lays seal and signatures on it.

Not safe for threads (PDFium isn't); `batch` runs it in processes of their own.
"""

import io
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pypdfium2
import pypdfium2.raw as pdfium_c
import typst
from PIL import Image

from workbench.demo.papers import marks
from workbench.demo.papers.facts import Document, Fault, PaperFacts, dates_for, with_faults

FOLDER = Path(__file__).parent
POINTS_PER_MM = 72 / 25.4
SEAL_MM = 41.0
SIGNATURE_MM = 46.0
CODE_MM = 24.0

Side = Literal["both", "front", "back"]


@dataclass(frozen=True)
class Spot:
    """Where a mark belongs: page from 0, centre in mm from the page's top left; `signer` says whose signature it is."""

    kind: Literal["seal", "signature", "code"]
    page: int
    x: float
    y: float
    signer: Literal["legal_representative", "holder_name"] = "holder_name"


SPOTS: dict[Document, tuple[Spot, ...]] = {
    Document.APPLICATION_FORM: (
        Spot("signature", 0, 80, 237, "legal_representative"),
        Spot("seal", 0, 152, 246),
    ),
    Document.SEAL_CONFIRMATION: (Spot("seal", 0, 60, 208), Spot("signature", 0, 140, 195)),
    Document.BUSINESS_LICENCE: (Spot("code", 0, 246, 49), Spot("seal", 0, 110, 168)),
    Document.USER_ID_CARD: (Spot("seal", 0, 132, 214),),
    Document.AUTHORISATION: (
        Spot("signature", 0, 64, 228),
        Spot("signature", 0, 156, 226, "legal_representative"),
        Spot("seal", 0, 148, 252),
    ),
    Document.USER_AGREEMENT: (Spot("seal", 1, 74, 154), Spot("signature", 1, 84, 178)),
}
SINGLE_CARD_SPOTS = (Spot("seal", 0, 98, 73),)


def clean_sheet(
    document: Document, facts: PaperFacts, faults: frozenset[Fault], rng: random.Random, *, side: Side, fax: bool
) -> pypdfium2.PdfDocument:
    """Set, sign and stamp a document; the caller closes what it gets. Raises TypstError on a broken template."""
    printed = with_faults(document, facts, faults)
    content = _typeset(document, _inputs(printed, faults, side=side, fax=fax))
    pdf = pypdfium2.PdfDocument(content)
    if Fault.ONE_SIDE_ONLY in faults and len(pdf) > 1:
        pdf.del_page(1)
    spots = SINGLE_CARD_SPOTS if document is Document.USER_ID_CARD and side != "both" else SPOTS[document]
    for number, page in enumerate(pages(pdf)):
        for spot in spots:
            if spot.page == number:
                _put_mark(pdf, page, spot, facts, faults, rng)
        page.gen_content()
    return pdf


@lru_cache(maxsize=1)
def _compiler() -> typst.Compiler:
    return typst.Compiler(root=FOLDER, font_paths=[str(marks.FONT_FOLDER)], ignore_system_fonts=True)


def _typeset(document: Document, inputs: dict[str, str]) -> bytes:
    content = _compiler().compile(
        input=FOLDER / f"{document}.typ", format="pdf", sys_inputs=inputs, pdf_tags=False, timestamp=0
    )
    if not isinstance(content, bytes):
        raise TypeError(f"typst made no single PDF of {document}")
    return content


def _inputs(facts: PaperFacts, faults: frozenset[Fault], *, side: Side, fax: bool) -> dict[str, str]:
    """Everything a template prints, as one JSON text: the facts, the dates, and what hangs on enterprise and holder."""
    rng = random.Random(f"details {facts.uscc} {facts.holder_id_number}")
    born = facts.holder_id_number[6:14]
    values = asdict(facts) | dates_for(facts, faults) | {"side": side, "fax": fax}
    values |= {
        "issued_on": facts.issued_on.isoformat(),
        "capital": rng.choice(("壹佰万元整", "伍佰万元整", "壹仟万元整", "贰仟万元整", "叁佰万元整")),
        "legal_form": _legal_form(facts),
        "born": f"{born[:4]} 年 {int(born[4:6])} 月 {int(born[6:])} 日" if born.isdigit() and len(born) == 8 else "/",
        "sex": "男" if facts.holder_id_number[16:17] in "13579" else "女",
        "house": str(rng.randint(1, 300)),
    }
    return {"facts": json.dumps(values, ensure_ascii=False)}


def _legal_form(facts: PaperFacts) -> str:
    """What a licence would call this body, read from the code's first two characters (GB 32100-2015, table 1)."""
    by_prefix = {"92": "个体工商户", "93": "农民专业合作社", "52": "民办非企业单位（法人）", "N": "农村集体经济组织"}
    for prefix, name in by_prefix.items():
        if facts.uscc.startswith(prefix):
            return name
    if not facts.uscc.startswith("91"):
        return "其他组织"
    return "股份有限公司（非上市）" if "股份" in facts.enterprise_name else "有限责任公司"


def _put_mark(
    pdf: pypdfium2.PdfDocument,
    page: pypdfium2.PdfPage,
    spot: Spot,
    facts: PaperFacts,
    faults: frozenset[Fault],
    rng: random.Random,
) -> None:
    """Lay one mark over the print, by hand: never twice in quite the same place or at quite the same angle."""
    if spot.kind == "seal":
        picture, width, angle, spread = marks.company_seal(facts.enterprise_name, rng.randrange(3)), SEAL_MM, 20.0, 3.0
    elif spot.kind == "signature":
        picture, width, angle, spread = (
            marks.signature(getattr(facts, spot.signer), rng.randrange(1000)),
            SIGNATURE_MM,
            6,
            2.5,
        )
    else:
        picture, width, angle, spread = marks.square_code(facts.uscc), CODE_MM, 0.0, 0.0
    x, y = spot.x + rng.uniform(-spread, spread), spot.y + rng.uniform(-spread, spread)
    turn = rng.uniform(-angle, angle)
    missing = {"seal": Fault.NO_SEAL, "signature": Fault.NO_SIGNATURE}.get(spot.kind)
    if missing in faults:
        return
    height = width * picture.height / picture.width
    matrix = (
        pypdfium2.PdfMatrix()
        .translate(-0.5, -0.5)
        .scale(width * POINTS_PER_MM, height * POINTS_PER_MM)
        .rotate(turn)
        .translate(x * POINTS_PER_MM, page.get_height() - y * POINTS_PER_MM)
    )
    image = pypdfium2.PdfImage.new(pdf)
    image.load_jpeg(_jpeg(picture), inline=True)
    image.set_matrix(matrix)
    pdfium_c.FPDFPageObj_SetBlendMode(image, b"Multiply")
    page.insert_obj(image)


def _jpeg(picture: Image.Image) -> io.BytesIO:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=88)
    stream.seek(0)
    return stream


def pages(pdf: pypdfium2.PdfDocument) -> Iterator[pypdfium2.PdfPage]:
    """The pages of a sheet, in order."""
    for index in range(len(pdf)):
        yield pdf[index]
