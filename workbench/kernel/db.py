"""The database: one declarative base, one session per request or task, and the commit at the edge.

Rooms flush, they never commit; whoever opened the unit of work commits it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Connection, DateTime, Engine, Identity, MetaData, String, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

from workbench.kernel.identity import NOWHERE, Scope

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SCOPE_SETTING = "workbench.scope"
APPLICANT_SETTING = "workbench.applicant"
_SITE_URL = "site_url"


class Base(DeclarativeBase):
    """Every table's base. Instants are always aware; JSON is always jsonb."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: String,
    }


class Numbered:
    """A surrogate key that the database counts up."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """An engine on psycopg. `url` may be of the plain postgresql:// form."""
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    # Errors land in the log; the values of a statement, names and telephone numbers among them, must not.
    return create_engine(url, pool_size=pool_size, max_overflow=10, pool_pre_ping=True, hide_parameters=True)


def make_session_factory(engine: Engine, site_url: str | None = None) -> sessionmaker[Session]:
    """Sessions of the application's role. They reach no fenced row until `set_scope` is called.

    Args:
        site_url: where people reach this installation, without a slash at the end; what is written in these sessions
            links to it. Without one, messages carry no links.
    """
    return sessionmaker(engine, expire_on_commit=False, info={_SITE_URL: site_url})


def site_url_of(session: Session) -> str | None:
    """Where people reach the installation this session works for; None when nobody has said."""
    site_url = session.info.get(_SITE_URL)
    assert site_url is None or isinstance(site_url, str)
    return site_url


class SessionRegistry(scoped_session[Session]):
    """One session per scope token (per request in the web server).

    Flask-Admin unwraps `.session` from what it is given; answering itself keeps its views request-scoped.
    """

    def __init__(self, factory: sessionmaker[Session], scope: Callable[[], Any]) -> None:
        super().__init__(factory, scopefunc=scope)

    @property
    def session(self) -> "SessionRegistry":
        """Itself: what Flask-Admin asks a registry for."""
        return self


def set_scope(session: Session, scope: Scope) -> None:
    """Let this session reach the rows of `scope`, from now on and in every later transaction of it."""
    session.info["scope"] = scope
    if session.in_transaction():
        _tell_database(session.connection(), scope)


def scope_of(session: Session) -> Scope:
    """The rows this session may reach; nothing when nobody has said."""
    scope = session.info.get("scope", NOWHERE)
    assert isinstance(scope, Scope)
    return scope


@contextmanager
def widened(session: Session, scope: Scope) -> Iterator[None]:
    """Let a session reach further for one small step of its transaction, and no further afterwards, whatever happens.

    Whoever uses it tells the asker no more of what lies beyond than the asker has to know.
    """
    before = scope_of(session)
    session.flush()
    set_scope(session, scope)
    try:
        yield
        session.flush()
    finally:
        session.info["scope"] = before
        if session.in_transaction() and session.is_active:
            _tell_database(session.connection(), before)


_TELL: Final = text("SELECT set_config(:scope, :reach, true), set_config(:applicant, :owner, true)")


def _tell_database(connection: Connection, scope: Scope) -> None:
    """Both settings, always: one that was left out would keep an earlier scope's value."""
    connection.execute(
        _TELL,
        {
            "scope": SCOPE_SETTING,
            "reach": scope.as_setting(),
            "applicant": APPLICANT_SETTING,
            "owner": "" if scope.applicant_id is None else str(scope.applicant_id),
        },
    )


@event.listens_for(Session, "after_begin")
def _fence_transaction(session: Session, transaction: Any, connection: Connection) -> None:
    """Each transaction starts with the session's scope: `set_config(..., true)` ends with the transaction. What starts
    within one, at a savepoint, has it already."""
    if "scope" in session.info and not transaction.nested:
        _tell_database(connection, scope_of(session))


@contextmanager
def unit_of_work(factory: Callable[[], Session], scope: Scope = NOWHERE) -> Iterator[Session]:
    """A session that commits when the block ends and rolls back when it raises. For commands and tasks."""
    session = factory()
    set_scope(session, scope)
    try:
        with session.begin():
            yield session
    finally:
        session.close()
