"""Where a request's transaction ends. One place commits: a handler that may write and answered below 400.

GET never commits, unless the handler says that looking is itself recorded.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import Flask, request
from flask.typing import ResponseReturnValue

from workbench.shell.context import db

F = TypeVar("F", bound=Callable[..., Any])
WRITING_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def records_access(view: F) -> F:
    """Mark a GET handler that writes an audit entry of the view: its transaction is committed too."""
    view.records_access = True  # type: ignore[attr-defined]  # an attribute survives Flask-Admin's wrapping
    return view


class Desk(Flask):
    """Flask with the commit at the edge: inside dispatch, so that a failing commit gets an error page like others."""

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the handler and end its transaction."""
        try:
            response = self.make_response(super().dispatch_request())
            if _may_write(self) and response.status_code < 400:
                db.commit()
            else:
                db.rollback()
        except BaseException:
            db.rollback()
            raise
        return response


def _may_write(app: Flask) -> bool:
    if request.method in WRITING_METHODS:
        return True
    return getattr(app.view_functions.get(request.endpoint or ""), "records_access", False)


def install(app: Flask) -> None:
    """Give every request's session back, whatever happened."""

    @app.teardown_appcontext
    def _give_back(error: BaseException | None) -> None:
        db.remove()
