"""Opens and renders pictures with Pillow inside the locked child: upright, flattened on white, RGB.

Only the format that the content showed is tried, and a picture with more pixels than allowed is refused unopened.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from workbench.documents.limits import RenderLimits
from workbench.documents.preview.geometry import pixel_size
from workbench.documents.preview.model import Kind, PageSize, RefusalCode, Refused

_PILLOW_FORMATS = {
    Kind.JPEG: "JPEG",  # a phone's MPO is a JPEG too and opens as one; naming MPO itself breaks Image.open
    Kind.PNG: "PNG",
    Kind.TIFF: "TIFF",
    Kind.WEBP: "WEBP",
    Kind.HEIC: "HEIF",
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_RESIZABLE = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr"})


class ImagePages:
    """The pages of one picture file: the frames of a TIFF, one page otherwise. Raises Refused."""

    def __init__(self, untrusted: bytes, kind: Kind, limits: RenderLimits) -> None:
        self._kind = kind
        self._limits = limits
        self.untrusted = untrusted
        Image.MAX_IMAGE_PIXELS = limits.pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with _refusing():
            self._image = Image.open(io.BytesIO(untrusted), formats=[_PILLOW_FORMATS[kind]])
            self.sizes = list(self._sizes())

    def render(self, index: int, dpi: int | None) -> tuple[int, int, bytes]:
        """Width, height and packed RGB of one page: at most the usual page width, in full size when `dpi` is given."""
        if not 0 <= index < len(self.sizes):
            raise Refused(RefusalCode.BROKEN, f"page {index} of {len(self.sizes)}")
        size = self.sizes[index]
        wanted = 1.0 if dpi else min(1.0, self._limits.page_width / size.width)
        target = pixel_size(size, wanted, self._limits)
        with _refusing():
            if self._kind is Kind.TIFF:
                self._image.seek(index)
            else:
                # Rendering anew: a JPEG decoded at a fraction of its size can't be decoded at another one.
                self._image = Image.open(io.BytesIO(self.untrusted), formats=[_PILLOW_FORMATS[self._kind]])
            shrink = target[0] / size.width
            width, height = self._image.size
            self._image.draft(None, (math.ceil(width * shrink), math.ceil(height * shrink)))
            self._image.load()
            picture = ImageOps.exif_transpose(self._image)
            if picture.mode not in _RESIZABLE or "transparency" in picture.info:
                picture = flatten(picture)
            if picture.size != target:
                picture = picture.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
            return *target, flatten(picture).tobytes()

    def _sizes(self) -> Iterator[PageSize]:
        """Each page's size as shown; refuses too many frames and too many pixels before anything is decoded."""
        index = 0
        while True:
            width, height = self._image.size
            if width * height > self._limits.pixels:
                raise Refused(RefusalCode.TOO_MANY_PIXELS, f"{width} x {height} pixels")
            # Pillow reports a TIFF's size upright already.
            sideways = self._kind is not Kind.TIFF and self._orientation() in _SIDEWAYS
            yield PageSize(height, width) if sideways else PageSize(width, height)
            index += 1
            if self._kind is not Kind.TIFF:
                return
            try:
                self._image.seek(index)
            except EOFError:
                return
            if index >= self._limits.pages:
                raise Refused(RefusalCode.TOO_MANY_PAGES, f"more than {self._limits.pages} frames")

    def _orientation(self) -> int:
        value = self._image.getexif().get(ExifTags.Base.Orientation, 1)
        return value if isinstance(value, int) else 1


def flatten(image: Image.Image) -> Image.Image:
    """The picture in RGB, transparency on white, 16-bit and floating samples brought to eight bits."""
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode in ("I", "F"):
        image = _to_eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    page = Image.new("RGB", image.size, "white")
    page.paste(layer, mask=layer)
    return page


def _to_eight_bits(image: Image.Image) -> Image.Image:
    extrema = image.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]  # one band, so two numbers
    if image.mode == "I" and low >= 0 and high <= 0xFFFF:
        low, high = 0.0, 65535.0 if high > 0xFF else 255.0
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return image.convert("L")
    scale = 255.0 / (high - low)
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what Pillow raises for bad files into refusals."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(RefusalCode.TOO_MANY_PIXELS, str(error)) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError) as error:
        raise Refused(RefusalCode.BROKEN, f"{type(error).__name__}: {error}") from error
