"""The fields of an application form: which step asks for them, what the printed forms state, and what can be kept.

A value that is merely wrong is kept and its problem told later; one that no database or page could hold is refused.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from workbench.cases.words import Service
from workbench.kernel.messages import N_

IDENTITY: Final = "holder_identity_number"
"""The one field that never stands among a draft's values: it is sealed."""

STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "enterprise": (
        "enterprise_name",
        "category",
        "machinery_account",
        "legal_representative",
        "address",
        "postcode",
        "telephone",
    ),
    "place": ("authority_id", "pickup_site_id"),
    "holder": ("prior_key", "reason", "holder_name", IDENTITY, "holder_mobile", "holder_email"),
    "review": ("answer",),
}
"""What each step of the form asks for, in its order."""

EDITABLE: Final = frozenset(name for names in STEPS.values() for name in names)
"""What an applicant may change. The enterprise code is the account's and changes nowhere."""

VALUES: Final = tuple(sorted((EDITABLE | {"uscc"}) - {IDENTITY}))
"""The keys every draft's values have."""

PRINTED: Final = (EDITABLE | {"uscc"}) - {"answer"}
"""What the printed forms state: a change of these voids a print."""

MULTILINE: Final = frozenset({"reason", "answer"})
KEPT_CHARACTERS: Final = 4000
"""How much of a value is kept, whatever its own limit, so that what is too long can be shortened, not retyped."""

TOO_LONG: Final = N_("This is too long or holds characters that cannot be written.")
_LINE_ENDS: Final = re.compile("\r\n|[\r\u2028\u2029]")
_LINE_BREAKS: Final = frozenset("\n\t")
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: they would make a printed name read otherwise than it is stored."""


def asks_reason(service: Service) -> bool:
    """Whether this service asks why."""
    return service in (Service.ADDITIONAL, Service.REPLACEMENT)


def fields_of(step: str, service: Service, *, corrects: bool) -> tuple[str, ...]:
    """What a step asks for in this service.

    Args:
        corrects: it is the next round of a returned case: its authority stays, and the remark may be answered.
    """
    unasked = set()
    if not asks_reason(service):
        unasked.add("reason")
    if service is not Service.REPLACEMENT:
        unasked.add("prior_key")
    unasked.add("authority_id" if corrects else "answer")
    return tuple(name for name in STEPS[step] if name not in unasked)


def step_of(field: str) -> str:
    """The step that asks for a field; what no step asks for is told on the first."""
    return next((step for step, names in STEPS.items() if field in names), "enterprise")


def first_open_step(problems: Iterable[str]) -> str:
    """The first step with a problem; the review when there is none."""
    open_steps = {step_of(name) for name in problems}
    return next((step for step in STEPS if step in open_steps), "review")


def as_kept(text: str) -> str:
    """A value as it is kept: line ends of one kind, those of Unicode included, no blanks around it."""
    return _LINE_ENDS.sub("\n", text).strip()


def can_be_kept(name: str, text: str) -> bool:
    """Whether a database, a page and a printed form can all hold this text."""
    return len(text) <= KEPT_CHARACTERS and all(_is_writable(each, name in MULTILINE) for each in text)


def writable_part(name: str, text: str) -> str:
    """What of a text can be shown again beside the reason why it was not kept."""
    kept = "".join(each for each in as_kept(text) if _is_writable(each, name in MULTILINE))
    return kept[:KEPT_CHARACTERS]


def _is_writable(character: str, multiline: bool) -> bool:
    if character in _LINE_BREAKS:
        return multiline
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in _TURNING
