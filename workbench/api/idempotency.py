"""Doing once what was asked for twice: a request and its answer are kept in the transaction that carried it out.

Whoever asks at the same time waits for the first to end. What was refused is not kept: corrected, it may use its key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from workbench.api.models import ApiRequest
from workbench.api.requests import IDEMPOTENCY_KEY
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.kernel.messages import N_

WAIT_SECONDS: Final = 15
"""How long a repeated request waits for the first one."""
_KEY: Final = re.compile(IDEMPOTENCY_KEY)
_LOCK_NOT_AVAILABLE: Final = "55P03"


class StillWorking(Exception):
    """The first request under this key has not ended yet."""


@dataclass(frozen=True)
class Kept:
    """The answer a request had when it was carried out."""

    status: int
    answer: Mapping[str, Any]


def is_key(untrusted: str) -> bool:
    """Whether this can be an idempotency key: 1 to 100 visible ASCII characters."""
    return _KEY.fullmatch(untrusted) is not None


def begin(session: Session, site_id: int, key: str, digest: str) -> Kept | None:
    """Take the key for this request, or find the answer it had.

    Args:
        digest: SHA-256 of what is asked, in hex.

    Raises:
        Conflict: something else was asked under this key.
        StillWorking: the first request under this key goes on for longer than `WAIT_SECONDS`.
    """
    statement = (
        insert(ApiRequest)
        .values(applicant_id=site_id, idempotency_key=key, request_sha256=digest, at=now())
        .on_conflict_do_nothing()
        .returning(ApiRequest.idempotency_key)
    )
    session.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
    try:
        taken = session.execute(statement).scalar()
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise StillWorking(key) from error
        raise
    session.execute(text("SET LOCAL lock_timeout = 0"))
    if taken is not None:
        return None
    earlier = session.scalars(
        select(ApiRequest).where(ApiRequest.applicant_id == site_id, ApiRequest.idempotency_key == key)
    ).one()
    if earlier.request_sha256 != digest:
        raise Conflict(N_("Something else was asked for under this idempotency key."))
    assert earlier.status is not None
    assert earlier.answer is not None
    return Kept(earlier.status, earlier.answer)


def keep(session: Session, site_id: int, key: str, kept: Kept) -> None:
    """Remember the answer; it is committed together with what was done, or not at all."""
    session.execute(
        update(ApiRequest)
        .where(ApiRequest.applicant_id == site_id, ApiRequest.idempotency_key == key)
        .values(status=kept.status, answer=dict(kept.answer))
    )
