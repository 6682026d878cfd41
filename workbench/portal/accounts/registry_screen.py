"""The administrator's look into the enterprise registry: search, add, correct. Whole files are loaded by command."""

from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form, StringField, ValidationError

from workbench.cases.facts import USCC_REASONS
from workbench.kernel import clock
from workbench.kernel.codes import normalise_uscc, uscc_problem
from workbench.kernel.permissions import Permission
from workbench.portal.accounts.registry import LONGEST_NAME
from workbench.portal.models import EnterpriseRecord
from workbench.shell.fields import NEEDED, at_most
from workbench.shell.gate import DeskModelView

_name = (_("Enterprise name"), [NEEDED, at_most(LONGEST_NAME)])


class RecordForm(Form):
    """The name a code is registered under; the code is fixed."""

    name = StringField(*_name)


class NewRecordForm(RecordForm):
    """The same with the code."""

    uscc = StringField(_("Enterprise code"), [NEEDED], filters=[lambda typed: normalise_uscc(typed or "")])

    def validate_uscc(self, field: StringField) -> None:
        """Length, characters, checksum."""
        problem = uscc_problem(field.data)
        if problem is not None:
            raise ValidationError(gettext(USCC_REASONS[problem]))


class EnterpriseRecordView(DeskModelView):
    """The enterprise registry (代码库). While it holds no record, registering is not checked against it."""

    permission = Permission.FRONT_DOOR_MANAGE
    can_create = can_edit = True
    form = RecordForm
    introduction = _(
        "Which enterprise codes may register, and under which name. While this table is empty, every well-formed code "
        "may. Whole files are loaded by the command “registry load”."
    )
    column_list = ("uscc", "name", "loaded_at")
    column_labels: ClassVar = {
        "uscc": _("Enterprise code"),
        "name": _("Enterprise name"),
        "loaded_at": _("Entered"),
    }
    column_sortable_list = ("uscc", "loaded_at")
    column_default_sort = "uscc"
    column_searchable_list = ("uscc", "name")

    def __init__(self) -> None:
        super().__init__(EnterpriseRecord, name=_("Enterprise registry"), endpoint="registry", url="/desk/registry")

    def get_create_form(self) -> type[Form]:
        """Adding asks for the code as well."""
        return NewRecordForm

    def on_model_change(self, form: Form, model: Any, is_created: bool) -> None:
        """Note when the record was entered."""
        model.loaded_at = clock.now()
        super().on_model_change(form, model, is_created)
