"""The peer: Flask-Admin's own `ModelView` over the same table, as its documentation shows it, and nothing of ours.

It connects as the table's owner, so it pays for no row security, and its model is read from the database, so it pays
for none of our fences.
"""

import warnings
from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel
from sqlalchemy import Table, create_engine
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker

EQUAL_FILTERS = frozenset({"FilterEqual", "IntEqualFilter"})


class ApplicationView(ModelView):
    """The list as it comes, with the columns of our queue, its order, and as many rows to a page."""

    can_create = can_edit = can_delete = False
    column_list = (
        "number",
        "enterprise_name",
        "uscc",
        "service",
        "category",
        "state",
        "round",
        "submitted_at",
        "due_at",
    )
    column_searchable_list = ("number", "uscc", "enterprise_name")
    column_filters = ("state", "service", "authority_id")
    column_default_sort = "due_at"
    page_size = 50


class CustodyEntryView(ModelView):
    """The ledger of hand-overs as it comes."""

    can_create = can_edit = can_delete = False
    column_list = ("at", "event", "token_id", "from_custodian", "to_custodian", "authority_id", "actor_name", "place")
    column_searchable_list = ("actor_name", "place")
    column_filters = ("event", "authority_id", "to_custodian")
    column_default_sort = ("at", True)
    page_size = 50


class TokenView(ModelView):
    """The keys as they come."""

    can_create = can_edit = can_delete = False
    column_list = ("serial", "state", "custodian", "custodian_ref", "authority_id", "moved_at")
    column_searchable_list = ("serial",)
    column_filters = ("state", "custodian", "authority_id")
    column_default_sort = ("moved_at", True)
    page_size = 50


def make_app(owner_url: str) -> Flask:
    """The stock application; its lists are at /admin/application/, /admin/custody/ and /admin/token/."""
    engine = create_engine("postgresql+psycopg://" + owner_url.split("://", 1)[1])

    class Mapped(DeclarativeBase):
        pass

    class Application(Mapped):
        __table__ = Table("application", Mapped.metadata, autoload_with=engine, resolve_fks=False)

    class CustodyEntry(Mapped):
        __table__ = Table("custody_entry", Mapped.metadata, autoload_with=engine, resolve_fks=False)

    class Token(Mapped):
        __table__ = Table("token", Mapped.metadata, autoload_with=engine, resolve_fks=False)

    app = Flask("tests.bench.stock")
    app.config["SECRET_KEY"] = "stock"
    Babel(app)  # Flask-Admin asks for it as soon as it is installed
    session = scoped_session(sessionmaker(engine))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # plain SQLAlchemy sessions: 3.0 will want another form
        admin = Admin(app, theme=Bootstrap4Theme())
        admin.add_view(ApplicationView(Application, session, endpoint="application"))
        admin.add_view(CustodyEntryView(CustodyEntry, session, endpoint="custody"))
        admin.add_view(TokenView(Token, session, endpoint="token"))
    app.teardown_appcontext(lambda error: session.remove())
    return app


def filter_arguments(app: Flask, of: type[ModelView] = ApplicationView, /, **equal: object) -> dict[str, str]:
    """URL arguments of a stock list for `column=value` filters."""
    view: Any = next(each for each in app.extensions["admin"][0]._views if isinstance(each, of))
    places = {
        each.column.key: index for index, each in enumerate(view._filters) if type(each).__name__ in EQUAL_FILTERS
    }
    return {f"flt{number}_{places[column]}": str(value) for number, (column, value) in enumerate(equal.items())}


def order_arguments(column: str, *, descending: bool) -> dict[str, str]:
    """URL arguments of the stock list for a click on a column's head."""
    return {"sort": str(ApplicationView.column_list.index(column)), **({"desc": "1"} if descending else {})}
