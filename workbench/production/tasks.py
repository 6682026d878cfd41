"""Production's background work: asking the CA again. Each asking carries what was stored, so none asks for more."""

from workbench.kernel import tasks
from workbench.production import issuing, revoking


@tasks.app.task(name=issuing.ASK_TASK)
def ask_for_certificate(order_id: int) -> None:
    """Ask for one certificate."""
    issuing.ask(tasks.parts(), order_id)


@tasks.app.task(name=revoking.REVOKE_TASK)
def end_certificate(order_id: int) -> None:
    """Ask for one certificate's end."""
    revoking.ask_revocation(tasks.parts(), order_id)
