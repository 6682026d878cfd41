"""Finds red seal impressions on a page's picture: round, oval or square, the likeliest first.

It proposes; a person decides. A black-and-white copy has no red impression and gets no proposal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from PIL import Image, ImageFilter

from workbench.production.seals.ink import Patch, levelled, patches, redness
from workbench.production.seals.scale import page_scale

SEARCH_PIXELS_PER_MM: Final = 1.5
"""The size at which impressions are looked for: fine enough for a ring of ink, coarse enough for text to vanish."""
TILT_PIXELS_PER_MM: Final = 3.0
"""The size at which it is measured how far one is turned."""
INK_FROM: Final = 26
"""Redness, averaged over a search pixel, from which there is ink. JPEG noise on paper stays below."""
REACH_MM: Final = 1.4
"""Ink nearer than twice this belongs together, so that a worn ring stays one."""
LARGEST_MM, SMALLEST_MM = 75.0, 9.0
"""Sides outside of this are no seal: red headings, finger prints' specks."""
USUAL_MM: Final = (36.0, 46.0)
"""Longer side of official and company seals: round ones 38 to 42 mm, ovals 45 mm; printers shrink and scanners skew."""
MARGIN_MM: Final = 1.0
"""Paper left around a found impression."""
_MOST: Final = 6
STAR_RING: Final = (0.20, 0.30)
NAME_RING: Final = (0.66, 0.88)
"""Where a round seal has its star and its name, in radii."""
_INKED: Final = 0.97
"""The impression's share of the box around it."""
_STAR_CLARITY: Final = 0.45
_NAME_CLARITY: Final = 0.15


class Shape(StrEnum):
    """The outline of an impression."""

    ROUND = "round"
    OVAL = "oval"
    SQUARE = "square"
    OTHER = "other"


