"""The permission map against a table written on its own, and the three separate people (三员分立)."""

import itertools

import pytest

from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import AUTHORITY_ROLES, LONE_ROLES, VENDOR_ROLES, Actor, Role, system_actor
from workbench.kernel.permissions import PERMISSIONS, Permission, demand, permits, roles_that_clash

COLUMNS = ["PC", "CO", "AS", "RE", "KM", "DI", "VS", "AD", "AU"]
ROLES = {
    "PC": Role.PRE_CHECKER,
    "CO": Role.COUNTER_STAFF,
    "AS": Role.AUTHORITY_SUPERVISOR,
    "RE": Role.RE_CHECKER,
    "KM": Role.KEY_MAKER,
    "DI": Role.DISPATCHER,
    "VS": Role.VENDOR_SUPERVISOR,
    "AD": Role.ADMINISTRATOR,
    "AU": Role.AUDITOR,
}
TABLE = """
                          PC CO AS RE KM DI VS AD AU
    desk:enter             x  x  x  x  x  x  x  x  x
    case:read              x  x  x  x  x  x  x  .  x
    document:read          x  x  x  x  x  x  x  .  x
    case:enter             x  x  .  .  .  .  .  .  .
    pre_check:read         x  .  x  .  .  .  x  .  x
    re_check:read          .  .  x  x  .  .  x  .  x
    pre_check:decide       x  .  .  .  .  .  .  .  .
    re_check:decide        .  .  .  x  .  .  .  .  .
    key:produce            .  .  .  .  x  .  .  .  .
    production:read        .  .  .  .  x  .  x  .  x
    stock:manage           .  .  .  .  x  .  x  .  .
    station:manage         .  .  .  .  .  .  .  x  .
    certificate:read       x  x  x  x  x  x  x  .  x
    certificate:revoke     .  .  .  .  .  .  x  .  .
    key:dispatch           .  .  .  .  .  x  .  .  .
    key:receive            .  x  .  .  .  .  .  .  .
    key:collect            .  x  .  .  .  .  .  .  .
    key:dispose            .  x  x  .  .  x  x  .  .
    custody:read           .  x  x  .  x  x  x  .  x
    carrier:manage         .  .  .  .  .  .  .  x  .
    identity:reveal        x  x  .  x  .  .  .  .  .
    case:reassign          .  .  x  .  .  .  x  .  .
    workload:read          .  .  x  .  .  .  x  .  x
    remark_template:manage .  .  x  .  .  .  x  x  .
    authority:manage       .  .  .  .  .  .  .  x  .
    calendar:manage        .  .  .  .  .  .  .  x  .
    checklist:manage       .  .  .  .  .  .  .  x  .
    operations:manage      .  .  .  .  .  .  .  x  .
    staff:manage           .  .  .  .  .  .  .  x  .
    front_door:manage      .  .  .  .  .  .  .  x  .
    hand_over_terms:manage .  .  .  .  .  .  .  x  .
    api_key:manage         .  .  .  .  .  .  .  x  .
    audit:read             .  .  .  .  .  .  .  .  x
"""
ROWS = {line.split()[0]: line.split()[1:] for line in TABLE.strip().splitlines()[1:]}
READS_ONLY = {
    Permission.DESK_ENTER,
    Permission.CASE_READ,
    Permission.DOCUMENT_READ,
    Permission.AUDIT_READ,
    Permission.CERTIFICATE_READ,
    Permission.CUSTODY_READ,
    Permission.WORKLOAD_READ,
    Permission.PRE_CHECK_READ,
    Permission.PRODUCTION_READ,
    Permission.RE_CHECK_READ,
}
CASEWORK = {"case", "certificate", "custody", "document", "identity", "key", "production", "stock"}
ABOUT_CASES = {each for each in Permission if each.split(":")[0] in CASEWORK} | {
    Permission.PRE_CHECK_DECIDE,
    Permission.PRE_CHECK_READ,
    Permission.RE_CHECK_DECIDE,
    Permission.RE_CHECK_READ,
}


def holder(*roles: Role) -> Actor:
    return Actor("staff", 1, "Somebody", frozenset(roles))


@pytest.mark.parametrize("column", COLUMNS)
def test_each_role_may_exactly_what_the_table_says(column: str) -> None:
    wanted = {name for name, marks in ROWS.items() if marks[COLUMNS.index(column)] == "x"}
    assert {each.value for each in PERMISSIONS[ROLES[column]]} == wanted
    assert {each.value for each in Permission if permits(holder(ROLES[column]), each)} == wanted


def test_the_table_names_every_permission_and_every_role() -> None:
    assert set(ROWS) == {each.value for each in Permission}
    assert set(ROLES.values()) == set(Role) == set(PERMISSIONS)


def test_the_administrator_touches_no_case_and_the_auditor_changes_nothing() -> None:
    assert not PERMISSIONS[Role.ADMINISTRATOR] & ABOUT_CASES
    assert PERMISSIONS[Role.AUDITOR] <= READS_ONLY


def test_no_role_decides_at_two_desks() -> None:
    deciding = {Permission.PRE_CHECK_DECIDE, Permission.RE_CHECK_DECIDE, Permission.KEY_PRODUCE, Permission.KEY_COLLECT}
    assert all(len(PERMISSIONS[role] & deciding) <= 1 for role in Role)


def test_authority_and_vendor_share_no_role() -> None:
    assert set(Role) == AUTHORITY_ROLES | VENDOR_ROLES
    assert not AUTHORITY_ROLES & VENDOR_ROLES


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(Role, 2)))
def test_lone_roles_clash_with_every_other(one: Role, other: Role) -> None:
    assert roles_that_clash([one, other]) == LONE_ROLES & {one, other}
    assert roles_that_clash([one, one]) == frozenset()


def test_roles_add_up() -> None:
    both = holder(Role.PRE_CHECKER, Role.AUTHORITY_SUPERVISOR)
    assert permits(both, Permission.PRE_CHECK_DECIDE)
    assert permits(both, Permission.CASE_REASSIGN)
    assert not permits(both, Permission.RE_CHECK_DECIDE)


def test_whoever_has_no_role_may_nothing_and_the_product_what_its_commands_do() -> None:
    enterprise = Actor("enterprise", 1, "示例公司")
    assert not [each for each in Permission if permits(holder(), each) or permits(enterprise, each)]
    assert all(permits(system_actor("intake"), each) for each in Permission)


def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(NotAllowed, match="case:reassign"):
        demand(holder(Role.KEY_MAKER), Permission.CASE_REASSIGN)
    demand(holder(Role.VENDOR_SUPERVISOR), Permission.CASE_REASSIGN)
