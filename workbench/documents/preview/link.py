"""The caller's end of the zygote: starts it, passes it requests, notices when it has gone, and ends it.

The zygote inherits one socket and nothing else: no environment, no other descriptors, no terminal signals.
"""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import workbench
from workbench.documents.preview.model import RendererUnfit

_START_SECONDS = 60
_STOP_SECONDS = 5
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
_ROOT = Path(workbench.__file__).resolve().parent.parent


class ZygoteLost(Exception):
    """The zygote has ended; start another one."""


class ZygoteLink:
    """One running zygote. Raises RendererUnfit when it can't be started."""

    def __init__(self, fonts: Path, children: int, *, bubblewrap: str | None = None) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        module = [sys.executable, "-m", "workbench.documents.preview.zygote"]
        arguments = [str(theirs.fileno()), str(fonts), str(children)]
        with theirs:
            self._process = subprocess.Popen(
                [*(_bubblewrap(bubblewrap, fonts) if bubblewrap else []), *module, *arguments],
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, whose end ends the zygote
            )
        walls = self._hello()["walls"]
        self.walls = "bubblewrap" if bubblewrap else walls
        """Which walls stand, see `SelfTest`."""

    @property
    def pid(self) -> int:
        """The process id of the zygote, or of bubblewrap around it."""
        return self._process.pid

    def send(self, request: dict[str, object], fds: list[int]) -> None:
        """Pass on a request with its descriptors. Raises ZygoteLost."""
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], fds)
        except OSError as error:
            raise ZygoteLost(str(error)) from error

    def stop(self) -> None:
        """End the zygote and with it every child; waits for it."""
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Let go of a zygote that belongs to the process this one was forked from."""
        self._control.close()
        self._process.returncode = 0  # it is not ours to wait for

    def _hello(self) -> dict[str, str]:
        self._control.settimeout(_START_SECONDS)
        try:
            message = self._control.recv(4096)
        except TimeoutError:
            message = b""
        self._control.settimeout(None)
        if not message:
            self.stop()
            raise RendererUnfit("the rendering process did not start; its error output says why")
        hello: dict[str, str] = json.loads(message)
        return hello


def start_zygote(fonts: Path, children: int) -> ZygoteLink:
    """Start a zygote behind the best walls this machine has. Raises RendererUnfit."""
    zygote = ZygoteLink(fonts, children)
    bubblewrap = shutil.which("bwrap")
    if zygote.walls != "rlimits" or not bubblewrap:
        return zygote
    try:
        wrapped = ZygoteLink(fonts, children, bubblewrap=bubblewrap)
    except RendererUnfit:  # no user namespaces for us: the rlimits must do
        return zygote
    zygote.stop()
    return wrapped


def _bubblewrap(program: str, fonts: Path) -> list[str]:
    """The command in front: no network, no other processes, and read-only what Python needs to run."""
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
    places = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.base_prefix, sys.prefix]
    for place in dict.fromkeys([*places, str(_ROOT / "workbench"), str(fonts)]):
        if Path(place).exists():
            command += ["--ro-bind", place, place]
    return [*command, "--chdir", str(_ROOT)]
