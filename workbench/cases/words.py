"""The case's vocabulary: services, categories, channels, desks and states, with the names the screens show."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workbench.kernel.messages import N_


class Service(StrEnum):
    """What an enterprise asks for (DOMAIN: words)."""

    NEW = "new"
    ADDITIONAL = "additional"
    REPLACEMENT = "replacement"
    RENEWAL = "renewal"


class Category(StrEnum):
    """The business category of the licences the key is for (DOMAIN: business categories)."""

    MECHANICAL_ELECTRICAL = "mechanical_electrical"
    OTHER = "other"
    AGRICULTURAL_QUOTA = "agricultural_quota"


class Channel(StrEnum):
    """How the case came in."""

    PORTAL = "portal"
    COUNTER = "counter"
    FOLDER = "folder"
    API = "api"


class Desk(StrEnum):
    """A place where a case is decided on."""

    PRE_CHECK = "pre_check"
    RE_CHECK = "re_check"
    PRODUCTION = "production"
    COUNTER = "counter"


class Verdict(StrEnum):
    """What a review desk says."""

    PASSED = "passed"
    FAILED = "failed"


class State(StrEnum):
    """Where a case stands. Whoever must act next can be read from it alone."""

    PRE_CHECK = "pre_check"
    RE_CHECK = "re_check"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    PRODUCTION = "production"
    MADE = "made"
    IN_TRANSIT = "in_transit"
    AT_AUTHORITY = "at_authority"
    AWAITING_COLLECTION = "awaiting_collection"
    COLLECTED = "collected"
    UPDATED = "updated"
    KEY_DESTROYED = "key_destroyed"


SERVICE_NAMES: Final[Mapping[Service, str]] = {
    Service.NEW: N_("New application"),
    Service.ADDITIONAL: N_("Additional key"),
    Service.REPLACEMENT: N_("Replacement"),
    Service.RENEWAL: N_("Renewal"),
}
CATEGORY_NAMES: Final[Mapping[Category, str]] = {
    Category.MECHANICAL_ELECTRICAL: N_("Mechanical and electrical licences"),
    Category.OTHER: N_("Other licences"),
    Category.AGRICULTURAL_QUOTA: N_("Agricultural tariff quota licences"),
}
CHANNEL_NAMES: Final[Mapping[Channel, str]] = {
    Channel.PORTAL: N_("Applicant's site"),
    Channel.COUNTER: N_("Entered at the counter"),
    Channel.FOLDER: N_("Folder intake"),
    Channel.API: N_("Interface"),
}
DESK_NAMES: Final[Mapping[Desk, str]] = {
    Desk.PRE_CHECK: N_("Pre-check"),
    Desk.RE_CHECK: N_("Re-check"),
    Desk.PRODUCTION: N_("Production"),
    Desk.COUNTER: N_("Counter"),
}
STATE_NAMES: Final[Mapping[State, str]] = {
    State.PRE_CHECK: N_("Waiting for pre-check"),
    State.RE_CHECK: N_("Waiting for re-check"),
    State.RETURNED: N_("Returned to the enterprise"),
    State.WITHDRAWN: N_("Withdrawn"),
    State.PRODUCTION: N_("Waiting for production"),
    State.MADE: N_("Made, waiting for dispatch"),
    State.IN_TRANSIT: N_("In transit"),
    State.AT_AUTHORITY: N_("Received by the authority"),
    State.AWAITING_COLLECTION: N_("Waiting for collection"),
    State.COLLECTED: N_("Collected"),
    State.UPDATED: N_("Certificate updated"),
    State.KEY_DESTROYED: N_("Uncollected, key destroyed"),
}
