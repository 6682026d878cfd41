"""Roles that must be apart are refused by verbs and database alike; each change leaves an entry without secrets."""

from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.integration.organisation.conftest import PASSWORD, SYSTEM
from workbench.kernel.audit import AuditEntry
from workbench.kernel.db import set_scope
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import AUTHORITY_ROLES, EVERYWHERE, LONE_ROLES, NOWHERE, VENDOR_ROLES, Actor, Role
from workbench.organisation import service
from workbench.organisation.models import Authority, Staff
from workbench.organisation.queries import StaffFilter, list_authorities, list_own_desk, list_staff
from workbench.organisation.seed import seed_authorities
from workbench.organisation.sign_in import actor_of


@pytest.fixture
def session(session: Session) -> Session:
    """A session that also reads the audit log."""
    set_scope(session, EVERYWHERE)
    return session


@pytest.fixture
def beijing(session: Session) -> int:
    seed_authorities(session, SYSTEM)
    return session.scalars(select(Authority.id).where(Authority.code == "110000")).one()


def employ(session: Session, login: str, roles: set[Role], authority_id: int | None = None) -> Staff:
    return service.create_staff(
        session, SYSTEM, login=login, name="示例人员", roles=roles, authority_id=authority_id, first_password=PASSWORD
    )[0]


def test_the_37_authorities_are_seeded_once_and_edits_survive(session: Session) -> None:
    assert seed_authorities(session, SYSTEM) == 37
    beijing = list_authorities(session)[0]
    beijing.short_zh = "京"
    session.flush()
    assert seed_authorities(session, SYSTEM) == 0
    listed = list_authorities(session)
    assert len(listed) == 37
    assert [each.position for each in listed] == list(range(1, 38))
    assert (listed[0].code, listed[0].short_zh, listed[-1].code) == ("110000", "京", "440300")


@pytest.mark.parametrize("pair", [pair for pair in combinations(Role, 2) if set(pair) & LONE_ROLES])
def test_a_lone_role_is_never_combined(session: Session, pair: tuple[Role, Role]) -> None:
    with pytest.raises(Invalid):
        employ(session, "somebody", set(pair))


def test_roles_fit_the_employer(session: Session, beijing: int) -> None:
    with pytest.raises(Invalid):
        employ(session, "somebody", {Role.PRE_CHECKER})
    with pytest.raises(Invalid):
        employ(session, "somebody", {Role.RE_CHECKER}, beijing)
    with pytest.raises(Invalid):
        employ(session, "somebody", set())
    with pytest.raises(Invalid):
        employ(session, "somebody", {Role.PRE_CHECKER}, 9999)


