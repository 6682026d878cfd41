"""Names that differ by language inside a refusal: a verb doesn't know its reader, and the name is no msgid."""

from collections.abc import Mapping
from typing import Any, Self


class Named(str):
    """A name as the screens show it by default, that knows its English form."""

    __slots__ = ("en",)
    en: str

    def __new__(cls, zh: str, en: str) -> Self:
        found = super().__new__(cls, zh)
        found.en = en
        return found


def in_language(values: Mapping[str, Any], *, english: bool) -> dict[str, Any]:
    """A refusal's values with the names of the reader's language."""
    return {key: value.en if english and isinstance(value, Named) else value for key, value in values.items()}
