"""Who works here: the administrator's verbs on staff, and one's own password. Refuses roles that must be apart."""

import re
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import audit, clock
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import AUTHORITY_ROLES, VENDOR_ROLES, Actor, Role
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand, roles_that_clash
from workbench.organisation import passwords, throttle
from workbench.organisation.models import Authority, Staff

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,49}")
_EMAIL: Final = re.compile(r"[^@\s,;:<>()\"]+@[^@\s,;:<>()\"]+")


def create_staff(
    session: Session,
    actor: Actor,
    *,
    login: str,
    name: str,
    roles: Iterable[Role],
    authority_id: int | None = None,
    email: str = "",
    first_password: str | None = None,
    must_change_password: bool = True,
) -> tuple[Staff, str]:
    """Add a member of staff; `authority_id` None means the vendor's. Returns the person and the first password.

    The first password is random unless given; it is shown once and kept only as a hash.

    Raises:
        Conflict: the login is taken.
        Invalid: a value, or the combination of roles, is not acceptable.
        NotAllowed: the actor does not administer staff.
    """
    demand(actor, Permission.STAFF_MANAGE)
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise Invalid(N_("A login name has 3 to 50 small letters, digits, dots or dashes, a letter or digit first."))
    if session.scalar(select(Staff.id).where(Staff.login == login)) is not None:
        raise Conflict(N_("The login name %(login)s is taken."), login=login)
    password = first_password or passwords.make_first_password()
    passwords.accept(password, login)
    staff = Staff(
        login=login,
        name=_name(name),
        email=_email(email),
        roles=_fitting_roles(session, roles, authority_id),
        authority_id=authority_id,
        password_hash=passwords.hash_of(password),
        password_changed_at=clock.now(),
        must_change_password=must_change_password,
    )
    session.add(staff)
    session.flush()
    after = {"login": login, "name": staff.name, "email": staff.email, **_employment(staff)}
    _record(session, "staff.created", actor, staff, None, after)
    return staff, password


def change_details(session: Session, actor: Actor, staff_id: int, *, name: str, email: str) -> Staff:
    """Correct a person's name and e-mail address; the login stays.

    Raises:
        Invalid, NotAllowed, NotFound: as their reasons say.
    """
    demand(actor, Permission.STAFF_MANAGE)
    staff = _get_for_change(session, staff_id)
    before = {"name": staff.name, "email": staff.email}
    staff.name, staff.email = _name(name), _email(email)
    after = {"name": staff.name, "email": staff.email}
    if after != before:
        _record(session, "staff.details_changed", actor, staff, before, after)
    return staff


def change_roles(
    session: Session, actor: Actor, staff_id: int, roles: Iterable[Role], authority_id: int | None
) -> Staff:
    """Give a person other roles or another employer. Ends the person's sessions.

    Raises:
        Invalid: the roles clash with each other or with the employer.
        NotAllowed: the actor does not administer staff, or the person is the actor.
        NotFound: there is no such person.
    """
    demand(actor, Permission.STAFF_MANAGE)
    _refuse_oneself(actor, staff_id)
    staff = _get_for_change(session, staff_id)
    before = _employment(staff)
    staff.roles = _fitting_roles(session, roles, authority_id)
    staff.authority_id = authority_id
    if _employment(staff) != before:
        _end_sessions(staff)
        _record(session, "staff.roles_changed", actor, staff, before, _employment(staff))
    return staff


def deactivate(session: Session, actor: Actor, staff_id: int) -> Staff:
    """Let a person sign in no more, from now on. Doing it twice changes nothing.

    Raises:
        NotAllowed: the actor does not administer staff, or the person is the actor.
        NotFound: there is no such person.
    """
    return _set_active(session, actor, staff_id, active=False)


def activate(session: Session, actor: Actor, staff_id: int) -> Staff:
    """Let a deactivated person sign in again. Raises as `deactivate` does."""
    return _set_active(session, actor, staff_id, active=True)


def reset_password(session: Session, actor: Actor, staff_id: int) -> tuple[Staff, str]:
    """Replace a forgotten password by a first password, which is returned to be shown once. Ends the sessions.

    Raises:
        NotAllowed: the actor does not administer staff, or the person is the actor.
        NotFound: there is no such person.
    """
    demand(actor, Permission.STAFF_MANAGE)
    _refuse_oneself(actor, staff_id)
    staff = _get_for_change(session, staff_id)
    password = passwords.make_first_password()
    _set_password(staff, password, must_change=True)
    _record(session, "staff.password_reset", actor, staff, None, None)
    return staff, password


