"""Waybill numbers: the usual companies' forms, and patterns of an administrator that can't bring the desk to a halt."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dispatch.carriers import (
    LONGEST_WAYBILL,
    USUAL_CARRIERS,
    check_waybill,
    fits,
    normalise_waybill,
    pattern_problem,
)
from workbench.dispatch.models import Carrier
from workbench.kernel.errors import Invalid

PATTERNS = {code: pattern for code, _, _, pattern, _, _ in USUAL_CARRIERS}


@pytest.mark.parametrize("usual", USUAL_CARRIERS, ids=lambda usual: usual[0])
def test_each_usual_company_has_a_sound_pattern_and_an_example_of_it(usual: tuple[str, ...]) -> None:
    assert pattern_problem(usual[3], usual[4]) is None


@pytest.mark.parametrize(
    ("code", "number", "right"),
    [
        ("sf", "SF1234567890123", True),
        ("sf", "123456789012", True),
        ("sf", "SF123456789012", False),
        ("ems", "EA123456789CN", True),
        ("ems", "EA123456789US", False),
        ("yto", "YT1234567890123", True),
        ("yto", "JD1234567890123", False),
        ("jd", "JDVB12345678901", True),
        ("zto", "78123456789012", True),
        ("yunda", "4312345678901", True),
        ("sto", "773123456789012", True),
        ("sto", "77312345678901", False),
    ],
)
def test_numbers_of_the_usual_companies(code: str, number: str, right: bool) -> None:
    assert fits(PATTERNS[code], number) is right


@pytest.mark.parametrize("scanned", ["sf 1234 5678 90123", "ＳＦ１２３４５６７８９０１２３", "\tSF1234567890123\r\n"])
def test_blanks_small_letters_and_wide_characters_do_not_matter(scanned: str) -> None:
    assert normalise_waybill(scanned) == "SF1234567890123"


YTO = Carrier(code="yto", name_zh="圆通", name_en="YTO", waybill_pattern=r"YT\d{13}", waybill_example="YT0")


@given(st.text(max_size=60))
def test_only_what_looks_like_the_companys_numbers_is_kept(scanned: str) -> None:
    try:
        kept = check_waybill(YTO, scanned)
    except Invalid:
        kept = ""
    assert bool(kept) == bool(re.fullmatch(r"YT[0-9]{13}", normalise_waybill(scanned)))


def test_a_refusal_gives_an_example_and_repeats_no_more_than_a_number_has() -> None:
    with pytest.raises(Invalid, match="YT0") as refused:
        check_waybill(YTO, "9" * 500)
    assert refused.value.values["waybill"] == "9" * LONGEST_WAYBILL


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (r"(\d+)+", "1"),
        (r"\d*", "1"),
        (r".{3}", "123"),
        (r"\w{3}", "123"),
        (r"[A-Z", "A"),
        (r"{3}", "123"),
        (r"\d{3}{3}", "123"),
        (r"\d{9,3}", "123"),
        (r"\d{1,9}" * 5, "12345"),
        ("", ""),
        ("A" * 200, "A"),
        (r"YT\d{13}", "YT1"),
        (r"\d{99}", "1" * 99),
    ],
)
def test_a_pattern_that_is_no_use_is_told(pattern: str, example: str) -> None:
    assert pattern_problem(pattern, example)


def test_an_example_may_name_several_forms() -> None:
    assert pattern_problem(r"\d{3}|A\d", "123 / A1") is None
    assert pattern_problem(r"\d{3}|A\d", "123 / B1") == "The example does not fit the pattern."
    assert pattern_problem(r"\d{3}|A\d", "123 /")


@pytest.mark.parametrize("usual", USUAL_CARRIERS, ids=lambda usual: usual[0])
def test_the_usual_companies_fit_their_own_rules(usual: tuple[str, str, str, str, str, int]) -> None:
    _code, _zh, _en, pattern, example, _days = usual
    assert pattern_problem(pattern, example) is None
    assert len(example) <= LONGEST_WAYBILL


PIECES = st.sampled_from(["A", "7", r"\d", "[A-Z]", "[A-Z0-9]", "[0-9]", "{2}", "{13}", "{1,9}", "{1,40}", "|"])


@given(st.lists(PIECES, min_size=1, max_size=12).map("".join), st.sampled_from(["A", "7", "A7"]))
def test_no_pattern_that_is_taken_is_slow_to_read(pattern: str, letters: str) -> None:
    began = time.thread_time()
    taken = pattern_problem(pattern, "-") == "The example does not fit the pattern."
    if taken:
        fits(pattern, (letters * LONGEST_WAYBILL)[: LONGEST_WAYBILL - 1] + "-")
    assert time.thread_time() - began < 1
