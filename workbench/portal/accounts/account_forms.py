"""Forms of the account pages: labels, help and shapes. Whether a value is acceptable is the rooms' rules' to say."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import EmailField, Form, HiddenField, PasswordField, RadioField, StringField, validators
from wtforms.fields.choices import SelectChoice

from workbench.cases.words import CATEGORY_NAMES
from workbench.organisation.passwords import LONGEST, SHORTEST
from workbench.portal.accounts import registering
from workbench.shell.fields import NEEDED, at_most

_CONTROLS = dict.fromkeys((*range(32), 127), " ")
_AS_TYPED = {"autocapitalize": "none", "spellcheck": "false"}


def _written(typed: str | None) -> str:
    """What was typed, with blanks for control characters: no page can show them, no column keeps them."""
    return (typed or "").translate(_CONTROLS)


def _code() -> StringField:
    return StringField(
        _("Enterprise code"),
        [NEEDED, at_most(60)],
        filters=[_written],
        description=_("The 18-character unified social credit code on the business licence."),
        render_kw={"autocapitalize": "characters", "spellcheck": "false"},
    )


def _login(**extra: Any) -> StringField:
    return StringField(
        _("Login name"),
        [NEEDED, at_most(60)],
        filters=[_written],
        render_kw={"autocomplete": "username", **_AS_TYPED},
        **extra,
    )


def _new_password(label: Any) -> PasswordField:
    return PasswordField(
        label,
        [NEEDED, at_most(LONGEST)],
        description=_("At least %(length)d characters. A short sentence is easy to remember.", length=SHORTEST),
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST, "data-caps": ""},
    )


def _again(label: Any) -> PasswordField:
    return PasswordField(
        label,
        [NEEDED, validators.EqualTo("password", _("The two passwords differ."))],
        render_kw={"autocomplete": "new-password", "data-caps": ""},
    )


class CaptchaForm(Form):
    """A form that only people send. What its picture shows is set beside it; see `portal.accounts.captcha`."""

    captcha_token = HiddenField()
    captcha = StringField(_("Characters in the picture"), [NEEDED, at_most(40)], filters=[_written])


class SignInForm(CaptchaForm):
    """Who signs in."""

    uscc = _code()
    login = _login()
    password = PasswordField(
        _("Password"), [NEEDED, at_most(LONGEST)], render_kw={"autocomplete": "current-password", "data-caps": ""}
    )


class AccountForm(CaptchaForm):
    """Which account an e-mail is wanted for."""

    uscc = _code()
    login = _login()


class RegisterForm(CaptchaForm):
    """Who registers."""

    category = RadioField(
        _("Business category"),
        [NEEDED],
        choices=[SelectChoice(str(key), _(words)) for key, words in CATEGORY_NAMES.items()],
        validate_choice=False,
    )
    machinery_account = StringField(
        _("Account in the mechanical and electrical system"),
        [at_most(registering.LONGEST_ACCOUNT)],
        filters=[_written],
        description=_("Only for mechanical and electrical licences: the account you hold in that system."),
        render_kw={"autocomplete": "off", **_AS_TYPED},
    )
    uscc = _code()
    enterprise_name = StringField(
        _("Enterprise name"),
        [NEEDED, at_most(registering.LONGEST_NAME)],
        filters=[_written],
        description=_("Exactly as on the business licence."),
        render_kw={"autocomplete": "organization"},
    )
    login = _login(
        description=_(
            "4 to 30 letters, digits, dots, dashes or underscores. Each person of an enterprise has an own one."
        )
    )
    password = _new_password(_("Password"))
    again = _again(_("Password again"))
    email = EmailField(
        _("E-mail"),
        [NEEDED, at_most(254)],
        filters=[_written],
        description=_("The activation link goes here. With a wrong address none comes and the account stays closed."),
        render_kw={"autocomplete": "email", "spellcheck": "false"},
    )


class NewPasswordForm(Form):
    """A new password, twice."""

    password = _new_password(_("New password"))
    again = _again(_("New password again"))


class OwnPasswordForm(NewPasswordForm):
    """The same, with the one it replaces."""

    current = PasswordField(
        _("Current password"),
        [NEEDED, at_most(LONGEST)],
        render_kw={"autocomplete": "current-password", "data-caps": ""},
    )
