"""The words the renderer and its callers share: kinds of file, reasons for refusal, and what comes back.

Only plain values: nothing here opens or parses anything.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A file format the workbench accepts, told by content and never by name."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    WEBP = "webp"
    HEIC = "heic"

    @property
    def media_type(self) -> str:
        """The registered media type, for a download's Content-Type."""
        return "application/pdf" if self is Kind.PDF else f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual file name extension, with its dot."""
        return {Kind.JPEG: ".jpg", Kind.TIFF: ".tif"}.get(self, f".{self.value}")


class RefusalCode(StrEnum):
    """Why a file can't be shown; screens translate each into a sentence with the remedy."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    ACTIVE_CONTENT = "active_content"
    POLYGLOT = "polyglot"
    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_COMPLEX = "too_complex"
    CRASHED = "crashed"


class Refused(Exception):
    """The file can't be shown. `detail` is English and meant for the log."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class RendererUnfit(Exception):
    """This installation can't render what it must: the self-test failed."""


@dataclass(frozen=True)
class PageSize:
    """A page's size as it is shown: pixels for images, points (1/72 inch) for PDF."""

    width: float
    height: float


@dataclass(frozen=True)
class Inspection:
    """What a file holds."""

    kind: Kind
    page_count: int
    pages: tuple[PageSize, ...]


@dataclass(frozen=True)
class PageImage:
    """One rendered page: sizes in pixels, `image` a JPEG, `thumbnail` a WebP; both were encoded outside the child."""

    index: int
    width: int
    height: int
    image: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Word:
    """A word and its box in fractions (0 to 1) of the page as shown, origin top left."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class PageText:
    """The text of one page; empty where a page has none or its text can't be read."""

    index: int
    text: str
    words: tuple[Word, ...]


ALL_WALLS: Final = "landlock+seccomp"
"""What a self-test tells when no wall is missing."""


@dataclass(frozen=True)
class SelfTest:
    """`walls` is "landlock+seccomp", "bubblewrap" or "rlimits"; `cjk_ink` the dark fraction of a Chinese test page."""

    walls: str
    cjk_ink: float
