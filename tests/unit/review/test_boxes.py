"""Where a value stands on a page, however the text layer cut its words."""

import pytest

from workbench.review.boxes import MOST, Box, find

LINE = [["示例远", 0.1, 0.1, 0.2, 0.12], ["航进出口", 0.2, 0.1, 0.4, 0.12], ["有限公司", 0.4, 0.101, 0.6, 0.12]]


def test_a_value_cut_into_words_is_found_as_one_box() -> None:
    assert find(LINE, "示例远航进出口有限公司", 7) == [Box(7, 0.1, 0.1, 0.6, 0.12)]


def test_a_value_that_runs_over_two_lines_gets_a_box_on_each() -> None:
    words = [*LINE[:2], ["有限公司", 0.1, 0.2, 0.3, 0.22]]
    assert find(words, "远航进出口有限公司", 7) == [Box(7, 0.1, 0.1, 0.4, 0.12), Box(7, 0.1, 0.2, 0.3, 0.22)]


@pytest.mark.parametrize(
    "shown", ["91110000MA0000001X", "9111 0000 MA00 0000 1x", "９１１１００００ＭＡ００００００１Ｘ"]
)
def test_blanks_case_and_full_width_do_not_matter(shown: str) -> None:
    words = [["代码:", 0, 0, 0.1, 0.1], *([part, 0.1, 0, 0.9, 0.1] for part in shown.split())]
    assert find(words, "91110000MA0000001X", 1) == [Box(1, 0.1, 0, 0.9, 0.1)]


@pytest.mark.parametrize("value", ["", "有", "别的公司", "  "])
def test_nothing_is_found_for_what_is_not_there_or_says_nothing(value: str) -> None:
    assert find(LINE, value, 1) == []


def test_an_image_without_text_has_no_boxes() -> None:
    assert find(None, "示例远航", 1) == []


def test_a_value_on_every_line_is_not_boxed_for_ever() -> None:
    assert len(find([["示例", 0, n, 1, n + 0.5] for n in range(99)], "示例", 1)) == MOST
