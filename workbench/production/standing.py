"""Whether a making stands still, as its record says: why, in which words, since when; and that it goes on."""

from workbench.kernel.clock import now
from workbench.production.models import Making


def stop(making: Making, fault: str, detail: str) -> None:
    """Say on a making why it stands still."""
    making.fault, making.fault_detail, making.faulted_at = str(fault), detail[:500] or None, now()


def go_on(making: Making) -> None:
    """Take the reason for standing still away."""
    making.fault = making.fault_detail = making.faulted_at = None
