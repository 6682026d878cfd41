"""Whatever stands in an address is read as something the database can be asked for, or as nothing."""

from datetime import date
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.arguments import (
    LARGEST_ID,
    authority_id,
    day,
    member,
    row_id,
    scanned_text,
    storable,
    visible,
)


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


def test_what_an_input_method_made_wide_is_read_as_a_scanner_types_it() -> None:
    assert scanned_text(" ＥＫ００１\x00\u3000", 64) == "EK001"
    assert scanned_text("EK001", 2) == "EK"


def test_a_name_keeps_what_can_be_seen() -> None:
    assert visible("\u202e示例\u200b甲 \ufeff") == "示例甲"
    assert visible("\u200b\u202e") == ""


@pytest.mark.parametrize("typed", [None, "", "24.11.2026", "2026-02-30", "1999-12-31", "9001-01-01", "9999-12-31"])
def test_what_is_no_day_of_ours_is_none(typed: str | None) -> None:
    assert day(typed) is None
    assert day("2026-11-24") == date(2026, 11, 24)
