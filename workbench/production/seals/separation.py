"""Cuts a seal impression out of a page: red ink alone, transparent elsewhere, upright, in true scale.

What is no red ink does not come along: paper, print under the seal, signatures, specks. The picture is bounded in
bytes, because it has to fit on a token.
"""

import io
import math
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageChops, ImageFilter

from workbench.kernel.messages import N_
from workbench.production.seals.impression import USUAL_MM, Box
from workbench.production.seals.ink import PAPER, levelled, patches, redness
from workbench.production.seals.scale import MM_PER_INCH

OUTPUT_DPI: Final = 300
MAX_PNG_BYTES: Final = 48 * 1024
"""Leaves room for two certificates and a signature within the 64 KB of a small token."""
LARGEST_MM: Final = 80
"""Longest side of a box; the largest official seals measure 60 mm."""
LEAST_INK: Final = 0.01
"""Share of a box that has to be inked for there to be an impression in it."""
_LEAST_PIXELS: Final = 24
_LESS_MM: Final = 0.15
"""What an impression may exceed whole millimetres by without the next one being begun: the blur of its edge."""
_ECONOMIES: Final = ((16, 1), (8, 1), (4, 1), (4, 2), (2, 2), (2, 4))
"""Steps of transparency and by what the resolution is divided, until the picture is small enough: a clean seal needs
none of this."""
_SPECK_PIXELS_PER_MM: Final = 4.0
_SPECK_MM2: Final = 1.0
"""Ink lying apart from all other by a third of a millimetre and covering less than this is a speck."""
_VISIBLE: Final = 40
_SOLID: Final = 128
"""Cover from which ink is seen, and from which it is certainly ink."""
_PRINT: Final = 0.55
"""Share of the ink's own red below which a pixel is black print."""
_DEEPEST: Final = 36
"""What the palest channel of the ink is brought to, so that seals look alike however they were scanned."""
_STRONG: Final = 60
"""Redness of the palest ink that is still taken for a seal's darkest."""


class NoInk(Exception):
    """There is no red impression in the box."""


@dataclass(frozen=True)
class SealImage:
    """A seal as it will be on the token.

    Attributes:
        png: RGBA, one red, transparent where there is no ink, with its resolution written into it.
        width_mm, height_mm: the picture's size on paper, in whole millimetres as GB/T 38540 keeps it; the impression
            stands in its middle.
        ink_width_mm, ink_height_mm: the impression's own size.
        warnings: msgids of what a person should look at.
    """

    png: bytes = field(repr=False)
    width_mm: int
    height_mm: int
    ink_width_mm: float
    ink_height_mm: float
    warnings: tuple[str, ...] = ()


def separate(image: Image.Image, box: Box, dpi: float) -> SealImage:
    """The impression inside `box` of a page as shown, turned upright by the box's tilt.

    Args:
        dpi: the page's dots per inch on paper; see `page_scale`.

    Raises:
        NoInk: nothing red lies in the box.
        ValueError: the box is empty, or larger on paper than any seal.
    """
    cover, colour = _cover(_cut(image, box, dpi))
    is_cut = _touches_edge(cover)
    if box.tilt:
        cover = cover.rotate(-box.tilt, Image.Resampling.BICUBIC, expand=True)
    factor = OUTPUT_DPI / dpi
    size = (max(1, round(cover.width * factor)), max(1, round(cover.height * factor)))
    alpha = _crisp(cover.resize(size, Image.Resampling.BICUBIC))
    alpha = ImageChops.multiply(alpha, _without_specks(alpha))
    inked = alpha.point([255 if value > _VISIBLE else 0 for value in range(256)]).getbbox()
    if inked is None:
        raise NoInk
    alpha = alpha.crop(inked)
    ink = (alpha.width / OUTPUT_DPI * MM_PER_INCH, alpha.height / OUTPUT_DPI * MM_PER_INCH)
    whole = tuple(max(1, math.ceil(side - _LESS_MM)) for side in ink)
    return SealImage(
        _png(_in_the_middle(alpha, whole), colour),
        whole[0],
        whole[1],
        round(ink[0], 1),
        round(ink[1], 1),
        _warnings(is_cut, max(ink)),
    )


