"""Measures the renderer against poppler's pdftoppm on the same scans, made here as office scanners make them.

`rows` returns the table, running it as a programme prints it. pdftoppm is optional: without it the peer's columns are
empty.
"""

import io
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import pikepdf
from PIL import Image, ImageDraw, ImageFilter

from workbench.documents import limits
from workbench.documents.preview import Renderer

_A4_INCHES = (8.27, 11.69)


class Row(TypedDict):
    """One line of the table; times in milliseconds, `ratio` says how many times faster than the peer."""

    name: str
    p50_ms: float
    p95_ms: float
    peer: str | None
    peer_p50_ms: float | None
    ratio: float | None


def scan_page(dpi: int, quality: int, noise: float, seed: int) -> bytes:
    """A page as a scanner hands it over: text lines, a red seal, paper grain, slightly askew; JPEG at `dpi`."""
    size = (round(_A4_INCHES[0] * dpi), round(_A4_INCHES[1] * dpi))
    paper = Image.new("RGB", size, (250, 249, 245))
    draw = ImageDraw.Draw(paper)
    line = dpi // 6
    for row in range(8, size[1] // line - 8):
        length = size[0] * (60 + (row * 37 + seed * 11) % 30) // 100
        for x in range(size[0] // 10, length, dpi // 8):
            draw.rectangle((x, row * line, x + dpi // 11, row * line + dpi // 11), fill=(40, 40, 45))
    at = (size[0] * 6 // 10, size[1] * 7 // 10)
    draw.ellipse((*at, at[0] + dpi * 3 // 2, at[1] + dpi * 3 // 2), outline=(205, 40, 45), width=dpi // 20)
    grain = Image.effect_noise((size[0] // 2, size[1] // 2), noise).resize(size)
    paper = Image.blend(paper, Image.merge("RGB", (grain, grain, grain)), 0.12)
    paper = paper.rotate(0.7, fillcolor=(250, 249, 245)).filter(ImageFilter.GaussianBlur(0.6))
    file = io.BytesIO()
    paper.save(file, "JPEG", quality=quality, dpi=(dpi, dpi))
    return file.getvalue()


def scan_pdf(pages: list[bytes]) -> bytes:
    """A PDF that holds each JPEG as a whole page and nothing else."""
    document = pikepdf.new()
    for jpeg in pages:
        width, height = Image.open(io.BytesIO(jpeg)).size
        page = document.add_blank_page(page_size=(595, 842))
        picture = document.make_stream(
            jpeg,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=width,
            Height=height,
            ColorSpace=pikepdf.Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=pikepdf.Name.DCTDecode,
        )
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=picture))
        page.Contents = document.make_stream(b"q 595 0 0 842 0 0 cm /Scan Do Q")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def rows(rounds: int = 5) -> list[Row]:
    """Measure everything: milliseconds per page of whole documents, and of opening one."""
    renderer = Renderer()
    try:
        renderer.self_test()
        office = scan_pdf([scan_page(200, 75, 40, seed) for seed in range(4)] * 3)
        fine = scan_pdf([scan_page(300, 85, 60, seed) for seed in range(3)] * 2)
        heavy = scan_pdf([scan_page(600, 80, 80, 1)] * 2)
        found = [
            _compare("render 200 dpi colour scan, per page", renderer, office, 12, rounds),
            _compare("render 300 dpi colour scan, per page", renderer, fine, 6, rounds),
        ]
        name = f"open {len(heavy) / 1e6:.0f} MB scan (600 dpi), first page"
        found.append(_row(name, _times(lambda: renderer.open(heavy), rounds)))
        photograph = scan_page(400, 95, 90, 2)
        name = f"open {len(photograph) / 1e6:.0f} MB photograph"
        found.append(_row(name, _times(lambda: renderer.open(photograph), rounds)))
        return found
    finally:
        renderer.close()


def _compare(name: str, renderer: Renderer, document: bytes, pages: int, rounds: int) -> Row:
    """Our renderer and pdftoppm in turns on the same machine load: both to JPEG, at the same width."""
    ours: list[float] = []
    theirs: list[float] = []
    program = shutil.which("pdftoppm")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "scan.pdf")
        source.write_bytes(document)
        resolution = str(round(limits.PAGE_WIDTH / 595 * 72, 2))
        command = [str(program), "-r", resolution, "-jpeg", "-jpegopt", "quality=80", str(source), f"{folder}/page"]
        for _ in range(rounds):
            ours += _times(lambda: list(renderer.render(document, range(pages))), 1)
            if program:
                theirs += _times(lambda: subprocess.run(command, check=True), 1)
    return _row(name, [ms / pages for ms in ours], [ms / pages for ms in theirs])


def _times(action: Callable[[], object], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        found.append((time.perf_counter() - started) * 1000)
    return found


def _row(name: str, ours: list[float], theirs: list[float] | None = None) -> Row:
    p50, p95 = statistics.median(ours), sorted(ours)[min(len(ours) - 1, round(len(ours) * 0.95))]
    peer_p50 = statistics.median(theirs) if theirs else None
    peer = None if theirs is None else "pdftoppm" if theirs else "pdftoppm missing"
    return Row(
        name=name,
        p50_ms=round(p50, 2),
        p95_ms=round(p95, 2),
        peer=peer,
        peer_p50_ms=round(peer_p50, 2) if peer_p50 else None,
        ratio=round(peer_p50 / p50, 2) if peer_p50 else None,
    )


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
