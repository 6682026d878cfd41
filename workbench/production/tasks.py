"""Production's background work: asking the CA again, telling whose certificate expires, erasing PINs. What is asked or
told was stored before, so that doing any of it again does nothing twice.
"""

from workbench.kernel import tasks
from workbench.keys.service import END_TASK
from workbench.production import expiring, issuing, overdue, pins, revoking


@tasks.app.task(name=issuing.ASK_TASK)
def ask_for_certificate(order_id: int) -> None:
    """Ask for one certificate."""
    issuing.ask(tasks.parts(), order_id)


@tasks.app.task(name=END_TASK)
def end_certificate(certificate_id: int) -> None:
    """Ask for one certificate's end."""
    revoking.end_at_ca(tasks.parts(), certificate_id)


@tasks.app.periodic(cron="* * * * *")
@tasks.app.task(name="ask_overdue", queueing_lock="ask_overdue")
def ask_overdue(timestamp: int) -> None:
    """Ask the CA for what a failed or lost job has left unasked."""
    overdue.ask_overdue(tasks.parts())


@tasks.app.periodic(cron="23 * * * *")
@tasks.app.task(name="tell_expiring", queueing_lock="tell_expiring")
def tell_expiring(timestamp: int) -> None:
    """Tell the enterprises whose certificates have come to 60, 30 or 7 days before their end."""
    expiring.tell_expiring(tasks.parts())


@tasks.app.periodic(cron="37 * * * *")
@tasks.app.task(name=pins.ERASE_TASK, queueing_lock=pins.ERASE_TASK)
def erase_old_pins(timestamp: int) -> None:
    """Erase the PINs of letters that nobody closed in time."""
    with tasks.parts().work() as session:
        pins.erase_old(session)
