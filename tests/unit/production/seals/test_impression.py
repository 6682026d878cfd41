"""Finding seal impressions: on letters whose seal is known to the millimetre, and on the demo's papers as people send
them."""

import random

import pytest
from PIL import Image

from tests.support.paper_facts import facts_of
from tests.support.seals import A4, Stamp, letter
from workbench.demo.papers import (
    Document,
    Form,
    Quirk,
    invented_enterprise,
    invented_holder,
    make_paper,
)
from workbench.documents.limits import RenderLimits
from workbench.documents.preview.images import ImagePages
from workbench.documents.preview.model import Kind
from workbench.documents.preview.pdf import PdfPages
from workbench.production.seals.impression import Box, Shape, find_impressions
from workbench.production.seals.ink import is_grey
from workbench.production.seals.scale import page_scale

KINDS = {
    Form.PDF: Kind.PDF,
    Form.SCAN_PDF: Kind.PDF,
    Form.JPEG: Kind.JPEG,
    Form.PHOTO: Kind.JPEG,
    Form.TIFF: Kind.TIFF,
    Form.PNG: Kind.PNG,
    Form.WEBP: Kind.WEBP,
}
SEAL_AT_MM = (60, 208)
"""Where the demo's confirmation letter bears its seal, give or take the hand."""


def rendered(seed: int, form: Form, quirk: Quirk) -> Image.Image:
    """A confirmation letter of the demo, as the renderer draws its page."""
    rng = random.Random(seed)
    enterprise, holder = invented_enterprise(rng), invented_holder(rng)
    facts = facts_of(enterprise, holder, f"EK2026{seed:07d}")
    paper = make_paper(Document.SEAL_CONFIRMATION, facts, seed=seed, form=form, quirk=quirk)[0]
    limits = RenderLimits()
    if KINDS[form] is Kind.PDF:
        width, height, drawn = PdfPages(paper.content, limits).render(0, None)
        return Image.frombytes("RGB", (width, height), bytes(drawn))
    width, height, pixels = ImagePages(paper.content, KINDS[form], limits).render(0, None)
    return Image.frombytes("RGB", (width, height), pixels)


def covers(box: Box, x: float, y: float) -> bool:
    """Whether a point, in fractions of the page, lies in the box."""
    return box.x0 < x < box.x1 and box.y0 < y < box.y1


def size_mm(page: Image.Image, box: Box) -> tuple[float, float]:
    """What a box measures on paper."""
    per_mm = page_scale(page).pixels_per_mm
    return (box.x1 - box.x0) * page.width / per_mm, (box.y1 - box.y0) * page.height / per_mm


@pytest.mark.parametrize("form", list(KINDS))
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_seal_of_every_letter_however_it_was_captured(form: Form, seed: int) -> None:
    page = rendered(seed, form, Quirk.NONE)
    best = find_impressions(page)[0]
    assert best.shape is Shape.ROUND
    assert all(39 < side < 46 for side in size_mm(page, best))
    if form is not Form.PHOTO:
        assert covers(best, SEAL_AT_MM[0] / A4[0], SEAL_AT_MM[1] / A4[1])
    assert not is_grey(page)


@pytest.mark.parametrize("quirk", [Quirk.SIDEWAYS, Quirk.UPSIDE_DOWN])
@pytest.mark.parametrize("form", [Form.SCAN_PDF, Form.JPEG, Form.PHOTO])
def test_tells_how_far_the_seal_of_a_turned_page_is_turned(form: Form, quirk: Quirk) -> None:
    best = find_impressions(rendered(5, form, quirk))[0]
    low, high = (65, 115) if quirk is Quirk.SIDEWAYS else (155, 181)  # the stamp itself is up to 20 degrees askew
    assert low < abs(best.tilt) < high


@pytest.mark.parametrize("form", [Form.SCAN_PDF, Form.TIFF])
def test_finds_nothing_on_a_black_and_white_copy_and_tells_that_it_is_one(form: Form) -> None:
    page = rendered(7, form, Quirk.FAX)
    assert find_impressions(page) == []
    assert is_grey(page)


@pytest.mark.parametrize("turned", [-170, -95, -20, 0, 7, 33, 90, 180])
def test_measures_the_turn_of_a_round_seal_by_its_star_and_name(turned: float) -> None:
    best = find_impressions(letter(Stamp(turned=turned)))[0]
    assert abs((best.tilt + turned + 180) % 360 - 180) < 1


@pytest.mark.parametrize("turned", [-25, 0, 12])
def test_measures_the_turn_of_an_oval_by_its_long_axis(turned: float) -> None:
    best = find_impressions(letter(Stamp("oval", 45, 30, turned=turned)))[0]
    assert best.shape is Shape.OVAL
    assert abs(best.tilt + turned) < 1


def test_puts_the_seal_before_a_small_red_stamp_of_a_person() -> None:
    page = letter(Stamp("square", 18, 18, x=150, y=120), Stamp(x=70, y=200), Stamp("square", 20, 20, x=150, y=200))
    boxes = find_impressions(page)
    assert [box.shape for box in boxes] == [Shape.ROUND, Shape.SQUARE, Shape.SQUARE]
    assert covers(boxes[0], 70 / A4[0], 200 / A4[1])


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(letter(Stamp(), paper=(250, 225, 190)), id="lamp light"),
        pytest.param(letter(Stamp(ink=(130, 25, 30)), paper=(130, 128, 125)), id="in the shade"),
        pytest.param(letter(Stamp(ink=(225, 70, 40))), id="vermilion"),
        pytest.param(letter(Stamp(ink=(240, 150, 155))), id="faint"),
    ],
)
def test_finds_the_seal_in_any_light_and_ink(page: Image.Image) -> None:
    width, height = size_mm(page, find_impressions(page)[0])
    assert 40 < width < 43
    assert 40 < height < 43


def test_takes_neither_orange_nor_purple_nor_print_for_ink() -> None:
    page = letter(Stamp(ink=(230, 140, 60)), Stamp(ink=(120, 30, 140), y=120), Stamp(ink=(30, 30, 30), x=150))
    assert find_impressions(page) == []


def test_a_page_without_a_seal_is_not_called_a_grey_copy_when_it_has_colour() -> None:
    page = letter()
    assert is_grey(page)
    page.paste((40, 60, 190), (300, 300, 420, 360))
    assert not is_grey(page)
    assert find_impressions(page) == []


def test_measures_a_sheet_lying_in_a_photograph() -> None:
    sheet = letter(Stamp(), dpi=100)
    photo = Image.new("RGB", (1500, 2000), (60, 62, 66))
    photo.paste(sheet, (300, 350))
    photo = photo.rotate(4, Image.Resampling.BICUBIC, fillcolor=(60, 62, 66))
    scale = page_scale(photo)
    assert scale.sure
    assert abs(scale.dpi - 100) < 2


def test_says_when_the_scale_is_a_guess() -> None:
    assert not page_scale(Image.new("RGB", (1000, 1000), "white")).sure
    assert page_scale(Image.new("RGB", (1600, 2263), "white")).sure
    assert page_scale(Image.new("RGB", (2263, 1600), "white")).sure
