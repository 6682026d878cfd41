"""The application form's fields with their words: label, help, what a browser may fill in. Checks nothing itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import EmailField, Form, RadioField, SelectField, StringField, TelField, TextAreaField

from workbench.cases.facts import FREE_TEXTS
from workbench.cases.words import CATEGORY_NAMES, Category, Service
from workbench.kernel.messages import N_
from workbench.keys.models import Certificate
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.drafting.draft_fields import IDENTITY
from workbench.portal.models import Draft
from workbench.shell.i18n import day, language

STEP_WORDS: Final[Mapping[str, str]] = {
    "enterprise": N_("Enterprise"),
    "place": N_("Authority and pick-up site"),
    "holder": N_("Authorised user"),
    "review": N_("Review"),
}

CATEGORY_GUIDANCE: Final[Mapping[Category, str]] = {
    Category.MECHANICAL_ELECTRICAL: N_(
        "For import licences of mechanical and electrical goods, when the enterprise holds an account in the mechanical"
        " and electrical system. Without such an account choose “Other licences”."
    ),
    Category.OTHER: N_("For all other import and export licences."),
    Category.AGRICULTURAL_QUOTA: N_("For import tariff quotas of agricultural products."),
}
"""Which category to choose (DOMAIN: business categories)."""

REASON_HELP: Final[Mapping[str, str]] = {
    Service.ADDITIONAL: N_("Why one key more is needed, for example for whom or for which office."),
    Service.REPLACEMENT: N_(
        "How the key was lost or what is wrong with it, and since when. The old certificate is revoked before the new"
        " key is made."
    ),
}
"""What the reason should tell, by service."""

ANOTHER_KEY: Final = "other"
"""The choice of a key by its number, in place of one of our records."""


class DraftForm(Form):
    """Every field of every step; a page shows those of one."""

    enterprise_name = StringField(
        _("Enterprise name"),
        description=_("In full, exactly as on the business licence."),
        render_kw={"autocomplete": "organization", "maxlength": 200},
    )
    category = RadioField(_("Business category"))
    machinery_account = StringField(
        _("Account in the mechanical and electrical system"),
        description=_("Only for mechanical and electrical licences: the account name you sign in there with."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    legal_representative = StringField(
        _("Legal representative"),
        description=_("The person named on the business licence, who signs the application form."),
        render_kw={"autocomplete": "off"},
    )
    address = StringField(
        _("Address"),
        description=_("Where letters reach the enterprise."),
        render_kw={"autocomplete": "street-address"},
    )
    postcode = StringField(_("Postcode"), render_kw={"autocomplete": "postal-code", "inputmode": "numeric"})
    telephone = TelField(
        _("Telephone"),
        description=_("With area code, for questions in office hours."),
        render_kw={"autocomplete": "tel"},
    )
    authority_id = SelectField(
        _("Issuing authority"),
        description=_("The authority at which the enterprise applies for licences. It checks your papers."),
    )
    holder_name = StringField(
        _("Authorised user's name"),
        description=_("Who will use the e-key. As on the identity card."),
        render_kw={"autocomplete": "off", "maxlength": 60},
    )
    holder_identity_number = StringField(
        _("Identity number"),
        description=_(
            "18 characters, as on the identity card or residence permit. It is encrypted and never shown again in full."
        ),
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 40, "autocapitalize": "characters"},
    )
    holder_mobile = TelField(
        _("Mobile telephone"),
        description=_("For questions and for the notice that the key can be collected."),
        render_kw={"autocomplete": "off", "maxlength": 30},
    )
    holder_email = EmailField(
        _("E-mail"),
        description=_("Remarks and the notice of collection go to this address"),
        render_kw={"autocomplete": "off", "maxlength": 254},
    )
    reason = TextAreaField(_("Reason"), render_kw={"maxlength": 2000, "rows": 4})
    prior_key = StringField(
        _("Number of the key"),
        description=_("It is printed on the key and on its receipt."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    answer = TextAreaField(
        _("Answer to the remark"),
        description=_("What you changed, or what the checkers should know. May stay empty."),
        render_kw={"maxlength": 2000, "rows": 4},
    )


@dataclass(frozen=True)
class KnownKey:
    """A key of our records that a replacement may name: its number shows four characters at most."""

    choice: str
    shown: str
    chosen: bool


def form_for(
    draft: Draft,
    fields: Sequence[str],
    authorities: Sequence[Authority],
    problems: Mapping[str, str],
    typed: Mapping[str, str] | None = None,
) -> DraftForm:
    """The form with what the draft holds, or what was just typed where that could not be kept.

    Args:
        fields: what the page asks for; of these the problems are told.
        problems: msgids by field.
    """
    form = DraftForm(data={**draft.values, **(typed or {}), IDENTITY: ""})
    english = language() == "en"
    form.category.choices = [(each.value, gettext(CATEGORY_NAMES[each])) for each in Category]
    form.authority_id.choices = [("", gettext("Please choose"))] + [
        (str(each.id), each.name_en if english else each.name_zh) for each in authorities
    ]
    if draft.service in REASON_HELP:
        form.reason.description = gettext(REASON_HELP[draft.service])
    needed = {"enterprise_name", "category", "authority_id", "holder_name", "holder_mobile", "holder_email", "reason"}
    if draft.identity_ciphertext is None:
        needed.add(IDENTITY)
    for name, limit in FREE_TEXTS.items():
        form[name].render_kw = {"maxlength": limit, **(form[name].render_kw or {})}
    for name in needed:
        form[name].flags.required = True
    for name in fields:
        if name in problems and name in form:
            form[name].errors = [gettext(problems[name])]
    return form


def known_keys(draft: Draft, certificates: Sequence[Certificate]) -> list[KnownKey]:
    """The enterprise's keys of our records, to choose the one that is replaced."""
    return [
        KnownKey(str(each.id), masked_key(each), each.key_number == draft.values.get("prior_key"))
        for each in certificates
    ]


def masked_key(certificate: Certificate) -> str:
    """A key by the end of its number and its last day."""
    number = certificate.key_number
    tail = number[-4:] if len(number) > 6 else number[-2:]
    return str(gettext("…%(tail)s, valid until %(day)s", tail=tail, day=day(certificate.not_after)))


def shown_site(site: PickupSite) -> str:
    """A pick-up site in one line."""
    return f"{site.name} · {site.address}"


def shown_values(
    draft: Draft, authority: Authority | None, site: PickupSite | None, keys: Sequence[KnownKey]
) -> dict[str, Any]:
    """Each field as the review shows it: ids as names, the identity number and known keys masked."""
    shown: dict[str, Any] = dict(draft.values)
    category = draft.values.get("category", "")
    shown["category"] = gettext(CATEGORY_NAMES[Category(category)]) if category in set(Category) else ""
    if authority is not None:
        shown["authority_id"] = authority.name_en if language() == "en" else authority.name_zh
    else:
        shown["authority_id"] = ""
    shown["pickup_site_id"] = shown_site(site) if site is not None else gettext("Not decided yet")
    shown[IDENTITY] = draft.identity_masked or ""
    chosen = [key.shown for key in keys if key.chosen]
    shown["prior_key"] = chosen[0] if chosen else draft.values.get("prior_key", "")
    return shown
