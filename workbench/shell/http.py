"""What every answer carries: a request id, security headers, caching rules; and what every request must: a CSRF token.

Nothing here knows about any room.
"""

import re
import secrets
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from flask import Blueprint, Flask, Response, g, request, url_for
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from workbench.config import Settings
from workbench.kernel import audit

F = TypeVar("F", bound=Callable[..., Any])
BODY_BYTES: Final = 2 * 1024 * 1024
"""What a request body may hold unless its handler `accepts` more."""

PROGRAM_PATHS: Final = ("/api/", "/bench-agent/")
"""Where programs call, not people."""
_EXEMPT: Final = "workbench.exempt_blueprints"
FOR_EVER: Final = "public, max-age=31536000, immutable"
_FIXED_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def accepts(body_bytes: int) -> Callable[[F], F]:
    """Let one handler take a larger body than `BODY_BYTES`, such as an upload."""

    def mark(view: F) -> F:
        view.accepts_bytes = body_bytes  # type: ignore[attr-defined]  # survives Flask-Admin's wrapping
        return view

    return mark


def request_id() -> str:
    """The id of the request being served: in its answer, its error page, its log lines and its audit entries."""
    return audit.request_id.get()


def csp_nonce() -> str:
    """What marks this page's own inline blocks."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def content_security_policy(nonce: str) -> str:
    """The policy of a page: its own files and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


def configure(app: Flask, settings: Settings, session_key: bytes) -> None:
    """Cookies, limits and trusted proxies of this installation."""
    app.config.update(
        SECRET_KEY=session_key,
        SESSION_COOKIE_NAME="__Host-workbench" if settings.https else "workbench",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
        WTF_CSRF_TIME_LIMIT=settings.session_hours * 3600,
        MAX_CONTENT_LENGTH=BODY_BYTES,
        FLASK_ADMIN_RAISE_ON_VIEW_EXCEPTION=True,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def install(app: Flask, settings: Settings) -> None:
    """Give each request its id and each answer its headers."""

    @app.before_request
    def _begin() -> None:
        audit.request_id.set(uuid.uuid4().hex[:16])
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id())
        view = app.view_functions.get(request.endpoint or "")
        request.max_content_length = getattr(view, "accepts_bytes", BODY_BYTES)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id()
        for name, value in _FIXED_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", content_security_policy(csp_nonce()))
        response.headers.setdefault("Cache-Control", "no-store")
        if request.endpoint == "static" and response.status_code < 400:
            response.headers["Cache-Control"] = FOR_EVER if _is_versioned() else "no-cache"
        if settings.https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response

    @app.url_defaults
    def _version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values and app.static_folder:
            values.setdefault("v", _fingerprint(app.static_folder, values["filename"]))

    @cache
    def icons_url() -> str:
        """The icons' address: asked for dozens of times a page, and the same for the life of the process."""
        return url_for("static", filename="icons.svg")

    app.jinja_env.globals.update(csp_nonce=csp_nonce, request_id=request_id, icons_url=icons_url)


def without_token(app: Flask, blueprint: Blueprint) -> None:
    """Ask a blueprint's callers for no token: each request shows a key, and no cookie counts."""
    app.extensions.setdefault(_EXEMPT, []).append(blueprint)


def protect(app: Flask) -> None:
    """Refuse state changes without a token. After the rooms' own hooks, so that the refusal knows who is asking."""
    protection = CSRFProtect(app)
    for blueprint in app.extensions.get(_EXEMPT, ()):
        protection.exempt(blueprint)


def _is_versioned() -> bool:
    return re.fullmatch(r"[0-9a-f]{10}", request.args.get("v", "")) is not None


@cache
def _fingerprint(folder: str, filename: str) -> str:
    """A name for this content: a changed file is fetched again, an unchanged one never."""
    path = Path(folder) / filename
    return sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else ""
