"""The filters of a list of cases as chips: each is a link that switches one filter and keeps the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask_babel import lazy_gettext as _

from workbench.cases.words import Service
from workbench.review.presenting import service_word
from workbench.review.queue import QueueFilter

HOLDER_WORDS: Final = {"mine": _("In my hands"), "free": _("In nobody's hands"), "others": _("In other hands")}
DUE_WORDS: Final = {"overdue": _("Overdue"), "today": _("Due today"), "soon": _("Within three days")}
ROUND_WORDS: Final = {"first": _("First round"), "again": _("Submitted again")}


@dataclass(frozen=True)
class Chip:
    """One filter: its word, where its link leads, whether it is on."""

    label: str
    url: str
    current: bool


def chip_groups(wanted: QueueFilter, address: Callable[..., str]) -> list[Sequence[Chip]]:
    """The chips of a list in groups of which one at most is on; choosing it again switches it off.

    Args:
        address: makes the list's address from URL arguments.
    """
    groups: list[Sequence[Chip]] = []
    for name, words in (
        ("holder", HOLDER_WORDS),
        ("due", DUE_WORDS),
        ("service", {each: service_word(each) for each in Service}),
        ("round", ROUND_WORDS),
    ):
        groups.append([_chip(wanted, name, value, str(word), address) for value, word in words.items()])
    return groups


def _chip(wanted: QueueFilter, name: str, value: Any, word: str, address: Callable[..., str]) -> Chip:
    current = getattr(wanted, name) == value
    changed: dict[str, Any] = {name: None if current else value}
    switched = replace(wanted, **changed)
    return Chip(word, address(**switched.to_args()), current)
