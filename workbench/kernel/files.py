"""Private files on this machine, put there whole or not at all: keys, passwords, what a token holds."""

import os
import secrets
from pathlib import Path


def put_private(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Put `content` at `path`, readable by its owner alone from the first moment; on the disk when this returns.

    Args:
        replace: take the place of a file that was there; it stays as it was if this fails.

    Raises:
        FileExistsError: there is a file, and it was not to be replaced.
        OSError: the disk is full or the folder can't be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
