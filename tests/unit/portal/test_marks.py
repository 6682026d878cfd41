"""Marks: read back as written, found on a poor scan of every page, refused when forged."""

import io
import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.unit.portal import prints
from workbench.portal.drafting.marks import PrintMark, digest_of, find_marks, mark_svg, mark_text, read_mark
from workbench.portal.drafting.printing import PRINTABLE, facts_digest, print_document

MARK = PrintMark("EK20260000123", 3, "seal_confirmation", 1, 2, "0123456789abcdef")
TEXT = mark_text(prints.SECRETS, MARK)
ALPHANUMERIC = string.digits + string.ascii_uppercase + " $%*+-./:"

marks = st.builds(
    lambda number, version, code, page, more, digest: PrintMark(number, version, code, page, page + more, digest),
    st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=40),
    st.integers(1, 999_999),
    st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True),
    st.integers(1, 500),
    st.integers(0, 499),
    st.text("0123456789abcdef", min_size=16, max_size=16),
)


@given(marks)
def test_a_mark_is_read_back_as_it_was_written(mark: PrintMark) -> None:
    text = mark_text(prints.SECRETS, mark)
    assert read_mark(prints.SECRETS, text) == mark
    assert set(text) <= set(ALPHANUMERIC)


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_an_altered_mark_is_refused(place: int, char: str) -> None:
    altered = TEXT[:place] + char + TEXT[place + 1 :]
    assert (read_mark(prints.SECRETS, altered) == MARK) == (altered == TEXT)
    assert altered == TEXT or read_mark(prints.SECRETS, altered) is None


@given(st.text(max_size=200) | st.from_regex(r"EK1/[A-Z0-9]{1,20}/[0-9]/[A-Z-]{1,9}/1/1/[0-9A-F]{16}/[A-Z2-7]{24}"))
def test_what_we_did_not_sign_is_no_mark(untrusted: str) -> None:
    assert read_mark(prints.SECRETS, untrusted) is None


def test_another_installation_reads_nothing() -> None:
    assert read_mark(replace(prints.SECRETS, session_key=b"t" * 32), TEXT) is None


@pytest.mark.parametrize(
    "change",
    [
        {"page": 3},
        {"page": 0},
        {"version": 0},
        {"number": "ek1"},
        {"number": "EK/1"},
        {"document_code": "../x"},
        {"document_code": "Seal"},
        {"document_code": "a-b"},
        {"digest": "0123"},
        {"digest": "0123456789ABCDEF"},
    ],
    ids=str,
)
def test_a_mark_that_would_read_otherwise_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no mark"):
        mark_text(prints.SECRETS, replace(MARK, **change))  # type: ignore[arg-type]  # each change names its own field


@pytest.mark.parametrize("case", ["plain", "long"])
@pytest.mark.parametrize("code", PRINTABLE)
def test_every_page_is_recognised_on_a_poor_scan(code: str, case: str) -> None:
    stated = (
        prints.facts(enterprise_name=prints.LONG_NAME, reason=prints.LONG_REASON) if case == "long" else prints.facts()
    )
    content = print_document(prints.SECRETS, code, stated)
    pages = prints.page_count(content)
    digest = facts_digest(prints.SECRETS, stated)
    for page in range(pages):
        found = find_marks(prints.scanned(content, page), prints.SECRETS)
        assert found == [PrintMark(stated.number, stated.version, code, page + 1, pages, digest)]


@pytest.mark.parametrize(
    "scan",
    [
        {"dpi": 100, "noise": 40.0},
        {"dpi": 300, "degrees": -7.0},
        {"degrees": 93.0},
        {"degrees": 183.0, "quality": 30},
        {"degrees": 268.0, "noise": 60.0},
        {"dpi": 80},
    ],
    ids=str,
)
def test_scans_lie_on_their_side_come_small_and_dirty(scan: dict[str, float]) -> None:
    content = print_document(prints.SECRETS, "application_form", prints.facts())
    picture = prints.scanned(content, 0, **scan)  # type: ignore[arg-type]  # options by name
    (mark,) = find_marks(picture, prints.SECRETS)
    assert mark.document_code == "application_form"


def test_a_code_with_a_stain_on_it_is_read() -> None:
    content = print_document(prints.SECRETS, "application_form", prints.facts())
    page = prints.picture_of(content, 0, dpi=150)
    pixels = 150 / 25.4
    ImageDraw.Draw(page).ellipse((172 * pixels, 28 * pixels, 178 * pixels, 34 * pixels), fill=90)
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=60)
    assert len(find_marks(stream.getvalue(), prints.SECRETS)) == 1


def test_a_forged_code_on_a_page_is_not_found() -> None:
    content = print_document(replace(prints.SECRETS, session_key=b"t" * 32), "application_form", prints.facts())
    assert find_marks(prints.scanned(content, 0), prints.SECRETS) == []


def test_webp_pictures_are_read_too() -> None:
    content = print_document(prints.SECRETS, "authorisation", prints.facts())
    with Image.open(io.BytesIO(prints.scanned(content, 0))) as image:
        stream = io.BytesIO()
        image.save(stream, "WEBP", quality=70)
    assert len(find_marks(stream.getvalue(), prints.SECRETS)) == 1


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not a page picture"):
        find_marks(b"%PDF-1.7", prints.SECRETS)


def test_slivers_and_specks_hold_no_mark() -> None:
    for size in ((1, 1), (1, 3000), (3000, 2)):
        stream = io.BytesIO()
        Image.new("L", size, 128).save(stream, "PNG")
        assert find_marks(stream.getvalue(), prints.SECRETS) == []


def test_a_code_has_high_error_correction_and_no_clock() -> None:
    assert mark_svg(TEXT) == mark_svg(TEXT)
    assert 'viewBox="0 0 37 37"' in mark_svg(TEXT)  # version 5, the smallest that holds it at level Q


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=5))
@settings(max_examples=50)
def test_a_digest_does_not_depend_on_the_order_of_facts(facts: dict[str, str]) -> None:
    digest = digest_of(facts)
    assert digest == digest_of(dict(reversed(facts.items())))
    assert len(digest) == 16
    assert digest != digest_of(facts | {"one more fact": "1"})


def test_a_digest_is_sha_256_over_canonical_json() -> None:
    # sha256 of {"a":"é","b":"2"} in UTF-8
    assert digest_of({"b": "2", "a": "é"}) == "a16aa36b9222ad52"
