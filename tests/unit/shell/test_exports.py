"""CSV files that no spreadsheet computes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.errors import TooLarge
from workbench.shell.exports import csv_text, defused


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u3000=1"])
def test_formulas_are_defused(formula: str) -> None:
    assert defused(formula) == f"'{formula}"


@pytest.mark.parametrize("formula", ["＝1+1", "＋1", "－1", "＠SUM(A1)", "﹦1", "\u3000＝1"])
def test_formulas_in_wide_signs_are_defused(formula: str) -> None:
    assert defused(formula) == f"'{formula}"


def test_numbers_stay_numbers() -> None:
    assert (defused(-3), defused(None), defused("示例-1")) == ("-3", "", "示例-1")


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2),
        max_size=5,
    )
)
def test_no_cell_starts_like_a_formula_whatever_it_holds(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b"], rows), newline="")))
    assert len(read) == len(rows) + 1
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for cell in row)


def test_a_list_beyond_the_limit_is_refused_not_cut() -> None:
    assert csv_text(["a"], [["1"], ["2"]], limit=2).count("\n") == 3
    with pytest.raises(TooLarge):
        csv_text(["a"], [["1"], ["2"], ["3"]], limit=2)


def test_the_file_announces_its_encoding() -> None:
    assert csv_text(["编号"], []).encode()[:3] == b"\xef\xbb\xbf"
