"""Blobs: named by content, whole or not there, verified on reading, and out of reach of any name from outside."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.kernel.blobs import BlobDamaged, BlobStore


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def file_of(tmp_path: Path, digest: str) -> Path:
    return tmp_path / "blobs" / digest[:2] / digest[2:4] / digest


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_a_blob_is_named_by_its_bytes_and_comes_back_unchanged(store: BlobStore, content: bytes) -> None:
    digest = store.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert store.get(digest) == content
    assert digest in store


def test_storing_twice_stores_once_and_leaves_no_half_written_file(store: BlobStore, tmp_path: Path) -> None:
    digest = store.put(b"paper")
    inode = file_of(tmp_path, digest).stat().st_ino
    assert store.put(b"paper") == digest
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == [file_of(tmp_path, digest)]
    assert file_of(tmp_path, digest).stat().st_ino == inode


@pytest.mark.parametrize("damage", [b"", b"pape", b"papes", b"paper and more"])
def test_a_damaged_blob_is_never_handed_out_and_healed_by_storing_it_again(
    store: BlobStore, tmp_path: Path, damage: bytes
) -> None:
    digest = store.put(b"paper")
    file_of(tmp_path, digest).write_bytes(damage)
    with pytest.raises(BlobDamaged):
        store.get(digest)
    store.put(b"paper")
    assert store.get(digest) == b"paper"


def test_a_missing_blob_says_so(store: BlobStore) -> None:
    with pytest.raises(BlobDamaged, match="missing"):
        store.get("0" * 64)
    assert "0" * 64 not in store


def test_a_name_appears_only_when_its_bytes_are_complete(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write breaks off at the last moment before the rename, as on a full disk."""
    digest = hashlib.sha256(b"paper").hexdigest()

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"paper")
    assert digest not in store
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@given(name=st.one_of(st.text(), st.text("0123456789abcdefABCDEF/.\\\x00\n", min_size=60, max_size=70)))
def test_any_name_that_is_not_a_digest_is_refused(name: str) -> None:
    if len(name) == 64 and set(name) <= set("0123456789abcdef"):
        return
    store = BlobStore(Path("/nowhere"))
    with pytest.raises(ValueError, match="SHA-256"):
        store.get(name)
    with pytest.raises(ValueError, match="SHA-256"):
        assert name in store


@pytest.mark.parametrize(
    "name", ["../" * 20 + "etc/passwd", "A" * 64, "0" * 64 + "\n", "０" * 64, " " + "0" * 63, "0" * 63 + "/"]
)
def test_names_that_look_like_digests_are_refused(store: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        store.get(name)
