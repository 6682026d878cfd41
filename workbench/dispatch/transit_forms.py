"""Forms of parcels under way: labels and shapes. What is acceptable is the verbs' to say."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from workbench.dispatch.consignments import MAX_REMARK
from workbench.dispatch.tracking_file import MAX_WORDS
from workbench.dispatch.words import TRACKING_NAMES, TrackingStatus
from workbench.shell.fields import NEEDED, at_most


class TrackingForm(Form):
    """What a courier said on the telephone."""

    at = StringField(_("When"), [NEEDED, at_most(40)], description=_("Like 2026-11-24 15:04."))
    status = SelectField(_("What"), [NEEDED])
    place = StringField(_("Where"), [at_most(MAX_WORDS // 3)])
    words = TextAreaField(
        _("What the courier says"), [NEEDED, at_most(MAX_WORDS)], render_kw={"rows": 2, "maxlength": MAX_WORDS}
    )
    ref = HiddenField()

    def with_choices(self) -> "TrackingForm":
        """The statuses in the reader's language."""
        self.status.choices = [SelectChoice(each.value, gettext(TRACKING_NAMES[each])) for each in TrackingStatus]
        return self


class InquiryForm(Form):
    """Whom the courier was asked, and what was answered."""

    remark = TextAreaField(
        _("What was asked, of whom"), [NEEDED, at_most(MAX_REMARK)], render_kw={"rows": 2, "maxlength": MAX_REMARK}
    )


class LossForm(Form):
    """Why keys are given up."""

    remark = TextAreaField(
        _("Why it is given up; the enterprises read this"),
        [NEEDED, at_most(MAX_REMARK)],
        render_kw={"rows": 2, "maxlength": MAX_REMARK},
    )
