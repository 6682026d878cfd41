"""The look-up table of courier companies. A company that is no longer used stays: parcels of old name it."""

from typing import Any, ClassVar

from flask import Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _

from workbench.dispatch.forms import CarrierForm, NewCarrierForm
from workbench.dispatch.models import Carrier
from workbench.kernel.permissions import Permission
from workbench.shell import menu
from workbench.shell.gate import DeskModelView


class CarrierView(DeskModelView):
    """Courier companies: names, how their waybill numbers look, how long they usually take."""

    permission = Permission.CARRIER_MANAGE
    can_create = can_edit = True
    form = CarrierForm
    introduction = _(
        "A waybill number has to fit its company's pattern when a parcel is handed over. A parcel is late after the "
        "company's usual time."
    )
    column_list = ("code", "name_zh", "name_en", "waybill_pattern", "waybill_example", "usual_days", "active")
    column_labels: ClassVar = {
        "code": _("Code"),
        "name_zh": _("Chinese name"),
        "name_en": _("English name"),
        "waybill_pattern": _("How waybill numbers look"),
        "waybill_example": _("Example"),
        "usual_days": _("Usual time in working days"),
        "active": _("In use"),
    }
    column_sortable_list = ("code", "usual_days")
    column_default_sort = "code"
    column_searchable_list = ("code", "name_zh", "name_en")

    def __init__(self) -> None:
        super().__init__(Carrier, name=_("Courier companies"), endpoint="carriers", url="/desk/carriers")

    def get_create_form(self) -> Any:
        """The form of a new company, which has a code."""
        return NewCarrierForm


def register(app: Flask, admin: Admin) -> None:
    """Add the table to the administrator's rail."""
    admin.add_view(CarrierView())
    menu.register(
        app,
        menu.MenuItem(
            _("Courier companies"),
            "carriers.index_view",
            Permission.CARRIER_MANAGE,
            group=menu.Group.ADMINISTRATION,
            icon="truck",
        ),
    )
