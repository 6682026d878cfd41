"""Registering and activating: the pages. What they answer never depends on who is registered already."""

from datetime import timedelta
from typing import Any, Final

from flask import flash, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from workbench.cases.facts import USCC_REASONS
from workbench.kernel.codes import group4, normalise_uscc, uscc_problem
from workbench.kernel.errors import Conflict, NotFound
from workbench.portal.accounts import human, links, registering, registry
from workbench.portal.accounts.account_forms import AccountForm, RegisterForm
from workbench.portal.door import for_strangers, portal
from workbench.portal.spending import slow_down
from workbench.shell.context import db, parts

AN_HOUR: Final = timedelta(hours=1)
MOST_AN_HOUR: Final = 20
"""Registrations, and e-mails asked for again, from one address."""
CODE_CHECKS: Final = 200
"""Codes checked as typed from one address in ten minutes."""
_TYPED: Final = "registering"
"""Under this the session remembers what was registered, without the password, so that a mistake can be corrected."""
_REMEMBERED: Final = ("category", "machinery_account", "uscc", "enterprise_name", "login", "email")


@portal.route("/register", methods=["GET", "POST"])
@for_strangers
def register() -> ResponseReturnValue:
    """Ask who registers, and answer alike whether or not the login name was free."""
    if request.method == "GET":
        return _form(RegisterForm(data=session.get(_TYPED) if "correct" in request.args else None))
    form = RegisterForm(request.form)
    person = human.validate(form)
    wish = registering.as_stated({name: field.data or "" for name, field in form._fields.items()})
    for name, refusal in registering.problems_of(wish, registry.TableRegistry(db())).items():
        if not form[name].errors:
            human.note(form[name], gettext(refusal.reason, **refusal.values))
    if not person or form.errors:
        return _form(form), 400
    address = request.remote_addr or ""
    slow_down(parts(), "register", address, most=MOST_AN_HOUR, within=AN_HOUR)
    registering.register(db(), parts(), wish, address)
    session[_TYPED] = {name: getattr(wish, name) for name in _REMEMBERED}
    return redirect(url_for("portal.registered"), code=303)


@portal.get("/register/sent")
@for_strangers
def registered() -> ResponseReturnValue:
    """Where the e-mail went, if one went, and what to do when none comes."""
    typed = session.get(_TYPED)
    if typed is None:
        return redirect(url_for("portal.register"), code=303)
    return render_template("portal/registered.html", email=typed["email"], hours=_hours(links.ACTIVATION_LASTS))


@portal.route("/register/resend", methods=["GET", "POST"])
@for_strangers
def resend() -> ResponseReturnValue:
    """Send the activation e-mail again, if there is one to send."""
    if request.method == "GET":
        form = AccountForm(data=session.get(_TYPED))
        return _resend(form, sent="sent" in request.args)
    form = AccountForm(request.form)
    if not human.validate(form):
        return _resend(form), 400
    slow_down(parts(), "resend", request.remote_addr or "", most=MOST_AN_HOUR, within=AN_HOUR)
    registering.send_again(db(), parts(), form.uscc.data, form.login.data)
    return redirect(url_for("portal.resend", sent=1), code=303)


@portal.route("/activate/<token>", methods=["GET", "POST"])
@for_strangers
def activate(token: str) -> ResponseReturnValue:
    """Show the button that activates; programs that open every link of a mail do not press it."""
    try:
        registration_id = links.read_activation(parts(), token)
    except links.BadLink as bad:
        return dead_link(expired=bad.expired, again=url_for("portal.resend"))
    if request.method == "GET":
        registration = registering.find_registration(db(), registration_id)
        if registration is None:
            return dead_link(expired=True, again=url_for("portal.register"))
        return render_template("portal/activate.html", registration=registration, code=group4(registration.uscc))
    try:
        applicant = registering.activate(db(), registration_id, request.remote_addr or "")
    except (Conflict, NotFound) as refusal:
        return render_template("portal/not_activated.html", reason=gettext(refusal.reason)), refusal.status
    session.pop(_TYPED, None)
    session["entering"] = {"uscc": applicant.uscc, "login": applicant.login}
    flash(gettext("The account is active. Please sign in."), "success")
    return redirect(url_for("portal.sign_in"), code=303)


@portal.post("/enterprise-code")
@for_strangers
def check_code() -> ResponseReturnValue:
    """What can be said of a code while it is being typed: its form, and whether the registry knows it."""
    slow_down(parts(), "code", request.remote_addr or "", most=CODE_CHECKS, within=timedelta(minutes=10))
    code = normalise_uscc(request.form.get("code", "")[:200])
    problem = uscc_problem(code)
    if problem is not None:
        return jsonify(good=False, code=code, message=gettext(USCC_REASONS[problem]))
    unknown = registry.problem_with(registry.TableRegistry(db()), code).get("uscc")
    message = gettext(unknown) if unknown else gettext("The code is well formed: %(code)s", code=group4(code))
    return jsonify(good=unknown is None, code=code, message=message)


def dead_link(*, expired: bool, again: str) -> ResponseReturnValue:
    """The page for a link that opens nothing: why, and where another is to be had."""
    return render_template("portal/dead_link.html", expired=expired, again=again), 410 if expired else 404


def _form(form: RegisterForm) -> str:
    unknown = any(str(each) == gettext(registry.UNKNOWN_CODE) for each in form.uscc.errors)
    return render_template("portal/register.html", form=form, picture=human.new_picture(), unknown_code=unknown)


def _resend(form: AccountForm, **values: Any) -> str:
    return render_template("portal/resend.html", form=form, picture=human.new_picture(), **values)


def _hours(duration: timedelta) -> int:
    return int(duration.total_seconds() // 3600)
