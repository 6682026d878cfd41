"""What happens to one document: the forked child takes its bytes, locks itself in, sends back sizes, pixels or text.

Nothing here returns to the zygote's code: the child always ends with os._exit.
"""

import os
import signal
import sys
from dataclasses import dataclass
from typing import Literal, NoReturn

from workbench.documents.limits import RenderLimits
from workbench.documents.preview import walls, wire
from workbench.documents.preview.images import ImagePages
from workbench.documents.preview.model import Kind, RefusalCode, Refused
from workbench.documents.preview.pdf import PdfPages
from workbench.documents.preview.words import read_text

Operation = Literal["inspect", "open", "render", "text"]


@dataclass(frozen=True)
class Request:
    """One operation on one document, as the parent asked for it."""

    operation: Operation
    kind: Kind
    indexes: tuple[int, ...]
    dpi: int | None
    cpu_seconds: float
    wall_seconds: float
    limits: RenderLimits


def run(request: Request, document_fd: int, result_fd: int, cage: walls.Cage, parent: int) -> NoReturn:
    """Serve the request and end the process: with 0 when the answer was sent, with 1 when nobody listened."""
    code = 1
    try:
        walls.die_with_parent(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        walls.offer_to_oom_killer()
        untrusted = os.pread(document_fd, request.limits.file_bytes + 1, 0)
        _keep_only(result_fd, cage.landlock_fd)
        walls.enter(
            cage,
            cpu_seconds=request.cpu_seconds,
            memory_bytes=request.limits.memory_bytes,
            threads=request.kind is Kind.HEIC,  # its decoder always works in a thread of its own
        )
        _answer(request, untrusted, result_fd)
        code = 0
    finally:
        os._exit(code)


def _answer(request: Request, untrusted: bytes, result_fd: int) -> None:
    try:
        _perform(request, untrusted, result_fd)
        wire.send_end(result_fd)
    except BrokenPipeError:
        raise
    except Refused as refused:
        wire.send_refusal(result_fd, refused.code, refused.detail)
    except (MemoryError, RecursionError) as error:
        wire.send_refusal(result_fd, RefusalCode.TOO_COMPLEX, type(error).__name__)
    except Exception as error:  # parsers raise anything at all on bad files
        wire.send_refusal(result_fd, RefusalCode.BROKEN, f"{type(error).__name__}: {error}")


def _perform(request: Request, untrusted: bytes, result_fd: int) -> None:
    limits = request.limits
    is_pdf = request.kind is Kind.PDF
    pages = PdfPages(untrusted, limits) if is_pdf else ImagePages(untrusted, request.kind, limits)
    if request.operation in ("inspect", "open"):
        wire.send_sizes(result_fd, pages.sizes)
    for index in request.indexes:
        wire.send_pixels(result_fd, index, *pages.render(index, request.dpi))
    if request.operation == "text":
        for text in read_text(pages.untrusted, len(pages.sizes), limits):
            wire.send_text(result_fd, text)


def _keep_only(*wanted: int | None) -> None:
    """Close every other descriptor; the standard ones go to /dev/null, so that nothing reaches the log."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    sys.stdin = sys.stdout = sys.stderr = None  # nothing may be printed any more
    low = 3
    for fd in sorted(fd for fd in wanted if fd is not None):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 1 << 20)
