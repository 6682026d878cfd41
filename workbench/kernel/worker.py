"""The worker process: runs the tasks of every room, takes over what dead workers held, signs audit checkpoints."""

import asyncio
import os
from typing import Final

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException

from workbench.kernel import jobs, mail, tasks
from workbench.kernel.checkpoints import export_checkpoints, take_checkpoint
from workbench.kernel.parts import Parts

KERNEL_TASKS: Final = (mail.send_message,)
"""Registered by being imported. The tasks of other rooms are imported by the command that starts the worker."""
CONCURRENCY: Final = 2
HEARTBEATS: Final = 6
"""How many heartbeats a worker misses before it is taken for dead: a busy machine may swallow some."""
_log = structlog.get_logger("worker")


@tasks.app.periodic(cron="* * * * *")
@tasks.app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:
    """Give the jobs of workers that died to those that live. Every task bears running twice."""
    silence = tasks.parts().settings.worker_silence_seconds
    for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silence):
        _log.warning("job_stalled", job=job.id, task=job.task_name)
        try:
            await context.app.job_manager.retry_job(job)
        except ConnectorException:
            _log.info("job_taken_over_by_another_worker", job=job.id)


@tasks.app.periodic(cron="* * * * *")
@tasks.app.task(name="sign_audit_heads", queueing_lock="sign_audit_heads")
def sign_audit_heads(timestamp: int) -> None:
    """Sign the audit chains that grew in the last minute and write the checkpoint outside the database."""
    parts = tasks.parts()
    with parts.work() as session:
        take_checkpoint(session, parts.secrets)
    with parts.work() as session:
        export_checkpoints(session, parts.settings, parts.secrets)


def run_worker(parts: Parts) -> None:
    """Work until SIGINT or SIGTERM; the job in hand is finished first, within the grace of the process manager."""
    tasks.install(parts)
    asyncio.run(_run(parts))


async def _run(parts: Parts) -> None:
    silence = parts.settings.worker_silence_seconds
    url = parts.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=CONCURRENCY + 3)
    with tasks.app.replace_connector(connector) as app:
        async with app.open_async():
            await app.run_worker_async(
                name=f"worker-{os.getpid()}",
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=silence / HEARTBEATS,
                stalled_worker_timeout=silence,
                shutdown_graceful_timeout=2.0,
                install_signal_handlers=True,
                worker_middleware=[jobs.keep_reason],
                delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
            )
