"""The key a request shows: looked up by its hash, and only ever by that; what was shown is kept nowhere."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import or_, select, update

from workbench.api.models import ApiKey
from workbench.api.words import KeyScope
from workbench.cases.models import Applicant
from workbench.kernel.clock import now
from workbench.kernel.parts import Parts

PREFIX: Final = "wbk_"
"""Tells secret scanners whose key it is."""
HINT_LENGTH: Final = 12
STAMP_EVERY: Final = timedelta(minutes=1)
"""The time of last use is written at most this often."""
_SHAPE: Final = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ShownKey:
    """A key that is valid now, and whose."""

    key_id: int
    site_id: int
    site_name: str
    scopes: frozenset[KeyScope]


def make_key() -> str:
    """A new key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """By what a key is found. Its 256 random bits cannot be guessed, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_shown(parts: Parts, untrusted: str | None) -> ShownKey | None:
    """The valid key that was shown, or None whatever is wrong with it. Stamps its use in a transaction of its own."""
    if untrusted is None or not _SHAPE.fullmatch(untrusted):
        return None
    at = now()
    with parts.work() as session:
        row = session.execute(
            select(ApiKey, Applicant)
            .join(Applicant, Applicant.id == ApiKey.applicant_id)
            .where(
                ApiKey.sha256 == hash_of(untrusted),
                ApiKey.revoked_at.is_(None),
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at),
                Applicant.active,
                Applicant.kind == "site",
            )
        ).one_or_none()
        if row is None:
            return None
        key: ApiKey = row.ApiKey
        if key.last_used_at is None or at - key.last_used_at >= STAMP_EVERY:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=at))
        known = frozenset(KeyScope) & frozenset(key.scopes)
        return ShownKey(key.id, row.Applicant.id, row.Applicant.name, frozenset(KeyScope(each) for each in known))
