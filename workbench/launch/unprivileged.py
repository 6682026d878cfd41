"""The system user PostgreSQL runs as when we are root, and the folders it must pass through.

PostgreSQL refuses to run as root. Parents are opened for traversal only (x), never for reading.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

USER = "embedded_postgres"


def database_user() -> pwd.struct_passwd | None:
    """The user to run PostgreSQL as; None when that is simply the present user.

    Raises:
        RuntimeError: we are root, the user does not exist and cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        _make_user()
        return pwd.getpwnam(USER)


def _make_user() -> None:
    command = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if command is None:
        raise RuntimeError(f"PostgreSQL cannot run as root: make a system user named {USER}, or set DATABASE_URL.")
    made = subprocess.run(
        [command, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
        capture_output=True,
        text=True,
    )
    if made.returncode not in (0, 9):  # 9: another start made it a moment ago
        raise RuntimeError(f"The system user {USER} cannot be made: {made.stderr.strip()}")


def run_as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for `subprocess.run` that make the child this user."""
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def own(path: Path, user: pwd.struct_passwd | None) -> None:
    """Make the folder `path` private to the database user, existing or not."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
    path.chmod(0o700)


def let_through(path: Path) -> None:
    """Let every user traverse (not list) the parents of `path`. Only root may do so, and only root needs to."""
    for folder in path.parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let every user read what is below `folder`: an installation under a strict umask hides the programs."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IRGRP | stat.S_IROTH
        if path.is_dir() or mode & stat.S_IXUSR:
            wanted |= stat.S_IXGRP | stat.S_IXOTH
        if wanted != mode:
            path.chmod(wanted)
