"""A challenge tells nothing, cannot be forged or stretched, and is readable by people alone."""

import base64
import io
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workbench.kernel.clock import clock_at, now
from workbench.kernel.secrets import Secrets
from workbench.portal.accounts import captcha


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    """Those of an installation."""
    folder: Path = tmp_path_factory.mktemp("keys")
    return Secrets.load_or_create(folder)


def test_the_picture_is_a_small_png_and_drawn_anew(secrets: Secrets) -> None:
    token = captcha.offer(secrets).token
    first, second = (captcha.find_picture(secrets, token) for _ in range(2))
    assert first is not None
    assert first != second
    with Image.open(io.BytesIO(first)) as picture:
        assert (picture.format, picture.size) == ("PNG", (captcha.WIDTH, captcha.HEIGHT))
    assert len(first) < 20_000


def test_the_token_tells_nothing(secrets: Secrets) -> None:
    challenge = captcha.offer(secrets)
    letters = captcha.answer_of(secrets, challenge.token)
    opened = base64.urlsafe_b64decode(challenge.token)
    assert letters not in challenge.token
    assert letters.encode() not in opened
    assert set(letters) <= set(captcha.LETTERS)
    assert len(letters) == captcha.LENGTH


def test_no_two_challenges_are_alike(secrets: Secrets) -> None:
    assert len({captcha.offer(secrets).token for _ in range(50)}) == 50


def test_after_ten_minutes_it_opens_nothing(secrets: Secrets) -> None:
    token = captcha.offer(secrets).token
    with clock_at(now() + timedelta(minutes=9, seconds=50)):
        assert captcha.find_picture(secrets, token) is not None
    with clock_at(now() + timedelta(minutes=10, seconds=5)):
        assert captcha.find_picture(secrets, token) is None


def test_another_installations_token_opens_nothing(secrets: Secrets, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="opens nothing"):
        captcha.answer_of(secrets, captcha.offer(Secrets.load_or_create(tmp_path)).token)


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_a_changed_bit_opens_nothing(secrets: Secrets, position: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(captcha.offer(secrets).token))
    raw[position % len(raw)] ^= 1 << bit
    assert captcha.find_picture(secrets, base64.urlsafe_b64encode(raw).decode()) is None


@given(token=st.text(max_size=200))
def test_any_other_text_opens_nothing(secrets: Secrets, token: str) -> None:
    assert captcha.find_picture(secrets, token) is None
