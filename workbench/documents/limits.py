"""Every limit on applicants' files in one place, so that what is refused can be read on one page.

Uploads, the renderer and the screens take their figures from here; none keeps a limit of its own.
"""

from dataclasses import dataclass

MIB = 1024 * 1024

MAX_FILE_BYTES = 20 * MIB
"""One uploaded file, in bytes."""
MAX_FILES_PER_SLOT = 10
"""Files an applicant may attach to one required document."""
MAX_PAGES = 200
"""Pages of a PDF or frames of a TIFF."""
MAX_PIXELS = 50_000_000
"""Pixels of one image after unpacking: about five times a phone's photograph."""

MAX_DRAFT_BYTES = 200 * MIB
"""All files of one unfinished form together, those still on their way in included, in bytes."""
MAX_OPEN_UPLOADS = 20
"""Files of one unfinished form that may be on their way in at a time."""
UPLOAD_CHUNK_BYTES = MIB
"""One piece of a file on its way in, in bytes: what a broken connection loses at most."""
UPLOAD_HOURS = 24
"""How long an unfinished upload is kept, in hours."""
MAX_PENDING_BYTES = 600 * MIB
"""All files of one applicant that are on their way in, discarded forms' included, in bytes: they occupy the disk."""
MAX_FILES_A_DAY = 500
"""Files of one applicant that are opened within 24 hours, kept or not: each costs processor time and disk."""
MAX_FILES_AT_ONCE = 2
"""Files of one applicant that are opened at the same time, so that the others' need not wait."""
READABLE_SIDE = 900
"""Shorter side in pixels below which a picture of an A4 page is hard to read: about 110 dpi."""
READABLE_SIDE_OF_ANY = 500
"""The same for a picture of whatever shape, such as one of a card."""

PAGE_WIDTH = 1600
"""Width of a page image on the review desk, in pixels."""
THUMBNAIL_WIDTH = 200
"""Width of a thumbnail, in pixels."""
MAX_THUMBNAIL_HEIGHT = 1200
"""Height of a thumbnail of an extremely long page, in pixels."""
ZOOM_DPI = 300
"""Dots per inch of a page rendered again for zooming."""
MAX_PAGE_SIDE = 6000
"""Longest side of a rendered page, in pixels: the scale of larger pages is clamped."""
MAX_PAGE_PIXELS = 24_000_000
"""Pixels of a rendered page; A3 at 300 dpi has 17 million."""

RENDER_CPU_SECONDS = 10
"""Processor time a document may take, in seconds."""
RENDER_CPU_SECONDS_PER_PAGE = 0.5
"""Processor time on top for each page asked for after the first, in seconds: a page takes about 0.03."""
RENDER_WALL_SECONDS = 20
"""Elapsed time a document may take, in seconds."""
RENDER_WALL_SECONDS_PER_PAGE = 1.0
"""Elapsed time on top for each page after the first, in seconds; includes waiting for a slow reader of the pages."""
RENDER_MEMORY_BYTES = 1536 * MIB
"""Address space of a rendering process, in bytes; the fonts and libraries it maps count too."""
TEXT_CPU_SECONDS = 8
"""Processor time for the text of a whole document, in seconds: pages after that stay without text."""
TEXT_CPU_SECONDS_PER_PAGE = 3.0
"""Processor time for the text of one page, in seconds."""
MAX_PAGE_TEXT = 200_000
"""Characters of text kept of one page."""
MAX_PAGE_WORDS = 20_000
"""Words with boxes kept of one page."""


@dataclass(frozen=True)
class RenderLimits:
    """The limits one renderer works under. Units as for the constants the defaults come from."""

    file_bytes: int = MAX_FILE_BYTES
    pages: int = MAX_PAGES
    pixels: int = MAX_PIXELS
    page_width: int = PAGE_WIDTH
    page_side: int = MAX_PAGE_SIDE
    page_pixels: int = MAX_PAGE_PIXELS
    cpu_seconds: float = RENDER_CPU_SECONDS
    cpu_seconds_per_page: float = RENDER_CPU_SECONDS_PER_PAGE
    wall_seconds: float = RENDER_WALL_SECONDS
    wall_seconds_per_page: float = RENDER_WALL_SECONDS_PER_PAGE
    memory_bytes: int = RENDER_MEMORY_BYTES
    text_cpu_seconds: float = TEXT_CPU_SECONDS
    text_cpu_seconds_per_page: float = TEXT_CPU_SECONDS_PER_PAGE

    def cpu_budget(self, pages: int) -> float:
        """Processor seconds for an operation on that many pages."""
        return self.cpu_seconds + self.cpu_seconds_per_page * max(0, pages - 1)

    def wall_budget(self, pages: int) -> float:
        """Elapsed seconds for an operation on that many pages."""
        return self.wall_seconds + self.wall_seconds_per_page * max(0, pages - 1)
