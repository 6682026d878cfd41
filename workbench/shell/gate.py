"""The only subclasses of Flask-Admin: base views that are closed until they declare a permission.

They refuse what Flask-Admin leaves open: rows outside the actor's authority, writes without an audit entry, commits of
its own.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Final, Never, TypeVar

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import BaseView
from flask_admin.contrib.sqla import ModelView
from flask_babel import gettext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Query
from wtforms import Form

from workbench.kernel import audit
from workbench.kernel.errors import NotAllowed, NotFound
from workbench.kernel.permissions import Permission, permits
from workbench.shell.context import NotSignedIn, current_actor, db, find_actor
from workbench.shell.i18n import instant, safe_return
from workbench.shell.model_audit import written_values

F = TypeVar("F", bound=Callable[..., Any])


def needs(permission: Permission) -> Callable[[F], F]:
    """Let one exposed method ask for another permission than its view. Goes below `@expose`."""

    def mark(method: F) -> F:
        method.needed_permission = permission  # type: ignore[attr-defined]  # survives Flask-Admin's wrapping
        return method

    return mark


class Gate:
    """Left of a Flask-Admin view: closed unless `permission` is declared."""

    permission: ClassVar[Permission | None] = None
    method_permissions: ClassVar[Mapping[str, Permission]] = {}
    """Permissions of inherited methods, which no decorator can reach, by method name."""

    def permission_of(self, method: str) -> Permission | None:
        """What the exposed `method` asks for; None means closed."""
        declared = getattr(getattr(self, method, None), "needed_permission", None)
        return declared or self.method_permissions.get(method) or self.permission

    def is_accessible(self) -> bool:
        """Whether the view as a whole may be entered; Flask-Admin asks this for its own menus."""
        actor = find_actor()
        return actor is not None and self.permission is not None and permits(actor, self.permission)

    def _handle_view(self, name: str, **kwargs: Any) -> ResponseReturnValue | None:
        actor = find_actor()
        if actor is None:
            raise NotSignedIn("Please sign in first.")
        permission = self.permission_of(name)
        if permission is None or not permits(actor, permission):
            raise NotAllowed("Your role does not include this page.")
        return None

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call once: Flask-Admin's own version calls again on any TypeError and so hides the real one."""
        return fn(self, *args, **kwargs)


class DeskView(Gate, BaseView):
    """A casework screen. Only handlers: rules live in services, reads in queries."""

    @staticmethod
    def see_other(endpoint: str, **values: Any) -> ResponseReturnValue:
        """Answer a successful POST: 303 to a page that may be reloaded."""
        return redirect(url_for(endpoint, **values), code=303)


def _yes_or_no(view: ModelView, value: bool, name: str) -> str:
    return str(gettext("Yes") if value else gettext("No"))


def _instant(view: ModelView, value: datetime, name: str) -> str:
    return instant(value)


def _day(view: ModelView, value: date, name: str) -> str:
    return value.isoformat()


def _nothing(view: ModelView, value: None, name: str) -> str:
    return "–"


_SWITCHES: Final = {
    "create_view": "can_create",
    "edit_view": "can_edit",
    "delete_view": "can_delete",
    "details_view": "can_view_details",
}
_CLOSED: Final = frozenset({"action_view", "ajax_update", "ajax_lookup", "export"})
"""What every stock view exposes and ours never serve: bulk actions, inline edits and raw exports."""


