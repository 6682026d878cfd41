"""The page for every refusal and failure: what happened, what to do next, the request id. Never what broke inside."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from workbench.kernel.errors import TooMany, WorkbenchError
from workbench.shell.context import NotSignedIn, db, find_actor
from workbench.shell.http import PROGRAM_PATHS, request_id

log = structlog.stdlib.get_logger("workbench.failure")

_ = lazy_gettext
PAGES: Final = {
    400: (
        _("This request could not be understood"),
        _("Something in the form or the address is missing or malformed."),
        _("Go back, check what you entered and try again."),
    ),
    401: (
        _("You are not signed in"),
        _("The sign-in has ended or never began."),
        _("Sign in, then open the page again."),
    ),
    403: (
        _("Your role does not include this"),
        _("You are signed in, but this page belongs to another role."),
        _("Go back to your own desk. If this is part of your work, ask an administrator to change your roles."),
    ),
    404: (
        _("There is nothing here"),
        _("The address leads nowhere, or to something of another authority."),
        _("Check the number, or search for the case."),
    ),
    405: (
        _("This cannot be opened that way"),
        _("The address exists, but only a button on its page may call it."),
        _("Go back and use the button on the page."),
    ),
    409: (
        _("This is not possible any more"),
        _("It is not in the condition your page showed."),
        _("Open it again to see how it stands now."),
    ),
    413: (
        _("That is too large"),
        _("What was sent exceeds the size allowed."),
        _("Scan at 200 to 300 dpi, or split the file, and send it again."),
    ),
    415: (
        _("This kind of content is not taken here"),
        _("The content type is not one this address works with."),
        _("See the interface's description for what it takes."),
    ),
    422: (
        _("What was sent cannot be worked with"),
        _("It could be read, but something in it cannot stand."),
        _("Correct what is named and send it again."),
    ),
    429: (
        _("Too many attempts"),
        _("This was tried too often in a short time."),
        _("Wait a little before you try again."),
    ),
    500: (
        _("Something broke on our side"),
        _("The action was not carried out; nothing was half saved."),
        _("Try again. If it happens again, tell the administrator the request id below."),
    ),
    503: (
        _("Not just now"),
        _("Something this needs is busy; nothing was changed."),
        _("Wait a little, then try again."),
    ),
}
_CSRF: Final = (
    _("The page was open too long"),
    _("For your safety a page can only be sent for some hours after it was opened."),
    _("Your text is kept: go back, reload the page and send it again."),
)
SIGN_IN_PATH: Final = "/sign-in"


def install(app: Flask) -> None:
    """Answer every failure with a page, or with problem JSON to whoever asks for JSON."""
    app.register_error_handler(NotSignedIn, _to_sign_in)
    app.register_error_handler(WorkbenchError, _refusal)
    app.register_error_handler(CSRFError, _stale_page)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(500, _broken)


def wants_json() -> bool:
    """Whether the client prefers JSON to a page. Programs always do."""
    if request.path.startswith(PROGRAM_PATHS):
        return True
    offered = ("text/html", "application/problem+json", "application/json")
    return request.accept_mimetypes.best_match(offered, default="text/html") != "text/html"


def _to_sign_in(error: NotSignedIn) -> ResponseReturnValue:
    if wants_json():
        return answer(401)
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(f"{SIGN_IN_PATH}?{urlencode({'next': target})}" if target else SIGN_IN_PATH, code=303)


def _refusal(error: WorkbenchError) -> ResponseReturnValue:
    reason = gettext(error.reason, **error.values) if error.values else gettext(error.reason)
    if error.status >= 500:
        log.error("failed", reason=str(error))
        return answer(error.status)
    response = answer(error.status, reason)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _stale_page(error: CSRFError) -> ResponseReturnValue:
    log.warning("csrf_refused", reason=error.description)
    title, happened, advice = _CSRF
    return _render(400, str(title), str(happened), str(advice))


def _unstorable(error: DataError) -> ResponseReturnValue:
    """What no column holds, such as NUL in a text or a number of thirty digits: sent so by no page of ours."""
    log.warning("unstorable_value", error=type(error.orig).__name__)
    return answer(400)


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    response = answer(error.code)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after"}:
            response.headers[name] = value
    if error.code == 429:
        response.headers.setdefault("Retry-After", "60")
    return response


def _broken(error: Exception) -> ResponseReturnValue:
    db.rollback()
    return answer(500)


def answer(status: int, reason: str | None = None, members: Mapping[str, Any] | None = None) -> Response:
    """The page or problem document of `status`.

    Args:
        reason: replaces the general sentence on what happened.
        members: what a problem document says besides (RFC 9457, 3.2).
    """
    title, happened, advice = PAGES.get(status, PAGES[500 if status >= 500 else 400])
    return _render(status, str(title), reason or str(happened), str(advice), members)


def _render(status: int, title: str, happened: str, advice: str, members: Mapping[str, Any] | None = None) -> Response:
    if wants_json():
        return _problem(status, title, happened, advice, members or {})
    frame = g.get("frame_template") or ("desk/base.html" if find_actor() else "desk/bare.html")
    page = render_template(
        "errors/error.html", frame_template=frame, status=status, title=title, happened=happened, advice=advice
    )
    return make_response(page, status)


def _problem(status: int, title: str, happened: str, advice: str, members: Mapping[str, Any]) -> Response:
    """RFC 9457, with our advice and request id among the extension members."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": happened,
        "advice": advice,
        "request_id": request_id(),
        "reason": HTTPStatus(status).phrase,
        **members,
    }
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response
