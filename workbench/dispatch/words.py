"""The vocabulary of dispatch: what a consignment is and where it stands, what is found in it. Msgids only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_


class ConsignmentKind(StrEnum):
    """Which way keys travel."""

    OUTWARD = "outward"
    FORWARD = "forward"
    RETURN = "return"


class ConsignmentState(StrEnum):
    """Where a consignment stands. Arrived and not opened is a state of its own."""

    PACKING = "packing"
    SEALED = "sealed"
    IN_TRANSIT = "in_transit"
    ARRIVED = "arrived"
    OPENED = "opened"
    CLOSED = "closed"
    LOST = "lost"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What became of a key in a consignment."""

    TAKEN_OUT = "taken_out"
    RECEIVED = "received"
    DAMAGED = "damaged"
    MISROUTED = "misrouted"
    LOST = "lost"


class TrackingStatus(StrEnum):
    """What a carrier says of a parcel."""

    COLLECTED = "collected"
    UNDER_WAY = "under_way"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    PROBLEM = "problem"


class Finding(StrEnum):
    """What a scanned key turns out to be."""

    RIGHT = "right"
    DAMAGED = "damaged"
    EXTRA = "extra"
    OTHER_AUTHORITY = "other_authority"
    BLANK = "blank"
    UNKNOWN = "unknown"


class DiscrepancyKind(StrEnum):
    """In what a parcel differs from its packing list."""

    MISSING = "missing"
    EXTRA = "extra"
    DAMAGED = "damaged"
    OTHER_AUTHORITY = "other_authority"
    BLANK = "blank"
    UNKNOWN = "unknown"


STATE_NAMES: Final[Mapping[ConsignmentState, str]] = {
    ConsignmentState.PACKING: N_("Being packed"),
    ConsignmentState.SEALED: N_("Sealed"),
    ConsignmentState.IN_TRANSIT: N_("In transit"),
    ConsignmentState.ARRIVED: N_("Arrived, not opened"),
    ConsignmentState.OPENED: N_("Being checked in"),
    ConsignmentState.CLOSED: N_("Received"),
    ConsignmentState.LOST: N_("Lost"),
    ConsignmentState.CANCELLED: N_("Cancelled"),
}
KIND_NAMES: Final[Mapping[ConsignmentKind, str]] = {
    ConsignmentKind.OUTWARD: N_("To the authority"),
    ConsignmentKind.FORWARD: N_("Sent on"),
    ConsignmentKind.RETURN: N_("Back to the vendor"),
}
OUTCOME_NAMES: Final[Mapping[Outcome, str]] = {
    Outcome.TAKEN_OUT: N_("Taken out"),
    Outcome.RECEIVED: N_("Received"),
    Outcome.DAMAGED: N_("Damaged"),
    Outcome.MISROUTED: N_("In another parcel"),
    Outcome.LOST: N_("Lost"),
}
TRACKING_NAMES: Final[Mapping[TrackingStatus, str]] = {
    TrackingStatus.COLLECTED: N_("Collected by the courier"),
    TrackingStatus.UNDER_WAY: N_("Under way"),
    TrackingStatus.OUT_FOR_DELIVERY: N_("Out for delivery"),
    TrackingStatus.DELIVERED: N_("Delivered"),
    TrackingStatus.PROBLEM: N_("The courier reports a problem"),
}
FINDING_NAMES: Final[Mapping[Finding, str]] = {
    Finding.RIGHT: N_("Right"),
    Finding.DAMAGED: N_("Damaged"),
    Finding.EXTRA: N_("Not on the packing list"),
    Finding.OTHER_AUTHORITY: N_("Belongs to another authority"),
    Finding.BLANK: N_("Blank token of ours"),
    Finding.UNKNOWN: N_("Not one of our keys"),
}
DISCREPANCY_NAMES: Final[Mapping[DiscrepancyKind, str]] = {
    DiscrepancyKind.MISSING: N_("Missing"),
    DiscrepancyKind.EXTRA: N_("Not on the packing list"),
    DiscrepancyKind.DAMAGED: N_("Damaged"),
    DiscrepancyKind.OTHER_AUTHORITY: N_("Belongs to another authority"),
    DiscrepancyKind.BLANK: N_("Blank token of ours"),
    DiscrepancyKind.UNKNOWN: N_("Not one of our keys"),
}
SETTLEMENT_NAMES: Final[Mapping[str, str]] = {
    "found_later": N_("Found in a later opening"),
    "found_elsewhere": N_("Found in another parcel"),
    "sent_on": N_("Sent on to its authority"),
    "made_anew": N_("Set aside; the key is made anew"),
    "declared_lost": N_("Declared lost; the key is made anew"),
    "kept": N_("Kept: it belongs here"),
}
"""How a discrepancy can end, by code; other settlements are somebody's own words."""
HISTORY_NAMES: Final[Mapping[str, str]] = {
    "consignment.opened": N_("began to pack"),
    "consignment.check_differed": N_("checked the pack and found differences"),
    "consignment.checked": N_("checked the pack: everything agrees"),
    "consignment.check_void": N_("changed what had been checked"),
    "consignment.sealed": N_("sealed it"),
    "consignment.unsealed": N_("unsealed it"),
    "consignment.cancelled": N_("cancelled it"),
    "consignment.handed_over": N_("handed it to the courier"),
    "consignment.waybill_corrected": N_("corrected the waybill number"),
    "consignment.tracked": N_("noted what the courier says"),
    "consignment.arrived": N_("said that it has come"),
    "consignment.opened_at_authority": N_("opened it"),
    "consignment.key_scanned": N_("scanned a key"),
    "consignment.opening_paused": N_("paused the opening"),
    "consignment.received": N_("checked it in"),
    "consignment.sent_on": N_("sent a key on"),
    "consignment.inquiry_opened": N_("asked the courier where it is"),
    "consignment.declared_lost": N_("declared lost what has not come"),
    "discrepancy.found": N_("found a difference"),
    "discrepancy.settled": N_("settled a difference"),
}
"""What an audit entry of a consignment is called on its page; what is not named here is shown as it is recorded."""
