"""The form of a paper application entered at the counter. Checks nothing itself: the facts' own rules do."""

from collections.abc import Mapping, Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form, SelectField, StringField, TextAreaField

from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.words import CATEGORY_NAMES, Category, Channel, Service
from workbench.organisation.models import PickupSite

NEEDED = (
    "enterprise_name",
    "uscc",
    "holder_name",
    "holder_identity_number",
    "holder_mobile",
    "holder_email",
    "reason",
    "prior_key",
)
"""Fields marked as needed wherever they are shown."""


class CaseForm(Form):
    """What the printed application form states, in its order."""

    enterprise_name = StringField(_("Enterprise name"))
    uscc = StringField(_("Unified social credit code"), description=_("18 characters, as on the business licence"))
    category = SelectField(_("Business category"))
    legal_representative = StringField(_("Legal representative"))
    address = StringField(_("Address"))
    postcode = StringField(_("Postcode"))
    telephone = StringField(_("Telephone"))
    machinery_account = StringField(_("Account in the mechanical and electrical system"))
    holder_name = StringField(_("Authorised user's name"))
    holder_identity_number = StringField(_("Identity number"))
    holder_mobile = StringField(_("Mobile telephone"))
    holder_email = StringField(_("E-mail"), description=_("Remarks and the notice of collection go to this address"))
    pickup_site_id = SelectField(_("Pick-up site"), coerce=lambda value: int(value) if value else None)
    reason = TextAreaField(_("Reason"))
    prior_key = StringField(_("Prior key"), description=_("Number of the lost or damaged key"))

    def offer(self, sites: Sequence[PickupSite], *, identity_known: bool) -> None:
        """Fill the choices and mark what is needed; a known identity number need not be typed again."""
        for name in NEEDED:
            self[name].flags.required = not (identity_known and name == "holder_identity_number")
        self.category.choices = [(each.value, gettext(CATEGORY_NAMES[each])) for each in Category]
        self.pickup_site_id.choices = [("", gettext("Not decided yet"))] + [(str(each.id), each.name) for each in sites]

    def facts(self, service: Service, authority_id: int) -> CaseFacts:
        """What was entered, as the facts of a case that came over the counter."""
        with_reason = service in (Service.ADDITIONAL, Service.REPLACEMENT)
        return CaseFacts(
            service=service,
            category=Category(self.category.data) if self.category.data in set(Category) else Category.OTHER,
            channel=Channel.COUNTER,
            authority_id=authority_id,
            enterprise_name=self.enterprise_name.data or "",
            uscc=self.uscc.data or "",
            holder=HolderFacts(
                name=self.holder_name.data or "",
                identity_number=self.holder_identity_number.data or "",
                mobile=self.holder_mobile.data or "",
                email=self.holder_email.data or "",
            ),
            form={
                name: self[name].data or ""
                for name in ("legal_representative", "address", "postcode", "telephone", "machinery_account")
            },
            pickup_site_id=self.pickup_site_id.data,
            reason=self.reason.data if with_reason else None,
            prior_key=self.prior_key.data if service is Service.REPLACEMENT else None,
        )

    def say(self, problems: Mapping[str, str]) -> None:
        """Put each problem beside its field."""
        for name, reason in problems.items():
            self[name].errors = [gettext(reason)]


def start_from(facts: CaseFacts) -> dict[str, object]:
    """A form's values from known facts; the identity number stays out of every page."""
    return {
        **facts.form,
        "enterprise_name": facts.enterprise_name,
        "uscc": facts.uscc,
        "category": facts.category.value,
        "holder_name": facts.holder.name,
        "holder_mobile": facts.holder.mobile,
        "holder_email": facts.holder.email,
        "pickup_site_id": facts.pickup_site_id,
        "reason": facts.reason,
        "prior_key": facts.prior_key,
    }
