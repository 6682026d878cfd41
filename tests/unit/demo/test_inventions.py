"""Invented enterprises and people: codes a strict check accepts, names nobody can take for real."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from workbench.demo.papers import invented_enterprise, invented_holder
from workbench.demo.papers.inventions import organisation_check_character, uscc_check_character

USCC_VALUES = {character: value for value, character in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}


@given(st.integers(min_value=0))
def test_an_invented_credit_code_satisfies_gb_32100_and_says_it_is_invented(seed: int) -> None:
    enterprise = invented_enterprise(random.Random(seed))
    total = sum(USCC_VALUES[character] * pow(3, place, 31) for place, character in enumerate(enterprise.uscc))
    # The check character's own weight is 3^17 = 3 (mod 31)^… : its value completes the weighted sum of the first 17.
    first_17 = total - USCC_VALUES[enterprise.uscc[17]] * pow(3, 17, 31)
    assert (31 - first_17 % 31) % 31 == USCC_VALUES[enterprise.uscc[17]]
    assert re.fullmatch(r"(9[123]|52|N2|Y1|A1)99[0-9]{4}[0-9A-Z]{10}", enterprise.uscc)
    assert enterprise.name.startswith("示例")
    assert "示例路" in enterprise.address
    assert enterprise.legal_representative.startswith("示例")


def test_check_characters_agree_with_published_codes() -> None:
    # The example of GB 11714 (D2143569-X) and the credit code every textbook prints (91350100M000100Y43).
    assert organisation_check_character("D2143569") == "X"
    assert uscc_check_character("91350100M000100Y4") == "3"


def test_every_legal_form_comes_up_and_names_vary() -> None:
    rng = random.Random(1)
    drawn = [invented_enterprise(rng) for _ in range(700)]
    assert {enterprise.uscc[:2] for enterprise in drawn} == {"91", "92", "93", "52", "N2", "Y1", "A1"}
    assert len({enterprise.uscc for enterprise in drawn}) == len(drawn)
    assert len({enterprise.name for enterprise in drawn}) > 300


@given(st.integers(min_value=0))
def test_an_invented_identity_number_passes_its_checksum_and_belongs_to_no_region(seed: int) -> None:
    holder = invented_holder(random.Random(seed))
    assert mod_11_2.is_valid(holder.id_number)
    assert re.fullmatch(r"99\d{4}(19|20)\d\d0101\d{3}[\dX]", holder.id_number)
    assert re.fullmatch(r"15400\d{6}", holder.phone)
    assert re.fullmatch(r"[a-z0-9]+@(example\.(com|net)|demo\.invalid)", holder.email)
    assert holder.name.startswith("示例")
