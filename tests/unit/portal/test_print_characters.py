"""Characters on paper: 3,000 rare ones of GB 18030-2022 without an empty box, stand-ins for what no font draws."""

import io

import pdfplumber
import pytest
import typst
from fontTools.ttLib import TTFont
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.portal import prints
from workbench.kernel.typesetting import FONT_FOLDER, missing_glyphs
from workbench.portal.drafting.printing import print_document

EXTENSION_A = range(0x3400, 0x4DC0)
UNIFIED = range(0x4E00, 0xA000)
LATER_EXTENSIONS = range(0x20000, 0x31350)
DPI = 200


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@pytest.fixture(scope="module")
def rare() -> list[str]:
    """3,000: all that the fonts cover of the later extensions, of extension A two of three, then what GB 2312 lacks."""
    with TTFont(FONT_FOLDER / "NotoSerifSC-Regular.otf", lazy=True) as font:
        covered = frozenset(font.getBestCmap())
    later = [chr(code) for code in LATER_EXTENSIONS if code in covered]
    extension_a = [chr(code) for code in EXTENSION_A if code in covered][::3]
    unified = [chr(code) for code in UNIFIED if code in covered and not _in_gb2312(chr(code))]
    wanted = 3000 - len(later) - len(extension_a)
    return later + extension_a + unified[:: len(unified) // wanted][:wanted]


def test_three_thousand_rare_characters_are_printed_with_ink_and_no_empty_box(rare: list[str]) -> None:
    assert len(set(rare)) == 3000
    assert all(char.encode("gb18030") for char in rare)
    assert missing_glyphs("".join(rare)) == ()
    content = print_document(prints.SECRETS, "application_form", prints.facts(reason="".join(rare)))
    assert min(prints.glyphs_of(content)) > 0
    cells = []
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        for number, page in enumerate(pdf.pages):
            picture = prints.picture_of(content, number, dpi=DPI)
            for char in page.chars:
                if char["text"] in rare:
                    box = (char[side] * DPI / 72 for side in ("x0", "top", "x1", "bottom"))
                    cells.append(prints.has_ink(picture, *box))
    # Counted by cell: two characters of one shape share a glyph, and such a glyph has one reading in a PDF.
    assert len(cells) == len(rare)
    assert all(cells)


def test_the_check_for_empty_boxes_sees_one() -> None:
    source = '#set text(font: "Noto Serif SC", fallback: false)\n\U00020bb7'.encode()
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)])
    content = typst.Compiler(source, font_paths=fonts).compile(format="pdf")
    assert isinstance(content, bytes)
    assert 0 in prints.glyphs_of(content)


def test_a_character_no_font_draws_is_named() -> None:
    assert missing_glyphs("示例\U0003fff0有限\U0003fff0公司") == ("\U0003fff0",)
    content = print_document(prints.SECRETS, "seal_confirmation", prints.facts(enterprise_name="示例\U0003fff0公司"))
    assert "示例〔U+3FFF0〕公司" in prints.text_of(content)
    assert min(prints.glyphs_of(content)) > 0


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), st.text(st.characters(codec="utf-8"), max_size=60)
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_typed_prints_without_an_empty_box(name: str, reason: str) -> None:
    content = print_document(prints.SECRETS, "authorisation", prints.facts(enterprise_name=name, holder_name=reason))
    assert min(prints.glyphs_of(content)) > 0
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        edges = [(char["x0"], char["x1"]) for page in pdf.pages for char in page.chars]
    assert min(left for left, _ in edges) >= 56
    assert max(right for _, right in edges) <= 541
