"""Background work on PostgreSQL through procrastinate: a job is enqueued in the transaction that needs it.

A task may run more than once (a killed worker's jobs are retried), so every task does nothing the second time.
"""

from typing import Any, Final

import procrastinate
from sqlalchemy.orm import Session

from workbench.kernel.parts import Parts

app: Final = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""The task registry. Rooms add tasks with `@tasks.app.task(name=...)`; the worker runs them with its own connector."""

_enqueuer: Final = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""Writes jobs on a session's own connection. Apart from the registry, whose connector is another one in the worker: a
task may enqueue too."""
_installed: list[Parts] = []


def install(parts: Parts) -> None:
    """Give this process's tasks the parts they work with; called once by whoever runs tasks."""
    _installed[:] = [parts]


def parts() -> Parts:
    """The parts of the process that runs the task.

    Raises:
        RuntimeError: this process does not run tasks.
    """
    if not _installed:
        raise RuntimeError("tasks run in the worker, which installs its parts first")
    return _installed[0]


def enqueue(
    session: Session,
    task: str,
    *,
    queue: str = "default",
    lock: str | None = None,
    delay_seconds: int = 0,
    **arguments: Any,
) -> None:
    """Enqueue `task` in the session's own transaction: a rollback takes the job with it.

    Args:
        task: the registered name.
        lock: jobs with the same lock run one after the other.
        delay_seconds: how long it waits before it may run; a whole number.
        arguments: JSON values, passed to the task by name.
    """
    connection = session.connection().connection.driver_connection
    later: dict[str, Any] = {"schedule_in": {"seconds": delay_seconds}} if delay_seconds else {}
    _enqueuer.configure_task(task, queue=queue, lock=lock, connection=connection, **later).defer(**arguments)
