"""What can be told about papers before they are submitted: another case's page, a void print, a page that is missing.

Only marks that verify count, so nobody can be misled by a forged one; what could not be read is said and stops nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from workbench.documents import limits
from workbench.kernel.messages import N_
from workbench.kernel.secrets import Secrets
from workbench.portal.drafting.marks import PrintMark, read_mark
from workbench.portal.models import DraftFile

A4_RATIOS: Final = (1.3, 1.55)
"""Longer side by shorter side of what is taken for a picture of an A4 page (1.414)."""


class HintKind(StrEnum):
    """What there is to say about a file or a slot."""

    OTHER_CASE = "other_case"
    VOID_PRINT = "void_print"
    WRONG_SLOT = "wrong_slot"
    MIXED = "mixed"
    MISSING_PAGE = "missing_page"
    UNREAD_PAGE = "unread_page"
    SAME_PAGE = "same_page"
    SAME_FILE = "same_file"
    NO_MARK = "no_mark"
    TOO_SMALL = "too_small"


STOPPING: Final = frozenset(
    {HintKind.OTHER_CASE, HintKind.VOID_PRINT, HintKind.WRONG_SLOT, HintKind.MIXED, HintKind.MISSING_PAGE}
)
"""Certain, and sure to fail the check at the desk: these have to be put right before submission."""
WORDS: Final[Mapping[HintKind, str]] = {
    HintKind.OTHER_CASE: N_(
        "Page %(page)d was printed for another application (%(number)s). Print this one's form and upload that."
    ),
    HintKind.VOID_PRINT: N_(
        "Page %(page)d was printed before the form was changed. Print it again, sign and stamp it, and upload that."
    ),
    HintKind.WRONG_SLOT: N_("This is another paper: %(document)s."),
    HintKind.MIXED: N_(
        "Page %(page)d belongs to another paper: %(document)s. Upload each paper on its own, in its own place."
    ),
    HintKind.MISSING_PAGE: N_("Of %(pages)d pages these are missing: %(missing)s. Please scan and add them."),
    HintKind.UNREAD_PAGE: N_(
        "The code of these pages could not be read: %(missing)s (of %(pages)d). Please look whether they are there."
    ),
    HintKind.SAME_PAGE: N_("Page %(page)d is there more than once. Remove the one that is not needed."),
    HintKind.SAME_FILE: N_("The same file was uploaded twice: %(name)s."),
    HintKind.NO_MARK: N_("No printed code was found: make sure that you scanned all of the page, down to its edges."),
    HintKind.TOO_SMALL: N_(
        "Page %(page)d is only %(width)d × %(height)d pixels and may be hard to read. Better scan it at 200 to 300 "
        "dpi, or photograph it from nearer."
    ),
}


@dataclass(frozen=True)
class Hint:
    """One thing to say beside a slot. `values` fill the words; `target` is the slot where the file belongs."""

    kind: HintKind
    slot: str
    file_id: int | None = None
    target: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The msgid; `%(document)s` stands for the name of the `target`."""
        return WORDS[self.kind]

    @property
    def stops(self) -> bool:
        """Whether it has to be put right before submission."""
        return self.kind in STOPPING


@dataclass(frozen=True)
class Expected:
    """What the form's own prints would bear: its number, the digest of what it states now, the slots it has."""

    number: str
    digest: str
    codes: tuple[str, ...]
    printable: tuple[str, ...]


@dataclass(frozen=True)
class _Marked:
    """A mark with the page, counted from 0, of the file it stands on."""

    file: DraftFile
    index: int
    mark: PrintMark


def hints_of(secrets: Secrets, expected: Expected, files: Sequence[DraftFile]) -> list[Hint]:
    """Everything to say about these files of one form, those that stop first."""
    marked = [each for file in files for each in _marks_of(secrets, file)]
    hints = [hint for file in files for hint in _of_marks(expected, [each for each in marked if each.file is file])]
    for code in expected.codes:
        hints += _of_slot(expected, code, [file for file in files if file.document_code == code], marked)
    hints += _of_doubles(expected, files, marked)
    hints += [hint for file in files if file.kept_from_id is None for hint in _of_sizes(file)]
    return sorted(hints, key=lambda hint: not hint.stops)


