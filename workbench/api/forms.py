"""Forms of the administrator's screens: labels and shapes. Whether a value is acceptable is the service's to say."""

from flask_babel import lazy_gettext as _
from wtforms import DateField, Form, SelectMultipleField, StringField, validators, widgets

from workbench.api.service import MAX_NAME
from workbench.shell.fields import NEEDED


class SiteForm(Form):
    """A registration site's name."""

    name = StringField(
        _("Name of the registration site"),
        [NEEDED],
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME},
    )


class KeyForm(Form):
    """What a new key opens, and until when."""

    scopes = SelectMultipleField(
        _("What the key opens"),
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    expires_on = DateField(
        _("Valid to the end of"),
        [validators.Optional()],
        description=_("Leave empty for a key that does not expire by itself."),
    )
