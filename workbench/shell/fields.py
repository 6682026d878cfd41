"""What the forms of look-up tables ask of their fields, said once."""

from typing import Final

from flask_babel import lazy_gettext as _
from wtforms import validators

NEEDED: Final = validators.InputRequired(_("Please fill this in."))


def at_most(length: int) -> validators.Length:
    """Refuse a text of more than `length` characters."""
    return validators.Length(max=length, message=_("Use at most %(max)d characters."))
