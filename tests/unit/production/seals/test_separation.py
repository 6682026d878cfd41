"""Cutting a seal out: true size, upright, nothing but red ink, few enough bytes for a token."""

import io

import pytest
from PIL import Image

from tests.support.seals import A4, RED, Stamp, letter
from workbench.production.seals.impression import Box, find_impressions
from workbench.production.seals.scale import page_scale
from workbench.production.seals.separation import MAX_PNG_BYTES, NoInk, SealImage, separate


def cut(page: Image.Image) -> SealImage:
    """The best impression of a page."""
    return separate(page, find_impressions(page)[0], page_scale(page).dpi)


def opened(seal: SealImage) -> Image.Image:
    """The seal's picture."""
    picture = Image.open(io.BytesIO(seal.png))
    picture.load()
    return picture


def share_inked(picture: Image.Image, box: tuple[float, float, float, float]) -> float:
    """How much of a part (in fractions) is covered."""
    x0, y0, x1, y1 = box
    width, height = picture.size
    part = picture.getchannel("A").crop((round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)))
    return sum(part.histogram()[128:]) / (part.width * part.height)


@pytest.mark.parametrize("dpi", [110, 150, 193])
@pytest.mark.parametrize("stamp", [Stamp(), Stamp(width=42, height=42, turned=14), Stamp("oval", 45, 30, turned=-9)])
def test_measures_the_impression_on_paper_to_half_a_millimetre(stamp: Stamp, dpi: float) -> None:
    seal = cut(letter(stamp, dpi=dpi))
    assert abs(seal.ink_width_mm - stamp.width) < 0.5
    assert abs(seal.ink_height_mm - stamp.height) < 0.5
    assert seal.warnings == ()


def test_the_picture_is_as_large_as_it_says_and_carries_its_resolution() -> None:
    seal = cut(letter(Stamp(width=41.3, height=41.3)))
    picture = opened(seal)
    assert picture.mode == "RGBA"
    assert (seal.width_mm, seal.height_mm) == (42, 42)
    assert picture.size == (round(42 / 25.4 * 300), round(42 / 25.4 * 300))
    assert tuple(round(each) for each in picture.info["dpi"]) == (300, 300)


def test_has_one_red_and_is_transparent_where_no_ink_is() -> None:
    picture = opened(cut(letter(Stamp(), paper=(250, 240, 225))))
    colours = {channel: set(picture.getchannel(channel).tobytes()) for channel in "RGB"}
    assert all(len(values) == 1 for values in colours.values())
    red, green, blue = (values.pop() for values in colours.values())
    assert abs(red - RED[0]) < 25
    assert max(green, blue) < 70
    assert share_inked(picture, (0.3, 0.68, 0.7, 0.85)) == 0  # between star and ring, below
    assert share_inked(picture, (0.46, 0.44, 0.54, 0.54)) > 0.95  # the star


def test_stands_upright_however_it_was_stamped() -> None:
    straight, askew = opened(cut(letter(Stamp()))), opened(cut(letter(Stamp(turned=158))))
    upper, lower = (0.1, 0.0, 0.9, 0.45), (0.1, 0.60, 0.9, 1.0)
    assert share_inked(straight, upper) > 1.5 * share_inked(straight, lower)
    assert abs(share_inked(askew, upper) - share_inked(straight, upper)) < 0.02
    assert abs(share_inked(askew, lower) - share_inked(straight, lower)) < 0.02


def test_leaves_black_print_behind_and_keeps_the_ink_that_lies_on_it() -> None:
    page = letter(Stamp(), across=True, dpi=193)
    picture, clean = opened(cut(page)), opened(cut(letter(Stamp(), dpi=193)))
    # The line of print runs through the middle: beside the star it lies on bare paper, on the star under ink.
    assert share_inked(picture, (0.22, 0.44, 0.32, 0.56)) < 0.02
    assert share_inked(picture, (0.45, 0.45, 0.55, 0.55)) > 0.97
    assert abs(share_inked(picture, (0, 0, 1, 1)) - share_inked(clean, (0, 0, 1, 1))) < 0.02


def test_leaves_specks_behind() -> None:
    page = letter(Stamp())
    per_mm = page_scale(page).pixels_per_mm
    for x, y in ((60, 220), (52, 218), (70, 216)):
        page.paste(RED, (round(x * per_mm), round(y * per_mm), round(x * per_mm) + 3, round(y * per_mm) + 2))
    assert share_inked(opened(cut(page)), (0.25, 0.70, 0.78, 0.85)) == 0


def test_fits_on_a_token_also_when_its_ink_is_noise() -> None:
    noisy = Image.effect_noise((700, 700), 120).convert("L")
    page = letter(Stamp(width=60, height=60), dpi=190)
    inked = Image.composite(Image.new("RGB", noisy.size, RED), Image.new("RGB", noisy.size, "white"), noisy)
    page.paste(inked, (200, 1200))
    box = Box(200 / page.width, 1200 / page.height, 760 / page.width, 1760 / page.height)
    assert len(separate(page, box, 190).png) <= MAX_PNG_BYTES


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(letter(Stamp(), grey=True), id="grey copy"),
        pytest.param(letter(), id="no seal"),
        pytest.param(letter(Stamp(ink=(40, 60, 190))), id="blue seal"),
    ],
)
def test_refuses_a_box_without_red_ink(page: Image.Image) -> None:
    with pytest.raises(NoInk):
        separate(page, Box(40 / A4[0], 190 / A4[1], 80 / A4[0], 230 / A4[1]), page_scale(page).dpi)


@pytest.mark.parametrize("box", [Box(0.1, 0.1, 0.1, 0.4), Box(0.0, 0.0, 1.0, 1.0), Box(0.5, 0.5, 0.505, 0.505)])
def test_refuses_a_box_that_holds_no_seal(box: Box) -> None:
    with pytest.raises(ValueError, match="holds no seal"):
        separate(letter(Stamp()), box, 150)


def test_warns_of_a_frame_that_cuts_the_impression_and_of_a_size_no_seal_has() -> None:
    page = letter(Stamp())
    cutting = separate(page, Box(45 / A4[0], 185 / A4[1], 85 / A4[0], 230 / A4[1]), 150)
    assert any("cuts" in warning for warning in cutting.warnings)
    small = cut(letter(Stamp(width=25, height=25)))
    assert any("38 to 45 mm" in warning for warning in small.warnings)
