"""What is accepted as a password, and how one is kept."""

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.errors import Invalid
from workbench.organisation import passwords


@pytest.mark.parametrize(
    "refused",
    [
        "short one",
        "password1234",
        "PASSWORD1234",
        "１２３４５６７８９０１２",
        "abababababab",
        "shili.jingban123",
        "ab3 " * 33,
    ],
)
def test_refuses_what_is_short_common_or_made_from_the_login(refused: str) -> None:
    with pytest.raises(Invalid):
        passwords.accept(refused, "shili.jingban")


@pytest.mark.parametrize(
    "accepted", ["correct horse battery", "下雨天也要记得带伞出门走走", "shili.jingban eats noodles"]
)
def test_accepts_a_short_sentence_without_rules_on_composition(accepted: str) -> None:
    passwords.accept(accepted, "shili.jingban")
    assert len(accepted) >= passwords.SHORTEST


def test_every_common_password_is_long_enough_to_need_listing() -> None:
    assert {each for each in passwords.COMMON if len(each) < passwords.SHORTEST} == set()


def test_keeps_a_salted_argon2id_hash() -> None:
    first, second = passwords.hash_of("correct horse battery"), passwords.hash_of("correct horse battery")
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.matches(first, "correct horse battery")
    assert not passwords.matches(first, "correct horse batterz")


def test_full_width_input_is_the_same_password() -> None:
    assert passwords.matches(passwords.hash_of("abc123 correct"), "ａｂｃ１２３ correct")


def test_notices_weaker_settings() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse battery")
    assert passwords.is_outdated(weak)
    assert not passwords.is_outdated(passwords.hash_of("correct horse battery"))


def test_a_damaged_hash_matches_nothing() -> None:
    assert not passwords.matches("", "")
    assert not passwords.matches("not a hash", "not a hash")


def test_first_passwords_are_acceptable_and_differ() -> None:
    made = [passwords.make_first_password() for _ in range(200)]
    for each in made:
        passwords.accept(each, "somebody")
    assert len(set(made)) == len(made)


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{2,49}", fullmatch=True), st.integers(1, 20))
def test_repeating_the_login_is_never_a_password(login: str, times: int) -> None:
    with pytest.raises(Invalid):
        passwords.accept(login * times, login)
