"""Who may do what, on one page. What is not listed here is refused."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import LONE_ROLES, Actor, Role


class Permission(StrEnum):
    """`<thing>:<action>`, alphabetical."""

    API_KEY_MANAGE = "api_key:manage"
    AUDIT_READ = "audit:read"
    AUTHORITY_MANAGE = "authority:manage"
    CALENDAR_MANAGE = "calendar:manage"
    CARRIER_MANAGE = "carrier:manage"
    CASE_ENTER = "case:enter"
    CASE_READ = "case:read"
    CASE_REASSIGN = "case:reassign"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_REVOKE = "certificate:revoke"
    CHECKLIST_MANAGE = "checklist:manage"
    CUSTODY_READ = "custody:read"
    DESK_ENTER = "desk:enter"
    DOCUMENT_READ = "document:read"
    FRONT_DOOR_MANAGE = "front_door:manage"
    HAND_OVER_TERMS_MANAGE = "hand_over_terms:manage"
    IDENTITY_REVEAL = "identity:reveal"
    KEY_COLLECT = "key:collect"
    KEY_DISPATCH = "key:dispatch"
    KEY_DISPOSE = "key:dispose"
    KEY_PRODUCE = "key:produce"
    KEY_RECEIVE = "key:receive"
    OPERATIONS_MANAGE = "operations:manage"
    PRE_CHECK_DECIDE = "pre_check:decide"
    PRE_CHECK_READ = "pre_check:read"
    PRODUCTION_READ = "production:read"
    RE_CHECK_DECIDE = "re_check:decide"
    RE_CHECK_READ = "re_check:read"
    REMARK_TEMPLATE_MANAGE = "remark_template:manage"
    STAFF_MANAGE = "staff:manage"
    STATION_MANAGE = "station:manage"
    STOCK_MANAGE = "stock:manage"
    WORKLOAD_READ = "workload:read"


_P = Permission
_CASEWORK: Final = frozenset({_P.DESK_ENTER, _P.CASE_READ, _P.CERTIFICATE_READ, _P.DOCUMENT_READ})
_BOTH_QUEUES: Final = frozenset({_P.PRE_CHECK_READ, _P.RE_CHECK_READ})
_SUPERVISION: Final = _CASEWORK | _BOTH_QUEUES | {_P.CASE_REASSIGN, _P.WORKLOAD_READ, _P.REMARK_TEMPLATE_MANAGE}

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.PRE_CHECKER: _CASEWORK | {_P.PRE_CHECK_READ, _P.PRE_CHECK_DECIDE, _P.CASE_ENTER, _P.IDENTITY_REVEAL},
    Role.COUNTER_STAFF: _CASEWORK
    | {_P.CASE_ENTER, _P.CUSTODY_READ, _P.IDENTITY_REVEAL, _P.KEY_RECEIVE, _P.KEY_COLLECT, _P.KEY_DISPOSE},
    Role.AUTHORITY_SUPERVISOR: _SUPERVISION | {_P.CUSTODY_READ, _P.KEY_DISPOSE},
    Role.RE_CHECKER: _CASEWORK | {_P.RE_CHECK_READ, _P.RE_CHECK_DECIDE, _P.IDENTITY_REVEAL},
    Role.KEY_MAKER: _CASEWORK | {_P.CUSTODY_READ, _P.PRODUCTION_READ, _P.KEY_PRODUCE, _P.STOCK_MANAGE},
    Role.DISPATCHER: _CASEWORK | {_P.CUSTODY_READ, _P.KEY_DISPATCH, _P.KEY_DISPOSE},
    Role.VENDOR_SUPERVISOR: _SUPERVISION
    | {_P.CERTIFICATE_REVOKE, _P.CUSTODY_READ, _P.KEY_DISPOSE, _P.PRODUCTION_READ, _P.STOCK_MANAGE},
    Role.ADMINISTRATOR: frozenset(
        {
            _P.DESK_ENTER,
            _P.API_KEY_MANAGE,
            _P.AUTHORITY_MANAGE,
            _P.CALENDAR_MANAGE,
            _P.CARRIER_MANAGE,
            _P.CHECKLIST_MANAGE,
            _P.FRONT_DOOR_MANAGE,
            _P.HAND_OVER_TERMS_MANAGE,
            _P.OPERATIONS_MANAGE,
            _P.REMARK_TEMPLATE_MANAGE,
            _P.STAFF_MANAGE,
            _P.STATION_MANAGE,
        }
    ),
    Role.AUDITOR: _CASEWORK | _BOTH_QUEUES | {_P.AUDIT_READ, _P.CUSTODY_READ, _P.PRODUCTION_READ, _P.WORKLOAD_READ},
}


def permits(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's roles carry the permission. The product itself may do what its own commands do."""
    if actor.kind == "system":
        return True
    return any(permission in PERMISSIONS[role] for role in actor.roles)


def demand(actor: Actor, permission: Permission) -> None:
    """Stop an actor who lacks the permission.

    Raises:
        NotAllowed: with the permission's name as its value.
    """
    if not permits(actor, permission):
        raise NotAllowed("Your role does not include this (%(permission)s).", permission=permission.value)


def roles_that_clash(roles: Iterable[Role]) -> frozenset[Role]:
    """The lone roles that were combined with others; empty when the combination is allowed (三员分立)."""
    together = frozenset(roles)
    return (together & LONE_ROLES) if len(together) > 1 else frozenset()