def _cut(image: Image.Image, box: Box, dpi: float) -> Image.Image:
    """The box's part of the page under white light."""
    left, top = round(box.x0 * image.width), round(box.y0 * image.height)
    right, bottom = round(box.x1 * image.width), round(box.y1 * image.height)
    width, height = right - left, bottom - top
    longest = max(width, height) / dpi * MM_PER_INCH
    if min(width, height) < _LEAST_PIXELS or longest > LARGEST_MM:
        raise ValueError(f"a box of {longest:.0f} mm holds no seal")
    # Around the box there is paper enough to tell its colour, also where the seal itself fills the box.
    spare_x, spare_y = width // 4, height // 4
    around = image.crop(
        (
            max(0, left - spare_x),
            max(0, top - spare_y),
            min(image.width, right + spare_x),
            min(image.height, bottom + spare_y),
        )
    )
    return levelled(image.crop((left, top, right, bottom)), like=around)


def _touches_edge(cover: Image.Image) -> bool:
    """Whether the ink goes on where the box ends."""
    width, height = cover.size
    edges = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
    return any(any(cover.crop(edge).histogram()[_SOLID:]) for edge in edges)


def _cover(page: Image.Image) -> tuple[Image.Image, tuple[int, int, int]]:
    """How much of each pixel of a levelled page the ink covers (0 to 255), and the ink's colour.

    Cameras and JPEG keep brightness sharp and colour coarse. So the strokes are read from the brightness, and the
    colour tells which of them are ink. Beside black print, whose edges are as dark as ink, the colour alone decides.
    """
    red = redness(page)
    full = _full_strength(red)
    if full < _STRONG:
        raise NoInk
    solid = red.point([255 if value >= full * 0.8 else 0 for value in range(256)])
    grey = page.convert("L")
    dark = _stretched(ImageChops.invert(grey), 255 - PAPER, 255 - _mean(grey.histogram(solid)))
    dark = dark.filter(ImageFilter.UnsharpMask(radius=2, percent=110, threshold=2))
    near = _stretched(red.filter(ImageFilter.BoxBlur(2)).filter(ImageFilter.MaxFilter(3)), 2, 9)
    by_colour = _stretched(red, full * 0.2, full)
    print_under = _print(page, _mean(page.getchannel("R").histogram(solid)))
    beside = print_under.filter(ImageFilter.MaxFilter(5))
    cover = Image.composite(by_colour, ImageChops.multiply(dark, near), beside)
    return ImageChops.lighter(cover, _ink_over_print(page, red, cover, beside)), _colour(page, solid)


def _stretched(picture: Image.Image, low: float, high: float) -> Image.Image:
    """Values from `low` to `high` spread over 0 to 255."""
    return picture.point([max(0, min(255, round((value - low) * 255 / (high - low)))) for value in range(256)])


def _print(page: Image.Image, ink_red: int) -> Image.Image:
    """A mask of black print, with ink on it or without: ink alone leaves the red channel bright."""
    return page.getchannel("R").point([255 if value < ink_red * _PRINT else 0 for value in range(256)])


