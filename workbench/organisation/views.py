"""The organisation's screens: the entrance for everybody, one's account, and what the administrator keeps."""

import math
from typing import Any

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.kernel.errors import TooMany
from workbench.kernel.permissions import Permission
from workbench.organisation import session as signed_in
from workbench.organisation.account_views import AccountView, DeskStaffView
from workbench.organisation.forms import SignInForm
from workbench.organisation.place_views import AuthorityView, PickupSiteView
from workbench.organisation.sign_in import SignInRefused, sign_in, sign_out
from workbench.organisation.staff_views import StaffView
from workbench.shell import menu
from workbench.shell.context import current_actor, db, find_actor
from workbench.shell.i18n import safe_return

entrance = Blueprint("entrance", __name__)


def register(app: Flask, admin: Admin) -> None:
    """Add the guard, the entrance, the screens and their lines in the menu."""
    signed_in.install(app)
    app.register_blueprint(entrance)
    admin.add_view(AccountView(name=_("My account"), endpoint="account", url="/desk/account"))
    admin.add_view(DeskStaffView(name=_("Staff of the desk"), endpoint="desk_staff", url="/desk/colleagues"))
    admin.add_view(AuthorityView())
    admin.add_view(PickupSiteView())
    admin.add_view(StaffView(name=_("Staff"), endpoint="staff", url="/desk/staff"))
    menu.register_person_link(app, menu.PersonLink(_("My account"), "account.index"))
    manage, administration = Permission.AUTHORITY_MANAGE, menu.Group.ADMINISTRATION
    for label, endpoint, permission, group, icon in (
        (_("Staff of the desk"), "desk_staff.index", Permission.WORKLOAD_READ, menu.Group.REPORTS, "people"),
        (_("Staff"), "staff.index", Permission.STAFF_MANAGE, administration, "people"),
        (_("Authorities"), "authorities.index_view", manage, administration, "building"),
        (_("Pick-up sites"), "pickup_sites.index_view", manage, administration, "box"),
    ):
        menu.register(app, menu.MenuItem(label, endpoint, permission, group=group, icon=icon))


@entrance.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
def sign_in_page() -> ResponseReturnValue:
    """Ask for login name and password, and lead on to where the person was going."""
    target = _target(request.values.get("next"))
    if request.method == "GET":
        return redirect(target, code=303) if find_actor() else _sign_in_form(SignInForm(), target)
    form = SignInForm(request.form)
    if not form.validate():
        return _sign_in_form(form, target), 400
    try:
        staff = sign_in(db(), form.login.data, form.password.data, request.remote_addr or "")
    except SignInRefused as refusal:
        return _sign_in_form(form, target, refusal=gettext(refusal.reason)), refusal.status
    except TooMany as refusal:
        page = _sign_in_form(form, target, refusal=wait_in_words(refusal.retry_after), wait=refusal.retry_after)
        return page, refusal.status, {"Retry-After": str(refusal.retry_after)}
    signed_in.begin(staff)
    return redirect(target, code=303)


@entrance.post("/sign-out", endpoint="sign_out")
def sign_out_page() -> ResponseReturnValue:
    """End this session for good."""
    person = signed_in.signed_in_person()
    if person is not None:
        sign_out(db(), current_actor(), person.sid)
    signed_in.end()
    return redirect(url_for("entrance.sign_in"), code=303)


def _target(untrusted: str | None) -> str:
    """Where to go after signing in: a page of this site, never the entrance itself."""
    target = safe_return(untrusted)
    return "/" if target.startswith(("/sign-in", "/sign-out")) else target


def _sign_in_form(form: SignInForm, target: str, **values: Any) -> str:
    accounts = current_app.config.get("DEMO_ACCOUNTS") or ()
    return render_template("organisation/sign_in.html", form=form, target=target, accounts=accounts, **values)


def wait_in_words(seconds: int) -> str:
    """When signing in is possible again, rounded up to what a person waits."""
    minutes = math.ceil(seconds / 60)
    hours = math.ceil(minutes / 60)
    if minutes < 90:
        wait = ngettext("Wait %(num)d minute, then try again.", "Wait %(num)d minutes, then try again.", minutes)
    else:
        wait = ngettext("Wait %(num)d hour, then try again.", "Wait %(num)d hours, then try again.", hours)
    return f"{gettext('Too many failed attempts.')} {wait}"
