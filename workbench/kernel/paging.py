"""Counts beside a page of a long list: counting a million rows takes longer than anybody needs to know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounded:
    """A count that stopped at its bound when `more`."""

    n: int
    more: bool

    def __str__(self) -> str:
        return f"{self.n}+" if self.more else str(self.n)
