"""What an owner of the database could do to the audit log with the triggers off: each deed is found and named, by the
command and by the verifier run alone.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import text

from tests.support.database import Database
from workbench.kernel import audit, audit_verify
from workbench.kernel.audit import AuditEntry, entry_hash
from workbench.kernel.checkpoints import CHECKPOINTS, PUBLIC_KEY, export_checkpoints, take_checkpoint
from workbench.kernel.clock import clock_at, now
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts

ACTOR = system_actor("test")
COLUMNS = [column.name for column in AuditEntry.__table__.columns]
ROOT = Path(__file__).parents[3]
VERIFIER = ROOT / "workbench" / "kernel" / "audit_verify.py"
Owner = psycopg.Connection[Any]


@dataclass
class Log:
    """A log of two chains under two checkpoints, an hour old, and its owner with the triggers off."""

    parts: Parts
    database: Database
    owner: Owner

    @property
    def file(self) -> Path:
        return self.parts.settings.audit_dir / CHECKPOINTS

    def problems(self) -> list[str]:
        found, _ = audit_verify.verify(self.database.app_url, [self.file], self.parts.secrets.checkpoint_public_pem())
        return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def write_lines(self, lines: list[dict[str, Any]]) -> None:
        self.file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def sign(parts: Parts) -> None:
    with parts.work() as session:
        take_checkpoint(session, parts.secrets)
    with parts.work() as session:
        export_checkpoints(session, parts.settings, parts.secrets)


def write_history(parts: Parts) -> None:
    with clock_at(now() - timedelta(hours=1)):
        for subjects in (("a", "a", "b"), ("a", "b", "a")):
            for subject in subjects:
                with parts.work() as session:
                    audit.record(
                        session, "thing.changed", ACTOR, subject=f"thing:{subject}", before={"n": 1}, after={"n": 2}
                    )
            sign(parts)


@pytest.fixture
def log(parts: Parts, fresh_database: Database) -> Any:
    write_history(parts)
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as owner:
        for table in ("audit_entry", "audit_checkpoint"):
            owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
        yield Log(parts, fresh_database, owner)


def rewrite(owner: Owner, chain: str, first: int, **changes: Any) -> None:
    """Change one entry and recompute every hash after it, head included: a forger who knows the rule."""
    with owner.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        rows = cursor.execute(
            "SELECT * FROM audit_entry WHERE chain = %s AND seq >= %s ORDER BY seq", [chain, first]
        ).fetchall()
    previous = rows[0]["previous_hash"]
    for row in rows:
        row.update(changes if row["seq"] == first else {}, previous_hash=previous)
        previous = row["hash"] = entry_hash(row)
        owner.execute(
            "UPDATE audit_entry SET actor = %s, previous_hash = %s, hash = %s WHERE chain = %s AND seq = %s",
            [row["actor"], row["previous_hash"], row["hash"], chain, row["seq"]],
        )
    owner.execute("UPDATE audit_head SET hash = %s WHERE chain = %s", [previous, chain])


def cut_tail(log: Log) -> None:
    """Remove the last entry and make the head fit."""
    log.owner.execute("DELETE FROM audit_entry WHERE chain = 'thing:a' AND seq = 4")
    log.owner.execute(
        "UPDATE audit_head h SET seq = 3, checkpointed_seq = 3, hash = e.hash FROM audit_entry e "
        "WHERE h.chain = 'thing:a' AND e.chain = h.chain AND e.seq = 3"
    )


def drop_whole_chain(log: Log) -> None:
    log.owner.execute("DELETE FROM audit_entry WHERE chain = 'thing:b'")
    log.owner.execute("DELETE FROM audit_head WHERE chain = 'thing:b'")


def swap(log: Log) -> None:
    log.owner.execute("UPDATE audit_entry SET seq = 99 WHERE chain = 'thing:a' AND seq = 2")
    log.owner.execute("UPDATE audit_entry SET seq = 2 WHERE chain = 'thing:a' AND seq = 3")
    log.owner.execute("UPDATE audit_entry SET seq = 3 WHERE chain = 'thing:a' AND seq = 99")


def forge_checkpoint(log: Log) -> None:
    """A chain cut, and a checkpoint over what is left, signed with a key of the forger's own."""
    cut_tail(log)
    lines = log.lines()
    forged = {
        **{field: lines[1][field] for field in ("n", "at", "previous_hash")},
        "heads": [head for head in lines[1]["heads"] if head[0] != "thing:a"],
    }
    digest = hashlib.sha256(rfc8785.dumps(forged))
    signature = Ed25519PrivateKey.generate().sign(digest.digest()).hex()
    log.owner.execute(
        "UPDATE audit_checkpoint SET heads = %s, hash = %s, signature = %s WHERE n = 2",
        [Jsonb(forged["heads"]), digest.hexdigest(), signature],
    )
    log.write_lines([lines[0], {**forged, "hash": digest.hexdigest(), "signature": signature}])


