"""The process every rendering child is forked from: it has all libraries loaded and never opens a document itself.

Started by the renderer as `python -m workbench.documents.preview.zygote CONTROL_FD FONTS CHILDREN`. It has one thread,
so forking is safe; it kills children that overstay, tells the parent how each ended, and ends when the parent does.
"""

import contextlib
import ctypes
import encodings
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pdfminer
import pdfplumber
import pikepdf
import pillow_heif
import pypdfium2
import pypdfium2.raw as pdfium_c
from PIL import Image, MpoImagePlugin  # noqa: F401 - Pillow imports the latter only when a JPEG needs it

from workbench.documents.limits import RenderLimits
from workbench.documents.preview import child, walls
from workbench.documents.preview.model import Kind
from workbench.documents.preview.specimen import chinese_pdf

_MAX_MESSAGE = 64 * 1024
_LANGUAGE_FREE_CODECS = frozenset({"mbcs", "oem", "undefined"})


@dataclass(frozen=True)
class _Running:
    status_fd: int
    deadline: float


def preload(fonts: Path) -> None:
    """Load what would otherwise be imported or opened on first use: behind the walls nothing can be."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in _LANGUAGE_FREE_CODECS:
            importlib.import_module(f"encodings.{module.name}")
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    Image.init()
    for name in ("JPEG", "PNG", "TIFF", "WEBP", "HEIF"):
        file = io.BytesIO()
        Image.new("RGB", (8, 8), "white").save(file, name)
        Image.open(file, formats=[name]).load()
    _point_pdfium_at(fonts)
    specimen = chinese_pdf()
    document = pypdfium2.PdfDocument(specimen)
    document[0].render(scale=1)
    document.close()
    with pikepdf.open(io.BytesIO(specimen)) as repaired:
        repaired.save(io.BytesIO())
    with pdfplumber.open(io.BytesIO(specimen)) as text:
        text.pages[0].extract_words()
        text.pages[0].extract_text()


def _point_pdfium_at(fonts: Path) -> None:
    """Start PDFium anew with our own folder of fonts, so that Chinese text shows on a machine without system fonts."""
    folders = (ctypes.POINTER(ctypes.c_char) * 2)()
    folders[0] = ctypes.cast(ctypes.c_char_p(os.fsencode(fonts)), ctypes.POINTER(ctypes.c_char))
    pdfium_c.FPDF_DestroyLibrary()
    config = pdfium_c.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=folders)
    pdfium_c.FPDF_InitLibraryWithConfig(config)
    _point_pdfium_at.kept = (folders, config)  # type: ignore[attr-defined]  # PDFium keeps the pointer


def build_proven_cage(fonts: Path) -> walls.Cage:
    """The walls that really stand on this machine: a child goes in once, and what can't be entered isn't claimed."""
    cage = walls.build_cage([fonts, Path(pdfminer.__file__).parent / "cmap"])
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            walls.enter(cage, cpu_seconds=1, memory_bytes=RenderLimits().memory_bytes)
            code = 0
        finally:
            os._exit(code)
    return cage if os.waitpid(pid, 0)[1] == 0 else walls.Cage(None, None)


class Zygote:
    """Takes requests from the control socket and forks a child for each, at most `most` at once."""

    def __init__(self, control: socket.socket, cage: walls.Cage, most: int) -> None:
        self._control = control
        self._cage = cage
        self._most = most
        self._running: dict[int, _Running] = {}
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Work until the parent closes its end."""
        while True:
            waiting: list[socket.socket] = [self._wake_reader]
            if len(self._running) < self._most:
                waiting.append(self._control)
            ready, _, _ = select.select(waiting, [], [], self._until_next_deadline())
            with contextlib.suppress(BlockingIOError):
                self._wake_reader.recv(4096)
            self._kill_overdue()
            self._reap()
            if self._control in ready and not self._take_request():
                return

    def _until_next_deadline(self) -> float | None:
        deadlines = [running.deadline for running in self._running.values()]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid, running in list(self._running.items()):
            if running.deadline <= now:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._report(pid, {"overdue": True})

    def _reap(self) -> None:
        while self._running:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self._report(pid, {"code": code, "rss_bytes": usage.ru_maxrss * 1024})

    def _report(self, pid: int, ending: dict[str, object]) -> None:
        running = self._running.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(running.status_fd, json.dumps(ending).encode())
        os.close(running.status_fd)

    def _take_request(self) -> bool:
        """Fork a child for the next request; False when the parent has gone."""
        message, fds, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, 3)
        if not message:
            return False
        document_fd, result_fd, status_fd = fds
        asked = json.loads(message)
        limits = RenderLimits(**asked.pop("limits"))
        indexes = tuple(asked.pop("indexes"))
        request = child.Request(kind=Kind(asked.pop("kind")), indexes=indexes, limits=limits, **asked)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            child.run(request, document_fd, result_fd, self._cage, parent)
        os.close(document_fd)
        os.close(result_fd)
        self._running[pid] = _Running(status_fd, time.monotonic() + request.wall_seconds)
        return True


def main() -> None:
    """Load everything, say which walls stand, serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    fonts, most = Path(sys.argv[2]), int(sys.argv[3])
    preload(fonts)
    cage = build_proven_cage(fonts)
    gc.collect()
    gc.freeze()  # so that collections in the children don't copy the shared memory
    try:
        control.send(json.dumps({"walls": cage.walls}).encode())
    except BrokenPipeError:  # whoever started us has been killed meanwhile
        return
    Zygote(control, cage, most).serve()


if __name__ == "__main__":
    main()
