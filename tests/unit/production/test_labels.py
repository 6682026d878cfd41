"""Labels of keys: their code is read from a poor scan, names of any length and any character stay inside, and a key for
trial says so."""

import io
import random

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.prints import codes_of, drawn, scanned, text_of
from workbench.production.labels import LabelFacts, set_labels

MILLIMETRE = 72 / 25.4


def facts(name: str = "示例远航进出口有限公司", serial: str = "GM3000A00017", *, trial: bool = False) -> LabelFacts:
    return LabelFacts(name, serial, "EK20260000123", "示例", "2028-11-01", trial)


def said_on(content: bytes) -> str:
    """What a label says, without its line ends."""
    return text_of(content).replace("\r\n", "").replace("\n", "")


@pytest.mark.parametrize("degrees", [0, 2.5, -4, 90, 180])
@pytest.mark.parametrize("serial", ["1", "GM3000A00017", "shsm/0f:1a b", "0123456789ABCDEF" * 4])
def test_the_code_is_read_from_a_scan_of_150_dpi_that_lies_askew(serial: str, degrees: float) -> None:
    picture = scanned(drawn(set_labels([facts(serial=serial)])), degrees)
    assert codes_of(picture) == [(serial, "QRCode")]


def test_a_label_is_fifty_by_thirty_millimetres_and_each_has_its_page() -> None:
    content = set_labels([facts(serial=f"A{number:03d}") for number in range(3)])
    with pikepdf.open(io.BytesIO(content)) as pdf:
        sizes = [[round(float(edge) / MILLIMETRE) for edge in page.mediabox] for page in pdf.pages]
    assert sizes == [[0, 0, 50, 30]] * 3
    for page in range(3):
        assert codes_of(drawn(content, page=page)) == [(f"A{page:03d}", "QRCode")]


def test_a_label_says_whose_key_it_is_for_which_case_where_and_until_when() -> None:
    said = said_on(set_labels([facts()]))
    for fact in ("示例远航进出口有限公司", "GM3000A00017", "EK20260000123", "示例", "2028-11-01"):
        assert fact in said
    assert "试用" not in said
    assert "试用" in said_on(set_labels([facts(trial=True)]))


LONG_NAMES = (
    "示例" + "长" * 58 + "有限公司",
    "示例𠮷" * 21,
    "W" * 64,
    "Example International Trading and Import-Export Company Limited 示例分公司",
    "．" * 64,
    "00000@@¼ۺ𐀀𐀀𐀀𐀀g",
)


@pytest.mark.parametrize("name", LONG_NAMES)
def test_a_long_name_is_printed_whole_and_keeps_off_what_stands_below(name: str) -> None:
    content = set_labels([facts(name=name, serial="0123456789ABCDEF" * 4)])
    said = said_on(content).replace(" ", "").replace("\u3000", "")
    codes = {letter: f"〔U+{ord(letter):04X}〕" for letter in name}
    spelled = "".join(codes[letter] if codes[letter] in said else letter for letter in name)
    assert spelled.replace(" ", "") in said
    assert_clear(drawn(content, dpi=600))


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=64))
def test_no_name_reaches_the_edge_or_the_line_below_it(name: str) -> None:
    assert_clear(drawn(set_labels([facts(name=name)]), dpi=300))


def assert_clear(picture: Image.Image) -> None:
    """Nothing is printed within 1.5 mm of the label's edge, nor between the line under the name and what follows."""
    ink = picture.point(lambda level: 255 if level < 160 else 0)
    per_mm = picture.width / 50
    left, top, right, bottom = ink.getbbox() or (0, 0, 0, 0)
    assert left > 1.5 * per_mm
    assert top > 1.5 * per_mm
    assert right < picture.width - 1.5 * per_mm
    assert bottom < picture.height - 1.5 * per_mm
    for clear_from, clear_to in ((11.1, 11.6), (12.1, 12.6)):
        assert ink.crop((0, round(clear_from * per_mm), picture.width, round(clear_to * per_mm))).getbbox() is None


def test_the_same_label_is_the_same_file() -> None:
    assert set_labels([facts()]) == set_labels([facts()])


def test_where_the_clear_strip_is_tested_something_would_show() -> None:
    """The check above sees ink: a picture with one dark pixel in the strip is not clear."""
    picture = drawn(set_labels([facts()]), dpi=300)
    picture.putpixel((random.Random(1).randrange(60, 500), round(11.3 * picture.width / 50)), 0)
    with pytest.raises(AssertionError):
        assert_clear(picture)