def cut_both_checkpoints(log: Log) -> None:
    log.owner.execute("DELETE FROM audit_checkpoint WHERE n = 2")
    log.write_lines(log.lines()[:1])


DEEDS: dict[str, tuple[Callable[[Log], object], str]] = {
    "delete one in the middle": (
        lambda log: log.owner.execute("DELETE FROM audit_entry WHERE chain = 'thing:a' AND seq = 2"),
        "thing:a: entry 2 is missing",
    ),
    "delete a whole chain": (drop_whole_chain, "thing:b: cut after entry 0"),
    "swap two": (swap, "thing:a entry 2 (thing.changed)"),
    "cut the tail": (cut_tail, "thing:a: cut after entry 3, a signed checkpoint saw entry 4"),
    "cut the tail, leave the head": (
        lambda log: log.owner.execute("DELETE FROM audit_entry WHERE chain = 'thing:a' AND seq = 4"),
        "thing:a: ends with entry 3, its head names entry 4",
    ),
    "rewrite a chain whole": (
        lambda log: rewrite(log.owner, "thing:a", 1, actor="staff:9"),
        "thing:a entry 4 (thing.changed) is not what a signed checkpoint saw",
    ),
    "remove a head": (
        lambda log: log.owner.execute("DELETE FROM audit_head WHERE chain = 'thing:b'"),
        "thing:b: ends with entry 2, its head names entry 0",
    ),
    "delete the first checkpoint from the database": (
        lambda log: log.owner.execute("DELETE FROM audit_checkpoint WHERE n = 1"),
        "database: checkpoint 1 is missing",
    ),
    "delete the last checkpoint from the database": (
        lambda log: log.owner.execute("DELETE FROM audit_checkpoint WHERE n = 2"),
        "checkpoint 2 is missing from the database",
    ),
    "delete the first checkpoint from the file": (
        lambda log: log.write_lines(log.lines()[1:]),
        "checkpoint 1 is missing",
    ),
    "delete the last checkpoint from the file": (
        lambda log: log.write_lines(log.lines()[:1]),
        "checkpoints.jsonl: checkpoint 2 of ",
    ),
    "delete the file": (lambda log: log.file.unlink(), "the file of signed checkpoints is missing"),
    "write nonsense into the file": (
        lambda log: log.file.write_text(log.file.read_text() + "null\n"),
        "line 3 is not a checkpoint",
    ),
    "change a checkpoint": (
        lambda log: log.owner.execute("UPDATE audit_checkpoint SET heads = '[]' WHERE n = 2"),
        "database: checkpoint 2 was changed",
    ),
    "forge a checkpoint with another key": (
        forge_checkpoint,
        "database: checkpoint 2 is not signed by this installation's key",
    ),
    "cut both checkpoints": (cut_both_checkpoints, "thing:a: entry 4 was signed, but no checkpoint shows it any more"),
}