def change_own_password(session: Session, actor: Actor, current: str, new: str) -> Staff:
    """Replace the actor's own password. Ends the actor's sessions: the caller starts a new one.

    Raises:
        Invalid: the current password is wrong, or the new one is not acceptable.
        TooMany: the current password was guessed at too often.
    """
    if actor.kind != "staff" or actor.id is None:
        raise NotAllowed(N_("Only a person who is signed in has a password to change."))
    staff = _get_for_change(session, actor.id)
    attempt_id = throttle.admit(session, staff.login, actor.address)
    if not passwords.matches(staff.password_hash, current):
        raise Invalid(N_("The current password is not right."))
    throttle.mark_succeeded(session, attempt_id)
    if passwords.matches(staff.password_hash, new):
        raise Invalid(N_("The new password is the current one. Choose another."))
    passwords.accept(new, staff.login)
    _set_password(staff, new, must_change=False)
    _record(session, "staff.password_changed", actor, staff, None, None)
    return staff


def get_staff(session: Session, staff_id: int) -> Staff:
    """The person with this id.

    Raises:
        NotFound: there is none.
    """
    staff = session.get(Staff, staff_id)
    if staff is None:
        raise NotFound(N_("There is no such member of staff."))
    return staff


def _get_for_change(session: Session, staff_id: int) -> Staff:
    staff = session.get(Staff, staff_id, with_for_update=True)
    if staff is None:
        raise NotFound(N_("There is no such member of staff."))
    return staff


def _set_active(session: Session, actor: Actor, staff_id: int, *, active: bool) -> Staff:
    demand(actor, Permission.STAFF_MANAGE)
    _refuse_oneself(actor, staff_id)
    staff = _get_for_change(session, staff_id)
    if staff.active is not active:
        staff.active = active
        _end_sessions(staff)
        event = "staff.activated" if active else "staff.deactivated"
        _record(session, event, actor, staff, {"active": not active}, {"active": active})
    return staff


def _refuse_oneself(actor: Actor, staff_id: int) -> None:
    """Somebody who administers must always remain, and nobody grants roles to oneself."""
    if actor.kind == "staff" and actor.id == staff_id:
        raise NotAllowed(N_("Your own account is changed by another administrator."))


def _set_password(staff: Staff, password: str, *, must_change: bool) -> None:
    staff.password_hash = passwords.hash_of(password)
    staff.password_changed_at = clock.now()
    staff.must_change_password = must_change
    _end_sessions(staff)


def _end_sessions(staff: Staff) -> None:
    staff.session_epoch += 1


def _fitting_roles(session: Session, roles: Iterable[Role], authority_id: int | None) -> list[str]:
    together = frozenset(Role(each) for each in roles)
    if not together:
        raise Invalid(N_("Choose at least one role."))
    if roles_that_clash(together):
        raise Invalid(
            N_("Administering, working cases and auditing are three separate people: that role stands alone.")
        )
    if authority_id is None and together & AUTHORITY_ROLES:
        raise Invalid(N_("The roles of an issuing authority need an authority. Choose one."))
    if authority_id is not None and together & VENDOR_ROLES:
        raise Invalid(N_("The vendor's roles cannot be given to an authority's staff."))
    if authority_id is not None and session.get(Authority, authority_id) is None:
        raise Invalid(N_("There is no such authority."))
    return sorted(role.value for role in together)


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= 60:
        raise Invalid(N_("A name has 1 to 60 characters."))
    return cleaned


def _email(email: str) -> str:
    cleaned = email.strip()
    if len(cleaned) > 254 or (cleaned and not _EMAIL.fullmatch(cleaned)):
        raise Invalid(N_("This is not an e-mail address: %(email)s"), email=cleaned[:254])
    return cleaned


def _employment(staff: Staff) -> dict[str, Any]:
    return {"roles": list(staff.roles), "authority_id": staff.authority_id}


def _record(
    session: Session,
    action: str,
    actor: Actor,
    staff: Staff,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    session.flush()
    audit.record(
        session,
        action,
        actor,
        subject=f"staff:{staff.id}",
        authority_id=staff.authority_id,
        before=before,
        after=after,
    )
