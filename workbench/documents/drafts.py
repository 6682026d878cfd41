"""What an administrator writes before it is published: required documents and check items as plain values.

Knows what makes a list unusable and says so field by field; nothing here touches the database.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

COMPARABLE: Final[Mapping[str, str]] = {
    "enterprise_name": N_("Enterprise name"),
    "uscc": N_("Unified social credit code"),
    "holder_name": N_("Authorised user's name"),
    "reason": N_("Reason"),
    "prior_key": N_("Prior key"),
    "legal_representative": N_("Legal representative"),
}
"""The values of the form a check item may be compared with, by the name the review desk knows them under."""

MAX_DOCUMENTS: Final = 30
MAX_ITEMS: Final = 20
MAX_TEXT: Final = 300
"""Characters of a name, a bracket or a sentence."""
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True)
class ItemDraft:
    """One check item. `fault_zh` and `fault_en` say what is wrong and what to do, without naming the document."""

    code: str
    label_zh: str
    label_en: str
    fault_zh: str
    fault_en: str
    required: bool = True
    compares: str | None = None


@dataclass(frozen=True)
class DocumentDraft:
    """One paper with the bracket that tells the applicant what is wanted. Order in the list is order on screen."""

    code: str
    name_zh: str
    name_en: str
    bracket_zh: str
    bracket_en: str
    items: tuple[ItemDraft, ...]
    required: bool = True
    original_at_counter: bool = True
    shows_identity: bool = False


class InvalidRequirements(Invalid):
    """The list cannot be published; `problems` maps a place (`2.name_zh`, `2.items.1.code`) to a msgid."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(N_("Some fields need to be corrected."))
        self.problems = dict(problems)


def check_drafts(documents: Sequence[DocumentDraft], taken: Collection[str] = ()) -> None:
    """Stop a list nobody could work with, naming every place at once (counted from 0).

    Args:
        taken: codes that stand in the other list of the same service, since a case is asked for both.

    Raises:
        InvalidRequirements: with a reason per place.
    """
    problems: dict[str, str] = {}
    if not documents or len(documents) > MAX_DOCUMENTS:
        problems["documents"] = N_("A list needs at least one document and at most thirty.")
    seen = Counter(document.code for document in documents)
    for number, document in enumerate(documents):
        place = str(number)
        _check_code(problems, f"{place}.code", document.code, seen[document.code] > 1 or document.code in taken)
        for name in ("name_zh", "name_en", "bracket_zh", "bracket_en"):
            _check_text(problems, f"{place}.{name}", getattr(document, name), empty_allowed=name.startswith("bracket"))
        if not document.items or len(document.items) > MAX_ITEMS:
            problems[f"{place}.items"] = N_("A document needs at least one check item and at most twenty.")
        _check_items(problems, place, document.items)
    if problems:
        raise InvalidRequirements(problems)


def _check_items(problems: dict[str, str], place: str, items: Sequence[ItemDraft]) -> None:
    seen = Counter(item.code for item in items)
    for number, item in enumerate(items):
        here = f"{place}.items.{number}"
        _check_code(problems, f"{here}.code", item.code, seen[item.code] > 1)
        for name in ("label_zh", "label_en", "fault_zh", "fault_en"):
            _check_text(problems, f"{here}.{name}", getattr(item, name))
        if item.compares is not None and item.compares not in COMPARABLE:
            problems[f"{here}.compares"] = N_("The form has no such value.")


def _check_code(problems: dict[str, str], place: str, code: str, taken: bool) -> None:
    if not _CODE.fullmatch(code):
        problems[place] = N_("A code has 2 to 40 small letters, digits and underscores and begins with a letter.")
    elif taken:
        problems[place] = N_("This code is already used.")


def _check_text(problems: dict[str, str], place: str, text: str, empty_allowed: bool = False) -> None:
    if not text.strip():
        if not empty_allowed:
            problems[place] = N_("This is needed.")
    elif len(text) > MAX_TEXT or any(ord(character) < 32 for character in text):
        problems[place] = N_("This is too long or holds characters that cannot be written.")
