"""Forms of the organisation's screens: labels and shapes. Whether a value is acceptable is the service's to say."""

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    Form,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    validators,
    widgets,
)

from workbench.organisation.passwords import LONGEST, SHORTEST
from workbench.shell.fields import NEEDED, at_most


class SignInForm(Form):
    """Login name and password."""

    login = StringField(
        _("Login name"),
        [NEEDED, at_most(50)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _("Password"), [NEEDED, at_most(LONGEST)], render_kw={"autocomplete": "current-password", "data-caps": ""}
    )


class OwnPasswordForm(Form):
    """The current password and, twice, the new one."""

    current = PasswordField(
        _("Current password"),
        [NEEDED, at_most(LONGEST)],
        render_kw={"autocomplete": "current-password", "data-caps": ""},
    )
    new = PasswordField(
        _("New password"),
        [NEEDED, at_most(LONGEST)],
        description=_("At least %(length)d characters. A short sentence is easy to remember.", length=SHORTEST),
        render_kw={"autocomplete": "new-password", "minlength": SHORTEST, "data-caps": ""},
    )
    again = PasswordField(
        _("New password again"),
        [NEEDED, validators.EqualTo("new", _("The two new passwords differ."))],
        render_kw={"autocomplete": "new-password", "data-caps": ""},
    )


class StaffForm(Form):
    """A member of staff: who, employed where, to do what."""

    name = StringField(_("Name"), [NEEDED, at_most(60)], render_kw={"autocomplete": "off"})
    email = EmailField(_("E-mail"), [at_most(254)], render_kw={"autocomplete": "off"})
    employer = SelectField(_("Employer"), description=_("Roles below follow from the employer."))
    roles = SelectMultipleField(
        _("Roles"),
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )


class NewStaffForm(StaffForm):
    """The same with the login name, which never changes afterwards."""

    login = StringField(
        _("Login name"),
        [NEEDED, at_most(50)],
        description=_("3 to 50 small letters, digits, dots or dashes. It cannot be changed later."),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class AuthorityForm(Form):
    """Names and place of an issuing authority; its code is fixed."""

    name_zh = StringField(_("Chinese name"), [NEEDED, at_most(100)])
    short_zh = StringField(_("Short name"), [NEEDED, at_most(20)], description=_("Shown where space is short."))
    name_en = StringField(_("English name"), [NEEDED, at_most(200)])
    position = IntegerField(
        _("Place in the official order"),
        [NEEDED, validators.NumberRange(1, 999, _("A whole number from 1 to 999."))],
    )
    active = BooleanField(_("Takes part"), description=_("Without this mark nobody can apply to this authority."))


class PickupSiteForm(Form):
    """Where keys are collected."""

    authority_id = SelectField(_("Issuing authority"), coerce=int)
    name = StringField(_("Name of the place"), [NEEDED, at_most(100)])
    address = StringField(
        _("Address"),
        [NEEDED, at_most(300)],
        description=_("As an applicant needs it: street, number, floor, window."),
    )
    telephone = StringField(_("Telephone"), [at_most(60)])
    opening_hours = StringField(_("Opening hours"), [at_most(200)])
    note = TextAreaField(_("Note for applicants"), [at_most(1000)])
    active = BooleanField(_("In use"), default=True, description=_("Keys are only sent to places in use."))