def refused_by_the_database(session: Session, **values: Any) -> bool:
    person = Staff(
        login="direct", name="示例", password_hash="x", password_changed_at=datetime(2026, 1, 5, tzinfo=UTC), **values
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("pair", list(combinations(Role, 2)))
def test_the_database_agrees_on_every_pair_of_roles(session: Session, beijing: int, pair: tuple[Role, Role]) -> None:
    together = set(pair)
    for authority_id, allowed in ((beijing, AUTHORITY_ROLES), (None, VENDOR_ROLES)):
        acceptable = together <= allowed and not together & LONE_ROLES
        refused = refused_by_the_database(session, roles=[each.value for each in pair], authority_id=authority_id)
        assert refused is not acceptable
        session.rollback()
        seed_authorities(session, SYSTEM)


def test_the_database_refuses_no_role_an_unknown_role_and_a_capital_login(session: Session) -> None:
    assert refused_by_the_database(session, roles=[])
    assert refused_by_the_database(session, roles=["emperor"])
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(
            Staff(
                login="Direct",
                name="示例",
                password_hash="x",
                password_changed_at=datetime(2026, 1, 5, tzinfo=UTC),
                roles=["auditor"],
            )
        )


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_only_an_administrator_changes_staff(session: Session, role: Role) -> None:
    person = employ(session, "somebody", {Role.RE_CHECKER})
    actor = Actor(kind="staff", id=0, name="示例", roles=frozenset({role}), scope=EVERYWHERE)
    with pytest.raises(NotAllowed):
        service.create_staff(session, actor, login="another", name="示例", roles={Role.AUDITOR})
    with pytest.raises(NotAllowed):
        service.change_roles(session, actor, person.id, {Role.KEY_MAKER}, None)
    with pytest.raises(NotAllowed):
        service.change_details(session, actor, person.id, name="示例", email="")
    for verb in (service.deactivate, service.activate, service.reset_password):
        with pytest.raises(NotAllowed):
            verb(session, actor, person.id)


def test_nobody_administers_oneself(session: Session) -> None:
    admin = employ(session, "admin", {Role.ADMINISTRATOR})
    actor = actor_of(admin, "10.0.0.1")
    with pytest.raises(NotAllowed):
        service.change_roles(session, actor, admin.id, {Role.AUDITOR}, None)
    for verb in (service.deactivate, service.reset_password):
        with pytest.raises(NotAllowed):
            verb(session, actor, admin.id)


def test_changes_end_sessions_and_leave_entries_without_secrets(session: Session, beijing: int) -> None:
    person, first = service.create_staff(session, SYSTEM, login="Somebody", name=" 示例  人员 ", roles={Role.KEY_MAKER})
    assert (person.login, person.name, person.must_change_password, person.session_epoch) == (
        "somebody",
        "示例 人员",
        True,
        1,
    )
    service.change_roles(session, SYSTEM, person.id, {Role.PRE_CHECKER, Role.COUNTER_STAFF}, beijing)
    service.change_roles(session, SYSTEM, person.id, {Role.PRE_CHECKER, Role.COUNTER_STAFF}, beijing)
    service.deactivate(session, SYSTEM, person.id)
    service.deactivate(session, SYSTEM, person.id)
    _, second = service.reset_password(session, SYSTEM, person.id)
    assert person.session_epoch == 4
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.subject == f"staff:{person.id}").order_by(AuditEntry.seq)
    ).all()
    assert [entry.action for entry in entries] == [
        "staff.created",
        "staff.roles_changed",
        "staff.deactivated",
        "staff.password_reset",
    ]
    assert entries[1].before == {"roles": ["key_maker"], "authority_id": None}
    assert entries[1].after == {"roles": ["counter_staff", "pre_checker"], "authority_id": beijing}
    written = " ".join(f"{entry.before}{entry.after}" for entry in entries)
    assert first not in written
    assert second not in written
    assert "argon2" not in written


def test_a_login_is_taken_once_whatever_its_case(session: Session) -> None:
    employ(session, "somebody", {Role.KEY_MAKER})
    with pytest.raises(Conflict):
        employ(session, " SomeBody ", {Role.KEY_MAKER})
    with pytest.raises(Invalid):
        employ(session, "no spaces", {Role.KEY_MAKER})
    with pytest.raises(NotFound):
        service.deactivate(session, SYSTEM, 987654)


def test_scope_follows_from_the_employer_and_the_role(session: Session, beijing: int) -> None:
    assert actor_of(employ(session, "clerk", {Role.PRE_CHECKER}, beijing), "").scope.authority_ids == {beijing}
    assert actor_of(employ(session, "checker", {Role.RE_CHECKER}), "").scope == EVERYWHERE
    assert actor_of(employ(session, "auditor", {Role.AUDITOR}), "").scope == EVERYWHERE
    assert actor_of(employ(session, "admin", {Role.ADMINISTRATOR}), "").scope == NOWHERE


def test_lists_are_narrowed_and_a_supervisor_sees_the_own_desk_only(session: Session, beijing: int) -> None:
    tianjin = session.scalars(select(Authority.id).where(Authority.code == "120000")).one()
    clerk = employ(session, "clerk", {Role.PRE_CHECKER}, beijing)
    employ(session, "other", {Role.PRE_CHECKER}, tianjin)
    maker = employ(session, "maker", {Role.KEY_MAKER, Role.DISPATCHER})
    chief = employ(session, "chief", {Role.AUTHORITY_SUPERVISOR}, beijing)
    vendor_chief = employ(session, "vendor-chief", {Role.VENDOR_SUPERVISOR})
    assert list_staff(session, StaffFilter(employer="110000"))[1] == [chief, clerk]
    assert list_staff(session, StaffFilter(role=Role.DISPATCHER))[1] == [maker]
    assert list_staff(session, StaffFilter(employer="vendor", words="MAK"))[1] == [maker]
    assert list_staff(session, StaffFilter(words="%"))[0] == 0
    assert list_own_desk(session, actor_of(chief, "")) == [chief, clerk]
    assert list_own_desk(session, actor_of(vendor_chief, "")) == [maker, vendor_chief]
    assert session.scalar(select(func.count()).select_from(Staff)) == 5
