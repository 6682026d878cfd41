"""Production's background work: asking the CA again. Each asking carries what was stored, so none asks for more."""

from workbench.kernel import tasks
from workbench.keys.service import END_TASK
from workbench.production import issuing, revoking


@tasks.app.task(name=issuing.ASK_TASK)
def ask_for_certificate(order_id: int) -> None:
    """Ask for one certificate."""
    issuing.ask(tasks.parts(), order_id)


@tasks.app.task(name=END_TASK)
def end_certificate(certificate_id: int) -> None:
    """Ask for one certificate's end."""
    revoking.end_at_ca(tasks.parts(), certificate_id)
