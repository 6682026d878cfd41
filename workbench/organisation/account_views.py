"""One's own account, and the supervisor's list of the own desk's people."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext

from workbench.kernel.errors import Invalid, TooMany
from workbench.kernel.identity import Role
from workbench.kernel.permissions import Permission
from workbench.organisation import queries, service
from workbench.organisation import session as signed_in
from workbench.organisation.forms import OwnPasswordForm
from workbench.organisation.words import ROLE_DUTIES, ROLE_WORDS
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView


class AccountView(DeskView):
    """My account: who I am here, my recent sign-ins, my password. For everybody who may enter a desk."""

    permission = Permission.DESK_ENTER

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Roles in words and recent sign-ins."""
        staff = service.get_staff(db(), current_actor().id or 0)
        return str(
            self.render(
                "organisation/account.html",
                staff=staff,
                roles=[(ROLE_WORDS[role], ROLE_DUTIES[role]) for role in Role if role in staff.role_set],
                attempts=queries.list_recent_attempts(db(), staff.login),
            )
        )

    @expose("/password", methods=["GET", "POST"])
    def password(self) -> ResponseReturnValue:
        """Choose a new password; with a first password this is the only page there is."""
        staff = service.get_staff(db(), current_actor().id or 0)
        forced = staff.must_change_password
        form = OwnPasswordForm(request.form)
        if request.method == "GET" or not form.validate():
            return self._form(form, forced), 200 if request.method == "GET" else 400
        try:
            service.change_own_password(db(), current_actor(), form.current.data, form.new.data)
        except (Invalid, TooMany) as refusal:
            return self._form(form, forced, refusal=gettext(refusal.reason, **refusal.values)), refusal.status
        signed_in.begin(staff)
        flash(gettext("Your password has been changed. Other sessions of yours have ended."), "success")
        return redirect(url_for("home.index" if forced else "account.index"), code=303)

    def _form(self, form: OwnPasswordForm, forced: bool, refusal: str = "") -> str:
        frame = "desk/bare.html" if forced else "desk/base.html"
        return str(
            self.render("organisation/password.html", form=form, forced=forced, refusal=refusal, frame_template=frame)
        )


class DeskStaffView(DeskView):
    """The people a supervisor answers for; to look at only."""

    permission = Permission.WORKLOAD_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Active staff of the own authority, or of the vendor."""
        return str(
            self.render(
                "organisation/desk_staff.html", people=queries.list_own_desk(db(), current_actor()), title_of=_roles
            )
        )


def _roles(roles: list[str]) -> str:
    return "、".join(gettext(ROLE_WORDS[role]) for role in Role if role.value in roles)
