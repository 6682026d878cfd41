"""One audit entry as a line for people: who, what, to which thing, and what changed from what into what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext

from workbench.kernel.audit import AuditEntry
from workbench.reports.audit_names import AUTHORITY_FIELDS, DOCUMENT_FIELDS, PERSON_FIELDS, Names
from workbench.reports.audit_words import ACTION_WORDS, FIELD_WORDS, MARK_WORDS, VALUE_WORDS
from workbench.shell.i18n import filesize, instant, language

LONGEST: Final = 160
"""Characters of a value on the line; pointing at it shows all, and so does the export."""
HASH_SHOWN: Final = 12
MOST_DOCUMENTS, MOST_ITEMS = 3, 4
"""Papers a line tells of, and check items of each; how many more there are stands behind a plus sign."""


@dataclass(frozen=True)
class Change:
    """A field that was written. `before` is None where there was nothing before, `whole` where nothing was cut off.

    A `listed` change takes a row of its own.
    """

    field: str
    before: str | None
    after: str | None
    whole: str | None = None
    listed: bool = False


@dataclass(frozen=True)
class Line:
    """What the template shows of an entry."""

    entry: AuditEntry
    action: str
    number: str | None
    subject: str
    changes: Sequence[Change]


def line_of(entry: AuditEntry, names: Names) -> Line:
    """The entry in the reader's language."""
    number = names.numbers.get(entry.case_id) if entry.case_id is not None else None
    own_case = entry.case_id is not None and entry.subject == f"case:{entry.case_id}"
    subject = "" if own_case or entry.subject == entry.actor else entry.subject
    return Line(entry, action_in_words(entry.action), number, subject, changes_of(entry, names))


def action_in_words(action: str) -> str:
    """What was done; an action without words yet is shown as it is recorded."""
    words = ACTION_WORDS.get(action)
    return str(gettext(words)) if words else action


def changes_of(entry: AuditEntry, names: Names) -> list[Change]:
    """The fields before and after, papers first; those that stayed, or began empty, are left out."""
    before, after = entry.before or {}, entry.after or {}
    if entry.action == "marks.set":
        return _marks(before, after, names)
    changes: list[Change] = []
    for name in sorted(dict.fromkeys([*before, *after]), key=lambda each: each not in DOCUMENT_FIELDS):
        stayed = before.get(name) == after.get(name)
        if stayed or (name not in before and after[name] in ("", [], {}, None)):
            continue
        if name == "documents" and isinstance(after.get(name), dict):
            changes += _papers(after[name], names)
        else:
            changes.append(_change(name, before, after, names))
    return changes


def _change(name: str, before: Mapping[str, Any], after: Mapping[str, Any], names: Names) -> Change:
    sides = [_value(name, side[name], names) if name in side else None for side in (before, after)]
    cut = [_cut(name, side) if side is not None else None for side in sides]
    whole = " → ".join(side for side in sides if side is not None) if cut != sides else None
    return Change(_field(name), cut[0], cut[1], whole)


def _field(name: str) -> str:
    words = FIELD_WORDS.get(name)
    return str(gettext(words)) if words else name.replace("_", " ")


def _value(name: str, value: Any, names: Names) -> str:
    """A recorded value as text: numbers of people and authorities by name, codes in words."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return str(gettext("Yes") if value else gettext("No"))
    if isinstance(value, list):
        return _listed(_value(name, each, names) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{_field(key)} {_value(key, each, names)}" for key, each in value.items())
    if isinstance(value, int):
        return _number(name, value, names)
    text = str(value)
    if (words := VALUE_WORDS.get(name, {}).get(text)) is not None:
        return str(gettext(words))
    if name in DOCUMENT_FIELDS:
        return names.documents.get(text, text)
    if name == "action":
        return action_in_words(text)
    if name == "kind":
        return text.upper()
    moment = _instant(text)
    return instant(moment) if moment is not None else text


def _number(name: str, value: int, names: Names) -> str:
    spoken: Mapping[str, Callable[[int], str]] = {
        "size": filesize,
        "carried_from": lambda number: f"attachment:{number}",
        "rotation": lambda degrees: f"{degrees}°",
        **dict.fromkeys(PERSON_FIELDS, lambda number: names.people.get(number, f"staff:{number}")),
        **dict.fromkeys(AUTHORITY_FIELDS, lambda number: names.authorities.get(number, f"authority:{number}")),
    }
    return spoken[name](value) if name in spoken else str(value)


def _cut(name: str, text: str) -> str:
    if name == "sha256":
        return text[:HASH_SHOWN]
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _marks(before: Mapping[str, Any], after: Mapping[str, Any], names: Names) -> list[Change]:
    """What was said of check items, one row for each paper."""
    told: dict[str, list[str]] = {}
    for key in _in_order(after, names):
        if before.get(key) == after[key]:
            continue
        was = f"{_mark(before[key])} → " if key in before else ""
        told.setdefault(key.partition(".")[0], []).append(f"{names.items.get(key, key)} {was}{_mark(after[key])}")
    return _rows(told, names)


def _mark(said: Mapping[str, Any]) -> str:
    value, note = said.get("value"), said.get("note")
    word = str(gettext(MARK_WORDS.get(value, str(value))))
    return gettext("%(word)s (%(note)s)", word=word, note=note) if note else word


def _papers(documents: Mapping[str, Sequence[str]], names: Names) -> list[Change]:
    """The check items of each paper of a list."""
    keys = [f"{code}.{item}" for code, items in documents.items() for item in items]
    told: dict[str, list[str]] = {code: [] for code in names.documents if code in documents}
    for key in _in_order(keys, names):
        told.setdefault(key.partition(".")[0], []).append(names.items.get(key, key))
    return _rows(told, names)


def _rows(told: Mapping[str, Sequence[str]], names: Names) -> list[Change]:
    """A few rows of a few words each, one for a paper, with the number of those left out."""
    rows = []
    for code, each in list(told.items())[:MOST_DOCUMENTS]:
        paper = str(gettext("%(document)s:", document=names.documents.get(code, code)))
        more = f" +{len(each) - MOST_ITEMS}" if len(each) > MOST_ITEMS else ""
        rows.append(
            Change(paper, None, _listed(each[:MOST_ITEMS]) + more, _listed(each) if more else None, listed=True)
        )
    left = list(told.items())[MOST_DOCUMENTS:]
    if left:
        others = "\n".join(f"{names.documents.get(code, code)}: {_listed(each)}" for code, each in left)
        rows.append(Change(f"+{len(left)}", None, None, others, listed=True))
    return rows


def _in_order(keys: Mapping[str, Any] | Sequence[str], names: Names) -> list[str]:
    """As the check-list has them; what is on no list any more comes last."""
    places = {key: place for place, key in enumerate(names.items)}
    return sorted(keys, key=lambda key: (places.get(key, len(places)), key))


def _listed(words: Iterable[str]) -> str:
    return ("、" if language() == "zh" else ", ").join(words)


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
