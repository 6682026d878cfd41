"""A private file is there whole or not at all, and nobody else reads it at any moment."""

import errno
import os
from pathlib import Path

import pytest

from workbench.kernel.files import put_private


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    put_private(path, b"one")
    assert path.read_bytes() == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_not_written_over_unasked(tmp_path: Path) -> None:
    path = tmp_path / "key"
    put_private(path, b"one")
    with pytest.raises(FileExistsError):
        put_private(path, b"two")
    assert path.read_bytes() == b"one"
    put_private(path, b"two", replace=True)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("replace", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "key"
    if replace:
        put_private(path, b"one")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put_private(path, b"two", replace=replace)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([b"one"] if replace else [])
