"""Background work: enqueued with the change that needs it, and carried on by another when a worker dies."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import text

from tests.support.database import Database
from workbench.kernel import audit, outbox, tasks
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts

ROOT = Path(__file__).parents[3]
PATIENCE = 40.0
"""Seconds until a worker that does not get on counts as broken; machines under test are slow."""


def test_a_job_is_enqueued_with_the_transaction_and_undone_with_it(parts: Parts) -> None:
    with parts.work() as session:
        tasks.enqueue(session, "send_message", message_id=1, lock="message:1")
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1
        with parts.work() as other:
            assert other.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0
        session.rollback()
    with parts.work() as session:
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0
    with parts.work() as session:
        tasks.enqueue(session, "send_message", message_id=1, lock="message:1")
    with parts.work() as session:
        row = session.execute(text("SELECT task_name, lock, args FROM procrastinate_jobs")).one()
    assert tuple(row) == ("send_message", "message:1", {"message_id": 1})


def test_tasks_ask_for_their_parts_only_in_a_worker() -> None:
    tasks._installed.clear()
    with pytest.raises(RuntimeError, match="worker"):
        tasks.parts()


@contextmanager
def worker(parts: Parts, database: Database, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "WORKBENCH_APP_DATABASE_URL": database.app_url,
        "WORKBENCH_VAR_DIR": str(parts.settings.var_dir),
    }
    started = subprocess.Popen(
        [sys.executable, *(command or ("-m", "workbench", "worker"))],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGTERM)
        started.communicate(timeout=PATIENCE)


def wait_for(database: Database, condition: str, process: subprocess.Popen[bytes]) -> None:
    """Until `condition` holds in the database; polled, since nothing announces it to a bystander."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        while owner.execute(f"SELECT {condition}").fetchone() != (True,):
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < deadline, owner.execute("SELECT * FROM procrastinate_jobs").fetchall()
            time.sleep(0.05)


@pytest.mark.serial
def test_the_worker_sends_what_is_committed_and_leaves_nothing_behind(parts: Parts, fresh_database: Database) -> None:
    with parts.work() as session:
        outbox.post(session, event="e", recipient="a@example.invalid", subject="s", body="b")
    with worker(parts, fresh_database) as process:
        wait_for(fresh_database, "NOT EXISTS (SELECT FROM outbox_message WHERE state <> 'sent')", process)
        wait_for(fresh_database, "NOT EXISTS (SELECT FROM procrastinate_jobs WHERE args ? 'message_id')", process)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    assert len(list(parts.settings.mail_dir.glob("*.eml"))) == 1


HANGING_WORKER = """
    import time
    from workbench.config import settings
    from workbench.kernel import mail, parts, worker
    mail.deliver = lambda *_: time.sleep(3600)
    worker.run_worker(parts.make_parts(settings()))
"""


@pytest.mark.serial
def test_what_a_killed_worker_held_is_finished_by_another(parts: Parts, fresh_database: Database) -> None:
    with parts.work() as session:
        outbox.post(session, event="e", recipient="a@example.invalid", subject="s", body="b")
    with worker(parts, fresh_database, "-c", textwrap.dedent(HANGING_WORKER)) as process:
        wait_for(fresh_database, "EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'doing')", process)
        for child in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
            child.kill()
        process.wait(PATIENCE)
    with psycopg.connect(fresh_database.owner_url) as owner:
        assert owner.execute("SELECT state FROM outbox_message").fetchall() == [("waiting",)]
        owner.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 second' * %s",
            [parts.settings.worker_silence_seconds + 1],
        )
        owner.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'retry_stalled_jobs', %s)",
            [json.dumps({"timestamp": 0})],
        )
    with worker(parts, fresh_database) as process:
        wait_for(fresh_database, "NOT EXISTS (SELECT FROM outbox_message WHERE state <> 'sent')", process)
    assert len(list(parts.settings.mail_dir.glob("*.eml"))) == 1


@pytest.mark.serial
def test_the_worker_signs_what_was_recorded(parts: Parts, fresh_database: Database) -> None:
    with parts.work() as session:
        audit.record(session, "thing.changed", system_actor("test"), subject="thing:1")
        tasks.enqueue(session, "sign_audit_heads", timestamp=0)
    with worker(parts, fresh_database) as process:
        wait_for(fresh_database, "EXISTS (SELECT FROM audit_checkpoint)", process)
        wait_for(
            fresh_database, "NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'sign_audit_heads')", process
        )
    assert (parts.settings.audit_dir / "checkpoints.jsonl").read_text().count("\n") == 1
