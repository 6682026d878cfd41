"""The queue as its keeper sees it: what waits, what runs, what failed and why, who is working, and another try.

Reads procrastinate's own tables; changes them only through procrastinate's own functions.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import procrastinate
from sqlalchemy import BigInteger, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.db import Base
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand

LONGEST_ERROR: Final = 500
"""Characters; the log has the rest."""


class JobFailure(Base):
    """What the last failure of a job said. Goes with its job."""

    __tablename__ = "job_failure"

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    error: Mapped[str]


@dataclass(frozen=True)
class FailedJob:
    """A job that was given up. `error` is None when the worker died before it could say why."""

    id: int
    task: str
    arguments: dict[str, Any]
    attempts: int
    at: datetime | None
    error: str | None


@dataclass(frozen=True)
class Queue:
    """How the queue stands; `seen_at` is the last sign of life of any worker."""

    waiting: int
    running: int
    failed: int
    workers: int
    seen_at: datetime | None


async def keep_reason(call_next: Callable[[], Awaitable[Any]], context: procrastinate.JobContext, worker: Any) -> Any:
    """Around every job of the worker: write down what a failing one said, then let it fail."""
    try:
        return await call_next()
    except Exception as error:
        await asyncio.to_thread(note_failure, tasks.parts(), context.job.id, error)
        raise


def note_failure(parts: Parts, job_id: int | None, error: Exception) -> None:
    """Keep the last line of an error in a transaction of its own; the job's has been lost."""
    words = f"{type(error).__name__}: {error}".strip().splitlines()
    values = {"at": now(), "error": (words[0] if len(words) == 1 else f"{words[0]} … {words[-1]}")[:LONGEST_ERROR]}
    with parts.work() as session:
        session.execute(text("DELETE FROM job_failure WHERE job_id NOT IN (SELECT id FROM procrastinate_jobs)"))
        statement = insert(JobFailure).values(job_id=job_id, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["job_id"], set_=values))


def read_queue(session: Session, silence_seconds: float) -> Queue:
    """Counts by state, and the workers that gave a sign of life within `silence_seconds`.

    Finished jobs are not kept, so counting is quick.
    """
    counts: dict[str, int] = {
        status: count
        for status, count in session.execute(
            text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status")
        ).all()
    }
    workers = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => :seconds)) AS alive, "
            "max(last_heartbeat) AS seen_at FROM procrastinate_workers"
        ),
        {"seconds": silence_seconds},
    ).one()
    return Queue(
        waiting=counts.get("todo", 0),
        running=counts.get("doing", 0),
        failed=counts.get("failed", 0),
        workers=workers.alive,
        seen_at=workers.seen_at,
    )


def count_failed(session: Session) -> int:
    """How many jobs were given up."""
    return int(session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")) or 0)


def list_failed(session: Session, limit: int, below: int | None = None) -> list[FailedJob]:
    """Jobs that were given up, newest number first; `below` continues after that number."""
    rows = session.execute(
        text(
            "SELECT job.id, job.task_name, job.args, job.attempts, failure.error, coalesce(failure.at, "
            "(SELECT max(event.at) FROM procrastinate_events event WHERE event.job_id = job.id)) AS at "
            "FROM procrastinate_jobs job LEFT JOIN job_failure failure ON failure.job_id = job.id "
            "WHERE job.status = 'failed' AND job.id < coalesce(:below, 9223372036854775807) "
            "ORDER BY job.id DESC LIMIT :limit"
        ),
        {"below": below, "limit": limit},
    )
    return [FailedJob(row.id, row.task_name, row.args, row.attempts, row.at, row.error) for row in rows]


def retry(session: Session, job_id: int, actor: Actor) -> None:
    """Put a failed job back into the queue; recorded.

    Raises:
        NotAllowed: the actor does not keep the queue.
        NotFound: there is no such job, or it has finished.
        Conflict: it is not among the failed ones, or the same work is waiting already.
    """
    demand(actor, Permission.OPERATIONS_MANAGE)
    row = session.execute(
        text("SELECT status::text, task_name FROM procrastinate_jobs WHERE id = :id FOR UPDATE"), {"id": job_id}
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such job; it may have been done meanwhile.")
    if row.status != "failed":
        raise Conflict("This job is not among the failed ones any more.")
    if not _put_back(session, job_id):
        raise Conflict("The same work is waiting in the queue already.")
    audit.record(session, "job.retried", actor, subject=f"job:{job_id}", after={"task": row.task_name})


def retry_all(session: Session, actor: Actor) -> int:
    """Put every failed job back whose work is not waiting already; recorded as one entry. Returns how many."""
    demand(actor, Permission.OPERATIONS_MANAGE)
    failed = session.scalars(
        text("SELECT id FROM procrastinate_jobs WHERE status = 'failed' ORDER BY id FOR UPDATE SKIP LOCKED")
    ).all()
    put_back = [job_id for job_id in failed if _put_back(session, job_id)]
    if put_back:
        audit.record(session, "job.all_retried", actor, subject="jobs", after={"jobs": len(put_back)})
    return len(put_back)


def _put_back(session: Session, job_id: int) -> bool:
    taken = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs job JOIN procrastinate_jobs twin USING (queueing_lock) "
            "WHERE job.id = :id AND twin.status = 'todo')"
        ),
        {"id": job_id},
    )
    if taken:
        return False
    session.execute(text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)"), {"id": job_id})
    return True
