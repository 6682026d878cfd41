"""The interface's vocabulary: what a key may do, and how the screens call it. Msgids only, no language."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_


class KeyScope(StrEnum):
    """What a key opens."""

    WRITE = "applications:write"
    READ = "applications:read"
    WEBHOOKS = "webhooks:manage"


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


SCOPE_NAMES: Final[Mapping[KeyScope, str]] = {
    KeyScope.WRITE: N_("Send, correct and withdraw applications"),
    KeyScope.READ: N_("Read its own applications"),
    KeyScope.WEBHOOKS: N_("Say where it wants to be told"),
}
DELIVERY_NAMES: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.WAITING: N_("Not taken yet"),
    DeliveryState.SENT: N_("Taken"),
    DeliveryState.FAILED: N_("Given up"),
}
