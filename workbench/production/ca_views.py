"""What anybody may ask the embedded authority: its certificates, its revocation list, whether a certificate holds.

Answers are the same for everybody. No cookie is read or set, no session begun, nothing is written for a stranger but a
revocation list that has become a day old.
"""

import base64
import binascii
from datetime import timedelta
from typing import Final

import structlog
from flask import Blueprint, Flask, Response, abort, make_response, request

from workbench.kernel.clock import now
from workbench.organisation import session as staff_session
from workbench.production.ca import ocsp
from workbench.production.ca.choosing import find_embedded, list_embedded
from workbench.production.ca.connector import CaMisconfigured, CaUnreachable
from workbench.production.ca.crl import RENEWED_AFTER
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.shell import http
from workbench.shell.context import parts

log = structlog.stdlib.get_logger("workbench.ca")
ca: Final = Blueprint("ca", __name__, url_prefix="/ca")
CRL_KEPT: Final = timedelta(minutes=10)
"""How long a cache may hand out a list without asking: a revocation is seen everywhere after that."""
OCSP_KEPT: Final = timedelta(minutes=5)
_CERTIFICATE_KEPT: Final = timedelta(days=1)
assert CRL_KEPT < RENEWED_AFTER


def install(app: Flask) -> None:
    """Add the addresses; their callers are programs that have neither a sign-in nor a form's token."""
    http.without_token(app, ca)
    staff_session.leave_to_own_guard(app, ca.name)
    app.register_blueprint(ca)


@ca.errorhandler(CaUnreachable)
@ca.errorhandler(CaMisconfigured)
def _out_of_order(trouble: Exception) -> tuple[str, int]:
    """What is wrong is for the log: strangers can only come back later."""
    log.error("authority_out_of_order", problem=str(trouble))
    return "", 503


@ca.get("/<name>.crl")
def crl(name: str) -> Response:
    """The revocation list (RFC 2585)."""
    return _public(_authority(name).crl(), "application/pkix-crl", CRL_KEPT)


@ca.get("/<name>.cer")
def certificate(name: str) -> Response:
    """The issuing authority's certificate, or with `-root` behind the name the root's (RFC 2585)."""
    authority = _authority(name.removesuffix("-root"))
    found = authority.foundation.root if name.endswith("-root") else authority.foundation.issuing
    return _public(found, "application/pkix-cert", _CERTIFICATE_KEPT)


@ca.post("/ocsp")
@http.accepts(ocsp.LONGEST_QUESTION)
def ask_by_post() -> Response:
    """Whether a certificate still holds (RFC 6960 A.1)."""
    if request.mimetype != "application/ocsp-request":
        abort(415)
    return _answer(request.get_data())


@ca.get("/ocsp/<path:encoded>")
def ask_by_get(encoded: str) -> Response:
    """The same with the question in the address, which caches understand."""
    if len(encoded) > ocsp.LONGEST_QUESTION:
        abort(414)
    try:
        question = base64.b64decode(encoded.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        abort(400)
    return _answer(question)


def _answer(untrusted: bytes) -> Response:
    told = ocsp.answer(untrusted, list_embedded(parts()))
    kept = OCSP_KEPT if told.until is not None and request.method == "GET" else None
    return _public(told.content, "application/ocsp-response", kept)


def _authority(name: str) -> EmbeddedAuthority:
    found = find_embedded(parts(), name)
    if found is None:
        abort(404)
    return found


def _public(content: bytes, mimetype: str, kept: timedelta | None) -> Response:
    response = make_response(content)
    response.mimetype = mimetype
    if kept is not None:
        response.headers["Cache-Control"] = f"public, max-age={int(kept.total_seconds())}"
        response.headers["Expires"] = _http_date(kept)
        response.add_etag()
        response.make_conditional(request)
    return response


def _http_date(kept: timedelta) -> str:
    return (now() + kept).strftime("%a, %d %b %Y %H:%M:%S GMT")
