"""Forms of the certificates screen: labels and shapes. Whether a certificate ends is for `ending` to say."""

from flask_babel import lazy_gettext as _
from wtforms import Form, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice

from workbench.production.ending import BECAUSE_NAMES, MAX_REMARK
from workbench.shell.fields import NEEDED, at_most


class RevokeForm(Form):
    """Why a certificate is revoked."""

    because = RadioField(
        _("Reason"),
        [NEEDED],
        choices=[SelectChoice(each.value, _(words)) for each, words in BECAUSE_NAMES.items()],
    )
    remark = TextAreaField(
        _("Explanation"),
        [NEEDED, at_most(MAX_REMARK)],
        description=_("The holder reads it, in the e-mail and wherever the key is refused."),
        render_kw={"rows": 3, "maxlength": MAX_REMARK},
    )


class ConfirmForm(Form):
    """How it is known that the CA has ended a certificate."""

    remark = TextAreaField(
        _("How it is known"),
        [NEEDED, at_most(MAX_REMARK)],
        description=_("Who confirmed it, when, and where it can be looked up."),
        render_kw={"rows": 2, "maxlength": MAX_REMARK},
    )
