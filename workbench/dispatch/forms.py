"""Forms of the packing table and the courier's hatch: labels and shapes. What is acceptable is the verbs' to say."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, Field, Form, IntegerField, SelectField, StringField, TextAreaField, validators

from workbench.dispatch.carriers import LONGEST_PATTERN, LONGEST_WAYBILL, pattern_problem
from workbench.dispatch.consignments import MAX_REMARK
from workbench.shell.fields import NEEDED, at_most

_CODE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class RemarkForm(Form):
    """Why something is undone."""

    remark = TextAreaField(_("Remark"), [NEEDED, at_most(MAX_REMARK)], render_kw={"rows": 2, "maxlength": MAX_REMARK})


class WaybillForm(RemarkForm):
    """Another waybill number for a parcel under way, and why."""

    carrier = SelectField(_("Courier company"), [NEEDED])
    waybill = StringField(_("Waybill number"), [NEEDED, at_most(2 * LONGEST_WAYBILL)], render_kw=_CODE)


class CarrierForm(Form):
    """A courier company as an administrator edits it."""

    name_zh = StringField(_("Chinese name"), [NEEDED, at_most(40)])
    name_en = StringField(_("English name"), [NEEDED, at_most(60)])
    waybill_pattern = StringField(
        _("How waybill numbers look"),
        [NEEDED, at_most(LONGEST_PATTERN)],
        description=_("A regular expression: SF\\d{13}|\\d{12} means SF and 13 digits, or 12 digits."),
        render_kw=_CODE,
    )
    waybill_example = StringField(
        _("Example"),
        [NEEDED, at_most(LONGEST_WAYBILL)],
        description=_("Shown to whoever scans a number that does not fit."),
        render_kw=_CODE,
    )
    usual_days = IntegerField(
        _("Usual time in working days"),
        [NEEDED, validators.NumberRange(1, 60, _("Enter a number from 1 to 60."))],
        description=_("After so many working days a parcel counts as late."),
    )
    active = BooleanField(_("In use"), default=True)

    def validate_waybill_pattern(self, field: Field) -> None:
        """Refuse a pattern that cannot be used, in the words of the rule."""
        problem = pattern_problem(field.data or "", self.waybill_example.data or "")
        if problem is not None:
            raise validators.ValidationError(gettext(problem))


class NewCarrierForm(CarrierForm):
    """The same with the code, which never changes afterwards."""

    code = StringField(
        _("Code"),
        [NEEDED, validators.Regexp(r"[a-z][a-z0-9]{0,19}\Z", message=_("Small letters and digits, a letter first."))],
        description=_("Short and for good, such as sf. Imported tracking names companies by it."),
        render_kw=_CODE,
    )