def run_command(log: Log) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "WORKBENCH_APP_DATABASE_URL": log.database.app_url,
        "WORKBENCH_VAR_DIR": str(log.parts.settings.var_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "workbench", "audit", "verify"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_alone(log: Log, elsewhere: Path) -> subprocess.CompletedProcess[str]:
    key = log.parts.settings.audit_dir / PUBLIC_KEY
    return subprocess.run(
        [sys.executable, "-I", VERIFIER, log.database.app_url, "--checkpoints", log.file, "--public-key", key],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_intact_log_is_called_intact(log: Log, tmp_path: Path) -> None:
    command = run_command(log)
    assert (command.returncode, command.stdout, command.stderr) == (0, "6 entries read, 0 problems found\n", "")
    alone = run_alone(log, tmp_path)
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "6 entries read, 0 problems found\n", "")


@pytest.mark.parametrize("deed", DEEDS)
def test_every_deed_is_found_and_named(log: Log, deed: str) -> None:
    do, words = DEEDS[deed]
    assert log.problems() == []
    do(log)
    assert [each for each in log.problems() if words in each], log.problems()


@pytest.mark.parametrize("deed", ["cut the tail", "rewrite a chain whole", "forge a checkpoint with another key"])
def test_the_command_and_the_verifier_alone_say_the_same(log: Log, tmp_path: Path, deed: str) -> None:
    do, words = DEEDS[deed]
    do(log)
    for run in (run_command(log), run_alone(log, tmp_path)):
        assert run.returncode == 1
        assert [line for line in run.stdout.splitlines() if line.startswith("BROKEN") and words in line], run.stdout


def test_the_command_does_not_trust_a_public_key_that_lies_beside_the_log(log: Log) -> None:
    forge_checkpoint(log)
    (log.parts.settings.audit_dir / PUBLIC_KEY).write_bytes(b"the forger's")
    assert run_command(log).returncode == 1


def test_a_second_copy_shows_what_was_cut_everywhere_else(log: Log, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.jsonl"
    copy.write_bytes(log.file.read_bytes())
    cut_both_checkpoints(log)
    cut_tail(log)
    log.owner.execute("UPDATE audit_head SET checkpointed_seq = 1 WHERE chain = 'thing:b'")
    log.owner.execute("DELETE FROM audit_entry WHERE chain = 'thing:b' AND seq = 2")
    log.owner.execute(
        "UPDATE audit_head h SET seq = 1, hash = e.hash FROM audit_entry e "
        "WHERE h.chain = 'thing:b' AND e.chain = h.chain AND e.seq = 1"
    )
    found, _ = audit_verify.verify(log.database.app_url, [log.file, copy], log.parts.secrets.checkpoint_public_pem())
    assert f"{copy}: checkpoint 2 is missing from the database or differs there" in found
    assert "thing:a: cut after entry 3, a signed checkpoint saw entry 4" in found


def value_instead(column: str, value: Any) -> Any:
    if column == "at":
        return value + timedelta(seconds=1)
    if column in {"before", "after"}:
        return Jsonb({"n": 3})
    if column in {"hash", "previous_hash"}:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    if column == "chain":
        return "thing:c"
    if column == "seq":
        return 17
    return (value or 0) + 1 if isinstance(value, int | None) else f"{value}x"


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_is_found(log: Log, column: str) -> None:
    log.owner.execute("ALTER TABLE audit_entry DROP CONSTRAINT fk_audit_entry_authority_id_authority")
    edit(log.owner, column, "thing:a", 2)
    assert [each for each in log.problems() if "thing:a" in each], log.problems()


def edit(owner: Owner, column: str, chain: str, seq: int) -> None:
    name = sql.Identifier(column)
    place = [chain, seq]
    row = owner.execute(
        sql.SQL("SELECT {} FROM audit_entry WHERE chain = %s AND seq = %s").format(name), place
    ).fetchone()
    assert row is not None
    owner.execute(
        sql.SQL("UPDATE audit_entry SET {} = %s WHERE chain = %s AND seq = %s").format(name),
        [value_instead(column, row[0]), *place],
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text('abc中文"\\\n é', max_size=6)
    | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc中é", max_size=4), inner, max_size=3),
    max_leaves=6,
)
histories = st.lists(
    st.tuples(
        st.sampled_from(["thing:a", "thing:b", "case:7"]),
        st.none() | st.dictionaries(st.text("xyz", max_size=2), json_values, max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, data=st.data())
def test_any_history_is_intact_until_any_one_thing_is_changed(
    parts: Parts, fresh_database: Database, history: list[tuple[str, dict[str, Any] | None]], data: st.DataObject
) -> None:
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as owner:
        begin_anew(owner, parts)
        for number, (chain, after) in enumerate(history):
            with parts.work() as session:
                audit.record(session, "thing.changed", ACTOR, subject=chain, after=after)
            if number % 3 == 2:
                sign(parts)
        sign(parts)
        log = Log(parts, fresh_database, owner)
        assert log.problems() == []
        chain, seq = data.draw(
            st.sampled_from(owner.execute("SELECT chain, seq FROM audit_entry ORDER BY chain, seq").fetchall())
        )
        column = data.draw(st.sampled_from([*COLUMNS, "the whole entry", "actor, with new hashes"]))
        if column == "the whole entry":
            owner.execute("DELETE FROM audit_entry WHERE chain = %s AND seq = %s", [chain, seq])
        elif column == "actor, with new hashes":
            rewrite(owner, chain, seq, actor="staff:9")
        else:
            edit(owner, column, chain, seq)
        assert log.problems(), (chain, seq, column)


def begin_anew(owner: Owner, parts: Parts) -> None:
    owner.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE audit_checkpoint DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE audit_entry DROP CONSTRAINT IF EXISTS fk_audit_entry_authority_id_authority")
    for table in ("audit_entry", "audit_head", "audit_checkpoint"):
        owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    (parts.settings.audit_dir / CHECKPOINTS).unlink(missing_ok=True)


def test_the_role_of_the_product_reads_every_entry_for_the_verifier(log: Log) -> None:
    with log.parts.work() as session:
        assert session.scalar(text("SELECT count(*) FROM audit_entry")) == 6
