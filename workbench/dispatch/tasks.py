"""Dispatch's background work: asking the courier where parcels are, where an interface is configured."""

from workbench.dispatch.polling import poll
from workbench.dispatch.tracking_source import HttpSource
from workbench.kernel import tasks


@tasks.app.periodic(cron="7,37 * * * *")
@tasks.app.task(name="ask_couriers", queueing_lock="ask_couriers")
def ask_couriers(timestamp: int) -> None:
    """Ask about every parcel under way."""
    url = tasks.parts().settings.carrier_url
    if url is None:
        return
    source = HttpSource(url)
    try:
        poll(tasks.parts(), source)
    finally:
        source.close()
