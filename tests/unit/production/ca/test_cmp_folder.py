"""What was exchanged with a CA: held by one at a time, whole or not at all, under names nobody else can choose."""

import threading
from pathlib import Path

import pytest

from workbench.production.ca.cmp_folder import Exchange, exchange

TRANSACTION = "0123456789abcdef" * 2


def test_what_is_kept_is_found_by_whoever_comes_next(tmp_path: Path) -> None:
    with exchange(tmp_path, TRANSACTION) as kept:
        assert kept.find("request.der") is None
        kept.keep("request.der", b"one")
        kept.keep("request.der", b"two")
        kept.move("request.der", "waiting.der")
    with exchange(tmp_path, TRANSACTION) as kept:
        assert (kept.find("request.der"), kept.find("waiting.der")) == (None, b"two")
        kept.drop("waiting.der")
        kept.drop("waiting.der")
        assert kept.find("waiting.der") is None


@pytest.mark.parametrize("name", ["", "../../etc", "0" * 31, "0" * 33, "G" * 32, "A" * 32])
def test_a_transaction_id_is_nothing_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"), exchange(tmp_path, name):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with exchange(tmp_path, TRANSACTION):
            inside.set()
            leave.wait(10)
            order.append("first")

    def second() -> None:
        with exchange(tmp_path, TRANSACTION):
            order.append("second")

    threads = [threading.Thread(target=each) for each in (first, second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    with exchange(tmp_path, "f" * 32):  # another transaction waits for nobody
        assert order == []
    leave.set()
    for each in threads:
        each.join(10)
    assert order == ["first", "second"]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Exchange(tmp_path)
    kept.keep("received.der", b"before")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        kept.keep("received.der", b"after")
    assert kept.find("received.der") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["received.der"]
