"""The pages of an uploaded file: the pictures an applicant sees of them, and the printed forms' marks they bear.

Only pixels the locked renderer made are looked at, shown and turned.
"""

import io
import time
from typing import Any, Final

from PIL import Image

from workbench.documents.preview import Kind, Refused, Renderer
from workbench.documents.uploads import ExaminedFile
from workbench.kernel.parts import Parts
from workbench.portal.drafting.marks import find_marks, mark_text
from workbench.portal.models import DraftFile

MARKED_PAGES: Final = 10
"""Pages of one file that are searched for marks."""
SEARCH_SECONDS: Final = 5.0
"""After this time no further page of the file is searched: what was not read is said to be so, and stops nothing."""
_TURNS: Final = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_JPEG_QUALITY: Final = 85


def marks_in(parts: Parts, renderer: Renderer, content: bytes, file: ExaminedFile) -> list[list[Any]]:
    """Our marks on the first pages, as [page index, text]. A page that cannot be shown bears none."""
    give_up_at = time.monotonic() + SEARCH_SECONDS
    found: list[list[Any]] = []
    for index in range(min(len(file.sizes), MARKED_PAGES)):
        try:
            picture = _picture(parts, renderer, content, file, index)
        except Refused:
            break
        found += [[index, mark_text(parts.secrets, mark)] for mark in find_marks(picture, parts.secrets)]
        if time.monotonic() > give_up_at:
            break
    return found


def page_image(parts: Parts, renderer: Renderer, file: DraftFile, index: int) -> bytes:
    """One page as the desks will see it, upright as the applicant turned it: a JPEG about 1600 pixels wide.

    Raises:
        Refused: the page cannot be shown.
    """
    if index == 0:
        return _turned(parts.blobs.get(file.image_sha256), file.rotations[0], "JPEG")
    (made,) = renderer.render(parts.blobs.get(file.sha256), [index])
    return _turned(made.image, file.rotations[index], "JPEG")


def page_thumbnail(parts: Parts, renderer: Renderer, file: DraftFile, index: int, *, blurred: bool) -> bytes:
    """One page 200 pixels wide before turning, as a WebP.

    Raises:
        Refused: the page cannot be shown.
    """
    if index == 0:
        return _turned(parts.blobs.get(file.thumbnail_sha256), file.rotations[0], "WEBP")
    (made,) = renderer.render(parts.blobs.get(file.sha256), [index], blur_thumbnail=blurred)
    return _turned(made.thumbnail, file.rotations[index], "WEBP")


def blurred_anew(parts: Parts, renderer: Renderer, file: DraftFile, *, blurred: bool) -> str:
    """The first page's thumbnail made again, blurred or not; its SHA-256. Unchanged when it cannot be made."""
    try:
        (made,) = renderer.render(parts.blobs.get(file.sha256), [0], blur_thumbnail=blurred)
    except Refused:
        return file.thumbnail_sha256
    return parts.blobs.put(made.thumbnail)


def read_back(file: DraftFile) -> ExaminedFile:
    """What examining the file once found."""
    return ExaminedFile(
        document_code=file.document_code,
        name=file.name,
        sha256=file.sha256,
        byte_size=file.byte_size,
        kind=Kind(file.kind),
        sizes=tuple((int(width), int(height)) for width, height in file.sizes),
        image_sha256=file.image_sha256,
        thumbnail_sha256=file.thumbnail_sha256,
        rotations=tuple(int(each) for each in file.rotations),
    )


def _picture(parts: Parts, renderer: Renderer, content: bytes, file: ExaminedFile, index: int) -> bytes:
    if index == 0:
        return parts.blobs.get(file.image_sha256)
    (made,) = renderer.render(content, [index])
    return made.image


def _turned(picture: bytes, degrees: int, form: str) -> bytes:
    """A picture of our own making, turned clockwise."""
    if degrees not in _TURNS:
        return picture
    turned = io.BytesIO()
    with Image.open(io.BytesIO(picture), formats=[form]) as image:
        image.transpose(_TURNS[degrees]).save(turned, form, quality=_JPEG_QUALITY)
    return turned.getvalue()
