"""The shell by itself: an application without rooms, with a desk made for the tests, over a real database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask_admin import expose

import workbench
from tests.support.database import TestServer
from workbench.config import Settings
from workbench.kernel.errors import Conflict, TooMany
from workbench.kernel.identity import EVERYWHERE, Actor, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority
from workbench.organisation.seed import seed_authorities
from workbench.shell import menu
from workbench.shell.context import db, set_actor
from workbench.shell.edge import records_access
from workbench.shell.gate import DeskModelView, DeskView, needs

ADMINISTRATOR = Actor("staff", 1, "示例管理员", frozenset({Role.ADMINISTRATOR}), EVERYWHERE, "192.0.2.1")
CLERK = Actor("staff", 2, "示例预审员", frozenset({Role.PRE_CHECKER}), EVERYWHERE, "192.0.2.2")


@dataclass
class Shell:
    """The application and who is asking in it."""

    app: Flask
    actor: Actor | None = ADMINISTRATOR
    calls: list[str] = field(default_factory=list)

    def client(self) -> FlaskClient:
        """A browser without a past."""
        return self.app.test_client()

    def token(self, client: FlaskClient) -> str:
        """A CSRF token of this client's session."""
        page = client.get("/desk/").get_data(as_text=True)
        return page.split('name="csrf-token" content="')[1].split('"')[0]


class Authorities(DeskModelView):
    """A look-up table with every switch on, narrowed to the first ten rows."""

    permission = Permission.AUTHORITY_MANAGE
    can_create = can_edit = can_delete = can_view_details = True
    column_list = ("position", "name_zh", "active")
    column_searchable_list = ("name_zh",)
    form_columns = ("code", "name_zh", "short_zh", "name_en", "kind", "position", "active")

    def scope(self, query):  # type: ignore[no-untyped-def]  # Flask-Admin's query type
        return query.filter(Authority.position <= 10)


class ReadOnly(DeskModelView):
    """The same table with every switch left off."""

    permission = Permission.AUTHORITY_MANAGE
    column_list = ("position", "name_zh")


class Undeclared(DeskView):
    """A view whose author forgot the permission."""

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return "open"


class Bench(DeskView):
    """Handlers that end in every way a handler can."""

    permission = Permission.DESK_ENTER
    shell: Shell

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return str(self.render("desk/home.html", cards=[], today=None))

    @expose("/auditors")
    @needs(Permission.AUDIT_READ)
    def auditors(self) -> ResponseReturnValue:
        return "for auditors"

    @expose("/rename/<int:status>", methods=("POST",))
    def rename(self, status: int) -> ResponseReturnValue:
        _rename(f"renamed {status}")
        return "done", status

    @expose("/rename-and-fail", methods=("POST",))
    def rename_and_fail(self) -> ResponseReturnValue:
        _rename("renamed and failed")
        raise Conflict("It is %(state)s.", state="gone")

    @expose("/rename-by-looking")
    def rename_by_looking(self) -> ResponseReturnValue:
        _rename("renamed by looking")
        return "done"

    @expose("/recorded-look")
    @records_access
    def recorded_look(self) -> ResponseReturnValue:
        _rename("looked")
        return "done"

    @expose("/type-error")
    def type_error(self) -> ResponseReturnValue:
        self.shell.calls.append("type-error")
        raise TypeError("secret inside")

    @expose("/too-many")
    def too_many(self) -> ResponseReturnValue:
        raise TooMany("Too many attempts", retry_after=17)


def _rename(name: str) -> None:
    db.get_one(Authority, 1).name_en = name
    db.flush()


def authority_name(parts: Parts) -> str:
    """What the first authority is called in the database, seen from outside the request."""
    with parts.work() as session:
        return session.get_one(Authority, 1).name_en


@pytest.fixture(scope="module")
def shell_parts(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Parts over a database of this module's own, with the authorities in it."""
    copy = database_server.copy()
    var: Path = tmp_path_factory.mktemp("var")
    parts = make_parts(Settings(var_dir=var), copy.app_url)
    with parts.work() as session:
        seed_authorities(session, system_actor("test"))
    yield parts
    parts.engine.dispose()
    database_server.drop(copy)


@pytest.fixture(scope="module")
def shell(shell_parts: Parts) -> Shell:
    """The application without rooms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench, "ROOMS", ())
        app = workbench.create_app(parts=shell_parts)
    made = Shell(app)
    Bench.shell = made
    admin = app.extensions["admin"][0]
    admin.add_view(Authorities(Authority, name="Authorities", endpoint="authorities", url="authorities"))
    admin.add_view(ReadOnly(Authority, name="Read only", endpoint="read_only", url="read-only"))
    admin.add_view(Undeclared(name="Undeclared", endpoint="undeclared", url="undeclared"))
    admin.add_view(Bench(name="Bench", endpoint="bench", url="bench"))
    menu.register(app, menu.MenuItem("Bench", "bench.index", Permission.DESK_ENTER, lambda _s, _a: 3))
    menu.register(app, menu.MenuItem("For auditors", "bench.auditors", Permission.AUDIT_READ, lambda _s, _a: 9))
    menu.register_search(app, menu.Search("bench.index", Permission.DESK_ENTER))

    def sign_in() -> None:
        if made.actor is not None:
            set_actor(made.actor, "示例机构 · 管理员")

    app.before_request_funcs.setdefault(None, []).insert(0, sign_in)
    return made


@pytest.fixture(autouse=True)
def _administrator_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test starts with the administrator at the desk."""
    yield
    if "shell" in request.fixturenames:
        request.getfixturevalue("shell").actor = ADMINISTRATOR
