"""The directory of issuing authorities in their official order, each with the places where its keys are collected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.organisation import queries
from workbench.organisation.models import Authority, PickupSite

LONGEST_QUESTION: Final = 60
"""Characters of a filter that are read."""


@dataclass(frozen=True)
class Entry:
    """An authority with its open pick-up sites."""

    authority: Authority
    sites: Sequence[PickupSite]

    def holds(self, word: str) -> bool:
        """Whether a word, in small letters, stands in a name or an address."""
        authority = self.authority
        texts = [authority.name_zh, authority.short_zh, authority.name_en]
        texts += [text for site in self.sites for text in (site.name, site.address)]
        return any(word in text.lower() for text in texts)


def read_directory(session: Session, question: str = "") -> list[Entry]:
    """The authorities that take part and hold every word of the question."""
    sites: dict[int, list[PickupSite]] = {}
    for site in session.scalars(select(PickupSite).where(PickupSite.active).order_by(PickupSite.id)):
        sites.setdefault(site.authority_id, []).append(site)
    entries = [
        Entry(authority, sites.get(authority.id, ()))
        for authority in queries.list_authorities(session, active_only=True)
    ]
    words = question[:LONGEST_QUESTION].lower().split()
    return [entry for entry in entries if all(entry.holds(word) for word in words)]
