"""Whatever stands in an address is read as something the database can be asked for, or as nothing."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.arguments import LARGEST_ID, authority_id, member, row_id, storable


class Colour(StrEnum):
    RED = "red"


@given(st.integers(min_value=1, max_value=LARGEST_ID - 1))
def test_a_rows_number_is_read(number: int) -> None:
    assert row_id(str(number)) == number


@pytest.mark.parametrize(
    "value", [None, "", "0", "-1", "+1", " 1", "1.0", "1e3", "１", "٣", "x", str(LARGEST_ID), "9" * 5000]
)
def test_what_no_row_is_called_is_nothing(value: str | None) -> None:
    assert row_id(value) is None
    assert authority_id(value) is None


def test_an_authority_has_four_digits_at_most() -> None:
    assert authority_id("37") == 37
    assert authority_id("9999") == 9999
    assert authority_id("10000") is None


def test_a_word_is_one_of_its_kind_to_the_letter() -> None:
    assert member(Colour, "red") is Colour.RED
    for other in (None, "", "RED", "blue"):
        assert member(Colour, other) is None


@given(st.text(st.characters()))
def test_what_is_searched_for_can_be_stored(typed: str) -> None:
    kept = storable(typed)
    assert "\x00" not in kept
    assert kept.encode() == kept.encode("utf-8", "surrogatepass")
    assert kept == kept.strip()
    assert storable(kept) == kept
