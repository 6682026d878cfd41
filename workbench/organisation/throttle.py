"""Slows down guessing of passwords: per account with growing pauses, per address with a ceiling.

An attempt is written, and committed, before its password is checked: parallel guesses count, failed requests count.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from workbench.kernel import clock
from workbench.kernel.errors import TooMany
from workbench.kernel.messages import N_
from workbench.organisation.models import SignInAttempt, Staff

ACCOUNT_FAILURES: Final = 5
ADDRESS_FAILURES: Final = 30
PAUSE: Final = timedelta(minutes=15)
LONGEST_PAUSE: Final = timedelta(hours=4)
MEMORY: Final = timedelta(hours=24)
"""Failures older than this no longer count against an account."""
KEPT: Final = timedelta(days=180)
"""How long attempts are kept: people see their own recent ones."""


def admit(session: Session, login: str, address: str, changed_at: datetime | None = None) -> int:
    """Write an attempt, as failed for now, in a transaction of its own, and return its id for `mark_succeeded`.

    Args:
        changed_at: when the account got its present password, unless it is a member of staff's, which is looked up;
            earlier failures do not count.

    Raises:
        TooMany: the account or the address has to wait; `retry_after` says how many seconds. Not an attempt itself.
    """
    bind = session.get_bind()
    with Session(bind, join_transaction_mode="create_savepoint") as own, own.begin():
        _queue_up(own, f"address:{address}")
        _queue_up(own, f"login:{login}")
        free_at = max(_account_free_at(own, login, changed_at), _address_free_at(own, address))
        wait = (free_at - clock.now()).total_seconds()
        if wait > 0:
            raise TooMany(N_("Too many failed attempts. Wait, then try again."), retry_after=int(wait) + 1)
        attempt = SignInAttempt(login=login, address=address, at=clock.now())
        own.add(attempt)
        own.flush()
        return attempt.id


def mark_succeeded(session: Session, attempt_id: int) -> None:
    """The password was right: the account's earlier failures no longer count."""
    session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(succeeded=True))


def forget_old(session: Session, login: str, address: str) -> None:
    """Drop this account's and this address's attempts that are older than `KEPT`."""
    ours = or_(SignInAttempt.login == login, SignInAttempt.address == address)
    session.execute(delete(SignInAttempt).where(ours, SignInAttempt.at < clock.now() - KEPT))


def pause_after(failures: int) -> timedelta:
    """How long an account rests after failures in a row: from the fifth on 15 minutes, doubling, at most 4 hours."""
    if failures < ACCOUNT_FAILURES:
        return timedelta(0)
    doublings = min(failures - ACCOUNT_FAILURES, 10)
    return min(PAUSE * (1 << doublings), LONGEST_PAUSE)


def _queue_up(session: Session, name: str) -> None:
    """Attempts of one account (or address) are admitted one after the other, until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _account_free_at(session: Session, login: str, changed_at: datetime | None) -> datetime:
    since = clock.now() - MEMORY
    succeeded_at = session.scalar(
        select(func.max(SignInAttempt.at)).where(SignInAttempt.login == login, SignInAttempt.succeeded)
    )
    staff_changed_at = session.scalar(select(Staff.password_changed_at).where(Staff.login == login))
    since = max(each for each in (since, succeeded_at, changed_at, staff_changed_at) if each is not None)
    row = session.execute(
        select(func.count(), func.max(SignInAttempt.at)).where(
            SignInAttempt.login == login, SignInAttempt.at > since, ~SignInAttempt.succeeded
        )
    ).one()
    last_at: datetime | None = row[1]
    return since if last_at is None else last_at + pause_after(row[0])


def _address_free_at(session: Session, address: str) -> datetime:
    since = clock.now() - PAUSE
    oldest_that_counts = session.scalar(
        select(SignInAttempt.at)
        .where(SignInAttempt.address == address, SignInAttempt.at > since, ~SignInAttempt.succeeded)
        .order_by(SignInAttempt.at.desc())
        .offset(ADDRESS_FAILURES - 1)
        .limit(1)
    )
    return oldest_that_counts + PAUSE if oldest_that_counts else since
