"""Telling people from programs: letters in a picture, or a sum in words for whoever cannot read it.

The answer travels with the form, sealed, so nothing is stored until it is used. Each challenge is spent by the first
answer, right or wrong: a program cannot try again, nor carry one answer to a second form.
"""

import hmac
import json
import secrets as randomness
import unicodedata
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from captcha.image import ImageCaptcha
from cryptography.fernet import Fernet, InvalidToken

from workbench.kernel import clock
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.secrets import Secrets
from workbench.portal.spending import spend

LASTS: Final = timedelta(minutes=10)
LETTERS: Final = "ACDEFHJKLMNPRTUVXY3479"
"""Nothing that looks like something else, upright or tilted, alone or beside its neighbour."""
LENGTH: Final = 5
WIDTH: Final = 220
HEIGHT: Final = 76
"""Pixels of the picture."""
NUMBERS: Final = (
    N_("two"),
    N_("three"),
    N_("four"),
    N_("five"),
    N_("six"),
    N_("seven"),
    N_("eight"),
    N_("nine"),
    N_("ten"),
    N_("eleven"),
    N_("twelve"),
    N_("thirteen"),
    N_("fourteen"),
    N_("fifteen"),
    N_("sixteen"),
    N_("seventeen"),
    N_("eighteen"),
    N_("nineteen"),
    N_("twenty"),
)
"""What is added, in words: a program that searches the page for digits finds none."""
_SMALLEST: Final = 2
_BACKGROUND: Final = (246, 249, 250)
_INK: Final = (11, 69, 83)


class _Painter(ImageCaptcha):
    """Tilts letters less than the library does, and lets them overlap little: people have to read them."""

    character_rotate = (-22, 22)
    character_warp_dx = (0.05, 0.2)
    word_space_probability = 0.85
    word_offset_dx = 0.08


_painter: Final = _Painter(width=WIDTH, height=HEIGHT, font_sizes=(50, 54, 58))


@dataclass(frozen=True)
class CaptchaChallenge:
    """What a form shows: the sealed token, and the two numbers to add as msgids."""

    token: str
    first: str
    second: str


@dataclass(frozen=True)
class _Answers:
    serial: str
    letters: str
    first: int
    second: int


def offer(secrets: Secrets) -> CaptchaChallenge:
    """A new challenge, good for ten minutes and one answer."""
    letters = "".join(randomness.choice(LETTERS) for _ in range(LENGTH))
    first, second = (randomness.randbelow(len(NUMBERS)) for _ in range(2))
    # Spent by its serial number: the same seal can be written in more than one way.
    sealed = json.dumps([randomness.token_hex(12), letters, first + _SMALLEST, second + _SMALLEST]).encode()
    token = _box(secrets).encrypt_at_time(sealed, _now()).decode()
    return CaptchaChallenge(token, NUMBERS[first], NUMBERS[second])


def passes(parts: Parts, token: str, typed: str) -> bool:
    """Whether `typed` answers the challenge, as letters or as the sum. The challenge is spent either way, at once and
    for good, whatever becomes of the form it came with."""
    answers = _find_answers(parts.secrets, token)
    if answers is None or not spend(parts, f"captcha:{answers.serial}", clock.now() + LASTS):
        return False
    given = _folded(typed)
    by_letters = hmac.compare_digest(given, answers.letters.encode())
    by_sum = hmac.compare_digest(given, str(answers.first + answers.second).encode())
    return by_letters or by_sum


def find_picture(secrets: Secrets, token: str) -> bytes | None:
    """The letters as a PNG, drawn anew each time; None when the token is forged or too old."""
    answers = _find_answers(secrets, token)
    if answers is None:
        return None
    return _painter.generate(answers.letters, bg_color=_BACKGROUND, fg_color=_INK).getvalue()


def answer_of(secrets: Secrets, token: str) -> str:
    """The letters of a challenge, for those who hold the installation's secrets: tests and nobody else.

    Raises:
        ValueError: the token is forged or too old.
    """
    answers = _find_answers(secrets, token)
    if answers is None:
        raise ValueError("this token opens nothing")
    return answers.letters


def _find_answers(secrets: Secrets, token: str) -> _Answers | None:
    try:
        opened = _box(secrets).decrypt_at_time(token.encode(), int(LASTS.total_seconds()), _now())
    except (InvalidToken, UnicodeEncodeError):
        return None
    return _Answers(*json.loads(opened))


def _box(secrets: Secrets) -> Fernet:
    """A key of the captcha's own, so that nothing sealed elsewhere opens here."""
    return Fernet(urlsafe_b64encode(hmac.digest(secrets.session_key, b"portal.captcha", sha256)))


def _folded(typed: str) -> bytes:
    """As typed on any keyboard: small letters, full width and blanks do not matter."""
    folded = unicodedata.normalize("NFKC", typed[:40]).upper()
    return "".join(folded.split()).encode("utf-8", "replace")


def _now() -> int:
    return int(clock.now().timestamp())
