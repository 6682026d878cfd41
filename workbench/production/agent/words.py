"""What the agent says to whoever sits beside it: short lines in their language, and never a PIN, a key or a seal."""

import gettext
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from workbench.kernel.messages import N_
from workbench.production.faults import HAPPENED, THEN
from workbench.production.protocol import Order

CATALOGUE: Final = Path(__file__).parents[2] / "translations"
LOCALES: Final[Mapping[str, str]] = {"zh": "zh_Hans_CN"}

ORDERS: Final[Mapping[str, str]] = {
    "personalise": N_("making the key pair"),
    "write": N_("writing and reading back"),
    "remove": N_("taking the old key pair off"),
}
"""By kind of order, what is done."""

Translate = Callable[[str], str]


def translator(language: str) -> Translate:
    """How msgids read in a language; the catalogue of the screens serves the agent too."""
    locale = LOCALES.get(language)
    if locale is None:
        return str
    return gettext.translation("messages", CATALOGUE, [locale], fallback=True).gettext


class Speaker:
    """Says lines with the time of day. A trouble that goes on is told once, until it changes or is over."""

    def __init__(self, translate: Translate, *, to_holder: bool = False) -> None:
        """
        Args:
            to_holder: whoever listens owns the token and has no stock of others: a maker's advice is not for them.
        """
        self._translate = translate
        self.to_holder = to_holder
        self._said = (HAPPENED,) if to_holder else (HAPPENED, THEN)
        self._troubles: dict[str, str] = {}

    def say(self, message: str, **values: object) -> None:
        """One line; `message` is a msgid and `values` fill its placeholders."""
        words = self._translate(message)
        self._write(words % values if values else words)

    def trouble(self, with_what: str, message: str, **values: object) -> None:
        """One line about what goes on until its `relief`."""
        words = self._translate(message) % values
        if words != self._troubles.get(with_what):
            self._troubles[with_what] = words
            self._write(words)

    def relief(self, with_what: str, message: str) -> None:
        """One line when a trouble is over; nothing when there was none."""
        if self._troubles.pop(with_what, None) is not None:
            self.say(message)

    def words(self, message: str) -> str:
        """A msgid as it reads to whoever listens."""
        return self._translate(message)

    def doing(self, order: Order) -> str:
        """What an order is, in words."""
        return self._translate(ORDERS[order.kind])

    def fault(self, code: str) -> str:
        """What a fault means and, for a maker, what to do about it."""
        found = [self._translate(words[code]) for words in self._said if code in words]
        return " ".join(found) or code

    @staticmethod
    def _write(line: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        sys.stdout.flush()
