"""Files kept by what they contain: the name of a blob is the SHA-256 of its bytes.

No path is ever built from a name that came from outside; what is read is verified before anyone sees it.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobDamaged(Exception):
    """The file on disk is missing or no longer holds the bytes it is named after."""


class BlobStore:
    """Content-addressed files under one folder: `ab/cd/abcd…`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep `content` and return its SHA-256 in hex. Durable when this returns; storing twice stores once."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        if self._holds(path, content):
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{secrets.token_hex(8)}.part"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._sync_folders(path.parent)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes named `digest`, verified.

        Raises:
            BlobDamaged: the file is missing or its content has changed.
            ValueError: `digest` is not a SHA-256 in lower-case hex.
        """
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise BlobDamaged(f"blob {digest} is missing") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise BlobDamaged(f"blob {digest} does not hold what it is named after")
        return content

    def discard(self, digest: str) -> None:
        """Forget a blob that nothing names any more. Only for what is made for a while, such as an export."""
        self._path(digest).unlink(missing_ok=True)

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a blob is named by a SHA-256 in lower-case hex")
        return self._folder / digest[:2] / digest[2:4] / digest

    @staticmethod
    def _holds(path: Path, content: bytes) -> bool:
        """Whether these very bytes are there already: a damaged file must not stand in for what is handed over now."""
        try:
            return path.stat().st_size == len(content) and path.read_bytes() == content
        except FileNotFoundError:
            return False

    def _sync_folders(self, folder: Path) -> None:
        """A rename survives a power cut only when the folders that name it are on disk too."""
        for each in (folder, folder.parent, self._folder):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
