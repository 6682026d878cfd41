"""The look-up tables of places: issuing authorities and where keys are collected."""

from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form
from wtforms.fields.choices import SelectChoice

from workbench.kernel.permissions import Permission
from workbench.organisation import queries
from workbench.organisation.forms import AuthorityForm, PickupSiteForm
from workbench.organisation.models import Authority, PickupSite
from workbench.organisation.words import KIND_WORDS
from workbench.shell.context import db
from workbench.shell.gate import DeskModelView


class AuthorityView(DeskModelView):
    """The issuing authorities in their official order. Names and order are edited; none is added or removed here."""

    permission = Permission.AUTHORITY_MANAGE
    can_edit = True
    form = AuthorityForm
    introduction = _("The issuing authorities in their official order, as boards and the applicant's site show them.")
    column_list = ("position", "code", "name_zh", "short_zh", "name_en", "kind", "active")
    column_labels: ClassVar = {
        "position": _("Position"),
        "code": _("Code"),
        "name_zh": _("Chinese name"),
        "short_zh": _("Short name"),
        "name_en": _("English name"),
        "kind": _("Kind"),
        "active": _("Takes part"),
    }
    column_sortable_list = ("position", "code")
    column_default_sort = "position"
    column_searchable_list = ("code", "name_zh", "name_en")
    column_formatters: ClassVar = {
        "kind": lambda view, context, row, name: gettext(KIND_WORDS[row.kind]),
    }

    def __init__(self) -> None:
        super().__init__(Authority, name=_("Authorities"), endpoint="authorities", url="/desk/authorities")


class PickupSiteView(DeskModelView):
    """Where keys are collected. A closed place stays: keys on the way still name it."""

    permission = Permission.AUTHORITY_MANAGE
    can_create = can_edit = True
    form = PickupSiteForm
    list_template = "organisation/pickup_sites.html"
    introduction = _("Where keys are collected, often not the authority's own address. Applicants see this.")
    column_list = ("authority.short_zh", "name", "address", "telephone", "opening_hours", "active")
    column_labels: ClassVar = {
        "authority.short_zh": _("Issuing authority"),
        "name": _("Name of the place"),
        "address": _("Address"),
        "telephone": _("Telephone"),
        "opening_hours": _("Opening hours"),
        "active": _("In use"),
    }
    column_sortable_list = ("name",)
    column_default_sort = "authority_id"
    column_searchable_list = ("name", "address")

    def __init__(self) -> None:
        super().__init__(PickupSite, name=_("Pick-up sites"), endpoint="pickup_sites", url="/desk/pickup-sites")

    def create_form(self, obj: Any = None) -> Form:
        """An empty form with the authorities to choose from."""
        return self._with_authorities(super().create_form(obj))

    def edit_form(self, obj: Any = None) -> Form:
        """The place's form with the authorities to choose from."""
        return self._with_authorities(super().edit_form(obj))

    def render(self, template: str, **values: Any) -> Any:
        """Tell the list which authorities have no open place yet."""
        if template == self.list_template:
            values["without_site"] = queries.list_authorities_without_site(db())
        return super().render(template, **values)

    @staticmethod
    def _with_authorities(form: Form) -> Form:
        form.authority_id.choices = [
            SelectChoice(each.id, f"{each.short_zh} · {each.name_zh}")
            for each in queries.list_authorities(db(), active_only=True)
        ]
        return form
