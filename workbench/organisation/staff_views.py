"""Staff administration: find a person, employ one, change roles, let go, hand out a first password once."""

from typing import Any

from flask import flash, make_response, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from wtforms.fields.choices import SelectChoice

from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.identity import AUTHORITY_ROLES, LONE_ROLES, Role
from workbench.kernel.permissions import Permission
from workbench.organisation import queries, service
from workbench.organisation.forms import NewStaffForm, StaffForm
from workbench.organisation.models import Staff
from workbench.organisation.queries import VENDOR, StaffFilter
from workbench.organisation.words import ROLE_DUTIES, ROLE_WORDS
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView

PAGE_SIZE = 50


class StaffView(DeskView):
    """Everybody who signs in. The administrator's alone."""

    permission = Permission.STAFF_MANAGE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The list, narrowed by employer, role, words and standing; the narrowing lives in the address."""
        narrowed, page = _filter_of_address()
        total, people = queries.list_staff(db(), narrowed, page, PAGE_SIZE)
        return str(
            self.render(
                "organisation/staff_list.html",
                people=people,
                total=total,
                page=page,
                pages=max(1, -(-total // PAGE_SIZE)),
                narrowed=narrowed,
                authorities=queries.list_authorities(db()),
                roles=[(role, ROLE_WORDS[role]) for role in Role],
                role_words={role.value: ROLE_WORDS[role] for role in Role},
            )
        )

    @expose("/new", methods=["GET", "POST"])
    def create(self) -> ResponseReturnValue:
        """Employ a person; the first password is shown on the answer, once."""
        form = NewStaffForm(_sent(), employer=request.args.get("employer", VENDOR))
        _offer_employers(form)
        if request.method == "GET" or not form.validate():
            return self._form(form, None), 200 if request.method == "GET" else 400
        try:
            staff, password = service.create_staff(
                db(),
                current_actor(),
                login=form.login.data,
                name=form.name.data,
                email=form.email.data or "",
                roles=_roles_of(form),
                authority_id=_authority_of(form),
            )
        except (Invalid, Conflict) as refusal:
            return self._form(form, None, gettext(refusal.reason, **refusal.values)), refusal.status
        return self._show_once(staff, password)

    @expose("/<int:staff_id>", methods=["GET", "POST"])
    def edit(self, staff_id: int) -> ResponseReturnValue:
        """A person's details, employer and roles."""
        staff = service.get_staff(db(), staff_id)
        form = StaffForm(_sent(), name=staff.name, email=staff.email, roles=staff.roles, employer=_employer_of(staff))
        _offer_employers(form)
        if request.method == "GET" or not form.validate():
            return self._form(form, staff), 200 if request.method == "GET" else 400
        try:
            service.change_details(db(), current_actor(), staff_id, name=form.name.data, email=form.email.data or "")
            if _roles_of(form) != staff.role_set or _authority_of(form) != staff.authority_id:
                service.change_roles(db(), current_actor(), staff_id, _roles_of(form), _authority_of(form))
        except (Invalid, NotAllowed) as refusal:
            db.rollback()
            reason = gettext(refusal.reason, **refusal.values)
            return self._form(form, service.get_staff(db(), staff_id), reason), refusal.status
        flash(gettext("Saved: %(name)s.", name=staff.name), "success")
        return self.see_other("staff.index", employer=form.employer.data)

    @expose("/<int:staff_id>/deactivate", methods=["POST"])
    def deactivate(self, staff_id: int) -> ResponseReturnValue:
        """Let a person sign in no more."""
        staff = service.deactivate(db(), current_actor(), staff_id)
        flash(gettext("%(name)s can no longer sign in.", name=staff.name), "success")
        return self.see_other("staff.edit", staff_id=staff_id)

    @expose("/<int:staff_id>/activate", methods=["POST"])
    def activate(self, staff_id: int) -> ResponseReturnValue:
        """Let a person sign in again."""
        staff = service.activate(db(), current_actor(), staff_id)
        flash(gettext("%(name)s can sign in again.", name=staff.name), "success")
        return self.see_other("staff.edit", staff_id=staff_id)

    @expose("/<int:staff_id>/reset-password", methods=["POST"])
    def reset_password(self, staff_id: int) -> ResponseReturnValue:
        """Make a first password and show it on the answer, once: it is kept nowhere, so no redirect can carry it."""
        staff, password = service.reset_password(db(), current_actor(), staff_id)
        return self._show_once(staff, password)

    def _form(self, form: StaffForm, staff: Staff | None, refusal: str = "") -> str:
        return str(
            self.render(
                "organisation/staff_form.html",
                form=form,
                staff=staff,
                refusal=refusal,
                own=staff is not None and staff.id == current_actor().id,
                duties={role.value: ROLE_DUTIES[role] for role in Role},
                authority_roles=[role.value for role in AUTHORITY_ROLES],
                lone_roles=[role.value for role in LONE_ROLES],
            )
        )

    def _show_once(self, staff: Staff, password: str) -> ResponseReturnValue:
        answer = make_response(self.render("organisation/first_password.html", staff=staff, password=password))
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _sent() -> MultiDict[str, str] | None:
    """What was sent, or None on a GET: an empty form would read as every role being unticked."""
    return request.form if request.method == "POST" else None


def _filter_of_address() -> tuple[StaffFilter, int]:
    role: Any = request.args.get("role", "")
    narrowed = StaffFilter(
        employer=request.args.get("employer", "")[:6],
        role=Role(role) if role in set(Role) else None,
        words=request.args.get("q", "").strip()[:60],
        inactive=request.args.get("inactive") == "1",
    )
    return narrowed, max(1, min(request.args.get("page", 1, type=int), 10_000))


def _offer_employers(form: StaffForm) -> None:
    form.employer.choices = [SelectChoice(VENDOR, gettext("Vendor"))] + [
        SelectChoice(each.code, f"{each.short_zh} · {each.name_zh}") for each in queries.list_authorities(db())
    ]
    form.roles.choices = [SelectChoice(role.value, gettext(ROLE_WORDS[role])) for role in Role]


def _employer_of(staff: Staff) -> str:
    return staff.authority.code if staff.authority else VENDOR


def _authority_of(form: StaffForm) -> int | None:
    if form.employer.data == VENDOR:
        return None
    return next(each.id for each in queries.list_authorities(db()) if each.code == form.employer.data)


def _roles_of(form: StaffForm) -> frozenset[Role]:
    return frozenset(Role(value) for value in form.roles.data)
