"""The room's background work: exports that are too large to wait for, and the end of those whose day is over."""

from workbench.kernel import tasks
from workbench.reports import custody_exports


@tasks.app.task(name=custody_exports.TASK)
def export_custody(export_id: int) -> None:
    """Write one export of the custody log. A second run does nothing."""
    custody_exports.make(tasks.parts(), export_id)


@tasks.app.periodic(cron="41 * * * *")
@tasks.app.task(name="expire_exports", queueing_lock="expire_exports")
def expire_exports(timestamp: int) -> None:
    """Take away the files of exports whose day is over."""
    custody_exports.expire(tasks.parts())
