"""What the marks on pages are taken to mean, without a database: each rule, and that nothing unread or forged stops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.secrets import Secrets
from workbench.portal.drafting.marks import PrintMark, mark_text
from workbench.portal.models import DraftFile
from workbench.portal.uploads.paper_hints import STOPPING, Expected, HintKind, hints_of

NUMBER = "EK20260000001"
DIGEST = "0123456789abcdef"
EXPECTED = Expected(
    NUMBER,
    DIGEST,
    ("application_form", "seal_confirmation", "business_licence"),
    ("application_form", "seal_confirmation"),
)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    return Secrets.load_or_create(tmp_path_factory.mktemp("keys"))


def mark(
    page: int = 1, pages: int = 1, code: str = "application_form", number: str = NUMBER, digest: str = DIGEST
) -> PrintMark:
    return PrintMark(number, 1, code, page, pages, digest)


def paper(
    secrets: Secrets,
    *marks: PrintMark | None,
    slot: str = "application_form",
    number: int = 1,
    sizes: Sequence[tuple[int, int]] = (),
    kept: bool = False,
    kind: str = "pdf",
) -> DraftFile:
    """A file with one page for each mark; None is a page on which none was read."""
    read: list[list[Any]] = [[index, mark_text(secrets, each)] for index, each in enumerate(marks) if each is not None]
    return DraftFile(
        id=number,
        document_code=slot,
        position=0,
        name=f"{number}.pdf",
        sha256=f"{number:064x}",
        kind=kind,
        sizes=[list(size) for size in sizes] or [[1600, 2262]] * max(1, len(marks)),
        marks=read,
        kept_from_id=7 if kept else None,
    )


def kinds(secrets: Secrets, *files: DraftFile) -> list[HintKind]:
    return [hint.kind for hint in hints_of(secrets, EXPECTED, files)]


def test_the_right_page_in_the_right_slot_needs_no_word(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, mark())) == []


def test_a_page_of_another_case_stops_and_names_its_number(secrets: Secrets) -> None:
    (hint,) = hints_of(secrets, EXPECTED, [paper(secrets, mark(number="EK20260000002"))])

    assert (hint.kind, hint.stops, hint.values["number"]) == (HintKind.OTHER_CASE, True, "EK20260000002")


def test_a_print_of_other_facts_is_void_whatever_its_version_says(secrets: Secrets) -> None:
    (hint,) = hints_of(secrets, EXPECTED, [paper(secrets, mark(digest="f" * 16))])

    assert (hint.kind, hint.stops) == (HintKind.VOID_PRINT, True)


def test_an_older_print_of_the_same_facts_still_holds(secrets: Secrets) -> None:
    older = PrintMark(NUMBER, 9, "application_form", 1, 1, DIGEST)

    assert kinds(secrets, paper(secrets, older)) == []


def test_a_paper_in_the_wrong_slot_says_where_it_belongs(secrets: Secrets) -> None:
    (hint,) = hints_of(secrets, EXPECTED, [paper(secrets, mark(code="seal_confirmation"), slot="business_licence")])

    assert (hint.kind, hint.target, hint.stops) == (HintKind.WRONG_SLOT, "seal_confirmation", True)


def test_two_papers_in_one_file_cannot_be_moved_as_one(secrets: Secrets) -> None:
    both = paper(secrets, mark(), mark(code="seal_confirmation"))

    assert kinds(secrets, both) == [HintKind.MIXED]


def test_a_missing_page_stops_and_is_named(secrets: Secrets) -> None:
    (hint,) = hints_of(secrets, EXPECTED, [paper(secrets, mark(1, 3), mark(3, 3))])

    assert (hint.kind, hint.values["missing"], hint.values["pages"]) == (HintKind.MISSING_PAGE, "2", 3)


def test_a_page_that_could_not_be_read_may_be_the_missing_one(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, mark(1, 2), None)) == [HintKind.UNREAD_PAGE]


def test_a_kept_page_may_be_the_missing_one(secrets: Secrets) -> None:
    kept = paper(secrets, None, number=2, kept=True)

    assert kinds(secrets, kept, paper(secrets, mark(1, 2))) == [HintKind.UNREAD_PAGE]


def test_pages_may_come_in_several_files(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, mark(1, 2)), paper(secrets, mark(2, 2), number=2)) == []


def test_the_same_page_twice_is_said_and_stops_nothing(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, mark()), paper(secrets, mark(), number=2)) == [HintKind.SAME_PAGE]


def test_the_same_file_twice_is_said_once(secrets: Secrets) -> None:
    first, second = paper(secrets, mark()), paper(secrets, mark(), slot="business_licence", number=2)
    second.sha256, second.marks = first.sha256, []

    assert kinds(secrets, first, second) == [HintKind.SAME_FILE]


def test_a_printed_paper_without_any_mark_gets_a_gentle_word(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, None)) == [HintKind.NO_MARK]
    assert kinds(secrets, paper(secrets, None, slot="business_licence")) == []
    assert kinds(secrets, paper(secrets, None, kept=True)) == []


def test_a_forged_mark_is_no_mark(secrets: Secrets) -> None:
    forged = paper(secrets, mark(number="EK20260000002"))
    genuine = str(forged.marks[0][1])
    forged.marks = [[0, genuine[:-1] + ("A" if genuine[-1] != "A" else "B")]]

    assert kinds(secrets, forged) == [HintKind.NO_MARK]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((600, 849), True),
        ((899, 1270), True),
        ((900, 1273), False),
        ((1273, 900), False),
        ((856, 540), False),
        ((400, 252), True),
        ((1600, 2262), False),
    ],
)
def test_small_pictures_are_said_and_stop_nothing(secrets: Secrets, size: tuple[int, int], said: bool) -> None:
    file = paper(secrets, slot="business_licence", sizes=[size], kind="jpeg")

    assert (HintKind.TOO_SMALL in kinds(secrets, file)) is said
    assert HintKind.TOO_SMALL not in STOPPING


def test_pages_of_a_pdf_are_never_too_small(secrets: Secrets) -> None:
    assert kinds(secrets, paper(secrets, slot="business_licence", sizes=[(400, 500)])) == []


@given(present=st.sets(st.integers(1, 6)), unread=st.integers(0, 6))
def test_a_page_is_called_missing_only_when_no_unread_page_could_be_it(
    secrets: Secrets, present: set[int], unread: int
) -> None:
    pages = [mark(page, 6) for page in sorted(present)]
    found = kinds(secrets, paper(secrets, *pages, *([None] * unread)))

    assert (HintKind.MISSING_PAGE in found) == (bool(present) and len(present) + unread < 6)


def test_what_stops_is_said_first(secrets: Secrets) -> None:
    small = paper(secrets, slot="business_licence", sizes=[(300, 424)], kind="jpeg", number=1)
    wrong = paper(secrets, mark(number="EK20260000002"), number=2)

    assert kinds(secrets, small, wrong) == [HintKind.OTHER_CASE, HintKind.TOO_SMALL]


def test_strange_words_in_place_of_marks_say_nothing(secrets: Secrets, tmp_path: Path) -> None:
    other = Secrets.load_or_create(tmp_path)
    file = paper(other, mark(number="EK20260000002"))
    file.marks += [[0, ""], [0, "EK1/" + "A" * 200], [0, "\x00"]]

    assert kinds(secrets, file) == [HintKind.NO_MARK]
