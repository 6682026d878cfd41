"""Codes that are legal pass, whatever their region or department; every single slip of the finger is caught."""

import random
from datetime import date

import pytest

from workbench.kernel.codes import (
    USCC_ALPHABET,
    IdentityProblem,
    UsccProblem,
    group4,
    identity_problem,
    mask_identity,
    normalise_identity,
    normalise_uscc,
    uscc_check_character,
    uscc_problem,
)

TODAY = date(2026, 11, 22)
ALPHABET = "".join(sorted(USCC_ALPHABET))
SAMPLE_USCC = "91110000600037341L"  # the example of python-stdnum's documentation
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)  # table of GB 32100-2015
IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # table of GB 11643


def make_uscc(first_17: str) -> str:
    """The standard's own arithmetic, written out."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * w for c, w in zip(first_17, USCC_WEIGHTS, strict=True))
    return first_17 + alphabet[-total % 31]


def make_identity(first_17: str) -> str:
    total = sum(int(c) * w for c, w in zip(first_17, IDENTITY_WEIGHTS, strict=True))
    return first_17 + "10X98765432"[total % 11]


def random_uscc(rng: random.Random) -> str:
    return make_uscc("".join(rng.choice(ALPHABET) for _ in range(17)))


def test_alphabet_is_the_standards() -> None:
    assert len(ALPHABET) == 31
    assert not set("IOSVZ") & USCC_ALPHABET


def test_random_codes_round_trip() -> None:
    rng = random.Random(32100)
    for _ in range(5_000):
        code = random_uscc(rng)
        assert uscc_problem(code) is None, code
        assert uscc_check_character(code[:17]) == code[17]
        typed = " ".join([code[:4].lower(), code[4:9], code[9:]])
        assert normalise_uscc(typed) == code


@pytest.mark.parametrize("department", list("123456789ANY"))
def test_every_department_is_accepted(department: str) -> None:
    rng = random.Random(department)
    for kind in "123459":
        code = make_uscc(f"{department}{kind}110000" + "".join(rng.choice(ALPHABET) for _ in range(9)))
        assert uscc_problem(code) is None, code


def test_every_single_substitution_is_caught() -> None:
    rng = random.Random(1)
    for code in [SAMPLE_USCC, *(random_uscc(rng) for _ in range(20))]:
        for i, original in enumerate(code):
            for other in USCC_ALPHABET - {original}:
                assert uscc_problem(code[:i] + other + code[i + 1 :]) is UsccProblem.CHECKSUM


def test_every_adjacent_transposition_is_caught() -> None:
    rng = random.Random(2)
    for code in [SAMPLE_USCC, *(random_uscc(rng) for _ in range(200))]:
        for i in range(17):
            if code[i] != code[i + 1]:
                swapped = code[:i] + code[i + 1] + code[i] + code[i + 2 :]
                assert uscc_problem(swapped) is UsccProblem.CHECKSUM


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("", UsccProblem.LENGTH),
        (SAMPLE_USCC[:-1], UsccProblem.LENGTH),
        (SAMPLE_USCC + "0", UsccProblem.LENGTH),
        ("9111000060003734IL", UsccProblem.CHARACTERS),
        ("91110000-00037341L", UsccProblem.CHARACTERS),
        ("9111000060003734١L", UsccProblem.CHARACTERS),
        (SAMPLE_USCC.lower(), UsccProblem.CHARACTERS),
        ("91110000600037341K", UsccProblem.CHECKSUM),
    ],
)
def test_problems_are_named(code: str, problem: UsccProblem) -> None:
    assert uscc_problem(code) is problem


@pytest.mark.parametrize(
    "untrusted",
    [
        " 9111 0000 6000 3734 1l\n",
        "９１１１００００６０００３７３４１Ｌ",
        "91110000\u3000600037341L",
        "\ufeff91110000600037341\u200bL\u00a0",
    ],
)
def test_pasted_codes_are_normalised(untrusted: str) -> None:
    assert normalise_uscc(untrusted) == SAMPLE_USCC


@pytest.mark.parametrize("first_17", ["", "9" * 16, "9" * 18, "I" + "9" * 16, "9" * 16 + " "])
def test_check_character_needs_seventeen_legal_characters(first_17: str) -> None:
    with pytest.raises(ValueError, match="17 characters"):
        uscc_check_character(first_17)


@pytest.mark.parametrize("region", ["110101", "810000", "820000", "830000", "900000", "000000", "513021"])
@pytest.mark.parametrize("birth", ["19300101", "19600229", "20000229", "19991231", "20261122"])
def test_identity_numbers_of_any_region_and_age_are_accepted(region: str, birth: str) -> None:
    for serial in ("001", "123", "998", "456"):
        assert identity_problem(make_identity(region + birth + serial), TODAY) is None


@pytest.mark.parametrize("birth", ["19000229", "20230229", "19991301", "19990001", "19990230", "00000101", "99991231"])
def test_impossible_and_future_birth_dates_are_named(birth: str) -> None:
    assert identity_problem(make_identity(f"110101{birth}001"), TODAY) is IdentityProblem.DATE


def test_birth_dates_run_from_150_years_ago_to_today() -> None:
    def problem(birth: str) -> IdentityProblem | None:
        return identity_problem(make_identity(f"110101{birth}001"), TODAY)

    assert problem("20261122") is None
    assert problem("20261123") is IdentityProblem.DATE
    assert problem("18761122") is None
    assert problem("18761121") is IdentityProblem.DATE


def test_a_trailing_x_is_accepted_in_either_case_and_only_there() -> None:
    number = next(n for n in (make_identity(f"11010119490307{i:03}") for i in range(99)) if n.endswith("X"))
    assert identity_problem(number, TODAY) is None
    assert identity_problem(number[:-1] + "x", TODAY) is None
    assert normalise_identity(f" {number[:-1]}ｘ ") == number
    assert identity_problem("X" + number[1:], TODAY) is IdentityProblem.CHARACTERS


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", IdentityProblem.LENGTH),
        ("110101490307001", IdentityProblem.LENGTH),
        ("11010119490307001A", IdentityProblem.CHARACTERS),
        ("1101011949030700²5", IdentityProblem.CHARACTERS),
        ("１１０１０１１９４９０３０７００１５", IdentityProblem.CHARACTERS),
    ],
)
def test_identity_problems_are_named(number: str, problem: IdentityProblem) -> None:
    assert identity_problem(number, TODAY) is problem


def test_every_slip_in_an_identity_number_is_caught() -> None:
    rng = random.Random(3)
    for _ in range(200):
        birth = f"1970{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
        number = make_identity(f"{rng.randrange(10**6):06}{birth}{rng.randrange(1000):03}")
        for i in range(17):
            for other in set("0123456789") - {number[i]}:
                assert identity_problem(number[:i] + other + number[i + 1 :], TODAY) is not None
            if number[i] != number[i + 1]:
                swapped = number[:i] + number[i + 1] + number[i] + number[i + 2 :]
                assert identity_problem(swapped, TODAY) is not None


def test_a_masked_number_shows_its_ends_only() -> None:
    assert mask_identity("11010119490307001X") == "1****************X"
    assert [mask_identity(short) for short in ("", "1", "12", "123")] == ["", "*", "**", "1*3"]


def test_codes_are_shown_in_groups_of_four() -> None:
    assert group4(SAMPLE_USCC) == "9111 0000 6000 3734 1L"
    assert group4("") == ""
