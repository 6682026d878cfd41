"""What may be used once, and what may be tried only so often: both written at once, whatever becomes of the request."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from workbench.kernel import clock
from workbench.kernel.errors import TooMany
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation.models import SignInAttempt
from workbench.portal.models import SpentToken

FROM_NETWORK: Final = N_("Too many tries from your network. Wait, then try again.")
_SWEPT: Final = 100
"""Expired rows removed beside each new one, at most."""


def spend(parts: Parts, thing: str, expires_at: datetime) -> bool:
    """Use `thing` up, in a transaction of its own; False when it had been used before.

    Args:
        expires_at: when it would open nothing anyway, and need not be remembered any more.
    """
    digest = sha256(thing.encode()).hexdigest()
    with parts.work() as session:
        old = select(SpentToken.sha256).where(SpentToken.expires_at < clock.now()).limit(_SWEPT)
        session.execute(
            delete(SpentToken).where(SpentToken.sha256.in_(old.with_for_update(skip_locked=True))),
            execution_options={"synchronize_session": False},
        )
        new = insert(SpentToken).values(sha256=digest, expires_at=expires_at).on_conflict_do_nothing()
        return session.execute(new.returning(SpentToken.sha256)).scalar() is not None


def of_applicant(applicant_id: int) -> str:
    """In place of a network address: tries of one applicant, from wherever."""
    return f"applicant {applicant_id}"


def slow_down(
    parts: Parts, purpose: str, address: str, *, most: int, within: timedelta, reason: str = FROM_NETWORK
) -> None:
    """Count one try at `purpose` from `address`, in a transaction of its own.

    Args:
        address: whose tries are counted together; of an applicant, `of_applicant` names it.
        reason: what whoever tried too often is told, as a msgid.

    Kept among the tries at signing in, under a name no login can have, and as succeeded: they bar nobody's sign-in.

    Raises:
        TooMany: there were `most` within that time; this one is not counted.
    """
    name = f"/{purpose}"
    here = (SignInAttempt.login == name, SignInAttempt.address == address)
    now = clock.now()
    with parts.work() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"{name}:{address}"})
        session.execute(delete(SignInAttempt).where(*here, SignInAttempt.at <= now - within))
        newest_first = select(SignInAttempt.at).where(*here).order_by(SignInAttempt.at.desc())
        oldest_that_counts = session.scalar(newest_first.offset(most - 1).limit(1))
        if oldest_that_counts is not None:
            wait = (oldest_that_counts + within - now).total_seconds()
            raise TooMany(reason, retry_after=int(wait) + 1)
        session.add(SignInAttempt(login=name, address=address, at=now, succeeded=True))
