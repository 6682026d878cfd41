"""Signing in with an e-key and starting the renewal of its certificate.

Both addresses stand on every listener of the application; only where a certificate is asked for can one be shown.
"""

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from workbench.cases.words import Service
from workbench.config import Settings
from workbench.portal import door
from workbench.portal.door import for_strangers, portal
from workbench.portal.front.promises import promises_of
from workbench.portal.key.client_certificate import asks_for_certificate, key_address, presented_certificate
from workbench.portal.key.key_sign_in import (
    RenewalUnderWay,
    advice_on,
    find_open_draft,
    find_own_certificate,
    find_renewal,
    judge_presented,
    number_to_update,
    sign_in_with_key,
    start_renewal,
    unfinished_renewal,
)
from workbench.shell import health, http
from workbench.shell.context import db, parts

FIRST_STEP: Final = "enterprise"
PROBE_SECONDS: Final = 2.0

log = structlog.stdlib.get_logger("workbench.key")


@portal.route("/key", methods=["GET", "POST"])
@for_strangers
def key_sign_in() -> ResponseReturnValue:
    """Show whose certificate is plugged in, or how to plug it in; sign its holder in when asked to."""
    settings = parts().settings
    certificate = presented_certificate(request.environ, settings)
    verdict = judge_presented(parts(), certificate) if certificate is not None else None
    if verdict is not None and not verdict.opens:
        log.warning(
            "key_refused", standing=verdict.standing.value, certificate=format(verdict.certificate.serial_number, "X")
        )
    unfinished = unfinished_renewal(parts(), verdict) if verdict is not None else None
    opens = verdict is not None and (verdict.opens or unfinished is not None)
    if request.method == "POST" and verdict is not None and opens:
        applicant = sign_in_with_key(db(), parts(), verdict, request.remote_addr or "")
        door.begin(applicant)
        return redirect(_on_main_site(settings) + url_for("portal.renew"), code=303)
    happened, then = advice_on(verdict) if verdict is not None else ("", "")
    page = render_template(
        "portal/key.html",
        verdict=verdict,
        unfinished=unfinished,
        happened=happened,
        then=then,
        asked=asks_for_certificate(request.environ, settings),
        address=key_address(settings),
    )
    response = make_response(page, 403 if request.method == "POST" or (verdict and not opens) else 200)
    _let_form_lead_to(response, _on_main_site(settings))
    return response


@portal.route("/renew", methods=["GET", "POST"])
@for_strangers
def renew() -> ResponseReturnValue:
    """What a renewal takes, and its start, for who signed in with an e-key; everybody else is led to sign in so."""
    applicant = door.find_applicant()
    certificate = find_own_certificate(parts(), applicant) if applicant is not None else None
    if applicant is None or certificate is None:
        return redirect(url_for("portal.key_sign_in"), code=303)
    if request.method == "POST":
        try:
            draft = start_renewal(db(), parts(), applicant, request.remote_addr or "")
        except RenewalUnderWay as under_way:
            flash(gettext(under_way.reason), "warning")
            return redirect(url_for("portal.renew"), code=303)
        return redirect(url_for("portal.step", draft_id=draft.id, step=FIRST_STEP), code=303)
    return render_template(
        "portal/key_renewal.html",
        certificate=certificate,
        draft=find_open_draft(db(), applicant),
        under_way=find_renewal(parts(), applicant, certificate),
        update=number_to_update(parts(), certificate),
        promise=promises_of(db(), Service.RENEWAL).finished,
    )


def watch_listener(app: Flask, settings: Settings) -> None:
    """Let /health tell whether the listener for e-keys shakes hands, where this installation has one."""
    port = settings.key_port
    if port is None:
        return
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  (compared, not bound)

    def ask(_: Session) -> health.Health:
        return health.Health.OK if _shakes_hands(host, port) else health.Health.DEGRADED

    health.register(app, health.Probe("key_listener", ask))


def _shakes_hands(host: str, port: int) -> bool:
    # Our own process is asked, under whatever name its certificate was made for.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=PROBE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except OSError:
        return False


def _on_main_site(settings: Settings) -> str:
    """The main site, where the cookie made here counts there too: on the same host, whatever the port. Else nothing:
    the holder goes on where the certificate was shown."""
    same = urlsplit(settings.site_url).hostname == urlsplit(request.host_url).hostname
    return settings.site_url if same else ""


def _let_form_lead_to(response: Response, site: str) -> None:
    """Let the sign-in's form end on the main site's port: browsers hold redirects of a form to the page's policy."""
    if site:
        policy = http.content_security_policy(http.csp_nonce())
        response.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", f"form-action 'self' {site}")
