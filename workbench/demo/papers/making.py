"""From a document's code and facts to the files an applicant would upload, one paper or many at a time.

The same request gives the same bytes on the same machine; nothing here reads a clock or touches the disk.
"""

import ctypes
import hashlib
import io
import multiprocessing
import random
import re
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date

import pypdfium2
import pypdfium2.raw as pdfium_c
from PIL import Image

from workbench.demo.papers import scanner
from workbench.demo.papers.facts import Document, Fault, Form, Paper, PaperFacts, Quirk
from workbench.demo.papers.sheets import Side, clean_sheet, pages

NAMES = {
    Document.APPLICATION_FORM: "电子钥匙申请表",
    Document.SEAL_CONFIRMATION: "电子签章申请确认函",
    Document.BUSINESS_LICENCE: "营业执照副本",
    Document.USER_ID_CARD: "授权用户身份证",
    Document.AUTHORISATION: "授权委托书",
    Document.USER_AGREEMENT: "数字证书用户协议书",
}
SIDE_NAMES: dict[Side, str] = {"front": "正面", "back": "反面", "both": ""}
ONE_FILE_FORMS = frozenset({Form.PDF, Form.SCAN_PDF, Form.TIFF})
FAXABLE_FORMS = frozenset({Form.SCAN_PDF, Form.TIFF})
CARD_DPI_FACTOR = 1.7
DARK_GLASS = 60
CLOCK_ID = re.compile(rb"<[0-9A-F]{32}>\](?=>>\s*startxref)")


@dataclass(frozen=True)
class PaperRequest:
    """One call of make_paper, as a value that can travel to another process."""

    document_code: str
    facts: PaperFacts
    seed: int
    faults: frozenset[Fault] = frozenset()
    form: str = Form.SCAN_PDF
    quirk: str | None = None


def make_paper(
    document_code: str,
    facts: PaperFacts,
    *,
    seed: int,
    faults: frozenset[Fault] = frozenset(),
    form: str = Form.SCAN_PDF,
    quirk: str | None = None,
) -> list[Paper]:
    """Make one document: one file, or one a page or card side where the form holds a single picture.

    `quirk` is drawn from the seed when None (about one scan in nine has one). Raises ValueError on an unknown code.
    """
    document, form = Document(document_code), Form(form)
    rng = random.Random(f"{document} {form} {seed} {facts.application_number} {facts.uscc}")
    quirk = _drawn_quirk(form, rng) if quirk is None else Quirk(quirk)
    fax = quirk is Quirk.FAX and form in FAXABLE_FORMS
    papers = []
    for side in _sides(document, form, faults, rng):
        name = NAMES[document] + SIDE_NAMES[side]
        pdf = clean_sheet(document, facts, faults, rng, side=side, fax=fax)
        try:
            if form is Form.PDF:
                papers.append(Paper(f"{name}.pdf", _exported(pdf, faults)))
                continue
            dpi = rng.uniform(110, 124) * (1.0 if side == "both" else CARD_DPI_FACTOR)
            pictures = [_damaged(_captured(page, form, quirk, rng, dpi), quirk, faults, rng) for page in pages(pdf)]
        finally:
            pdf.close()
        dpi = scanner.FAX_DPI if fax else dpi
        papers += _files(name, pictures, form, rng, dpi, facts.issued_on)
    return papers


def make_request(request: PaperRequest) -> list[Paper]:
    """make_paper for a request."""
    return make_paper(
        request.document_code,
        request.facts,
        seed=request.seed,
        faults=request.faults,
        form=request.form,
        quirk=request.quirk,
    )


def make_many(
    requests: Sequence[PaperRequest], processes: int = 2, progress: Callable[[int, int], None] | None = None
) -> Generator[list[Paper], None, None]:
    """Yield the papers of each request, in order, made by `processes` processes (in this one if 1 or fewer).

    `progress(done, total)` is called in this process after each request. The processes are spawned, so that no lock or
    connection of the caller's is inherited; a script that calls this needs the usual `if __name__ == "__main__"`.
    """
    if processes <= 1:
        yield from _counted(map(make_request, requests), len(requests), progress)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_leave_interrupts_to_caller) as pool:
        yield from _counted(pool.map(make_request, requests, chunksize=6), len(requests), progress)


