"""What a request stands on: the parts of the process, one session, who is asking. Views read these, verbs never do."""

from typing import Final, cast

from flask import current_app, g
from flask.globals import app_ctx
from sqlalchemy.orm import Session, sessionmaker

from workbench.kernel.db import SessionRegistry, set_scope
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts

EXTENSION: Final = "workbench"


class NotSignedIn(WorkbenchError):
    """Nobody has signed in, or the sign-in has ended."""

    status = 401


def parts() -> Parts:
    """The parts the running application was put together from."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Parts)
    return found


def _new_session() -> Session:
    return parts().session_factory()


def _context_token() -> int:
    return id(app_ctx._get_current_object())  # type: ignore[attr-defined]  # it is a LocalProxy


db: Final = SessionRegistry(cast("sessionmaker[Session]", _new_session), _context_token)
"""The session of this request: `db()` or, as Flask-Admin uses it, `db.execute(...)`. Rolled back and removed at its
end. Any callable serves as the factory; ours looks the application up at the time of the call."""


def find_actor() -> Actor | None:
    """Who is signed in, or nobody."""
    actor = g.get("actor")
    return actor if isinstance(actor, Actor) else None


def current_actor() -> Actor:
    """Who is signed in.

    Raises:
        NotSignedIn: nobody is.
    """
    actor = find_actor()
    if actor is None:
        raise NotSignedIn("Please sign in first.")
    return actor


def set_actor(actor: Actor, title: str = "") -> None:
    """Say who is asking, for the rest of this request, and open their rows to the session.

    Args:
        title: authority and role as the top bar shows them.
    """
    g.actor = actor
    g.actor_title = title
    set_scope(db(), actor.scope)
