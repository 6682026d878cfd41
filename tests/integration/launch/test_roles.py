"""The application's role may work and nothing else."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.database import Database
from workbench.launch import roles


def test_role_reads_and_writes_what_the_owner_makes_but_makes_nothing(fresh_database: Database) -> None:
    with psycopg.connect(fresh_database.owner_url) as owner:
        owner.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, word text)")
    with psycopg.connect(fresh_database.app_url, autocommit=True) as app:
        app.execute("INSERT INTO later (word) VALUES ('x')")
        assert app.execute("SELECT word FROM later").fetchall() == [("x",)]
        for forbidden in ("CREATE TABLE own (x int)", "DROP TABLE later", "TRUNCATE later"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_role_is_neither_superuser_nor_above_row_security(fresh_database: Database) -> None:
    with psycopg.connect(fresh_database.app_url) as app:
        row = app.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False, False, False)


def test_owner_is_refused_as_the_applications_role(fresh_database: Database) -> None:
    with roles.connect_as_owner(fresh_database.owner_url) as owner:
        assert owner.info.user
        with pytest.raises(roles.RoleError, match="owns the database"):
            roles.grant(owner, owner.info.user)


def test_owner_who_may_not_make_roles_is_told_the_statement(fresh_database: Database, tmp_path: Path) -> None:
    with pytest.raises(roles.RoleError) as refused:
        roles.prepare(fresh_database.app_url, tmp_path / "keys" / "app_role", role="wb_test_never")
    message = str(refused.value)
    assert 'CREATE ROLE "wb_test_never" LOGIN NOSUPERUSER' in message
    assert "SCRAM-SHA-256$" in message
    assert "WORKBENCH_APP_DATABASE_URL" in message


def test_secret_is_private_and_the_password_steady(tmp_path: Path) -> None:
    source = tmp_path / "keys" / "app_role"
    first = roles._password(source, "x_app")
    assert source.stat().st_mode & 0o777 == 0o600
    assert roles._password(source, "x_app") == first
    assert roles._password(source, "y_app") != first


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:p%40ss@db.example:6432/work?sslmode=require",
        "postgresql://owner@/work?host=%2Frun%2Fpg",
        "postgresql:///work?host=%2Frun%2Fpg",
    ],
)
def test_credentials_change_and_the_place_stays(url: str) -> None:
    changed = urlsplit(roles.with_credentials(url, "work_app", "a/b@c"))
    before = urlsplit(url)
    assert changed.netloc.startswith("work_app:a%2Fb%40c@")
    assert (changed.hostname, changed.port, changed.path, changed.query) == (
        before.hostname,
        before.port,
        before.path,
        before.query,
    )
