"""Signing in: one answer for an unknown login, a wrong password and a deactivated account."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, joinedload

from workbench.kernel import audit, clock
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import EVERYWHERE, NOWHERE, Actor, Role, Scope
from workbench.kernel.messages import N_
from workbench.organisation import passwords, throttle
from workbench.organisation.models import EndedSession, Staff

REMEMBERED: Final = timedelta(hours=48)
"""How long an ended session is known; longer than any session can live, so its cookie has expired on its own."""


class SignInRefused(WorkbenchError):
    """Login and password do not belong to somebody who may sign in; which of the two is never said."""

    status = 401


def sign_in(session: Session, login: str, password: str, address: str) -> Staff:
    """Whose login and password these are. Renews an outdated hash and records the sign-in.

    Raises:
        SignInRefused: unknown, wrong or inactive.
        TooMany: the account or the address has to wait.
    """
    typed = login.strip().lower()[:50]
    attempt_id = throttle.admit(session, typed, address)
    staff = session.scalar(select(Staff).where(Staff.login == typed))
    if staff is None:
        passwords.match_nobody(password)
    elif passwords.matches(staff.password_hash, password) and staff.active:
        _welcome(session, staff, attempt_id, password, address)
        return staff
    raise SignInRefused(N_("Login name or password is not right."))


def _welcome(session: Session, staff: Staff, attempt_id: int, password: str, address: str) -> None:
    throttle.mark_succeeded(session, attempt_id)
    throttle.forget_old(session, staff.login, address)
    if passwords.is_outdated(staff.password_hash):
        staff.password_hash = passwords.hash_of(password)
    staff.last_signed_in_at = clock.now()
    audit.record(
        session,
        "staff.signed_in",
        actor_of(staff, address),
        subject=f"staff:{staff.id}",
        authority_id=staff.authority_id,
    )


def actor_of(staff: Staff, address: str) -> Actor:
    """The actor this person is: an authority's people reach its rows, the vendor's all, an administrator none."""
    return Actor(
        kind="staff", id=staff.id, name=staff.name, roles=staff.role_set, scope=_scope_of(staff), address=address
    )


def _scope_of(staff: Staff) -> Scope:
    if staff.authority_id is not None:
        return Scope(frozenset({staff.authority_id}))
    return NOWHERE if Role.ADMINISTRATOR in staff.role_set else EVERYWHERE


def find_signed_in(session: Session, staff_id: int, epoch: int, sid: str) -> Staff | None:
    """Whose session this is, or None when it was ended: signed out, deactivated, roles or password changed."""
    return session.scalar(
        select(Staff)
        .options(joinedload(Staff.authority))
        .where(
            Staff.id == staff_id,
            Staff.active,
            Staff.session_epoch == epoch,
            ~exists().where(EndedSession.sid == sid),
        )
    )


def sign_out(session: Session, actor: Actor, sid: str) -> None:
    """End one session for good, copies of its cookie included."""
    session.execute(delete(EndedSession).where(EndedSession.ended_at < clock.now() - REMEMBERED))
    if session.get(EndedSession, sid) is None:
        session.add(EndedSession(sid=sid, ended_at=clock.now()))
        audit.record(session, "staff.signed_out", actor, subject=f"staff:{actor.id}")
