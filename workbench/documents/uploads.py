"""A file on its way in: told by content, opened in the sandbox, kept by its hash, before any row speaks of it.

Bytes and pictures are stored before the caller commits. When it never does, they stay behind as files nobody refers
to: harmless, and found by comparing the store with the database.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from workbench.documents import limits
from workbench.documents.preview import Inspection, Kind, RefusalCode, Refused, Renderer, sniff
from workbench.documents.preview.geometry import pixel_size
from workbench.documents.words import REFUSAL_REASONS
from workbench.kernel.blobs import BlobStore
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

LIMIT_VALUES: Final[Mapping[str, int]] = {
    "limit_mb": limits.MAX_FILE_BYTES // limits.MIB,
    "limit_pages": limits.MAX_PAGES,
    "limit_megapixels": limits.MAX_PIXELS // 1_000_000,
    "limit_files": limits.MAX_FILES_PER_SLOT,
}
MAX_NAME: Final = 120
"""Characters of a file's name that are kept."""
_NAME_PARTS: Final = re.compile(r"[/\\]+")
_EXTENSIONS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.PDF: frozenset({".pdf"}),
    Kind.JPEG: frozenset({".jpg", ".jpeg"}),
    Kind.PNG: frozenset({".png"}),
    Kind.TIFF: frozenset({".tif", ".tiff"}),
    Kind.WEBP: frozenset({".webp"}),
    Kind.HEIC: frozenset({".heic", ".heif"}),
}
_EDGES: Final = "." + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What a name neither begins nor ends with: dots and blanks, those of other scripts too."""
_NAMED_FOR_HARM: Final = frozenset('<>:"|?*')
"""What Windows does not take in a name; a colon would address an alternate stream."""


@dataclass(frozen=True)
class IncomingFile:
    """One file as it was sent for one slot. Neither name nor bytes can be trusted."""

    document_code: str
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class ExaminedFile:
    """A file that was opened and stored: everything an attachment's rows need.

    `sizes` are pixels of the pages; `rotations` the degrees clockwise by which each page is shown turned, if any is.
    """

    document_code: str
    name: str
    sha256: str
    byte_size: int
    kind: Kind
    sizes: tuple[tuple[int, int], ...]
    image_sha256: str
    thumbnail_sha256: str
    rotations: tuple[int, ...] = ()

    def rotation_of(self, index: int) -> int:
        """Degrees clockwise by which a page is shown turned."""
        return self.rotations[index] if index < len(self.rotations) else 0


@dataclass(frozen=True)
class FileProblem:
    """Why one file, or one slot (then `name` is empty), cannot be accepted. `reason` is a msgid for `values`."""

    document_code: str
    name: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=lambda: LIMIT_VALUES)


class UploadRefused(Invalid):
    """At least one file or slot cannot be accepted; `problems` names each with its remedy."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        super().__init__(N_("Some files cannot be accepted."))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        said = (f"{each.name or each.document_code}: {each.reason % dict(each.values)}" for each in self.problems)
        return "; ".join(said)


def examine(blobs: BlobStore, renderer: Renderer, untrusted: IncomingFile, *, shows_identity: bool) -> ExaminedFile:
    """Tell a file's kind, open it in the sandbox and store it with the picture of its first page, bit for bit.

    Args:
        shows_identity: its thumbnail is blurred.

    Raises:
        UploadRefused: naming the file and the remedy.
    """
    name = display_name(untrusted.name)
    try:
        kind = sniff(untrusted.content)
        inspection, first = renderer.open(untrusted.content, blur_thumbnail=shows_identity)
    except Refused as refused:
        raise UploadRefused([_problem(untrusted.document_code, name, refused.code)]) from refused
    return ExaminedFile(
        document_code=untrusted.document_code,
        name=display_name(untrusted.name, kind),
        sha256=blobs.put(untrusted.content),
        byte_size=len(untrusted.content),
        kind=kind,
        sizes=((first.width, first.height), *_sizes(inspection)[1:]),
        image_sha256=blobs.put(first.image),
        thumbnail_sha256=blobs.put(first.thumbnail),
    )


def display_name(untrusted: str, kind: Kind | None = None) -> str:
    """A name fit to be shown and offered for download: its last part, without control or direction characters.

    With a kind, the extension tells it: `report.html` that is a PDF becomes `report.html.pdf`.
    """
    last = _NAME_PARTS.split(untrusted.strip())[-1]
    kept = "".join(
        "_" if character in _NAMED_FOR_HARM else character
        for character in unicodedata.normalize("NFC", last)
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    ).strip(_EDGES)
    path = PurePosixPath(kept or "file")
    suffix = path.suffix[:10].rstrip(_EDGES)
    stem = kept[: len(kept) - len(path.suffix)] if path.suffix else path.name
    if kind is not None and suffix.lower() not in _EXTENSIONS[kind]:
        stem, suffix = path.name, kind.extension
    return f"{stem[: MAX_NAME - len(suffix)].rstrip(_EDGES) or 'file'}{suffix}"


def _problem(document_code: str, name: str, code: RefusalCode) -> FileProblem:
    return FileProblem(document_code, name, REFUSAL_REASONS[code])


def _sizes(inspection: Inspection) -> list[tuple[int, int]]:
    """The pixels each page will have, by the renderer's own rule: pictures are never enlarged, PDF pages are."""
    enlarge = inspection.kind is Kind.PDF
    scales = (limits.PAGE_WIDTH / page.width for page in inspection.pages)
    return [
        pixel_size(page, scale if enlarge else min(1.0, scale), limits.RenderLimits())
        for page, scale in zip(inspection.pages, scales, strict=True)
    ]
