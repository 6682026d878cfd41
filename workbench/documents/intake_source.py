"""Reading a folder or ZIP for intake: bytes by relative path, and nothing outside it, however the paths are written.

Refuses symbolic links, special files, paths that leave the folder, archives that are encrypted, and archives that
unpack to more than the limits allow; a ZIP is never unpacked to disk, and no more is read than was allowed.
"""

import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from workbench.documents import limits

MAX_ENTRIES: Final = 1000
"""Files in a ZIP, listed in case.json or not."""
MAX_TOTAL_BYTES: Final = 300 * limits.MIB
"""Bytes of a whole case, unpacked."""
MAX_RATIO: Final = 200
"""How many times larger than packed a file may be; scans do not even reach 10."""
_CHUNK: Final = limits.MIB


class SourceRefused(Exception):
    """A path cannot be read. `path` is what was asked for; `problem` says what is wrong with it, in English."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Source(Protocol):
    """Where files come from."""

    def read(self, untrusted_path: str, most: int) -> bytes:
        """The bytes at a relative path, at most `most` of them. Raises SourceRefused."""


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The folder or ZIP at `path`.

    Raises:
        SourceRefused: neither of the two, or an archive that cannot be worked with.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise SourceRefused(str(path), "is neither a folder nor a ZIP archive")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceRefused(str(path), f"is a damaged ZIP archive: {error}") from error
    with archive:
        yield _Archive(path, archive)


class _Folder:
    """Each part of a path is opened on its own without following links, so nothing can be swapped in between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = MAX_TOTAL_BYTES

    def read(self, untrusted_path: str, most: int) -> bytes:
        """As `Source.read`."""
        parts = _safe_parts(untrusted_path)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for number, part in enumerate(parts):
                last = number == len(parts) - 1
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (0 if last else os.O_DIRECTORY)
                inner = os.open(part, flags, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceRefused(untrusted_path, "is not a plain file")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                content = file.read(min(most, self._left) + 1)
        except FileNotFoundError as error:
            raise SourceRefused(untrusted_path, "does not exist") from error
        except OSError as error:
            raise SourceRefused(untrusted_path, "is a symbolic link or cannot be opened") from error
        finally:
            os.close(descriptor)
        self._left -= len(content)
        _refuse_excess(untrusted_path, len(content), most, self._left)
        return content


class _Archive:
    """Sizes are counted while unpacking: what an archive says about itself is not believed."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_TOTAL_BYTES
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise SourceRefused(str(path), f"holds more than {MAX_ENTRIES} files")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            if entry.is_dir():
                continue
            name = "/".join(_safe_parts(entry.filename))
            if name in self._entries:
                raise SourceRefused(entry.filename, "is in the archive twice")
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise SourceRefused(entry.filename, "is a symbolic link")
            if entry.flag_bits & 1:
                raise SourceRefused(entry.filename, "is encrypted: pack the archive without a password")
            self._entries[name] = entry

    def read(self, untrusted_path: str, most: int) -> bytes:
        """As `Source.read`."""
        entry = self._entries.get("/".join(_safe_parts(untrusted_path)))
        if entry is None:
            raise SourceRefused(untrusted_path, "does not exist")
        content = bytearray()
        try:
            with self._archive.open(entry) as file:
                while chunk := file.read(_CHUNK):
                    content += chunk
                    self._left -= len(chunk)
                    _refuse_excess(untrusted_path, len(content), most, self._left)
                    if len(content) > _CHUNK and len(content) > MAX_RATIO * max(entry.compress_size, 1):
                        raise SourceRefused(untrusted_path, "unpacks to far more than it holds")
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
            raise SourceRefused(untrusted_path, f"cannot be unpacked: {error}") from error
        return bytes(content)


def _safe_parts(untrusted_path: str) -> tuple[str, ...]:
    """The parts of a relative path with forward slashes that stays inside.

    Raises:
        SourceRefused: it is absolute, climbs, or holds characters no path needs.
    """
    path = PurePosixPath(untrusted_path)
    strange = "\\" in untrusted_path or any(ord(character) < 32 for character in untrusted_path)
    drive = len(untrusted_path) > 1 and untrusted_path[1] == ":"
    if path.is_absolute() or drive or strange or ".." in path.parts or not path.parts:
        raise SourceRefused(untrusted_path, "leads out of the folder, or is not a relative path with forward slashes")
    return path.parts


def _refuse_excess(path: str, size: int, most: int, left: int) -> None:
    if size > most:
        raise SourceRefused(path, f"is larger than {most // limits.MIB or 1} MB")
    if left < 0:
        raise SourceRefused(path, f"the case is larger than {MAX_TOTAL_BYTES // limits.MIB} MB altogether")
