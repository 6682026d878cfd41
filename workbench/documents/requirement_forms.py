"""The administrator's form as plain drafts: read from what was posted, rearranged by its buttons without scripts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from workbench.documents.drafts import MAX_DOCUMENTS, MAX_ITEMS, DocumentDraft, ItemDraft
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

T = TypeVar("T")
EMPTY_ITEM: Final = ItemDraft("", "", "", "", "")
EMPTY_DOCUMENT: Final = DocumentDraft("", "", "", "", "", (EMPTY_ITEM,))
_UNREADABLE: Final = N_("The form could not be read. Please open it again.")


def read_documents(form: Mapping[str, str]) -> list[DocumentDraft]:
    """The drafts a form holds: fields `<n>.<field>` and `<n>.items.<m>.<field>`, counted by `count` and `<n>.count`.

    Raises:
        Invalid: the counts are no numbers, or beyond what a list may hold.
    """
    return [_document(form, str(number)) for number in range(_count(form, "count", MAX_DOCUMENTS))]


def rearrange(documents: Sequence[DocumentDraft], action: str) -> list[DocumentDraft]:
    """The drafts after a button: `add`, `up:2`, `down:2`, `remove:2`; for items `add:2`, `up:2:0`, `remove:2:0`.

    Raises:
        Invalid: there is no such button.
    """
    verb, _, place = action.partition(":")
    numbers = [int(each) for each in place.split(":") if _is_count(each)]
    if verb == "add" and not numbers:
        return [*documents, EMPTY_DOCUMENT][:MAX_DOCUMENTS]
    if not numbers or numbers[0] >= len(documents):
        raise Invalid(_UNREADABLE)
    number, rest = numbers[0], numbers[1:]
    document = documents[number]
    if verb == "add":
        changed = replace(document, items=(*document.items, EMPTY_ITEM)[:MAX_ITEMS])
        return [*documents[:number], changed, *documents[number + 1 :]]
    if not rest:
        return _move(documents, verb, number)
    changed = replace(document, items=tuple(_move(document.items, verb, rest[0])))
    return [*documents[:number], changed, *documents[number + 1 :]]


def _move(rows: Sequence[T], verb: str, number: int) -> list[T]:
    moves: dict[str, Callable[[list[T]], None]] = {
        "up": lambda moved: moved.insert(max(0, number - 1), moved.pop(number)),
        "down": lambda moved: moved.insert(number + 1, moved.pop(number)),
        "remove": lambda moved: moved.__delitem__(number),
    }
    if verb not in moves or number >= len(rows):
        raise Invalid(_UNREADABLE)
    changed = list(rows)
    moves[verb](changed)
    return changed


def _document(form: Mapping[str, str], place: str) -> DocumentDraft:
    count = _count(form, f"{place}.count", MAX_ITEMS)
    return DocumentDraft(
        **{name: _text(form, f"{place}.{name}") for name in ("code", "name_zh", "name_en", "bracket_zh", "bracket_en")},
        items=tuple(_item(form, f"{place}.items.{number}") for number in range(count)),
        required=f"{place}.required" in form,
        original_at_counter=f"{place}.original_at_counter" in form,
        shows_identity=f"{place}.shows_identity" in form,
    )


def _item(form: Mapping[str, str], place: str) -> ItemDraft:
    return ItemDraft(
        **{name: _text(form, f"{place}.{name}") for name in ("code", "label_zh", "label_en", "fault_zh", "fault_en")},
        required=f"{place}.required" in form,
        compares=_text(form, f"{place}.compares") or None,
    )


def _text(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "").strip()


def _count(form: Mapping[str, str], name: str, most: int) -> int:
    value = form.get(name, "")
    if not _is_count(value) or int(value) > most:
        raise Invalid(_UNREADABLE)
    return int(value)


def _is_count(text: str) -> bool:
    """A short number in plain digits: `isdigit` alone also takes "²", which is none to `int`."""
    return text.isascii() and text.isdigit() and len(text) < 5
