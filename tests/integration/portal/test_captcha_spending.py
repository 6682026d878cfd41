"""A challenge is spent by its first answer, whatever becomes of the form, also when two come at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.support.stranger import Stranger
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import TooMany
from workbench.kernel.parts import Parts
from workbench.portal.accounts import captcha
from workbench.portal.models import SpentToken
from workbench.portal.spending import slow_down, spend


def test_letters_pass_once_as_people_type_them(door_parts: Parts) -> None:
    token = captcha.offer(door_parts.secrets).token
    letters = captcha.answer_of(door_parts.secrets, token)
    typed = " ".join(letters.lower()).translate({ord("3"): "３"})
    assert captcha.passes(door_parts, token, typed)
    assert not captcha.passes(door_parts, token, letters)


def test_a_wrong_answer_spends_it_too(door_parts: Parts) -> None:
    token = captcha.offer(door_parts.secrets).token
    assert not captcha.passes(door_parts, token, "")
    assert not captcha.passes(door_parts, token, captcha.answer_of(door_parts.secrets, token))


def test_the_same_seal_written_otherwise_is_spent_as_well(door_parts: Parts) -> None:
    token = captcha.offer(door_parts.secrets).token
    letters = captcha.answer_of(door_parts.secrets, token)
    assert captcha.passes(door_parts, token, letters)
    for variant in (f"{token}\n", f" {token}", f"{token}==", f"{token[:10]}!{token[10:]}"):
        assert not captcha.passes(door_parts, variant, letters)


def test_of_many_at_once_one_passes(door_parts: Parts) -> None:
    token = captcha.offer(door_parts.secrets).token
    letters = captcha.answer_of(door_parts.secrets, token)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: captcha.passes(door_parts, token, letters), range(12)))
    assert answers.count(True) == 1


def test_what_is_too_old_or_forged_never_passes(door_parts: Parts) -> None:
    token = captcha.offer(door_parts.secrets).token
    letters = captcha.answer_of(door_parts.secrets, token)
    with clock_at(now() + timedelta(minutes=11)):
        assert not captcha.passes(door_parts, token, letters)
    assert not captcha.passes(door_parts, "\ud800", letters)
    assert not captcha.passes(door_parts, token, "\x00\ud800" + "9" * 10_000)


def test_the_spent_are_forgotten_when_they_would_have_expired(door_parts: Parts) -> None:
    start = now() + timedelta(days=1)
    with clock_at(start):
        assert spend(door_parts, "once", start + timedelta(minutes=1))
        assert not spend(door_parts, "once", start + timedelta(minutes=1))
    with clock_at(start + timedelta(minutes=2)):
        assert spend(door_parts, "another", start + timedelta(minutes=9))
    with door_parts.work() as session:
        assert session.scalar(select(func.count()).select_from(SpentToken)) == 1


def test_tries_are_counted_by_purpose_and_address(door_parts: Parts) -> None:
    start = now()
    limit = {"most": 3, "within": timedelta(minutes=10)}
    with clock_at(start):
        for _ in range(3):
            slow_down(door_parts, "knock", "10.0.0.1", **limit)  # type: ignore[arg-type]  # two keywords of two types
        with pytest.raises(TooMany) as refusal:
            slow_down(door_parts, "knock", "10.0.0.1", **limit)  # type: ignore[arg-type]
        assert refusal.value.retry_after == pytest.approx(600, abs=1)
        slow_down(door_parts, "knock", "10.0.0.2", **limit)  # type: ignore[arg-type]
        slow_down(door_parts, "ring", "10.0.0.1", **limit)  # type: ignore[arg-type]
    with clock_at(start + timedelta(minutes=10, seconds=1)):
        slow_down(door_parts, "knock", "10.0.0.1", **limit)  # type: ignore[arg-type]


def test_parallel_tries_get_no_more_than_the_limit(door_parts: Parts) -> None:
    def knock(_: int) -> bool:
        try:
            slow_down(door_parts, "rush", "10.0.0.1", most=5, within=timedelta(minutes=10))
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(knock, range(14))).count(True) == 5


def test_another_picture_is_to_be_had_without_a_new_page(stranger: Stranger) -> None:
    fresh = stranger.client.get("/captcha").json
    assert fresh is not None
    picture = stranger.client.get(fresh["picture"])
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert picture.headers["Cache-Control"] == "no-store"
    assert captcha.answer_of(stranger.parts.secrets, fresh["token"]) not in str(fresh)
    assert " plus " in fresh["question"]
    assert stranger.client.get("/captcha/forged.png").status_code == 404