@dataclass(frozen=True)
class Box:
    """Where an impression lies: fractions (0 to 1) of the page as shown, origin top left.

    `tilt` is by how many degrees the impression has to be turned clockwise to stand upright, where that can be seen
    (a star in a round seal, the long axis of an oval); 0 otherwise.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    shape: Shape = Shape.OTHER
    tilt: float = 0.0


def find_impressions(image: Image.Image) -> list[Box]:
    """The red impressions on a page as shown, best first; none on a grey page."""
    scale = page_scale(image)
    shrink = max(1.0, scale.pixels_per_mm / SEARCH_PIXELS_PER_MM)
    small = image.convert("RGB").resize(
        (max(1, round(image.width / shrink)), max(1, round(image.height / shrink))), Image.Resampling.BOX
    )
    per_mm = scale.pixels_per_mm / shrink
    mask = redness(levelled(small)).point([255 if value >= INK_FROM else 0 for value in range(256)])
    wide = mask.filter(ImageFilter.MaxFilter(2 * max(1, round(REACH_MM * per_mm)) + 1))
    found = [each for each in _joined(list(patches(wide))) if _could_be_seal(each, per_mm)]
    ranked = sorted(((_merit(each, mask, per_mm), each) for each in found), key=lambda each: -each[0])
    boxes = [_box(each, mask.size, per_mm) for merit, each in ranked if merit > 0]
    return [_with_tilt(image, box, scale.pixels_per_mm) for box in boxes[:_MOST]]


def _joined(found: list[Patch]) -> list[Patch]:
    """Patches whose rectangles overlap as one: a star inside its ring does not touch it."""
    found = sorted(found, key=lambda each: -each.pixels)
    kept: list[Patch] = []
    for each in found:
        for place, other in enumerate(kept):
            if each.x0 < other.x1 and other.x0 < each.x1 and each.y0 < other.y1 and other.y0 < each.y1:
                kept[place] = Patch(
                    each.pixels + other.pixels,
                    min(each.x0, other.x0),
                    min(each.y0, other.y0),
                    max(each.x1, other.x1),
                    max(each.y1, other.y1),
                    max(each.outline_area, other.outline_area),
                )
                break
        else:
            kept.append(each)
    return kept if len(kept) == len(found) else _joined(kept)


def _could_be_seal(patch: Patch, per_mm: float) -> bool:
    short, long = sorted(side / per_mm - 2 * REACH_MM for side in (patch.width, patch.height))
    return short >= SMALLEST_MM and long <= LARGEST_MM and long <= 2.2 * short


def _merit(patch: Patch, mask: Image.Image, per_mm: float) -> float:
    """How much a patch looks like the seal: its size, its even shape, its ink; 0 for none."""
    inked = mask.crop((patch.x0, patch.y0, patch.x1, patch.y1)).histogram()[255] / (patch.width * patch.height)
    if inked < 0.04:
        return 0.0
    long = max(patch.width, patch.height) / per_mm - 2 * REACH_MM
    low, high = USUAL_MM
    away = max(low - long, long - high, 0.0)
    size = math.exp(-((away / 12.0) ** 2))
    shape = 0.4 if _shape(patch) is Shape.OTHER else 1.0
    # Dense red is a finger print or a printed block; seals are lines.
    density = 1.0 if inked < 0.7 else 0.5
    return size * shape * density


def _shape(patch: Patch) -> Shape:
    filled = patch.outline_area / (patch.width * patch.height)
    even = max(patch.width, patch.height) / min(patch.width, patch.height)
    if filled > 0.90:
        return Shape.SQUARE
    if filled >= 0.68:
        return Shape.ROUND if even < 1.12 else Shape.OVAL
    return Shape.OTHER


def _box(patch: Patch, size: tuple[int, int], per_mm: float) -> Box:
    spare = round((MARGIN_MM - REACH_MM) * per_mm)
    x0, y0 = max(0, patch.x0 - spare), max(0, patch.y0 - spare)
    x1, y1 = min(size[0], patch.x1 + spare), min(size[1], patch.y1 + spare)
    return Box(x0 / size[0], y0 / size[1], x1 / size[0], y1 / size[1], _shape(patch))


def _with_tilt(image: Image.Image, box: Box, pixels_per_mm: float) -> Box:
    if box.shape not in (Shape.ROUND, Shape.OVAL):
        return box
    left, right = round(box.x0 * image.width), round(box.x1 * image.width)
    top, bottom = round(box.y0 * image.height), round(box.y1 * image.height)
    around = image.convert("RGB").crop((left, top, right, bottom))
    shrink = max(1.0, pixels_per_mm / TILT_PIXELS_PER_MM)
    around = around.resize((round(around.width / shrink), round(around.height / shrink)), Image.Resampling.BOX)
    ink = redness(levelled(around))
    tilt = _tilt_of_round(ink) if box.shape is Shape.ROUND else _tilt_of_axis(ink)
    return replace(box, tilt=round(tilt, 1) or 0.0)


def _tilt_of_round(inside: Image.Image) -> float:
    """The turn that puts a point of the five-pointed star on top and the name's arc above; 0 when neither is seen.

    The ink on a ring that cuts the star's points repeats five times: its phase is the star's turn, up to a fifth. The
    name's arc leaves a gap at the bottom, so the ink of its ring weighs upwards: that tells which fifth.
    """
    arc, lopsided = _phase(inside, NAME_RING, 1)
    star, clear = _phase(inside, STAR_RING, 5)
    up = arc if lopsided >= _NAME_CLARITY else 0.0
    if clear < _STAR_CLARITY:
        return -up
    fifth = 72.0
    return -(star + fifth * round((up - star) / fifth))


def _phase(inside: Image.Image, ring: tuple[float, float], times: int) -> tuple[float, float]:
    """Where the ink on a ring (in radii) repeats `times` around: degrees clockwise from the top, and how clearly (0 to
    1)."""
    radius = min(inside.size) / 2 * _INKED
    middle = (inside.width / 2 - 0.5, inside.height / 2 - 0.5)
    low, high = (radius * each for each in ring)
    pixels, stride = inside.tobytes(), inside.width
    across = upward = total = 0.0
    for y in range(max(0, math.floor(middle[1] - high)), min(inside.height, math.ceil(middle[1] + high) + 1)):
        for x in range(max(0, math.floor(middle[0] - high)), min(stride, math.ceil(middle[0] + high) + 1)):
            dx, dy = x - middle[0], y - middle[1]
            if low <= math.hypot(dx, dy) <= high:
                ink = pixels[y * stride + x]
                angle = times * math.atan2(dx, -dy)
                across += ink * math.sin(angle)
                upward += ink * math.cos(angle)
                total += ink
    clear = math.hypot(across, upward) / total if total else 0.0
    return math.degrees(math.atan2(across, upward)) / times, clear


def _tilt_of_axis(inside: Image.Image) -> float:
    """The turn that brings the long axis of an oval level, by its second moments."""
    pixels, stride = inside.tobytes(), inside.width
    points = [(*divmod(place, stride)[::-1], ink) for place, ink in enumerate(pixels) if ink >= INK_FROM]
    total = sum(ink for _, _, ink in points)
    if not total:
        return 0.0
    mx, my = sum(x * ink for x, _, ink in points) / total, sum(y * ink for _, y, ink in points) / total
    xx, yy, xy = _moments(points, mx, my)
    return -math.degrees(math.atan2(2 * xy, xx - yy)) / 2


def _moments(points: Sequence[tuple[int, int, int]], mx: float, my: float) -> tuple[float, float, float]:
    xx = sum(ink * (x - mx) ** 2 for x, _, ink in points)
    yy = sum(ink * (y - my) ** 2 for _, y, ink in points)
    xy = sum(ink * (x - mx) * (y - my) for x, y, ink in points)
    return xx, yy, xy
