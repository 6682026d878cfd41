"""How large a page's pixels are on paper. Letters are A4; what shows no A4 sheet is a guess and says so."""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from workbench.production.seals.ink import patches

A4_MM: Final = (210.0, 297.0)
MM_PER_INCH: Final = 25.4
_TOLERANCE: Final = 0.03
"""How far a picture's sides may differ from A4's proportion and still be taken for the whole sheet."""
_SHEET_TOLERANCE: Final = 0.12
"""The same for a sheet lying turned and foreshortened in a photograph."""
_SMALL: Final = 160
_LEAST_SHEET: Final = 0.2


@dataclass(frozen=True)
class Scale:
    """Dots per inch of a page as a picture; `sure` when they follow from an A4 sheet that was seen."""

    dpi: float
    sure: bool

    @property
    def pixels_per_mm(self) -> float:
        """Pixels on a millimetre of paper."""
        return self.dpi / MM_PER_INCH


def page_scale(image: Image.Image) -> Scale:
    """The scale of a page's picture, upright or sideways.

    A picture of A4's proportion (scans, PDF pages) is the sheet. In any other the sheet is looked for as the bright
    quadrilateral on a darker ground, and measured by its area, which turning does not change and perspective hardly.
    Without one, the shorter side is taken for 210 mm.
    """
    short, long = sorted(image.size)
    if abs(long / short / (A4_MM[1] / A4_MM[0]) - 1) <= _TOLERANCE:
        return Scale(short / A4_MM[0] * MM_PER_INCH, sure=True)
    found = _sheet_pixels_per_mm(image)
    if found is not None:
        return Scale(found * MM_PER_INCH, sure=True)
    return Scale(short / A4_MM[0] * MM_PER_INCH, sure=False)


def _sheet_pixels_per_mm(image: Image.Image) -> float | None:
    """From a sheet that lies wholly inside the picture; None when none does."""
    shrink = max(1.0, min(image.size) / _SMALL)
    size = (round(image.width / shrink), round(image.height / shrink))
    small = image.convert("L").resize(size, Image.Resampling.BOX)
    threshold = _parting(small.histogram())
    bright = small.point([255 if value > threshold else 0 for value in range(256)])
    sheet = max(patches(bright), key=lambda each: each.pixels, default=None)
    if sheet is None or not _LEAST_SHEET < sheet.outline_area / (size[0] * size[1]) < 1 - _TOLERANCE:
        return None
    short, long = sorted((sheet.width, sheet.height))
    if abs(long / short / (A4_MM[1] / A4_MM[0]) - 1) > _SHEET_TOLERANCE:
        return None
    inside = sheet.x0 > 0 and sheet.y0 > 0 and sheet.x1 < size[0] and sheet.y1 < size[1]
    return float((sheet.outline_area / (A4_MM[0] * A4_MM[1])) ** 0.5 * shrink) if inside else None


def _parting(histogram: list[int]) -> int:
    """The grey value that parts dark from bright with the greatest variance between the two (Otsu)."""
    total, weighted = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    best, parting = -1.0, 127
    below = below_weighted = 0
    for value, count in enumerate(histogram):
        below += count
        below_weighted += value * count
        above = total - below
        if not below or not above:
            continue
        apart = below_weighted / below - (weighted - below_weighted) / above
        between = below * above * apart * apart
        if between > best:
            best, parting = between, value
    return parting
