"""SM2 through openssl: signatures others verify, the identifier that makes them so, and keys that stay shut."""

import os
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.production import sm2
from workbench.production.algorithms import SM2_IDENTIFIER

PASSPHRASE = "correct horse 电池"
MESSAGE = "消息".encode()
LONGEST_SIGNATURE = 72
"""Bytes of one whose two numbers both begin with a set bit; openssl's command reads no further than that."""


@pytest.fixture(params=[None, PASSPHRASE], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None, bytes]:
    """Where a key is kept, its passphrase, its public half."""
    path = tmp_path / "sm2.key"
    return path, request.param, sm2.generate_key(path, request.param)


def test_a_key_signs_and_says_its_public_half(key: tuple[Path, str | None, bytes]) -> None:
    path, passphrase, public_key = key
    assert sm2.public_key(path, passphrase) == public_key
    assert sm2.is_public_key(public_key)
    for message in (b"", MESSAGE, bytes(200_000)):
        signature = sm2.sign(path, passphrase, message)
        assert sm2.verify(public_key, message, signature)
        assert not sm2.verify(public_key, message + b"x", signature)


def test_others_verify_it_with_the_identifier_and_nobody_without(
    key: tuple[Path, str | None, bytes], tmp_path: Path
) -> None:
    path, passphrase, public_key = key
    for name, content in {
        "public.der": public_key,
        "message": MESSAGE,
        "signature": sm2.sign(path, passphrase, MESSAGE),
    }.items():
        (tmp_path / name).write_bytes(content)
    checking = ["openssl", "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-keyform", "DER"]
    checking += ["-inkey", "public.der", "-in", "message", "-sigfile", "signature"]
    run = subprocess.run(checking, cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode != 0
    run = subprocess.run(
        [*checking, "-pkeyopt", f"distid:{SM2_IDENTIFIER}"], cwd=tmp_path, capture_output=True, check=False
    )
    assert run.returncode == 0
    (tmp_path / "signature").write_bytes(sign_without_identifier(path, passphrase))
    assert not sm2.verify(public_key, MESSAGE, (tmp_path / "signature").read_bytes())


def sign_without_identifier(path: Path, passphrase: str | None) -> bytes:
    signing = ["openssl", "dgst", "-sm3", "-sign", str(path), "-passin", f"pass:{passphrase}"]
    return subprocess.run(signing, input=MESSAGE, capture_output=True, check=True).stdout


def test_an_encrypted_key_opens_to_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "sm2.key"
    sm2.generate_key(path, PASSPHRASE)
    assert sm2.is_encrypted(path)
    uses: list[Callable[[str | None], object]] = [
        lambda passphrase: sm2.sign(path, passphrase, MESSAGE),
        lambda passphrase: sm2.public_key(path, passphrase),
    ]
    for use in uses:
        for wrong in (None, "", "wrong", PASSPHRASE + "\n", PASSPHRASE + "\0", "x" * 2000):
            with pytest.raises(sm2.PassphraseRefused) as refusal:
                use(wrong)
            assert not wrong or wrong not in str(refusal.value)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(passphrase=st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1))
def test_any_line_of_text_is_a_passphrase(tmp_path: Path, passphrase: str) -> None:
    path = tmp_path / os.urandom(8).hex()
    public_key = sm2.generate_key(path, passphrase)
    assert sm2.verify(public_key, MESSAGE, sm2.sign(path, passphrase, MESSAGE))


def test_a_key_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "sm2.key"
    sm2.generate_key(path, PASSPHRASE)
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        sm2.generate_key(path, PASSPHRASE)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_two_that_make_one_key_at_once_agree(tmp_path: Path) -> None:
    path = tmp_path / "sm2.key"
    made: list[bytes] = []
    refused: list[Exception] = []
    start = threading.Barrier(4)

    def make() -> None:
        start.wait()
        try:
            made.append(sm2.generate_key(path, None))
        except FileExistsError as error:
            refused.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 3)
    assert sm2.public_key(path, None) == made[0]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_nothing_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sm2.generate_key(tmp_path / "nowhere" / "sm2.key", PASSPHRASE)
    with pytest.raises(FileNotFoundError):
        sm2.sign(tmp_path / "sm2.key", PASSPHRASE, MESSAGE)


@pytest.mark.parametrize("content", [b"", b"text", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", bytes(100)])
def test_a_file_that_is_no_key_is_no_wrong_passphrase(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sm2.key"
    path.write_bytes(content)
    with pytest.raises(sm2.OpensslFailed):
        sm2.sign(path, PASSPHRASE, MESSAGE)


@settings(max_examples=30, deadline=None)
@given(public_key=st.binary(max_size=200), signature=st.binary(max_size=200))
def test_any_bytes_are_no_signature(public_key: bytes, signature: bytes) -> None:
    assert not sm2.verify(public_key, MESSAGE, signature)


def test_damaged_keys_and_signatures_do_not_count(key: tuple[Path, str | None, bytes]) -> None:
    path, passphrase, public_key = key
    signature = next(each for _ in range(60) if len(each := sm2.sign(path, passphrase, MESSAGE)) == LONGEST_SIGNATURE)
    damaged = [public_key[:-1] + bytes([public_key[-1] ^ 1]), public_key[:-1], public_key + b"\0"]
    assert not any(sm2.verify(each, MESSAGE, signature) for each in damaged)
    assert not any(sm2.verify(public_key, MESSAGE, each) for each in (signature[:-1], signature + b"\0", b""))


def test_the_passphrase_is_in_no_argument_and_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An openssl of our own tells how it was called."""
    told = tmp_path / "told"
    fake = tmp_path / "openssl"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {told}\nenv >> {told}\nexec {openssl()} "$@"\n')
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "sm2.key"
    sm2.generate_key(path, PASSPHRASE)
    sm2.sign(path, PASSPHRASE, MESSAGE)
    assert "dgst" in told.read_text()
    assert PASSPHRASE not in told.read_text()


def openssl() -> str:
    return subprocess.run(["sh", "-c", "command -v openssl"], capture_output=True, text=True, check=True).stdout.strip()


def test_an_openssl_without_sm2_is_told_from_a_bad_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "openssl"
    fake.write_text('#!/bin/sh\n[ "$1" = version ] && echo LibreSSL 3.9 && exit 0\nexit 1\n')
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sm2.require_sm2.cache_clear()
    with pytest.raises(sm2.OpensslMissing, match=r"LibreSSL 3\.9"):
        sm2.verify(b"", b"", b"")
