"""The signed-in person of a request, and the guard in front of every address: what is not public asks for a sign-in.

Sessions end by idleness, by age, by signing out, and when the person's roles, password or standing change.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final, Self

from flask import Flask, current_app, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from workbench.kernel import clock
from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import Role
from workbench.kernel.messages import N_
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of, find_signed_in
from workbench.organisation.words import ROLE_WORDS
from workbench.shell.context import NotSignedIn, db, parts, set_actor

WITHOUT_PERSON: Final = frozenset({"static", "frame.font", "health"})
"""Served without asking who it is for, so also without the database."""
PUBLIC: Final = frozenset({"entrance.sign_in", "entrance.sign_out", "language.choose"})
"""Open to strangers."""
BEFORE_OWN_PASSWORD: Final = PUBLIC | {"account.password"}
"""All that somebody with a first password may reach."""
_OWN_GUARDS: Final = "workbench.own_guards"
STAMP_EVERY: Final = timedelta(seconds=15)
"""The cookie's time of last use is renewed at most this often: pages load many parts at once."""


class Person(UserMixin):
    """A member of staff as Flask-Login carries one. The session's id for it ends with the staff member's epoch."""

    def __init__(self, staff: Staff, sid: str) -> None:
        self.staff = staff
        self.sid = sid

    def get_id(self) -> str:
        """What the session remembers: who, in which epoch, in which sign-in."""
        return f"{self.staff.id}:{self.staff.session_epoch}:{self.sid}"

    @classmethod
    def find(cls, remembered: str) -> Self | None:
        """The person a live session remembers."""
        staff_id, epoch, sid = remembered.split(":", 2)
        if _expired():
            return None
        staff = find_signed_in(db(), int(staff_id), int(epoch), sid)
        return cls(staff, sid) if staff else None


def install(app: Flask) -> None:
    """Put the guard in front of every address."""
    manager = LoginManager(app)
    # An authority's network may change its outside address within a day, and a cookie thief can copy the browser's
    # name: tying sessions to both ends honest ones and stops nobody.
    manager.session_protection = None
    manager.user_loader(Person.find)
    app.before_request(_guard)


def leave_to_own_guard(app: Flask, blueprint: str) -> None:
    """Leave a blueprint's addresses to a guard of its own: those who use them are not staff."""
    app.extensions.setdefault(_OWN_GUARDS, set()).add(blueprint)


def begin(staff: Staff) -> None:
    """Start a session of its own for this person; nothing of the stranger's session survives."""
    session.clear()
    session["began"] = session["seen"] = clock.now().timestamp()
    login_user(Person(staff, secrets.token_urlsafe(24)), remember=False)


def end() -> None:
    """Forget the person in this browser."""
    logout_user()
    session.clear()


def signed_in_person() -> Person | None:
    """Who this browser is signed in as, or None."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def staff_title(staff: Staff) -> str:
    """What a person is here, in words: authority and roles."""
    words = [gettext(ROLE_WORDS[role]) for role in Role if role in staff.role_set]
    employer = staff.authority.short_zh if staff.authority else gettext("Vendor")
    return " · ".join([employer, *words])


def _guard() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if endpoint in WITHOUT_PERSON or request.blueprint in current_app.extensions.get(_OWN_GUARDS, ()):
        return None
    remembered = "_user_id" in session
    person = signed_in_person()
    if person is None:
        if remembered:
            end()
            flash(gettext("Your sign-in has ended. Please sign in again."), "warning")
        if endpoint is None or endpoint in PUBLIC:
            return None
        raise NotSignedIn("Please sign in first.")
    _stamp()
    actor = actor_of(person.staff, request.remote_addr or "")
    set_actor(actor, staff_title(person.staff))
    if person.staff.must_change_password and endpoint not in BEFORE_OWN_PASSWORD:
        if request.method == "GET":
            return redirect(url_for("account.password"), code=303)
        raise NotAllowed(N_("Choose a password of your own first."))
    return None


def _expired() -> bool:
    settings = parts().settings
    now = clock.now().timestamp()
    idle = now - float(session.get("seen", 0))
    age = now - float(session.get("began", 0))
    return idle > settings.session_idle_minutes * 60 or age > settings.session_hours * 3600


def _stamp() -> None:
    seen = datetime.fromtimestamp(float(session["seen"]), tz=clock.now().tzinfo)
    if clock.now() - seen >= STAMP_EVERY:
        session["seen"] = clock.now().timestamp()
