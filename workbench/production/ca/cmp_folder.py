"""What was exchanged with a CA in one transaction, a file each, so that whoever comes next can go on from there.

Files appear whole or not at all and are on the disk before anybody acts on them. Nothing secret is among them: messages
are protected by the secret but do not hold it.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_TRANSACTION: Final = re.compile(r"[0-9a-f]{32}")


class Exchange:
    """The files of one transaction, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: where they are.
        """
        self.folder = folder

    def find(self, name: str) -> bytes | None:
        """What is kept under this name; None when nothing is."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def since(self, name: str) -> datetime:
        """When what is kept under this name was put there.

        Raises:
            FileNotFoundError: nothing is.
        """
        return datetime.fromtimestamp((self.folder / name).stat().st_mtime, UTC)

    def keep(self, name: str, content: bytes) -> None:
        """Keep it, in the place of what was there."""
        temporary = self.folder / f".{name}.{secrets.token_hex(4)}"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / name)
        finally:
            temporary.unlink(missing_ok=True)
        self._sync()

    def move(self, name: str, new_name: str) -> None:
        """Keep it under another name."""
        (self.folder / name).replace(self.folder / new_name)
        self._sync()

    def drop(self, name: str) -> None:
        """Keep it no longer; does nothing when it isn't there."""
        (self.folder / name).unlink(missing_ok=True)

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def exchange(folder: Path, transaction_id: str) -> Iterator[Exchange]:
    """The transaction's files; waits while another process or thread holds them, and lets go when the block ends or
    the process dies.

    Raises:
        ValueError: this is no transaction id.
    """
    if _TRANSACTION.fullmatch(transaction_id) is None:
        raise ValueError("a transaction id has 32 lower-case hexadecimal digits")
    own = folder / transaction_id
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (own / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Exchange(own)
