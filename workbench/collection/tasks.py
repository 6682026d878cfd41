"""The counter's background work: reminders, which are told once however often the task runs."""

from workbench.collection import telling
from workbench.kernel import tasks


@tasks.app.periodic(cron="7 1 * * *")
@tasks.app.task(name="remind_collectors", queueing_lock="remind_collectors")
def remind_collectors(timestamp: int) -> None:
    """Remind the enterprises whose keys wait. Nine in the morning, Asia/Shanghai."""
    telling.remind_due(tasks.parts())
