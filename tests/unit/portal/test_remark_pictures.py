"""Geometry of pages on screen: a marked place stays where it was marked, however the page is turned."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.portal.remarks.pictures import LEAST_SHARE, PagePicture

ROTATIONS = (0, 90, 180, 270)


@st.composite
def regions(draw: st.DrawFn) -> Mapping[str, float]:
    """A rectangle inside a page."""
    x, y = draw(st.floats(0, 0.95)), draw(st.floats(0, 0.95))
    return {"x": x, "y": y, "w": draw(st.floats(0.01, 1 - x)), "h": draw(st.floats(0.01, 1 - y))}


pictures = st.builds(
    PagePicture, st.just(1), st.just(1), st.integers(200, 4000), st.integers(200, 4000), st.sampled_from(ROTATIONS)
)


def turned(picture: PagePicture, x: float, y: float) -> tuple[float, float]:
    """Where the SVG transform takes a point of the unturned page."""
    move, _, turn = picture.transform.partition(") ")
    across, down = (float(each) for each in move.removeprefix("translate(").split())
    assert turn == f"rotate({picture.rotation})"
    rx, ry = {0: (x, y), 90: (-y, x), 180: (-x, -y), 270: (y, -x)}[picture.rotation]
    return rx + across, ry + down


@given(pictures, regions())
def test_the_place_is_what_the_transform_makes_of_the_region(picture: PagePicture, region: Mapping[str, float]) -> None:
    corners = [
        turned(
            picture, (region["x"] + dx * region["w"]) * picture.width, (region["y"] + dy * region["h"]) * picture.height
        )
        for dx in (0, 1)
        for dy in (0, 1)
    ]
    x, y, w, h = picture.place(region)
    assert (x, y) == pytest.approx((min(a for a, _ in corners), min(b for _, b in corners)), abs=1e-6)
    assert (x + w, y + h) == pytest.approx((max(a for a, _ in corners), max(b for _, b in corners)), abs=1e-6)


@given(pictures)
def test_a_turned_page_fills_its_frame(picture: PagePicture) -> None:
    across, down = picture.size
    corners = {turned(picture, x, y) for x in (0, picture.width) for y in (0, picture.height)}
    assert corners == {(0, 0), (across, 0), (0, down), (across, down)}


@given(pictures, regions())
def test_a_cut_holds_the_place_and_nothing_beyond_the_page(picture: PagePicture, region: Mapping[str, float]) -> None:
    x, y, w, h = picture.place(region)
    left, top, wide, high = picture.cut(region)
    across, down = picture.size
    slack = 1e-6 * max(across, down)
    assert left >= -slack
    assert top >= -slack
    assert left + wide <= across + slack
    assert top + high <= down + slack
    assert left <= x + slack
    assert top <= y + slack
    assert x + w <= left + wide + slack
    assert y + h <= top + high + slack
    assert wide >= LEAST_SHARE * across - slack
