"""One audit entry as a line for people: who, what, to which thing, and what changed from what into what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext

from workbench.cases.words import STATE_NAMES, State
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.organisation.words import ROLE_WORDS
from workbench.reports.audit_words import ACTION_WORDS, FIELD_WORDS
from workbench.shell.i18n import instant, language

LONGEST: Final = 160
"""Characters of a value on the line; the export has all of it."""


@dataclass(frozen=True)
class Change:
    """A field that was written. `before` is None where there was nothing before."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Line:
    """What the template shows of an entry."""

    entry: AuditEntry
    action: str
    number: str | None
    subject: str
    changes: Sequence[Change]


def line_of(entry: AuditEntry, numbers: Mapping[int, str]) -> Line:
    """The entry in the reader's language."""
    number = numbers.get(entry.case_id) if entry.case_id is not None else None
    own_case = entry.case_id is not None and entry.subject == f"case:{entry.case_id}"
    subject = "" if own_case or entry.subject == entry.actor else entry.subject
    return Line(entry, action_in_words(entry.action), number, subject, changes_of(entry))


def action_in_words(action: str) -> str:
    """What was done; an action without words yet is shown as it is recorded."""
    words = ACTION_WORDS.get(action)
    return str(gettext(words)) if words else action


def changes_of(entry: AuditEntry) -> list[Change]:
    """The fields before and after, as they were recorded; those that stayed, or began empty, are left out."""
    before, after = entry.before or {}, entry.after or {}
    return [
        Change(
            _field(name),
            _value(name, before[name]) if name in before else None,
            _value(name, after[name]) if name in after else None,
        )
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name) and not (name not in before and after[name] in ("", [], {}))
    ]


def _field(name: str) -> str:
    words = FIELD_WORDS.get(name)
    return str(gettext(words)) if words else name.replace("_", " ")


def _value(name: str, value: Any) -> str:
    """A recorded value as text; ids and codes stay as they are."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return str(gettext("Yes") if value else gettext("No"))
    if name == "state" and value in set(State):
        return str(gettext(STATE_NAMES[State(value)]))
    if isinstance(value, list):
        return ("、" if language() == "zh" else ", ").join(_value(name, each) for each in value)
    if name == "roles" and value in set(Role):
        return str(gettext(ROLE_WORDS[Role(value)]))
    if isinstance(value, dict):
        return "; ".join(f"{_field(key)} {_value(key, each)}" for key, each in value.items())[:LONGEST]
    if name.endswith("_at") and (moment := _instant(value)) is not None:
        return instant(moment)
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None
