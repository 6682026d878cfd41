"""The captcha as the views use it: what a page shows, and whether a form that came back was sent by a person."""

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext

from workbench.portal.accounts import captcha
from workbench.portal.accounts.account_forms import CaptchaForm
from workbench.shell.context import parts


@dataclass(frozen=True)
class Picture:
    """What the captcha field shows: token, address of the picture, the sum in words."""

    token: str
    url: str
    question: str


def new_picture() -> Picture:
    """A new challenge in the reader's language."""
    challenge = captcha.offer(parts().secrets)
    return Picture(
        challenge.token,
        url_for("portal.captcha_picture", token=challenge.token),
        gettext(
            "What is %(first)s plus %(second)s? Enter the result in digits.",
            first=gettext(challenge.first),
            second=gettext(challenge.second),
        ),
    )


def validate(form: CaptchaForm) -> bool:
    """Whether the form is whole and a person sent it; what is wrong is noted at its fields. Spends the captcha."""
    whole = bool(form.validate())
    if not captcha.passes(parts(), form.captcha_token.data or "", form.captcha.data or "") and not form.captcha.errors:
        note(form.captcha, gettext("These were not the characters, or the picture was too old. Here is a new one."))
        return False
    return whole


def note(field: Any, problem: str) -> None:
    """Say at a field why it cannot stand."""
    field.errors = [*field.errors, problem]
