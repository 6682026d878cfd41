"""What an applicant states: the facts a case is opened with, and every reason they cannot stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from workbench.cases.words import Category, Channel, Service
from workbench.kernel.arguments import visible
from workbench.kernel.codes import (
    IdentityProblem,
    UsccProblem,
    identity_problem,
    normalise_identity,
    normalise_uscc,
    uscc_problem,
)
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

FORM_FIELDS: Final = ("legal_representative", "address", "postcode", "telephone", "machinery_account")
"""Facts of the printed form beyond those with columns of their own."""

FREE_TEXTS: Final[Mapping[str, int]] = {
    "legal_representative": 200,
    "address": 300,
    "postcode": 20,
    "telephone": 60,
    "machinery_account": 100,
    "reason": 2000,
    "prior_key": 100,
}
"""Texts that may be empty, with the characters they may hold; the intake's schema says the same."""

_ADDRESS: Final = re.compile(r"[^@\s,;:<>()\[\]\"\\\x7f]+@[^@\s,;:<>()\[\]\"\\\x7f.]+(\.[^@\s,;:<>()\[\]\"\\\x7f.]+)+")

USCC_REASONS: Final[Mapping[UsccProblem, str]] = {
    UsccProblem.LENGTH: N_("A unified social credit code has 18 characters."),
    UsccProblem.CHARACTERS: N_(
        "A unified social credit code has only digits and capital letters, never I, O, S, V or Z."
    ),
    UsccProblem.CHECKSUM: N_("The check character does not fit: please compare the code with the licence."),
}
IDENTITY_REASONS: Final[Mapping[IdentityProblem, str]] = {
    IdentityProblem.LENGTH: N_("An identity number has 18 characters."),
    IdentityProblem.CHARACTERS: N_("An identity number has 17 digits and a digit or X at the end."),
    IdentityProblem.DATE: N_("The date of birth in the identity number does not exist."),
    IdentityProblem.CHECKSUM: N_("The check character does not fit: please compare the number with the card."),
}


class InvalidFacts(Invalid):
    """What was stated cannot stand; `problems` maps each field to a msgid that says why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(N_("Some fields need to be corrected."))
        self.problems = dict(problems)


@dataclass(frozen=True)
class HolderFacts:
    """The authorised user (授权用户)."""

    name: str
    identity_number: str
    mobile: str
    email: str


@dataclass(frozen=True)
class CaseFacts:
    """Everything the application form states."""

    service: Service
    category: Category
    channel: Channel
    authority_id: int
    enterprise_name: str
    uscc: str
    holder: HolderFacts
    form: Mapping[str, str] = field(default_factory=dict)
    pickup_site_id: int | None = None
    reason: str | None = None
    prior_key: str | None = None

    def normalised(self) -> "CaseFacts":
        """The same facts with codes in their written form; blanks around, and what nobody sees in names, are gone."""
        return CaseFacts(
            service=self.service,
            category=self.category,
            channel=self.channel,
            authority_id=self.authority_id,
            enterprise_name=visible(self.enterprise_name),
            uscc=normalise_uscc(self.uscc),
            holder=HolderFacts(
                name=visible(self.holder.name),
                identity_number=normalise_identity(self.holder.identity_number),
                mobile=self.holder.mobile.strip(),
                email=self.holder.email.strip(),
            ),
            form={key: str(value).strip() for key, value in self.form.items() if key in FORM_FIELDS},
            pickup_site_id=self.pickup_site_id,
            reason=(self.reason or "").strip() or None,
            prior_key=(self.prior_key or "").strip() or None,
        )


def check_facts(facts: CaseFacts, today: date) -> None:
    """Stop facts that cannot stand, naming every field at once.

    Raises:
        InvalidFacts: with a reason per field.
    """
    problems = _problems_of_texts(facts)
    if "holder_email" not in problems and not looks_like_address(facts.holder.email):
        problems["holder_email"] = N_("This is not an e-mail address.")
    code = uscc_problem(facts.uscc)
    if code is not None:
        problems["uscc"] = USCC_REASONS[code]
    identity = identity_problem(facts.holder.identity_number, today)
    if identity is not None:
        problems["holder_identity_number"] = IDENTITY_REASONS[identity]
    if facts.service in (Service.ADDITIONAL, Service.REPLACEMENT) and not facts.reason:
        problems["reason"] = N_("This service asks for a reason.")
    if facts.service is Service.REPLACEMENT and not facts.prior_key:
        problems["prior_key"] = N_("Name the key that is lost or damaged.")
    if problems:
        raise InvalidFacts(problems)


def _problems_of_texts(facts: CaseFacts) -> dict[str, str]:
    """What is missing, too long, or holds characters that cannot be written, by field."""
    problems: dict[str, str] = {}
    for name, value, limit in (
        ("enterprise_name", facts.enterprise_name, 200),
        ("holder_name", facts.holder.name, 60),
        ("holder_mobile", facts.holder.mobile, 30),
        ("holder_email", facts.holder.email, 254),
    ):
        if not value:
            problems[name] = N_("This is needed.")
        elif len(value) > limit or any(ord(character) < 32 for character in value):
            problems[name] = N_("This is too long or holds characters that cannot be written.")
    stated = {**facts.form, "reason": facts.reason or "", "prior_key": facts.prior_key or ""}
    for name, limit in FREE_TEXTS.items():
        if _too_long(stated.get(name, ""), limit):
            problems[name] = N_("This is too long or holds characters that cannot be written.")
    return problems


def looks_like_address(text: str) -> bool:
    """One address and nothing that a mail header would read as a second one, a name or a comment."""
    return _ADDRESS.fullmatch(text) is not None


def _too_long(text: str, limit: int) -> bool:
    """Too long, or with characters that cannot be written; line ends may stand in a text."""
    return len(text) > limit or any(ord(character) < 32 and character not in "\r\n\t" for character in text)
