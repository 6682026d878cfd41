"""A signature drawn on the screen: a small PNG, decoded within bounds and drawn anew, so that what is kept is ours.

Photos are not opened here: they go through the sandbox, as every file from outside.
"""

import io
import struct
from typing import Final

from PIL import Image, UnidentifiedImageError

from workbench.kernel.errors import Invalid, TooLarge
from workbench.kernel.messages import N_

MAX_BYTES: Final = 200 * 1024
MAX_SIDE: Final = 2400
"""Pixels; a canvas on a tablet with a fine screen."""
LEAST_INK: Final = 60
"""Dark pixels below which nobody has signed: a touch by mistake."""
_DARK: Final = 160
_HEAD: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def draw_anew(untrusted: bytes) -> bytes:
    """The signature in black on white, as a PNG of our own.

    Raises:
        TooLarge: more bytes or pixels than a signature has.
        Invalid: no picture, or nothing drawn on it.
    """
    if len(untrusted) > MAX_BYTES:
        raise TooLarge(N_("The signature is larger than %(limit)s KB."), limit=MAX_BYTES // 1024)
    # The size is read before anything is decoded: a small file can claim a very large picture.
    if len(untrusted) < 33 or not untrusted.startswith(_HEAD):
        raise Invalid(N_("The signature could not be read: please sign again."))
    width, height = struct.unpack(">II", untrusted[16:24])
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        raise TooLarge(N_("The signature has more pixels than a signature needs."))
    try:
        with Image.open(io.BytesIO(untrusted), formats=("PNG",)) as picture:
            drawn = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Invalid(N_("The signature could not be read: please sign again.")) from error
    sheet = Image.new("RGBA", drawn.size, "white")
    sheet.alpha_composite(drawn)
    grey = sheet.convert("L")
    if sum(grey.histogram()[:_DARK]) < LEAST_INK:
        raise Invalid(N_("Nothing is signed yet."))
    kept = io.BytesIO()
    grey.save(kept, "PNG", optimize=True)
    return kept.getvalue()
