"""A locked process gets nowhere: each way out is tried in a forked process locked as a rendering child is."""

import ctypes
import mmap
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pylopdf_fonts_zh_cn
import pytest

from workbench.documents.preview import Renderer, walls

FONTS = pylopdf_fonts_zh_cn.sans_path().parent
CAGE = walls.build_cage([FONTS])
needs_walls = pytest.mark.skipif(CAGE.walls != "landlock+seccomp", reason="this kernel lacks Landlock or seccomp")


def outcome(attempt: Callable[[], object], cage: walls.Cage = CAGE) -> str:
    """What became of an attempt made behind the walls: "done", or the exception's name."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            walls.enter(cage, cpu_seconds=5, memory_bytes=2 * 1024**3)
            attempt()
            os.write(writer, b"done")
        except BaseException as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 100).decode()
    os.close(reader)
    os.waitpid(pid, 0)
    return said or "died"


def exec_a_program() -> None:
    os.execv("/bin/true", ["true"])


def trace_the_parent() -> None:
    if ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) != 0:
        raise PermissionError


def write_over_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


ESCAPES: dict[str, Callable[[], object]] = {
    "read a file": lambda: Path("/etc/passwd").read_bytes(),
    "list a folder": lambda: list(Path("/").iterdir()),
    "write a file": lambda: Path(f"/tmp/escaped-{os.getpid()}").write_bytes(b"x"),
    "read the environment": lambda: Path("/proc/self/environ").read_bytes(),
    "open a TCP socket": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "open a unix socket": lambda: socket.socket(socket.AF_UNIX),
    "fork": os.fork,
    "exec": exec_a_program,
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "trace the parent": trace_the_parent,
    "change user": lambda: os.setuid(12345),
    "make memory executable": write_over_code,
    "raise its own limits": lambda: __import__("resource").setrlimit(7, (4096, 4096)),
}


@needs_walls
@pytest.mark.parametrize("name", ESCAPES)
def test_a_locked_process_gets_nowhere(name: str) -> None:
    assert outcome(ESCAPES[name]) in {"PermissionError", "OSError", "ValueError"}
    assert not Path(f"/tmp/escaped-{os.getpid()}").exists()


@needs_walls
def test_a_locked_process_can_still_compute_and_read_the_fonts() -> None:
    assert outcome(lambda: sorted(FONTS.iterdir())) == "done"
    assert outcome(lambda: pylopdf_fonts_zh_cn.sans_path().read_bytes()) == "done"
    assert outcome(lambda: bytes(1024 * 1024).hex()) == "done"


@needs_walls
def test_each_wall_alone_holds_its_part() -> None:
    landlock_only = walls.Cage(CAGE.landlock_fd, None)
    seccomp_only = walls.Cage(None, CAGE.seccomp_bpf)
    assert outcome(ESCAPES["read a file"], landlock_only) == "PermissionError"
    assert outcome(ESCAPES["signal the parent"], landlock_only) in ("PermissionError", "done")  # since version 6
    assert outcome(ESCAPES["fork"], seccomp_only) == "PermissionError"
    assert outcome(ESCAPES["read a file"], seccomp_only) == "done"  # that wall is Landlock's
    assert landlock_only.walls == seccomp_only.walls == "rlimits"


def test_memory_and_files_are_limited_even_without_a_capable_kernel() -> None:
    bare = walls.Cage(None, None)
    assert outcome(lambda: bytearray(4 * 1024**3), bare) == "MemoryError"
    assert outcome(lambda: [os.open("/dev/null", os.O_RDONLY) for _ in range(100)], bare) == "OSError"


def test_the_zygote_has_one_thread_and_no_foreign_descriptors(renderer: Renderer) -> None:
    renderer.self_test()
    process = Path(f"/proc/{renderer._get_zygote().pid}")
    assert len(list((process / "task").iterdir())) == 1
    targets = [str(fd.readlink()) for fd in (process / "fd").iterdir()]
    assert not [target for target in targets if target.startswith("/") and not target.startswith(("/dev/", "/tmp/"))]
    assert b"DATABASE_URL" not in (process / "environ").read_bytes()
