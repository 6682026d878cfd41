"""The organisation's words: what roles and kinds of authority are called on screen. Msgids only, no language."""

from typing import Final

from workbench.kernel.identity import Role
from workbench.kernel.messages import N_

ROLE_WORDS: Final[dict[Role, str]] = {
    Role.PRE_CHECKER: N_("Pre-check clerk"),
    Role.COUNTER_STAFF: N_("Counter staff"),
    Role.AUTHORITY_SUPERVISOR: N_("Authority supervisor"),
    Role.RE_CHECKER: N_("Re-checker"),
    Role.KEY_MAKER: N_("Key maker"),
    Role.DISPATCHER: N_("Dispatcher"),
    Role.VENDOR_SUPERVISOR: N_("Vendor supervisor"),
    Role.ADMINISTRATOR: N_("Administrator"),
    Role.AUDITOR: N_("Auditor"),
}

ROLE_DUTIES: Final[dict[Role, str]] = {
    Role.PRE_CHECKER: N_("Pre-checks the own authority's cases and enters paper applications."),
    Role.COUNTER_STAFF: N_("Receives keys, stamps finally and hands keys over; enters paper applications."),
    Role.AUTHORITY_SUPERVISOR: N_("Sees the own authority's workload and reassigns its cases."),
    Role.RE_CHECKER: N_("Re-checks what an authority has passed."),
    Role.KEY_MAKER: N_("Makes certificates and seals on tokens."),
    Role.DISPATCHER: N_("Packs keys and hands parcels to the courier."),
    Role.VENDOR_SUPERVISOR: N_("Sees the vendor's workload and reassigns its cases."),
    Role.ADMINISTRATOR: N_("Keeps authorities, staff, check-lists and the calendar; decides no case."),
    Role.AUDITOR: N_("Reads everything and changes nothing."),
}

KIND_WORDS: Final[dict[str, str]] = {
    "municipality": N_("Municipality"),
    "province": N_("Province"),
    "autonomous_region": N_("Autonomous region"),
    "corps": N_("Production and construction corps"),
    "planned_city": N_("City with separate planning"),
}
