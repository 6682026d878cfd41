"""Signing in and out, forgotten passwords, and one's own account."""

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from workbench.kernel.errors import Conflict, Invalid, NotFound, TooMany
from workbench.organisation.queries import list_recent_attempts
from workbench.organisation.sign_in import SignInRefused
from workbench.organisation.views import wait_in_words
from workbench.portal import door
from workbench.portal.accounts import human, links, signing_in
from workbench.portal.accounts.account_forms import AccountForm, NewPasswordForm, OwnPasswordForm, SignInForm
from workbench.portal.accounts.registration_views import AN_HOUR, MOST_AN_HOUR, dead_link
from workbench.portal.door import for_strangers, portal
from workbench.portal.spending import slow_down
from workbench.shell.context import db, parts
from workbench.shell.i18n import safe_return


@dataclass(frozen=True)
class SignInBox:
    """What `portal/_sign_in.html` shows."""

    form: SignInForm
    picture: human.Picture
    target: str = ""
    refusal: str = ""


@portal.app_template_global()
def sign_in_box() -> SignInBox:
    """An empty box, for any page that offers to sign in."""
    return SignInBox(SignInForm(data=session.get("entering")), human.new_picture())


@portal.route("/entrance", methods=["GET", "POST"])
@for_strangers
def sign_in() -> ResponseReturnValue:
    """Ask for enterprise code, login name, password and captcha, and lead on to where the person was going."""
    target = _target(request.values.get("next"))
    if request.method == "GET":
        if door.find_applicant() is not None:
            return redirect(target, code=303)
        return _entrance(SignInForm(data=session.get("entering")), target)
    form = SignInForm(request.form)
    if not human.validate(form):
        return _entrance(form, target), 400
    try:
        applicant = signing_in.sign_in(
            db(), form.uscc.data, form.login.data, form.password.data, request.remote_addr or ""
        )
    except SignInRefused as refusal:
        return _entrance(form, target, gettext(refusal.reason)), refusal.status
    except TooMany as refusal:
        page = _entrance(form, target, wait_in_words(refusal.retry_after))
        return page, refusal.status, {"Retry-After": str(refusal.retry_after)}
    door.begin(applicant)
    return redirect(target, code=303)


@portal.post("/entrance/leave")
@for_strangers
def sign_out() -> ResponseReturnValue:
    """End this session for good."""
    door.end()
    return redirect(url_for("portal.front"), code=303)


@portal.route("/password/forgotten", methods=["GET", "POST"])
@for_strangers
def forgotten() -> ResponseReturnValue:
    """Send a link to choose a new password, if there is such an account."""
    if request.method == "GET":
        return _forgotten(AccountForm(), sent="sent" in request.args)
    form = AccountForm(request.form)
    if not human.validate(form):
        return _forgotten(form), 400
    slow_down(parts(), "forgotten", request.remote_addr or "", most=MOST_AN_HOUR, within=AN_HOUR)
    signing_in.ask_for_reset(db(), parts(), form.uscc.data, form.login.data)
    return redirect(url_for("portal.forgotten", sent=1), code=303)


@portal.route("/password/reset/<token>", methods=["GET", "POST"])
@for_strangers
def reset(token: str) -> ResponseReturnValue:
    """Choose a new password with a link that works once."""
    again = url_for("portal.forgotten")
    try:
        applicant_id, epoch = links.read_reset(parts(), token)
    except links.BadLink as bad:
        return dead_link(expired=bad.expired, again=again)
    applicant = signing_in.find_resettable(db(), applicant_id, epoch)
    if applicant is None:
        return dead_link(expired=True, again=again)
    form = NewPasswordForm(request.form)
    if request.method == "GET" or not form.validate():
        return _reset(form, applicant), 200 if request.method == "GET" else 400
    try:
        signing_in.reset_password(db(), parts(), applicant_id, epoch, form.password.data, request.remote_addr or "")
    except Conflict:
        return dead_link(expired=True, again=again)
    except Invalid as refusal:
        human.note(form.password, gettext(refusal.reason, **refusal.values))
        return _reset(form, applicant), 400
    session["entering"] = {"uscc": applicant.uscc, "login": applicant.login}
    flash(gettext("Your password has been changed. Please sign in."), "success")
    return redirect(url_for("portal.sign_in"), code=303)


@portal.route("/account", methods=["GET", "POST"])
def account() -> ResponseReturnValue:
    """One's own account: who I am here, my recent sign-ins, a new password."""
    applicant = door.current_applicant()
    form = OwnPasswordForm(request.form)
    if request.method == "GET":
        return _account(form)
    if applicant.login is None:
        raise NotFound("There is no password to change: you sign in with your e-key.")
    if not form.validate():
        return _account(form), 400
    try:
        changed = signing_in.change_password(
            db(), parts(), applicant.id, form.current.data, form.password.data, request.remote_addr or ""
        )
    except signing_in.WrongPassword as refusal:
        human.note(form.current, gettext(refusal.reason))
        return _account(form), 400
    except Invalid as refusal:
        human.note(form.password, gettext(refusal.reason, **refusal.values))
        return _account(form), 400
    door.begin(changed)
    flash(gettext("Your password has been changed. Other sessions of yours have ended."), "success")
    return redirect(url_for("portal.account"), code=303)


def _target(untrusted: str | None) -> str:
    """Where to go after signing in: a page of this site, the applications unless another was asked for."""
    target = safe_return(untrusted)
    return url_for("portal.home") if target == "/" or target.startswith("/entrance") else target


def _entrance(form: SignInForm, target: str, refusal: str = "") -> str:
    return render_template("portal/sign_in.html", box=SignInBox(form, human.new_picture(), target, refusal))


def _forgotten(form: AccountForm, **values: Any) -> str:
    return render_template("portal/forgotten.html", form=form, picture=human.new_picture(), **values)


def _reset(form: NewPasswordForm, applicant: Any) -> str:
    return render_template("portal/reset.html", form=form, applicant=applicant)


def _account(form: OwnPasswordForm) -> str:
    applicant = door.current_applicant()
    attempts = (
        list_recent_attempts(db(), signing_in.attempts_name(applicant.uscc or "", applicant.login))
        if applicant.login
        else []
    )
    return render_template("portal/account.html", form=form, attempts=attempts)
