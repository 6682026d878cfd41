"""The walls around a process that opens strangers' files: rlimits, no_new_privs, Landlock and a seccomp allow-list.

Built once in the zygote (`build_cage`), entered by each child (`enter`); after that the process can compute, read the
folders named here and write to descriptors it already holds, and cannot open other files, connect, fork, exec, signal
or trace. A kernel or machine that lacks a wall gets the others, and `Cage.walls` says which stand.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.documents.preview.model import ALL_WALLS

_libc = ctypes.CDLL(None, use_errno=True)
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION_FLAG = 1
_LANDLOCK_PATH_BENEATH = 1
_FILESYSTEM_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many kinds of access to files each version of Landlock can deny."""
_READ_FILE_AND_DIR = (1 << 2) | (1 << 3)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_PROT_EXEC = 4
_NEW_THREAD = 0x3D0F00
"""The flags glibc starts a thread with (CLONE_VM, FS, FILES, SIGHAND, THREAD and more); a fork differs."""

_ALLOWED_SYSCALLS = [
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "close",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "lseek",
    "openat",
    "open",
    "getdents64",
    "readlink",
    "readlinkat",
    "access",
    "faccessat",
    "faccessat2",
    "fcntl",
    "munmap",
    "mremap",
    "brk",
    "madvise",
    "futex",
    "sched_yield",
    "sched_getaffinity",
    "exit",
    "exit_group",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "getrandom",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "clock_nanosleep",
    "nanosleep",
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getcwd",
    "uname",
    "getrusage",
    "setitimer",
    "getrlimit",
    "set_robust_list",
    "rseq",
    "membarrier",
    "sysinfo",
    "poll",
    "ppoll",
]


@dataclass(frozen=True)
class Cage:
    """What a child locks itself with: an open Landlock ruleset and a compiled seccomp programme, where available."""

    landlock_fd: int | None
    seccomp_bpf: bytes | None

    @property
    def walls(self) -> str:
        """The strongest complete set of walls: Landlock without seccomp counts as rlimits only."""
        complete = self.landlock_fd is not None and self.seccomp_bpf is not None
        return ALL_WALLS if complete else "rlimits"


class _SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def build_cage(readable: Sequence[Path]) -> Cage:
    """Prepare the walls; only the `readable` folders stay visible. Never raises for a wall the machine lacks."""
    return Cage(_landlock_ruleset(readable), _seccomp_programme())


def enter(cage: Cage, *, cpu_seconds: float, memory_bytes: int, threads: bool = False) -> None:
    """Lock this process for good; `threads` lets it start threads, which some decoders can't do without.

    Raises OSError when a wall that was built can't be put up.
    """
    _set_rlimits(cpu_seconds, memory_bytes, threads)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if cage.landlock_fd is not None:
        _syscall(_LANDLOCK_RESTRICT_SELF, cage.landlock_fd, 0)
        os.close(cage.landlock_fd)
    if cage.seccomp_bpf is not None:
        programme = _SockFprog(len(cage.seccomp_bpf) // 8, cage.seccomp_bpf)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(programme))


def die_with_parent(parent: int) -> None:
    """End this process when its parent ends; at once if that has already happened."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def offer_to_oom_killer() -> None:
    """When the machine runs out of memory, let this process go first."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _set_rlimits(cpu_seconds: float, memory_bytes: int, threads: bool) -> None:
    cpu = max(1, round(cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for nothing in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(nothing, (0, 0))
    if not threads:  # this limit counts threads too, and all of the user's
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _landlock_ruleset(readable: Sequence[Path]) -> int | None:
    """A ruleset that denies everything this kernel can deny, but for reading below the given folders."""
    abi = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_LANDLOCK_VERSION_FLAG))
    if abi < 1:
        return None
    bits = max(count for since, count in _FILESYSTEM_RIGHTS.items() if since <= abi)
    attributes = [(1 << bits) - 1]
    if abi >= 4:
        attributes.append(0b11)  # TCP bind and connect
    if abi >= 6:
        attributes.append(0b11)  # abstract unix sockets and signals outside this domain
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    try:
        ruleset = _syscall(_LANDLOCK_CREATE_RULESET, packed, ctypes.c_size_t(len(packed)), 0)
        for folder in readable:
            _allow_reading(ruleset, folder)
    except OSError:
        return None
    return ruleset


def _allow_reading(ruleset: int, folder: Path) -> None:
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", _READ_FILE_AND_DIR, fd)
        _syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)


def _seccomp_programme() -> bytes | None:
    """The allow-list as a BPF programme; anything else fails with EPERM. None when libseccomp is missing."""
    try:
        import pyseccomp  # raises when the shared library is missing, so it can't stand at the top
    except (ImportError, RuntimeError, OSError):
        return None
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in _ALLOWED_SYSCALLS:
        with contextlib.suppress(OSError):  # a name this architecture doesn't have
            rules.add_rule(pyseccomp.ALLOW, name)
    for name in ("mmap", "mprotect"):  # memory may be had, but never memory to run new code from
        rules.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0))
    rules.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.EQ, _NEW_THREAD))
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags can't be seen here; glibc then takes clone
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def _syscall(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"system call {number}: {os.strerror(code)}")
    return result
