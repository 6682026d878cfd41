"""The audit log as the database keeps it: with the change or not at all, in one chain whoever writes, for ever."""

import threading
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.database import Database
from workbench.kernel import audit, outbox
from workbench.kernel.audit import GENESIS, AuditEntry, entry_hash
from workbench.kernel.checkpoints import take_checkpoint
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts

ACTOR = system_actor("test")
APPEND_ONLY = ("audit_entry", "audit_checkpoint", "case_event")
COLUMNS = [column.name for column in AuditEntry.__table__.columns]


def note(parts: Parts, subject: str = "thing:1", times: int = 1) -> None:
    with parts.work() as session:
        for number in range(times):
            audit.record(session, "thing.changed", ACTOR, subject=subject, after={"number": number})


def entries(database: Database) -> list[psycopg.rows.DictRow]:
    with psycopg.connect(database.owner_url, row_factory=psycopg.rows.dict_row) as owner:
        return owner.execute("SELECT * FROM audit_entry ORDER BY chain, seq").fetchall()


def test_an_entry_is_undone_with_the_change_it_speaks_of(parts: Parts, fresh_database: Database) -> None:
    class Undone(Exception):
        pass

    def change_and_fail() -> None:
        with parts.work() as session:
            outbox.post(session, event="e", recipient="a@example.invalid", subject="s", body="b")
            audit.record(session, "thing.changed", ACTOR, subject="thing:1")
            raise Undone

    with pytest.raises(Undone):
        change_and_fail()
    assert entries(fresh_database) == []
    with parts.work() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox_message")) == 0
        assert session.scalar(text("SELECT count(*) FROM audit_head")) == 0


@pytest.mark.parametrize(
    "obstacle",
    [
        "REVOKE INSERT ON audit_entry FROM {role}",
        "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
        "CREATE TRIGGER disk_full BEFORE INSERT ON audit_entry EXECUTE FUNCTION disk_full()",
        "REVOKE UPDATE ON audit_head FROM {role}",
    ],
)
def test_a_change_does_not_happen_when_its_entry_cannot_be_written(
    parts: Parts, fresh_database: Database, obstacle: str
) -> None:
    role = parts.engine.url.username
    with psycopg.connect(fresh_database.owner_url) as owner:
        owner.execute(obstacle.format(role=role))

    def change() -> None:
        with parts.work() as session:
            outbox.post(session, event="e", recipient="a@example.invalid", subject="s", body="b")
            audit.record(session, "thing.changed", ACTOR, subject="thing:1")

    with pytest.raises(DBAPIError):
        change()
    with parts.work() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox_message")) == 0
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "TRUNCATE {t} CASCADE"])
@pytest.mark.parametrize("as_owner", [False, True])
def test_nobody_changes_or_removes_what_was_recorded(
    parts: Parts, fresh_database: Database, table: str, statement: str, as_owner: bool
) -> None:
    note(parts)
    with parts.work() as session:
        take_checkpoint(session, parts.secrets)
    if table == "case_event":
        _plant_case_event(fresh_database)
    column = {"audit_entry": "actor", "audit_checkpoint": "signature", "case_event": "actor"}[table]
    url = fresh_database.owner_url if as_owner else fresh_database.app_url
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('workbench.scope', '*', false)")
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.format(t=table, c=column))


def _plant_case_event(database: Database) -> None:
    """One row without its case: what is tested is the table, not the case."""
    with psycopg.connect(database.owner_url) as owner:
        for name, kind in owner.execute(
            "SELECT conname, contype::text FROM pg_constraint WHERE conrelid = 'case_event'::regclass AND contype = 'f'"
        ).fetchall():
            assert kind == "f"
            owner.execute(f"ALTER TABLE case_event DROP CONSTRAINT {name}")
        owner.execute(
            "INSERT INTO case_event (application_id, authority_id, event, state_after, round, at, actor, actor_name) "
            "VALUES (1, 1, 'submitted', 'pre_check', 1, now(), 'system:test', 'test')"
        )


def test_writers_to_one_chain_at_the_same_time_make_no_gap_and_no_fork(parts: Parts, fresh_database: Database) -> None:
    start = threading.Barrier(8)

    def write() -> None:
        start.wait()
        for _ in range(10):
            note(parts)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = entries(fresh_database)
    assert [row["seq"] for row in rows] == list(range(1, 81))
    assert [row["previous_hash"] for row in rows] == [GENESIS, *(row["hash"] for row in rows[:-1])]


def test_a_checkpoint_and_a_writer_to_two_chains_do_not_lock_each_other_up(parts: Parts) -> None:
    note(parts, "thing:a")
    note(parts, "thing:b")
    with parts.work() as writer:
        audit.record(writer, "thing.changed", ACTOR, subject="thing:b")
        with parts.work() as signer:
            signer.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert take_checkpoint(signer, parts.secrets) == 1
        audit.record(writer, "thing.changed", ACTOR, subject="thing:a")
    with parts.work() as session:
        assert take_checkpoint(session, parts.secrets) == 2
        heads = session.execute(text("SELECT heads FROM audit_checkpoint ORDER BY n")).scalars().all()
    assert [[(chain, seq) for chain, seq, _ in each] for each in heads] == [
        [("thing:a", 1)],
        [("thing:a", 2), ("thing:b", 2)],
    ]


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "hash"])
def test_the_hash_covers_every_column(parts: Parts, fresh_database: Database, column: str) -> None:
    note(parts)
    (entry,) = entries(fresh_database)
    assert entry_hash(entry) == entry["hash"]
    value = entry[column]
    changed = {
        "at": entry["at"] + timedelta(microseconds=1),
        "before": {"number": 1},
        "after": {"number": 1},
    }.get(column, value + 1 if isinstance(value, int) else f"{value}x")
    assert entry_hash({**entry, column: changed}) != entry["hash"]


def test_numbers_that_read_differently_elsewhere_are_refused(parts: Parts) -> None:
    with parts.work() as session:
        for number in (2**53, -(2**60), 1e22, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="2\\^53"):
                audit.record(session, "thing.changed", ACTOR, subject="thing:1", after={"deep": [{"number": number}]})
        assert session.scalar(text("SELECT count(*) FROM audit_head")) == 0
