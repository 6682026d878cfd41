"""The front door's blueprint and its guard: every address is closed to strangers unless its view says otherwise.

An applicant's session is not a member of staff's: beginning one ends the other; neither opens the other's addresses.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Flask, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from workbench.cases.models import Applicant
from workbench.kernel import clock
from workbench.kernel.identity import Actor, Scope
from workbench.organisation import session as staff_session
from workbench.organisation.models import EndedSession
from workbench.shell.context import NotSignedIn, db, parts, set_actor
from workbench.shell.failures import wants_json
from workbench.shell.http import BODY_BYTES

F = TypeVar("F", bound=Callable[..., Any])
portal: Final = Blueprint("portal", __name__)
_REMEMBERED: Final = "applicant"
_OF_ANY_ACCOUNT: Final = frozenset(
    f"portal.{page}" for page in ("register", "resend", "activate", "sign_in", "forgotten", "reset", "key_sign_in")
)
"""Pages that find accounts for whoever asks: somebody signed in asks there as a stranger, whose session the database
shows accounts to. An applicant's sees its own alone."""
_STAMP_EVERY: Final = 15.0
"""Seconds: the cookie's time of last use is renewed at most this often."""


def for_strangers(view: F) -> F:
    """Let a view be opened without signing in."""
    view.for_strangers = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    """Take the front door's addresses out of the staff guard's hands: its own guard stands in front."""
    staff_session.leave_to_own_guard(app, portal.name)

    @app.before_request
    def _hold_strangers_short() -> None:
        """The token stands in the body, so that is read before the guard is asked: a stranger's may not be large."""
        if request.blueprint == portal.name and _REMEMBERED not in session:
            allowed = request.max_content_length or BODY_BYTES
            request.max_content_length = min(allowed, BODY_BYTES)


def begin(applicant: Applicant) -> None:
    """Start a session of its own for this applicant; nothing of the stranger's or a member of staff's survives."""
    session.clear()
    session["began"] = session["seen"] = clock.now().timestamp()
    session[_REMEMBERED] = [applicant.id, applicant.session_epoch, secrets.token_urlsafe(24)]


def end() -> None:
    """End this browser's session for good, copies of its cookie included."""
    remembered = session.get(_REMEMBERED)
    session.clear()
    if remembered and db.get(EndedSession, remembered[2]) is None:
        db.add(EndedSession(sid=remembered[2], ended_at=clock.now()))


def find_applicant() -> Applicant | None:
    """Who is signed in at the front door, or None."""
    found = g.get("applicant")
    return found if isinstance(found, Applicant) else None


def current_applicant() -> Applicant:
    """Who is signed in at the front door.

    Raises:
        NotSignedIn: nobody is.
    """
    applicant = find_applicant()
    if applicant is None:
        raise NotSignedIn("Please sign in first.")
    return applicant


def actor_of(applicant: Applicant, address: str) -> Actor:
    """The actor an applicant is: reaches the cases it made and no others."""
    scope = Scope(applicant_id=applicant.id)
    return Actor(kind="enterprise", id=applicant.id, name=applicant.name, scope=scope, address=address)


@portal.before_request
def _guard() -> ResponseReturnValue | None:
    g.frame_template = "portal/base.html"
    remembered = session.get(_REMEMBERED)
    applicant = _find_remembered(db(), remembered) if remembered else None
    if applicant is not None:
        g.applicant = applicant
        _stamp()
        if request.endpoint not in _OF_ANY_ACCOUNT:
            set_actor(actor_of(applicant, request.remote_addr or ""))
        return None
    if remembered:
        session.clear()
        flash(gettext("Your sign-in has ended. Please sign in again."), "warning")
    if getattr(current_app.view_functions[request.endpoint or ""], "for_strangers", False):
        return None
    if wants_json():
        raise NotSignedIn("Please sign in first.")
    entrance = url_for("portal.sign_in")
    if request.method != "GET":
        return redirect(entrance, code=303)
    return redirect(f"{entrance}?{urlencode({'next': request.full_path.rstrip('?')})}", code=303)


def _find_remembered(session_: Session, remembered: list[Any]) -> Applicant | None:
    applicant_id, epoch, sid = remembered
    settings = parts().settings
    now = clock.now().timestamp()
    idle = now - float(session.get("seen", 0)) > timedelta(minutes=settings.session_idle_minutes).total_seconds()
    old = now - float(session.get("began", 0)) > timedelta(hours=settings.session_hours).total_seconds()
    if idle or old:
        return None
    return session_.scalar(
        select(Applicant).where(
            Applicant.id == applicant_id,
            Applicant.active,
            Applicant.session_epoch == epoch,
            ~exists().where(EndedSession.sid == sid),
        )
    )


def _stamp() -> None:
    now = clock.now().timestamp()
    if now - float(session["seen"]) >= _STAMP_EVERY:
        session["seen"] = now
