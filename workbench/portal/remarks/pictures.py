"""How a page stands on screen: turned the way the desk turned it, whole or cut out around a marked place.

Regions are fractions of the page before any turning (`review.models.Mark`); here they become SVG geometry, because the
pages' strict policy allows no style in attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.documents.models import Attachment

MARGIN: Final = 0.08
"""What is shown around a marked place, as a part of the page's longer side, so that one sees where it is."""
LEAST_SHARE: Final = 0.45
"""A cut shows at least this part of the page's width: fewer words would tell nobody where they stand."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PagePicture:
    """One page: its size in pixels before turning, the degrees clockwise it is turned by, and its number from 1 through
    all files of its document."""

    id: int
    number: int
    width: int
    height: int
    rotation: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def transform(self) -> str:
        """What turns a picture of width by height into the shown frame, as SVG writes it."""
        across, down = {
            0: (0, 0),
            90: (self.height, 0),
            180: (self.width, self.height),
            270: (0, self.width),
        }[self.rotation]
        return f"translate({across} {down}) rotate({self.rotation})"

    def place(self, region: Mapping[str, float]) -> Box:
        """A region as x, y, width, height in pixels of the shown frame."""
        x, y, w, h = (region[name] for name in "xywh")
        turned = {
            0: (x, y, w, h),
            90: (1 - y - h, x, h, w),
            180: (1 - x - w, 1 - y - h, w, h),
            270: (y, 1 - x - w, h, w),
        }[self.rotation]
        across, down = self.size
        left, top, wide, high = turned
        return left * across, top * down, wide * across, high * down

    def cut(self, region: Mapping[str, float]) -> Box:
        """What to show of the page for a region to be read: it, something around it, nothing beyond the page."""
        x, y, w, h = self.place(region)
        across, down = self.size
        around = MARGIN * max(across, down)
        wide = min(across, max(w + 2 * around, LEAST_SHARE * across))
        high = min(down, max(h + 2 * around, wide / 3))
        left = min(max(0.0, x + w / 2 - wide / 2), across - wide)
        top = min(max(0.0, y + h / 2 - high / 2), down - high)
        return left, top, wide, high


def pictures_of(attachments: Sequence[Attachment]) -> dict[int, PagePicture]:
    """The pages of these files by id, counted through the files of each document of each round, in the order given."""
    found: dict[int, PagePicture] = {}
    counted: dict[tuple[int, str], int] = {}
    for attachment in attachments:
        slot = attachment.submission_id, attachment.document_code
        for page in attachment.pages:
            counted[slot] = counted.get(slot, 0) + 1
            found[page.id] = PagePicture(page.id, counted[slot], page.width, page.height, page.rotation)
    return found
