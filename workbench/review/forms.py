"""Forms of the review desks: labels and shapes. Whether a verdict or a mark stands is the service's to say."""

from collections.abc import Sequence
from typing import Any, Self

from flask_babel import lazy_gettext as _
from wtforms import Form, SelectField, TextAreaField, validators

from workbench.cases.claims import MAX_NOTE
from workbench.organisation.models import Staff
from workbench.shell.fields import NEEDED


class ReassignForm(Form):
    """To whom cases are handed, and why."""

    person = SelectField(_("Hand to"), coerce=int)
    note = TextAreaField(
        _("Note"),
        [NEEDED, validators.Length(max=MAX_NOTE)],
        description=_("The note is recorded with each case."),
        render_kw={"rows": 3, "maxlength": MAX_NOTE},
    )

    @classmethod
    def for_people(cls, people: Sequence[Staff], formdata: Any = None) -> Self:
        """The form offering these people."""
        form = cls(formdata)
        form.person.choices = [(person.id, person.name) for person in people]
        return form
