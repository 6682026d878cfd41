"""The application's database role: it owns nothing, bypasses nothing, and is all that web server and worker ever get.

Its password is derived from a secret in var/keys, so nobody has to choose, store or pass one around.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

OLDEST = 15  # security_invoker views and the closed public schema


class RoleError(Exception):
    """The application's role cannot be made or must not be used; the message says what the administrator does next."""


def role_of(database: str) -> str:
    """The name of the application's role in `database`."""
    return f"{database}_app"


def prepare(owner_url: str, app_password_source: Path, *, role: str | None = None) -> str:
    """Make the application's role beside the owner's and let it use what the owner makes from now on.

    To be called before the migrations, which take away what the role must not have (audit entries: no UPDATE).

    Args:
        owner_url: postgresql://… of the role that owns the database.
        app_password_source: the secret file, made (0600) when missing.
        role: another name than `role_of(database)`.

    Returns:
        The application's URL.

    Raises:
        RoleError: the server is too old, or the owner may not make roles.
    """
    with connect_as_owner(owner_url) as owner:
        name = role or role_of(owner.info.dbname)
        password = _password(app_password_source, name)
        app_url = with_credentials(owner_url, name, password)
        if not _signs_in(app_url):
            _make(owner, name, password)
        grant(owner, name)
    return app_url


def connect_as_owner(owner_url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection that commits each statement.

    Raises:
        RoleError: nobody answers there, or PostgreSQL is older than 15.
    """
    try:
        owner = psycopg.connect(owner_url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise RoleError(f"The database in DATABASE_URL does not let us in: {str(error).strip()}") from error
    if owner.info.server_version < OLDEST * 10_000:
        version = owner.info.parameter_status("server_version")
        owner.close()
        raise RoleError(f"PostgreSQL {version} is too old: version {OLDEST} or newer is needed.")
    return owner


def grant(owner: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Let `name` connect and use tables, sequences and functions the owner makes from now on.

    Raises:
        RoleError: the role would slip past the fences: superuser, BYPASSRLS, or owner of the database.
    """
    _refuse_mighty(owner, name)
    role = sql.Identifier(name)
    defaults = sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} TO {}")
    owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(owner.info.dbname), role))
    owner.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    for what in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE ON SEQUENCES", "EXECUTE ON FUNCTIONS"):
        owner.execute(defaults.format(sql.SQL(what), role))


def with_credentials(url: str, role: str, password: str) -> str:
    """The same server and database for another role. Keeps host, port and options as they are written."""
    parts = urlsplit(url)
    place = parts.netloc.rsplit("@", 1)[-1]
    changed = urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{place}"))
    return changed if "://" in changed else changed.replace(":", "://", 1)


def _signs_in(app_url: str) -> bool:
    try:
        with psycopg.connect(app_url, connect_timeout=10):
            return True
    except psycopg.OperationalError:
        return False


def _make(owner: psycopg.Connection[tuple[object, ...]], name: str, password: str) -> None:
    # The server gets the verifier, never the password: statements land in logs.
    verifier = owner.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    exists = owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is not None
    options = "" if exists else " NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
    statement = sql.SQL("{} ROLE {} LOGIN" + options + " PASSWORD {}").format(
        sql.SQL("ALTER" if exists else "CREATE"), sql.Identifier(name), sql.Literal(verifier)
    )
    try:
        owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise RoleError(
            f"The database role {owner.info.user} may not make the application's role. Let an administrator run\n"
            f"  {statement.as_string(owner)};\n"
            "or set WORKBENCH_APP_DATABASE_URL to the URL of a role made for it."
        ) from error


def _refuse_mighty(owner: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    found = owner.execute(
        "SELECT rolsuper, rolbypassrls, pg_has_role(r.oid, d.datdba, 'MEMBER') FROM pg_roles r, pg_database d "
        "WHERE r.rolname = %s AND d.datname = current_database()",
        [name],
    ).fetchone()
    if found is None:
        raise RoleError(f"There is no database role {name}.")
    if any(found):
        raise RoleError(
            f"The database role {name} is a superuser, bypasses row security or owns the database: use another."
        )


def _password(source: Path, name: str) -> str:
    if not source.exists():
        source.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = source.with_name(f".{source.name}.{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(source)
    return hmac.new(source.read_bytes(), f"database role {name}".encode(), hashlib.sha256).hexdigest()