def _full_strength(red: Image.Image) -> int:
    """The redness of solid ink: what the reddest hundredth of the box exceeds; 0 where there is no impression."""
    histogram = red.histogram()
    total = sum(histogram)
    if sum(histogram[_STRONG // 2 :]) < total * LEAST_INK:
        return 0
    above = 0
    for value in range(255, 0, -1):
        above += histogram[value]
        if above >= total * LEAST_INK:
            return value
    return 0


def _ink_over_print(page: Image.Image, red: Image.Image, cover: Image.Image, beside: Image.Image) -> Image.Image:
    """Where ink lies on black print or its edges: still redder than grey, and with ink next to it."""
    smooth, bright = (each.filter(ImageFilter.BoxBlur(1)) for each in (red, page.getchannel("R")))
    reddish = ImageChops.subtract(smooth, bright.point([round(value * 0.42) for value in range(256)]))
    reddish = reddish.point([255 if value else 0 for value in range(256)])
    inked = cover.filter(ImageFilter.MaxFilter(5)).point([255 if value > 150 else 0 for value in range(256)])
    return ImageChops.multiply(ImageChops.multiply(beside, reddish), inked)


def _crisp(alpha: Image.Image) -> Image.Image:
    """Edges that were blurred by the camera and the enlargement, made as steep as print; faint ink stays faint."""
    return alpha.point([_steepened(value) for value in range(256)])


def _steepened(value: int) -> int:
    return max(0, min(255, round((value - 52) * 255 / (184 - 52))))


def _without_specks(alpha: Image.Image) -> Image.Image:
    """A mask that leaves out small spots of ink far from all other."""
    shrink = OUTPUT_DPI / MM_PER_INCH / _SPECK_PIXELS_PER_MM
    small = alpha.resize(
        (max(1, round(alpha.width / shrink)), max(1, round(alpha.height / shrink))), Image.Resampling.BOX
    )
    mask = small.point([255 if value > 24 else 0 for value in range(256)]).filter(ImageFilter.MaxFilter(3))
    least = (_SPECK_MM2**0.5 * _SPECK_PIXELS_PER_MM + 2) ** 2
    for each in patches(mask):
        if each.pixels < least:
            mask.paste(0, (each.x0, each.y0, each.x1, each.y1))
    return mask.resize(alpha.size, Image.Resampling.NEAREST)


def _in_the_middle(alpha: Image.Image, whole: tuple[int, ...]) -> Image.Image:
    """The impression on a ground of whole millimetres, so that no viewer stretches it."""
    width, height = (round(side / MM_PER_INCH * OUTPUT_DPI) for side in whole)
    ground = Image.new("L", (width, height), 0)
    ground.paste(alpha, ((width - alpha.width) // 2, (height - alpha.height) // 2))
    return ground


def _png(alpha: Image.Image, colour: tuple[int, int, int]) -> bytes:
    """The picture in at most MAX_PNG_BYTES: with fewer steps of transparency, then coarser, where it would be more."""
    content = b""
    for steps, shrink in _ECONOMIES:
        smaller = alpha.reduce(shrink) if shrink > 1 else alpha
        stepped = smaller.point([round(round(value * (steps - 1) / 255) * 255 / (steps - 1)) for value in range(256)])
        picture = Image.merge("RGBA", [*(Image.new("L", stepped.size, value) for value in colour), stepped])
        stream = io.BytesIO()
        picture.save(stream, "PNG", compress_level=6, dpi=(OUTPUT_DPI / shrink, OUTPUT_DPI / shrink))
        content = stream.getvalue()
        if len(content) <= MAX_PNG_BYTES:
            return content
    raise ValueError(f"a seal of {alpha.width} by {alpha.height} pixels takes {len(content)} bytes")


def _warnings(is_cut: bool, longest: float) -> tuple[str, ...]:
    warnings = []
    if is_cut:
        warnings.append(N_("The frame cuts the impression: make it larger."))
    low, high = USUAL_MM
    if not low <= longest <= high:
        warnings.append(N_("Seals are usually 38 to 45 mm: check the size, and what was copied at which scale."))
    return tuple(warnings)


def _colour(page: Image.Image, solid: Image.Image) -> tuple[int, int, int]:
    """The ink's colour without the paper that shines through: its palest part is brought to _DEEPEST."""
    means = [_mean(channel.histogram(solid)) for channel in page.split()]
    stretch = max(1.0, (255 - _DEEPEST) / (255 - min(means)))
    red, green, blue = (max(0, round(255 - (255 - value) * stretch)) for value in means)
    return red, green, blue


def _mean(histogram: list[int]) -> int:
    total = sum(histogram)
    return round(sum(value * count for value, count in enumerate(histogram)) / total) if total else 0
