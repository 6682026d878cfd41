"""Background work on PostgreSQL through procrastinate: a job is enqueued in the transaction that needs it.

A task may run more than once (a killed worker's jobs are retried), so every task does nothing the second time.
"""

from typing import Any, Final

import procrastinate
from sqlalchemy.orm import Session

app: Final = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""The task registry. Rooms add tasks with `@tasks.app.task(name=...)`; the worker replaces the connector."""


def enqueue(session: Session, task: str, *, queue: str = "default", lock: str | None = None, **arguments: Any) -> None:
    """Enqueue `task` in the session's own transaction: a rollback takes the job with it.

    Args:
        task: the registered name.
        lock: jobs with the same lock run one after the other.
        arguments: JSON values, passed to the task by name.
    """
    connection = session.connection().connection.driver_connection
    app.configure_task(task, queue=queue, lock=lock, connection=connection).defer(**arguments)
