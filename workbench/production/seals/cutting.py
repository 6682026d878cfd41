"""From a page as it is kept to the seal cut out of it, and what is proposed to be cut: the same for a preview and for
the seal that is kept, so that what a maker accepts is what the token gets.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from PIL import Image

from workbench.documents.models import Page
from workbench.kernel.blobs import BlobStore
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.messages import N_
from workbench.production.seals.impression import Box, find_impressions
from workbench.production.seals.ink import is_grey
from workbench.production.seals.scale import page_scale
from workbench.production.seals.separation import LARGEST_MM, NoInk, SealImage, separate

GREY_COPY: Final = N_("No red impression: this is a black-and-white copy. A seal needs a scan in colour.")
NO_IMPRESSION: Final = N_("No red impression was found: draw the frame by hand.")
NO_INK: Final = N_("There is no red impression in the frame.")
SIZE_GUESSED: Final = N_("No A4 sheet is to be seen, so the size is a guess: state the seal's width on paper.")
_TURNS: Final = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_STATED_MM: Final = (5.0, float(LARGEST_MM))


@dataclass(frozen=True)
class Crop:
    """What is cut out of a page.

    Attributes:
        x0, y0, x1, y1: the frame, in fractions of the page as shown, origin top left.
        rotation: how the page is shown: 0, 90, 180 or 270 degrees clockwise from how it is kept.
        tilt: degrees clockwise that bring the impression upright on the page as shown.
        width_mm: the impression's width on paper as a person measured it; None to take the page for A4.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    rotation: int = 0
    tilt: float = 0.0
    width_mm: float | None = None

    @classmethod
    def of(cls, sent: Mapping[str, Any]) -> "Crop":
        """A crop from what a form or a script sent.

        Raises:
            Invalid: a number is missing or impossible.
        """
        try:
            x0, y0, x1, y1 = (float(sent[name]) for name in ("x0", "y0", "x1", "y1"))
            tilt, rotation = float(sent.get("tilt") or 0), int(sent.get("rotation") or 0)
            width = float(sent["width_mm"]) if sent.get("width_mm") else None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Invalid(N_("The frame could not be understood.")) from error
        crop = cls(x0, y0, x1, y1, rotation, tilt, width)
        crop.check()
        return crop

    def check(self) -> None:
        """Stop a crop that can't be cut.

        Raises:
            Invalid: the frame lies outside the page, or the page or the impression is turned in no possible way.
        """
        inside = 0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1
        if not inside or self.rotation not in (0, *_TURNS) or not -360 <= self.tilt <= 360:
            raise Invalid(N_("The frame could not be understood."))
        low, high = _STATED_MM
        if self.width_mm is not None and not low <= self.width_mm <= high:
            raise Invalid(N_("A seal is between %(low)d and %(high)d mm wide."), low=low, high=high)

    def kept(self) -> dict[str, Any]:
        """As the seal's record keeps it."""
        return asdict(self)

    @property
    def box(self) -> Box:
        """The frame as the separation takes it."""
        return Box(self.x0, self.y0, self.x1, self.y1, tilt=self.tilt)


@dataclass(frozen=True)
class Proposal:
    """What to look at first: a page by its place, and the crop that was found there; else why there is none."""

    place: int
    crop: Crop | None
    problem: str | None = None


def shown_page(blobs: BlobStore, page: Page, rotation: int) -> Image.Image:
    """The kept picture of a page, turned as it is shown.

    Raises:
        Conflict: the background has not drawn the page yet.
    """
    if page.image_sha256 is None:
        raise Conflict(N_("The page's picture is not there yet: open the case again."))
    picture = Image.open(io.BytesIO(blobs.get(page.image_sha256)), formats=("JPEG",))
    return picture.transpose(_TURNS[rotation]) if rotation else picture.convert("RGB")


def cut(blobs: BlobStore, page: Page, crop: Crop) -> SealImage:
    """The seal inside a crop, in true scale.

    Raises:
        Invalid: no red impression lies in the frame, or it is larger than any seal.
        Conflict: the background has not drawn the page yet.
    """
    image = shown_page(blobs, page, crop.rotation)
    scale = page_scale(image)
    try:
        seal = separate(image, crop.box, scale.dpi)
        if crop.width_mm is None:
            return seal if scale.sure else replace(seal, warnings=(SIZE_GUESSED, *seal.warnings))
        return separate(image, crop.box, scale.dpi * seal.ink_width_mm / crop.width_mm)
    except NoInk as error:
        raise Invalid(NO_INK) from error
    except ValueError as error:
        raise Invalid(N_("The frame is empty, or larger than any seal (%(limit)d mm)."), limit=LARGEST_MM) from error


def propose(blobs: BlobStore, pages: Sequence[Page]) -> Proposal:
    """The first page with an impression, and the best one on it.

    Raises:
        Conflict: the background has not drawn a page yet.
    """
    grey = True
    for place, page in enumerate(pages):
        image = shown_page(blobs, page, page.rotation)
        found = find_impressions(image)
        if found:
            return Proposal(place, _upright(found[0], page.rotation))
        grey = grey and is_grey(image)
    return Proposal(0, None, GREY_COPY if grey else NO_IMPRESSION)


def _upright(box: Box, rotation: int) -> Crop:
    """The crop of a box, on the page turned by right angles as the seal wants to stand; the rest is the seal's tilt."""
    quarters = round(box.tilt / 90)
    x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
    for _ in range(quarters % 4):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return Crop(x0, y0, x1, y1, (rotation + 90 * quarters) % 360, round(box.tilt - 90 * quarters, 1))
