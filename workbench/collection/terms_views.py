"""The terms of hand-over on screen: every version that was ever signed under, and a form for the next."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from flask import Flask, flash
from flask_admin import Admin
from flask_babel import lazy_gettext as _
from wtforms import Form, TextAreaField

from workbench.collection.models import HandOverTerms
from workbench.collection.speaking import said
from workbench.collection.terms import LONGEST, find_current, publish_terms
from workbench.kernel.errors import Invalid
from workbench.kernel.permissions import Permission
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.fields import NEEDED, at_most
from workbench.shell.gate import DeskModelView

_BEGINNING: Final = 40
"""Characters of a text that a list shows."""


class TermsForm(Form):
    """The next version, in both languages."""

    text_zh = TextAreaField(_("Chinese"), [NEEDED, at_most(LONGEST)], render_kw={"rows": 9, "maxlength": LONGEST})
    text_en = TextAreaField(_("English"), [NEEDED, at_most(LONGEST)], render_kw={"rows": 9, "maxlength": LONGEST})


class TermsView(DeskModelView):
    """Versions, newest first. None is ever changed: receipts show the one that was signed."""

    permission = Permission.HAND_OVER_TERMS_MANAGE
    can_create = can_view_details = True
    form = TermsForm
    introduction = _(
        "What a collector signs under. A version is never changed: hand-overs that begin after a new one is published "
        "show that, and a receipt shows the one that was signed."
    )
    column_list = ("version", "published_at", "text_zh", "text_en")
    column_details_list = ("version", "published_at", "text_zh", "text_en")
    column_labels: ClassVar = {
        "version": _("Version"),
        "published_at": _("Published"),
        "text_zh": _("Chinese"),
        "text_en": _("English"),
    }
    column_default_sort = ("version", True)
    column_formatters: ClassVar[Mapping[str, Any]] = {
        name: lambda _view, _context, row, name: _beginning(getattr(row, name)) for name in ("text_zh", "text_en")
    }
    column_formatters_detail: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__(HandOverTerms, name=_("Terms of hand-over"), endpoint="hand_over_terms", url="/desk/terms")

    def create_form(self, obj: Any = None) -> Any:
        """The form, filled with today's words: a new version mostly changes a line of them."""
        return super().create_form(obj if obj is not None else find_current(db()))

    def create_model(self, form: Form) -> Any:
        """Publish what was written; False, with the reason in words, when it can't be."""
        try:
            return publish_terms(db(), current_actor(), form.text_zh.data, form.text_en.data)
        except Invalid as refusal:
            flash(said(refusal), "error")
            return False


def register(app: Flask, admin: Admin) -> None:
    """Add the table to the administrator's rail."""
    admin.add_view(TermsView())
    menu.register(
        app,
        menu.MenuItem(
            _("Terms of hand-over"),
            "hand_over_terms.index_view",
            Permission.HAND_OVER_TERMS_MANAGE,
            group=menu.Group.ADMINISTRATION,
            icon="file",
        ),
    )


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else f"{line[:_BEGINNING]}…"
