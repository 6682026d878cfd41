"""The contacts as an administrator keeps them. None is removed: one that is no longer wanted is switched off."""

from typing import ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, Form, IntegerField, StringField, ValidationError, validators

from workbench.kernel.errors import Invalid
from workbench.kernel.permissions import Permission
from workbench.portal.front.contacts import check_website
from workbench.portal.models import Contact
from workbench.shell.fields import NEEDED, at_most
from workbench.shell.gate import DeskModelView


def _is_website(form: Form, field: StringField) -> None:
    try:
        field.data = check_website(field.data or "")
    except Invalid as refusal:
        raise ValidationError(gettext(refusal.reason)) from refusal


class ContactForm(Form):
    """Who, how to reach them, and for what."""

    name_zh = StringField(_("Chinese name"), [NEEDED, at_most(100)])
    name_en = StringField(_("English name"), [at_most(200)])
    telephone = StringField(
        _("Telephone"),
        [
            validators.Optional(),
            at_most(60),
            validators.Regexp(r"[0-9+()\- ,;/、，（）转]+\Z", message=_("Digits, brackets and dashes only.")),
        ],
    )
    website = StringField(
        _("Website"), [at_most(200), _is_website], description=_("A host such as www.example.org, or https://….")
    )
    note_zh = StringField(_("What for (Chinese)"), [at_most(300)])
    note_en = StringField(_("What for (English)"), [at_most(300)])
    position = IntegerField(
        _("Place"),
        [validators.NumberRange(0, 9999, _("A number from 0 to 9999."))],
        default=50,
        description=_("Lower numbers come first."),
    )
    active = BooleanField(_("Shown"), default=True)


class ContactView(DeskModelView):
    """Whom applicants may call or write to."""

    permission = Permission.FRONT_DOOR_MANAGE
    can_create = can_edit = True
    form = ContactForm
    audit_subject = "contact"
    introduction = _("Shown to applicants on the front page and under “Help and contacts”.")
    column_list = ("position", "name_zh", "telephone", "website", "note_zh", "active")
    column_labels: ClassVar = {
        "position": _("Place"),
        "name_zh": _("Chinese name"),
        "telephone": _("Telephone"),
        "website": _("Website"),
        "note_zh": _("What for (Chinese)"),
        "active": _("Shown"),
    }
    column_default_sort = "position"
    column_sortable_list = ("position",)

    def __init__(self) -> None:
        super().__init__(Contact, name=_("Contacts for applicants"), endpoint="contacts", url="/desk/contacts")
