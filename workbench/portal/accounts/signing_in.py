"""Signing in at the front door, and new passwords. One answer for every failure; a new password ends every session."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant
from workbench.kernel import audit, clock
from workbench.kernel.codes import normalise_uscc
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.organisation import passwords, throttle
from workbench.organisation.sign_in import SignInRefused
from workbench.portal.accounts import letters, links
from workbench.portal.accounts.registering import find_account, normalise_login, writable
from workbench.portal.door import actor_of

RESET_MINUTES: Final = 5
"""One e-mail with a link per account in so many minutes, however often it is asked for."""


class WrongPassword(Invalid):
    """The password that was to be replaced is another."""


def sign_in(session: Session, uscc: str, login: str, password: str, address: str) -> Applicant:
    """Whose code, login name and password these are. Renews an outdated hash and records the sign-in.

    Raises:
        SignInRefused: unknown, not activated, wrong or inactive.
        TooMany: the account or the address has to wait.
    """
    applicant = find_account(session, uscc, login)
    changed_at = applicant.password_changed_at if applicant else None
    attempt_id = throttle.admit(session, attempts_name(uscc, login), address, changed_at)
    if applicant is None or applicant.password_hash is None:
        passwords.match_nobody(password)
    elif passwords.matches(applicant.password_hash, password) and applicant.active:
        throttle.mark_succeeded(session, attempt_id)
        throttle.forget_old(session, attempts_name(uscc, login), address)
        if passwords.is_outdated(applicant.password_hash):
            applicant.password_hash = passwords.hash_of(password)
        applicant.last_signed_in_at = clock.now()
        audit.record(session, "applicant.signed_in", actor_of(applicant, address), subject=f"applicant:{applicant.id}")
        return applicant
    raise SignInRefused(N_("Enterprise code, login name or password is not right, or the account is not activated."))


def attempts_name(uscc: str, login: str) -> str:
    """Under what name an account's tries at signing in are counted; no member of staff's login holds a slash.

    It is the name the account is looked up by: characters that count for nothing there give no further tries here.
    """
    return f"{writable(normalise_uscc(uscc))[:18]}/{writable(normalise_login(login))[:30]}"


def ask_for_reset(session: Session, parts: Parts, uscc: str, login: str) -> None:
    """Send the account's owner a link to choose a new password; says nothing of whether there is such an account."""
    applicant = find_account(session, uscc, login)
    if applicant is None or not applicant.active or not applicant.email:
        return
    slot = int(clock.now().timestamp()) // (RESET_MINUTES * 60)
    letters.write(
        session,
        "password_reset",
        event=f"applicant:{applicant.id}:reset:{applicant.session_epoch}:{slot}",
        recipient=applicant.email,
        uscc=applicant.uscc,
        login=applicant.login,
        link=links.reset_link(parts, applicant.id, applicant.session_epoch),
    )


def find_resettable(session: Session, applicant_id: int, epoch: int) -> Applicant | None:
    """The account a link was made for, or None when the link has been used or the password changed otherwise."""
    return session.scalar(
        select(Applicant).where(
            Applicant.id == applicant_id, Applicant.session_epoch == epoch, Applicant.active, Applicant.kind == "person"
        )
    )


def reset_password(
    session: Session, parts: Parts, applicant_id: int, epoch: int, password: str, address: str
) -> Applicant:
    """Replace a forgotten password; the link dies with it, and every session ends.

    Raises:
        Conflict: the link has been used.
        Invalid: the password cannot be accepted.
    """
    session.get(Applicant, applicant_id, with_for_update=True, populate_existing=True)
    applicant = find_resettable(session, applicant_id, epoch)
    if applicant is None:
        raise Conflict(N_("This link has been used. If you need another, ask for it."))
    passwords.accept(password, applicant.login or "")
    _replace(session, parts, applicant, password, "applicant.password_reset", address)
    return applicant


def change_password(
    session: Session, parts: Parts, applicant_id: int, current: str, password: str, address: str
) -> Applicant:
    """Replace one's own password. Every session ends; the caller begins this one anew.

    Raises:
        WrongPassword: the current password is another.
        Invalid: the new one cannot be accepted.
        TooMany: the current password was guessed at.
    """
    applicant = session.get_one(Applicant, applicant_id, with_for_update=True, populate_existing=True)
    name = attempts_name(applicant.uscc or "", applicant.login or "")
    attempt_id = throttle.admit(session, name, address, applicant.password_changed_at)
    if applicant.password_hash is None or not passwords.matches(applicant.password_hash, current):
        raise WrongPassword(N_("The current password is not right."))
    throttle.mark_succeeded(session, attempt_id)
    passwords.accept(password, applicant.login or "")
    _replace(session, parts, applicant, password, "applicant.password_changed", address)
    return applicant


def _replace(session: Session, parts: Parts, applicant: Applicant, password: str, action: str, address: str) -> None:
    applicant.password_hash = passwords.hash_of(password)
    applicant.password_changed_at = clock.now()
    applicant.session_epoch += 1
    audit.record(session, action, actor_of(applicant, address), subject=f"applicant:{applicant.id}")
    if applicant.email:
        letters.write(
            session,
            "password_changed",
            event=f"applicant:{applicant.id}:password:{applicant.session_epoch}",
            recipient=applicant.email,
            uscc=applicant.uscc,
            login=applicant.login,
            forgotten_link=links.site_link(parts.settings, "/password/forgotten"),
            contacts_link=links.site_link(parts.settings, "/contacts"),
        )
