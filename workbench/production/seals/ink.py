"""Red ink on a photographed page: how much of it lies on each pixel, and where it lies together.

Works on Pillow pictures alone. Grey pages have no ink here, however dark their seal is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageOps

PAPER: Final = 250
"""What the page's bright parts are brought to, so that tinted and shaded paper reads as white."""
PAPER_SHARE: Final = 0.75
"""Share of the pixels that are no brighter than the paper: a page is mostly paper, and a scanner's lid is darker."""
_COLOUR_FROM: Final = 14
"""How far the channels of grey paper may lie apart after JPEG."""
LARGEST_GAIN: Final = 4.0
"""Darker pages stay dark: there, noise would be brought up with the ink."""


@dataclass(frozen=True)
class Patch:
    """Pixels that touch each other: their number, the rectangle around them (right and bottom outside), and the sum of
    their rows' widths, which is the area of a solid figure with the same outline."""

    pixels: int
    x0: int
    y0: int
    x1: int
    y1: int
    outline_area: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.y1 - self.y0


def levelled(image: Image.Image, like: Image.Image | None = None) -> Image.Image:
    """The picture in RGB under white light: each channel scaled so that the paper of `like`, itself unless given, is
    white."""
    image = image.convert("RGB")
    tables: list[int] = []
    histogram = (like or image).convert("RGB").histogram()
    for channel in range(3):
        white = _percentile(histogram[channel * 256 : channel * 256 + 256], PAPER_SHARE)
        gain = min(LARGEST_GAIN, PAPER / max(1, white))
        tables += [min(255, round(value * gain)) for value in range(256)]
    return image.point(tables)


def redness(image: Image.Image) -> Image.Image:
    """How red each pixel of a levelled page is, 0 to 255: what red has over green and blue, less where these differ.

    Orange (a wooden desk) and purple (a copying pencil) are thereby no ink; neither is anything grey or black.
    """
    red, green, blue = image.split()
    over = ImageChops.subtract(red, ImageChops.lighter(green, blue))
    return ImageChops.subtract(over, ImageChops.difference(green, blue))


def is_grey(image: Image.Image) -> bool:
    """Whether a page has no colour at all, as a fax or a black-and-white copy."""
    small = image.convert("RGB").resize((120, 160), Image.Resampling.BOX)
    red, green, blue = levelled(small).split()
    spread = ImageChops.subtract(
        ImageChops.lighter(ImageChops.lighter(red, green), blue), ImageChops.darker(ImageChops.darker(red, green), blue)
    )
    return not any(spread.histogram()[_COLOUR_FROM:])


def patches(mask: Image.Image) -> Iterator[Patch]:
    """The patches of a mask (mode L, 0 or not), from the top; pixels touch by sides and corners."""
    grid = ImageOps.expand(mask.point(lambda value: 255 if value else 0), 1)
    stride = grid.width
    cells = bytearray(grid.tobytes())
    around = (-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1)
    start = cells.find(255)
    while start >= 0:
        cells[start] = 0
        found = [start]
        for place in found:  # grows while it is walked
            for step in around:
                if cells[place + step]:
                    cells[place + step] = 0
                    found.append(place + step)
        yield _patch(found, stride)
        start = cells.find(255, start + 1)


def _patch(places: list[int], stride: int) -> Patch:
    places.sort()
    rows: dict[int, tuple[int, int]] = {}
    for place in places:
        y, x = divmod(place, stride)
        first = rows[y][0] if y in rows else x
        rows[y] = (first, x)
    x0, x1 = min(first for first, _ in rows.values()), max(last for _, last in rows.values())
    y0, y1 = places[0] // stride, places[-1] // stride
    area = sum(last - first + 1 for first, last in rows.values())
    return Patch(len(places), x0 - 1, y0 - 1, x1, y1, area)


def _percentile(histogram: list[int], share: float) -> int:
    left = sum(histogram) * share
    for value, count in enumerate(histogram):
        left -= count
        if left <= 0:
            return value
    return 255
