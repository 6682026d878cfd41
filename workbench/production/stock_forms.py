"""Forms of the token stock: labels and shapes. Whether a list can be taken in is for `stock` to say."""

from typing import Final

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, FileField, Form, StringField, TextAreaField

from workbench.keys.tokens import MAX_REMARK
from workbench.production.stock_file import MAX_WORD
from workbench.shell.fields import NEEDED, at_most

LISTS: Final = ".csv,.txt,.xlsx"
"""What the browser's file dialog offers."""


class DeliveryForm(Form):
    """The maker's list, and what it may leave out."""

    file = FileField(
        _("The maker's list"),
        [NEEDED],
        description=_("XLSX or CSV with the columns serial, model and box, or one column of serials."),
        render_kw={"accept": LISTS},
    )
    model = StringField(
        _("Model"),
        [at_most(MAX_WORD)],
        description=_("For lines that name none."),
        render_kw={"maxlength": MAX_WORD, "autocomplete": "off"},
    )
    box = StringField(
        _("Box"),
        [at_most(MAX_WORD)],
        description=_("For lines that name none."),
        render_kw={"maxlength": MAX_WORD, "autocomplete": "off"},
    )
    alike = BooleanField(
        _("Serials of a model are alike"),
        default=True,
        description=_("One length, one beginning: what differs was probably cut off."),
    )


class RemarkForm(Form):
    """Why a token is set aside or destroyed."""

    remark = TextAreaField(
        _("Remark"),
        [NEEDED, at_most(MAX_REMARK)],
        description=_("Why; it is recorded with the token."),
        render_kw={"rows": 2, "maxlength": MAX_REMARK},
    )
