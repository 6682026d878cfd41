"""Remark templates as their keepers edit them. None is removed: one that is no longer wanted is switched off."""

import re
from typing import Any, ClassVar, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, Form, IntegerField, SelectChoice, SelectField, StringField, TextAreaField, validators

from workbench.cases.service import MAX_REMARK
from workbench.cases.words import DESK_NAMES, Desk, Verdict
from workbench.kernel.permissions import Permission
from workbench.review.models import RemarkTemplate
from workbench.review.remarks import FAULTS
from workbench.shell.fields import NEEDED, at_most
from workbench.shell.gate import DeskModelView

_TYPED: Final = re.compile(r"[{｛]\s*(?:problems|问题)\s*[}｝]", re.IGNORECASE)
"""What people write where the faults shall stand, in either language and however their keyboard writes braces."""

VERDICT_WORDS = {Verdict.PASSED: _("Passed"), Verdict.FAILED: _("Not passed")}


class RemarkTemplateForm(Form):
    """Where a template is offered, and its text."""

    desk = SelectField(
        _("Desk"), choices=[SelectChoice(each.value, _(DESK_NAMES[each])) for each in (Desk.PRE_CHECK, Desk.RE_CHECK)]
    )
    verdict = SelectField(
        _("Verdict"), choices=[SelectChoice(each.value, word) for each, word in VERDICT_WORDS.items()]
    )
    title = StringField(_("Title"), [NEEDED, at_most(60)], description=_("What the drop-down shows."))
    text = TextAreaField(
        _("Text"),
        [NEEDED, at_most(MAX_REMARK)],
        description=_("{problems} stands for the faults found; without it they follow at the end."),
        render_kw={"rows": 6},
    )
    position = IntegerField(
        _("Place"),
        [validators.NumberRange(0, 9999, _("A number from 0 to 9999."))],
        default=10,
        description=_("Lower numbers come first."),
    )
    active = BooleanField(_("Offered"), default=True)


class RemarkTemplateView(DeskModelView):
    """The paragraphs desks use often."""

    permission = Permission.REMARK_TEMPLATE_MANAGE
    can_create = can_edit = True
    form = RemarkTemplateForm
    audit_subject = "remark_template"
    introduction = _("Desks choose from these when they write a remark, and edit what they chose before it is sent.")
    column_list = ("desk", "verdict", "title", "text", "position", "active")
    column_labels: ClassVar = {
        "desk": _("Desk"),
        "verdict": _("Verdict"),
        "title": _("Title"),
        "text": _("Text"),
        "position": _("Place"),
        "active": _("Offered"),
    }
    column_default_sort: ClassVar = [("desk", False), ("verdict", True), ("position", False)]
    column_sortable_list = ("title", "position")
    column_searchable_list = ("title", "text")
    column_formatters: ClassVar = {
        "desk": lambda view, context, row, name: gettext(DESK_NAMES[Desk(row.desk)]),
        "verdict": lambda view, context, row, name: str(VERDICT_WORDS[Verdict(row.verdict)]),
        "text": lambda view, context, row, name: _shortened(_for_people(row.text)),
    }

    def __init__(self) -> None:
        super().__init__(
            RemarkTemplate, name=_("Remark templates"), endpoint="remark_templates", url="/remark-templates"
        )

    def on_form_prefill(self, form: Any, id: Any) -> None:  # noqa: A002 - Flask-Admin's name for it
        """Show where the faults will stand in words."""
        form.text.data = _for_people(form.text.data)

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """Keep line ends as one character, as remarks are kept, and the place of the faults as desks look for it."""
        model.text = _TYPED.sub(FAULTS, model.text.replace("\r\n", "\n").strip())
        super().on_model_change(form, model, is_created)


def _for_people(text: str) -> str:
    return text.replace(FAULTS, gettext("{problems}"))


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]} …"
