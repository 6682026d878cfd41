"""Secrets of an installation: made once even when two processes start together, readable by their owner alone."""

import multiprocessing
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken

from workbench.kernel.crypto import open_identity, seal_identity
from workbench.kernel.secrets import Secrets

NUMBER = "11010519491231002X"


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = Secrets.load_or_create(tmp_path / "keys")
    again = Secrets.load_or_create(tmp_path / "keys")
    assert told(first) == told(again)
    assert told(first) != told(Secrets.load_or_create(tmp_path / "others"))


def test_only_the_owner_reads_them(tmp_path: Path) -> None:
    Secrets.load_or_create(tmp_path / "keys")
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    answers = context.SimpleQueue()
    started = [context.Process(target=load_and_tell, args=(start, tmp_path / "keys", answers)) for _ in range(4)]
    for process in started:
        process.start()
    heard = [answers.get() for _ in started]
    for process in started:
        process.join()
    assert len({str(each) for each in heard}) == 1
    assert sorted(file.name[0] for file in (tmp_path / "keys").iterdir()) == ["c", "f", "i", "s"]


def load_and_tell(start: Barrier, folder: Path, answers: "multiprocessing.SimpleQueue[object]") -> None:
    start.wait()
    answers.put(told(Secrets.load_or_create(folder)))


def told(secrets: Secrets) -> tuple[object, ...]:
    return secrets.session_key, secrets.identity_keys, secrets.fingerprint_key, secrets.checkpoint_public_pem()


@pytest.mark.parametrize("name", ["session", "fingerprint", "identity", "checkpoint_ed25519.pem"])
@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_file_cut_short_does_not_pass_for_a_key(tmp_path: Path, name: str, content: bytes) -> None:
    Secrets.load_or_create(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - each reader has its own words
        Secrets.load_or_create(tmp_path)


def test_identity_numbers_open_under_older_keys_and_not_under_others(tmp_path: Path) -> None:
    old = Secrets.load_or_create(tmp_path)
    sealed = seal_identity(old, NUMBER)
    file = tmp_path / "identity"
    file.write_bytes(Fernet.generate_key() + b"\n" + file.read_bytes())
    renewed = Secrets.load_or_create(tmp_path)
    assert renewed.identity_keys[0] != old.identity_keys[0]
    assert open_identity(renewed, sealed.ciphertext) == NUMBER
    assert seal_identity(renewed, NUMBER).fingerprint == sealed.fingerprint
    with pytest.raises(InvalidToken):
        open_identity(old, seal_identity(renewed, NUMBER).ciphertext)


def test_what_is_kept_of_an_identity_number_does_not_tell_it(tmp_path: Path) -> None:
    secrets = Secrets.load_or_create(tmp_path)
    sealed, twin = seal_identity(secrets, NUMBER), seal_identity(secrets, NUMBER)
    assert sealed.masked == "1" + "*" * 16 + "X"
    assert sealed.ciphertext != twin.ciphertext
    assert NUMBER.encode() not in sealed.ciphertext
    assert NUMBER not in sealed.fingerprint