def _leave_interrupts_to_caller() -> None:
    """Ctrl-C reaches every process of a terminal: the caller ends the pool, its processes need not complain as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _counted(
    results: Iterator[list[Paper]], total: int, progress: Callable[[int, int], None] | None
) -> Iterator[list[Paper]]:
    for done, papers in enumerate(results, start=1):
        if progress:
            progress(done, total)
        yield papers


def _drawn_quirk(form: Form, rng: random.Random) -> Quirk:
    dice = rng.random()
    if form in (Form.PDF, Form.PHOTO):
        return Quirk.NONE
    if dice < 0.04:
        return Quirk.FAX if form in FAXABLE_FORMS else Quirk.NONE
    if dice < 0.08:
        return Quirk.SIDEWAYS
    return Quirk.UPSIDE_DOWN if dice < 0.11 else Quirk.NONE


def _sides(document: Document, form: Form, faults: frozenset[Fault], rng: random.Random) -> list[Side]:
    """An ID card is one copied page, or a picture of each side; other documents come as they are."""
    if document is not Document.USER_ID_CARD:
        return ["both"]
    if Fault.ONE_SIDE_ONLY in faults:
        return ["front"]
    if form is Form.PHOTO or (form not in ONE_FILE_FORMS and rng.random() < 0.5):
        return ["front", "back"]
    return ["both"]


def _captured(page: pypdfium2.PdfPage, form: Form, quirk: Quirk, rng: random.Random, dpi: float) -> Image.Image:
    if form is Form.PHOTO:
        return scanner.photographed(page, rng)
    if quirk is Quirk.FAX and form in FAXABLE_FORMS:
        return scanner.faxed(page, rng)
    if form is Form.PNG:
        return scanner.render(page, dpi, skew=rng.choice((-1, 1)) * rng.uniform(0.3, 1.2), scale=0.99)
    return scanner.scanned(page, rng, dpi)


def _damaged(picture: Image.Image, quirk: Quirk, faults: frozenset[Fault], rng: random.Random) -> Image.Image:
    if Fault.CUT_OFF in faults:
        picture = scanner.cut_off(picture, rng)
    if Fault.TOO_DARK in faults:
        picture = scanner.darkened(picture)
    if quirk is Quirk.SIDEWAYS:
        return picture.transpose(rng.choice((Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)))
    return picture.transpose(Image.Transpose.ROTATE_180) if quirk is Quirk.UPSIDE_DOWN else picture


def _files(
    name: str, pictures: list[Image.Image], form: Form, rng: random.Random, dpi: float, day: date
) -> list[Paper]:
    """Encode the pictures: one file of many pages where the format has pages, otherwise a file each."""
    if form is Form.SCAN_PDF:
        return [Paper(f"{name}.pdf", _scan_pdf(pictures, dpi, day))]
    if form is Form.TIFF:
        return [Paper(f"{name}.tif", _tiff(pictures, dpi))]
    papers = []
    for number, picture in enumerate(pictures, start=1):
        numbered = f"{name}-{number}" if len(pictures) > 1 else name
        if form is Form.PNG:
            papers.append(Paper(f"{numbered}.png", _png(picture, dpi)))
        elif form is Form.WEBP:
            papers.append(Paper(f"{numbered}.webp", _webp(picture)))
        elif form is Form.PHOTO:
            orientation = rng.choice((3, 6, 6, 8))
            papers.append(Paper(f"{numbered}.jpg", scanner.jpeg(picture, rng, dpi=72, orientation=orientation)))
        else:
            papers.append(Paper(f"{numbered}.jpg", scanner.jpeg(picture, rng, dpi=dpi)))
    return papers


def _exported(pdf: pypdfium2.PdfDocument, faults: frozenset[Fault]) -> bytes:
    """The text PDF of a word processor: its faults of capture are a page cut short and a page under dark glass."""
    for page in pages(pdf):
        width, height = page.get_size()
        if Fault.TOO_DARK in faults:
            glass = pdfium_c.FPDFPageObj_CreateNewRect(0, 0, width, height)
            pdfium_c.FPDFPageObj_SetFillColor(glass, DARK_GLASS, DARK_GLASS, DARK_GLASS, 255)
            pdfium_c.FPDFPath_SetDrawMode(glass, pdfium_c.FPDF_FILLMODE_WINDING, ctypes.c_int(0))
            pdfium_c.FPDFPageObj_SetBlendMode(glass, b"Multiply")
            pdfium_c.FPDFPage_InsertObject(page, glass)
            page.gen_content()
        if Fault.CUT_OFF in faults:
            page.set_mediabox(0, height * 0.3, width, height)
            page.set_cropbox(0, height * 0.3, width, height)
    stream = io.BytesIO()
    pdf.save(stream)
    return _with_settled_id(stream.getvalue())


def _with_settled_id(content: bytes) -> bytes:
    """Replace the file identifier PDFium draws from the clock by one drawn from the content (ISO 32000-1, 14.4)."""
    digest = hashlib.sha256(CLOCK_ID.sub(b"", content)).hexdigest()[:32].upper().encode()
    return CLOCK_ID.sub(b"<" + digest + b">]", content)


def _scan_pdf(pictures: list[Image.Image], dpi: float, day: date) -> bytes:
    stream = io.BytesIO()
    made_at = time.struct_time((day.year, day.month, day.day, 10, 30, 0, day.weekday(), day.timetuple().tm_yday, 0))
    pictures[0].save(
        stream,
        "PDF",
        save_all=True,
        append_images=pictures[1:],
        resolution=dpi,
        **_scan_quality(pictures[0], 66),
        producer="Demo Scanner",
        creationDate=made_at,
        modDate=made_at,
    )
    return stream.getvalue()


def _tiff(pictures: list[Image.Image], dpi: float) -> bytes:
    """Many pages in one TIFF: fax compression for one bit, JPEG for colour."""
    stream = io.BytesIO()
    pictures[0].save(
        stream,
        "TIFF",
        save_all=True,
        append_images=pictures[1:],
        dpi=(round(dpi), round(dpi)),
        compression="group4" if pictures[0].mode == "1" else "jpeg",
        **_scan_quality(pictures[0], 50),
    )
    return stream.getvalue()


def _scan_quality(picture: Image.Image, quality: int) -> dict[str, int]:
    """JPEG quality as an encoder's option; one-bit pictures take none, and Pillow refuses it there."""
    return {} if picture.mode == "1" else {"quality": quality}


def _png(picture: Image.Image, dpi: float) -> bytes:
    """The output of a telephone's scanning app: few colours, no grain, which is what keeps such PNGs small."""
    stream = io.BytesIO()
    few = picture.convert("RGB").quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(stream, "PNG", compress_level=4, dpi=(round(dpi), round(dpi)))
    return stream.getvalue()


def _webp(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "WEBP", quality=58, method=0)
    return stream.getvalue()