def _marks_of(secrets: Secrets, file: DraftFile) -> Iterator[_Marked]:
    for index, text in file.marks:
        mark = read_mark(secrets, str(text))
        if mark is not None:
            yield _Marked(file, int(index), mark)


def _of_marks(expected: Expected, marked: Sequence[_Marked]) -> Iterator[Hint]:
    """What is wrong with the printed pages of one file: each kind of fault once, told by the first page that has it."""
    told: set[HintKind] = set()
    papers = {each.mark.document_code for each in marked}
    for each in marked:
        hint = _of_mark(expected, each, alone=len(papers) == 1)
        if hint is not None and hint.kind not in told:
            told.add(hint.kind)
            yield hint


def _of_mark(expected: Expected, marked: _Marked, *, alone: bool) -> Hint | None:
    """Whose page this is, whether its print still holds, and where it belongs; the first that is wrong is said.

    Args:
        alone: the file holds pages of one paper only, so that it can be moved as a whole.
    """
    mark, slot, file_id = marked.mark, marked.file.document_code, marked.file.id
    page = {"page": marked.index + 1}
    if mark.number != expected.number:
        return Hint(HintKind.OTHER_CASE, slot, file_id, values={**page, "number": mark.number})
    if expected.digest and mark.digest != expected.digest:
        return Hint(HintKind.VOID_PRINT, slot, file_id, values=page)
    if mark.document_code == slot or mark.document_code not in expected.codes:
        return None
    kind = HintKind.WRONG_SLOT if alone else HintKind.MIXED
    return Hint(kind, slot, file_id, target=mark.document_code, values=page)


def _of_slot(expected: Expected, code: str, files: Sequence[DraftFile], marked: Sequence[_Marked]) -> Iterator[Hint]:
    """Whether all pages of a printed paper came, and whether any of its codes could be read."""
    if code not in expected.printable or not files:
        return
    own = [each for each in marked if each.file in files and _is_of(expected, code, each.mark)]
    read = {(each.file.id, each.index) for each in marked if each.file in files}
    if not read:
        if any(file.kept_from_id is None for file in files):
            yield Hint(HintKind.NO_MARK, code)
        return
    if not own:
        return
    pages = max(each.mark.pages for each in own)
    missing = sorted(set(range(1, pages + 1)) - {each.mark.page for each in own})
    if missing:
        unread = sum(len(file.sizes) for file in files) - len(read)
        kind = HintKind.UNREAD_PAGE if unread >= len(missing) else HintKind.MISSING_PAGE
        yield Hint(kind, code, values={"pages": pages, "missing": ", ".join(map(str, missing))})


def _of_doubles(expected: Expected, files: Sequence[DraftFile], marked: Sequence[_Marked]) -> Iterator[Hint]:
    """The same printed page, or the very same file, more than once."""
    seen = Counter(file.sha256 for file in files)
    for file in {file.sha256: file for file in files if seen[file.sha256] > 1}.values():
        yield Hint(HintKind.SAME_FILE, file.document_code, file.id, values={"name": file.name})
    once = [each for each in marked if seen[each.file.sha256] == 1]
    pages = Counter((each.mark.document_code, each.mark.page) for each in once if each.mark.number == expected.number)
    for (code, page), count in pages.items():
        if count > 1 and code in expected.codes:
            yield Hint(HintKind.SAME_PAGE, code, values={"page": page})


def _of_sizes(file: DraftFile) -> Iterator[Hint]:
    """The first page too small to read. Pages of a PDF are drawn as large as the desk needs them: their pixels say
    nothing."""
    if file.kind == "pdf":
        return
    for index, (width, height) in enumerate(file.sizes):
        short, long = sorted((int(width), int(height)))
        like_a4 = A4_RATIOS[0] <= long / max(1, short) <= A4_RATIOS[1]
        if short < (limits.READABLE_SIDE if like_a4 else limits.READABLE_SIDE_OF_ANY):
            values = {"page": index + 1, "width": int(width), "height": int(height)}
            yield Hint(HintKind.TOO_SMALL, file.document_code, file.id, values=values)
            return


def _is_of(expected: Expected, code: str, mark: PrintMark) -> bool:
    return mark.number == expected.number and mark.document_code == code and mark.digest == expected.digest
