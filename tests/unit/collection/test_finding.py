"""What is scanned at the counter: a number, a mark on a paper or the address of a case all name the application."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.collection.finding import LONGEST, normalise, number_in
from workbench.collection.queries import Narrowed


@pytest.mark.parametrize(
    "scanned",
    [
        "EK20260000017",
        "ek20260000017",
        "EK1/EK20260000017/3/BUSINESS-LICENCE/1/1/0123456789ABCDEF/ABCDEFGHIJKLMNOPQRSTUVWX",
        "https://example.invalid/applications/EK20260000017",
    ],
)
def test_a_number_is_known_in_every_form(scanned: str) -> None:
    assert number_in(normalise(scanned)) == "EK20260000017"


@pytest.mark.parametrize("scanned", ["", "EK", "12345678", "示例公司", "EK1//1"])
def test_what_holds_no_number_names_none(scanned: str) -> None:
    assert number_in(normalise(scanned)) is None


@given(st.text(max_size=400))
def test_anything_typed_becomes_something_that_can_be_asked(typed: str) -> None:
    said = normalise(typed)
    assert len(said) <= LONGEST
    assert "\x00" not in said
    narrowed = Narrowed.from_args({"q": typed, "authority": typed, "show": typed})
    assert narrowed.show in ("", "late", "uncollected", "proposed")
    assert narrowed.authority == "" or narrowed.authority.isascii()
