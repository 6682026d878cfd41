"""The counter's vocabulary: how a stamping ends, who collects, how a wait ends, what is done with uncollected keys."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_


class Stamping(StrEnum):
    """What a final stamping (现场盖章终审) came to."""

    PASSED = "passed"
    REFUSED = "refused"


class CollectorKind(StrEnum):
    """By what right somebody takes a key."""

    HOLDER = "holder"
    DELEGATE = "delegate"


class Ending(StrEnum):
    """Why a key no longer waits."""

    COLLECTED = "collected"
    DISPOSED = "disposed"
    GONE = "gone"


class Disposal(StrEnum):
    """What is done with a key that nobody collected."""

    DESTROY = "destroy"
    RETURN = "return"


STAMPING_NAMES: Final[Mapping[Stamping, str]] = {
    Stamping.PASSED: N_("Final stamping passed"),
    Stamping.REFUSED: N_("Final stamping refused"),
}
COLLECTOR_NAMES: Final[Mapping[CollectorKind, str]] = {
    CollectorKind.HOLDER: N_("Authorised user"),
    CollectorKind.DELEGATE: N_("Delegate"),
}
DISPOSAL_NAMES: Final[Mapping[Disposal, str]] = {
    Disposal.DESTROY: N_("Destroy here"),
    Disposal.RETURN: N_("Return to the vendor"),
}