class DeskModelView(Gate, ModelView):
    """A look-up table with list, search, sort and, where switched on, forms. All switches are off to begin with.

    No filters, inline models or ajax references: the pages work without the stock scripts. Rows are narrowed by the
    session's own fence; `scope` narrows further.
    """

    can_create = can_edit = can_delete = can_view_details = can_export = False
    can_set_page_size = False
    page_size = 50
    list_template = "desk/model_list.html"
    create_template = "desk/model_form.html"
    edit_template = "desk/model_form.html"
    details_template = "desk/model_details.html"
    column_type_formatters: ClassVar[Mapping[type, Any]] = {
        bool: _yes_or_no,
        datetime: _instant,
        date: _day,
        type(None): _nothing,
    }
    column_type_formatters_detail = column_type_formatters
    audit_subject: ClassVar[str] = ""
    """How the audit log names a row's kind; the table's name unless given."""
    audit_secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Columns whose values stay out of the audit log."""
    introduction: ClassVar[Any] = None
    """A sentence above the list on what the table is for."""

    def __init__(self, model: type[Any], *, name: Any, endpoint: str, url: str, **kwargs: Any) -> None:
        super().__init__(model, db, name=name, endpoint=endpoint, url=url, **kwargs)

    def scope(self, query: "Query[Any]") -> "Query[Any]":
        """Narrow list, count and single rows alike; the session's fence has already been applied."""
        return query

    def get_query(self) -> "Query[Any]":
        """Rows of the list."""
        return self.scope(super().get_query())

    def get_count_query(self) -> "Query[Any]":
        """The same rows, counted."""
        return self.scope(super().get_count_query())

    def get_one(self, id: Any) -> Any:  # noqa: A002 - Flask-Admin's name for it
        """One row by key.

        Raises:
            NotFound: there is none inside this view's scope.
        """
        (key,) = self.model.__mapper__.primary_key
        try:
            value = key.type.python_type(id)
        except ValueError:
            self._not_found()
        found = self.get_query().filter(key == value).one_or_none()
        if found is None:
            self._not_found()
        return found

    def _not_found(self) -> Never:
        raise NotFound("There is no such record, or it belongs to another authority.")

    def _handle_view(self, name: str, **kwargs: Any) -> ResponseReturnValue | None:
        refusal = super()._handle_view(name, **kwargs)
        if name in _CLOSED or not getattr(self, _SWITCHES.get(name, ""), True):
            abort(404)
        if name in {"edit_view", "details_view"} and "id" not in request.args:
            abort(404)
        if (back := request.values.get("url")) and safe_return(back) != back:
            abort(400)
        return refusal

    def create_model(self, form: Form) -> Any:
        """Add a row and its audit entry; the edge commits both. False when another row stands in the way."""
        model = self.build_new_instance()
        form.populate_obj(model)
        db.add(model)
        return model if self._write(lambda: self.on_model_change(form, model, True)) else False

    def update_model(self, form: Form, model: Any) -> bool:
        """Change a row and write its audit entry."""

        def change() -> None:
            form.populate_obj(model)
            self.on_model_change(form, model, False)

        return self._write(change)

    def delete_model(self, model: Any) -> bool:
        """Remove a row and write its audit entry."""

        def remove() -> None:
            self.on_model_delete(model)
            db.delete(model)

        return self._write(remove)

    def _write(self, change: Callable[[], None]) -> bool:
        try:
            change()
            db.flush()
        except IntegrityError:
            db.rollback()
            flash(gettext("Not saved: another record has the same value, or still refers to this one."), "error")
            return False
        return True

    def on_model_change(self, form: Form, model: Any, is_created: bool) -> None:
        """Write the audit entry. Overriding methods call this last, when the row has its final values."""
        before, after = written_values(model, self.audit_secret_fields, created=is_created)
        db.flush()
        self._record("created" if is_created else "changed", model, before, after)

    def on_model_delete(self, model: Any) -> None:
        """Write the audit entry of a removal."""
        _, gone = written_values(model, self.audit_secret_fields, created=True)
        self._record("deleted", model, gone, None)

    def _record(
        self, event: str, model: Any, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        kind = self.audit_subject or self.model.__tablename__
        audit.record(
            db(),
            f"{kind}.{event}",
            current_actor(),
            subject=f"{kind}:{self.get_pk_value(model)}",
            authority_id=getattr(model, "authority_id", None),
            before=before,
            after=after,
        )
