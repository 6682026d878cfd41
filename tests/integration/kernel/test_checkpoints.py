"""Checkpoints: each signs what moved since the last, and the files outside catch up after whatever happened to them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from workbench.config import Settings
from workbench.kernel import audit
from workbench.kernel.checkpoints import CHECKPOINTS, export_checkpoints, take_checkpoint
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts

ACTOR = system_actor("test")


def note(parts: Parts, *subjects: str) -> None:
    for subject in subjects:
        with parts.work() as session:
            audit.record(session, "thing.changed", ACTOR, subject=subject)


def take(parts: Parts) -> int | None:
    with parts.work() as session:
        return take_checkpoint(session, parts.secrets)


def export(parts: Parts, settings: Settings | None = None) -> int:
    with parts.work() as session:
        return export_checkpoints(session, settings or parts.settings, parts.secrets)


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


@pytest.fixture
def file(parts: Parts) -> Path:
    return parts.settings.audit_dir / CHECKPOINTS


def test_a_checkpoint_signs_only_the_heads_that_moved(parts: Parts) -> None:
    note(parts, "thing:a", "thing:b", "thing:b")
    assert take(parts) == 1
    assert take(parts) is None
    note(parts, "thing:b")
    assert take(parts) == 2
    with parts.work() as session:
        heads = session.scalars(text("SELECT heads FROM audit_checkpoint ORDER BY n")).all()
    assert [[head[:2] for head in each] for each in heads] == [[["thing:a", 1], ["thing:b", 2]], [["thing:b", 3]]]


def test_what_was_undone_is_not_signed(parts: Parts) -> None:
    with parts.work() as session:
        audit.record(session, "thing.changed", ACTOR, subject="thing:a")
        session.rollback()
    assert take(parts) is None


def test_the_file_catches_up_after_a_crash_between_signing_and_writing(parts: Parts, file: Path) -> None:
    for _ in range(3):
        note(parts, "thing:a")
        take(parts)
    assert export(parts) == 3
    assert export(parts) == 0
    note(parts, "thing:a")
    take(parts)
    assert export(parts) == 1
    assert numbers(file) == [1, 2, 3, 4]


@pytest.mark.parametrize("torn", [1, 40, 0])
def test_a_line_torn_by_a_crash_is_written_again(parts: Parts, file: Path, torn: int) -> None:
    for _ in range(2):
        note(parts, "thing:a")
        take(parts)
    export(parts)
    whole = file.read_bytes()
    first = whole.index(b"\n") + 1
    file.write_bytes(whole[: first + torn])
    assert export(parts) == 1
    assert file.read_bytes() == whole


def test_a_second_copy_is_kept_and_catches_up_on_its_own(parts: Parts, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other disk" / "copy.jsonl"
    note(parts, "thing:a")
    take(parts)
    export(parts)
    with_copy = parts.settings.model_copy(update={"checkpoint_copy": copy})
    note(parts, "thing:a")
    take(parts)
    assert export(parts, with_copy) == 3
    assert copy.read_bytes() == file.read_bytes()


def test_workers_that_export_at_once_write_each_line_once(parts: Parts, file: Path) -> None:
    for _ in range(5):
        note(parts, "thing:a")
        take(parts)
    with together(6) as (start, threads):
        threads.extend(threading.Thread(target=lambda: (start.wait(), export(parts))) for _ in range(6))
    assert numbers(file) == [1, 2, 3, 4, 5]


def test_checkpoints_taken_at_once_are_numbered_without_gap(parts: Parts) -> None:
    def work(subject: str) -> None:
        start.wait()
        for _ in range(5):
            note(parts, subject)
            take(parts)

    with together(4) as (start, threads):
        threads.extend(threading.Thread(target=work, args=(f"thing:{each}",)) for each in range(4))
    take(parts)
    with parts.work() as session:
        taken = session.scalars(text("SELECT n FROM audit_checkpoint ORDER BY n")).all()
        assert session.scalar(text("SELECT count(*) FROM audit_head WHERE seq > checkpointed_seq")) == 0
    assert taken == list(range(1, len(taken) + 1))


@contextmanager
def together(count: int) -> Iterator[tuple[threading.Barrier, list[threading.Thread]]]:
    """Threads that begin at the same moment; the block's end waits for them."""
    threads: list[threading.Thread] = []
    yield threading.Barrier(count), threads
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
