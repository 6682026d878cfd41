"""The renderer other rooms call: hands documents to locked children and turns their pixels into JPEG and WebP.

Every method takes a stranger's bytes and either answers or raises Refused. Pictures are encoded here from plain pixels,
so no byte stream a child wrote ever reaches a browser.
"""

import fcntl
import io
import json
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

import pylopdf_fonts_zh_cn
from PIL import Image, ImageFilter

from workbench.documents.limits import MAX_THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, RenderLimits
from workbench.documents.preview import wire
from workbench.documents.preview.link import ZygoteLink, ZygoteLost, start_zygote
from workbench.documents.preview.model import (
    Inspection,
    Kind,
    PageImage,
    PageSize,
    PageText,
    RefusalCode,
    Refused,
    RendererUnfit,
    SelfTest,
)
from workbench.documents.preview.sniff import sniff
from workbench.documents.preview.specimen import chinese_pdf

_ATTEMPTS = 3
_PAGES_WORTH_TWO_CHILDREN = 4
_PIPE_BYTES = 1024 * 1024
_JPEG_QUALITY = 80
_WEBP_QUALITY = 75
_BLUR_RADIUS = 4
_DARK = 128
_Frame = list[PageSize] | wire.Pixels | PageText
_Shape = tuple[type, int]


class Renderer:
    """Renders documents behind walls. One per process; any number of threads may use it at once."""

    def __init__(self, fonts: Path | None = None, limits: RenderLimits | None = None) -> None:
        """`fonts` is the only folder children may read; by default the one of the Chinese font package."""
        self._fonts = (fonts or pylopdf_fonts_zh_cn.sans_path().parent).resolve()
        self._limits = limits or RenderLimits()
        self._lock = threading.Lock()
        self._spare_lanes = threading.Semaphore((os.cpu_count() or 1) - 1)
        self._zygote: ZygoteLink | None = None
        self._zygote_owner = os.getpid()

    def inspect(self, untrusted: bytes) -> Inspection:
        """Tell kind, pages and sizes without rendering. Raises Refused."""
        kind = sniff(untrusted, self._limits.file_bytes)
        return _inspection(kind, list(self._frames(untrusted, kind, "inspect")))

    def open(self, untrusted: bytes, *, blur_thumbnail: bool = False) -> tuple[Inspection, PageImage]:
        """Inspect a document and render its first page in one go. Raises Refused."""
        kind = sniff(untrusted, self._limits.file_bytes)
        frames = list(self._frames(untrusted, kind, "open", [0]))
        if len(frames) != 2 or not isinstance(frames[1], wire.Pixels):
            raise Refused(RefusalCode.CRASHED, "the first page is missing")
        return _inspection(kind, frames[:1]), encode(frames[1], blur_thumbnail)

    def render(
        self, untrusted: bytes, indexes: Sequence[int], *, dpi: int | None = None, blur_thumbnail: bool = False
    ) -> Iterator[PageImage]:
        """Render pages one by one, as the caller asks for them: PAGE_WIDTH wide, or at `dpi` (pictures: full size).

        `blur_thumbnail` makes thumbnails of identity documents unreadable. Raises Refused, also between pages.
        """
        kind = sniff(untrusted, self._limits.file_bytes)
        frames = self._lanes(untrusted, kind, indexes, dpi)
        return (encode(frame, blur_thumbnail) for frame in frames if isinstance(frame, wire.Pixels))

    def text(self, untrusted: bytes) -> list[PageText]:
        """The words of a PDF's pages and their boxes; nothing for pictures. Raises Refused."""
        kind = sniff(untrusted, self._limits.file_bytes)
        if kind is not Kind.PDF:
            return []
        return [frame for frame in self._frames(untrusted, kind, "text") if isinstance(frame, PageText)]

    def self_test(self) -> SelfTest:
        """Render a Chinese page whose fonts are not embedded. Raises RendererUnfit when it comes out blank."""
        try:
            _, page = self.open(chinese_pdf())
        except Refused as refused:
            raise RendererUnfit(f"the test page was refused: {refused}") from refused
        with Image.open(io.BytesIO(page.image), formats=["JPEG"]) as picture:
            ink = sum(picture.convert("L").histogram()[:_DARK]) / (page.width * page.height)
        if ink <= 0:
            raise RendererUnfit(f"Chinese text is invisible: no usable font in {self._fonts}")
        return SelfTest(self._get_zygote().walls, ink)

    def close(self) -> None:
        """End the zygote; the next call would start another."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote:
            zygote.stop()

    def _get_zygote(self) -> ZygoteLink:
        with self._lock:
            if self._zygote and self._zygote_owner != os.getpid():
                self._zygote.abandon()
                self._zygote = None
            if self._zygote is None:
                self._zygote = start_zygote(self._fonts, 2 * (os.cpu_count() or 1))
                self._zygote_owner = os.getpid()
            return self._zygote

    def _discard(self, lost: ZygoteLink) -> None:
        with self._lock:
            if self._zygote is lost:
                self._zygote = None
        lost.stop()

    def _lanes(self, untrusted: bytes, kind: Kind, indexes: Sequence[int], dpi: int | None) -> Iterator[_Frame]:
        """The pages in order; a long document is rendered by two children in turns while a processor is to spare.

        Never waits for the second: there are fewer spare lanes than children, so lanes can't block each other.
        """
        if len(indexes) < _PAGES_WORTH_TWO_CHILDREN or not self._spare_lanes.acquire(blocking=False):
            yield from self._frames(untrusted, kind, "render", indexes, dpi)
            return
        lanes = [self._frames(untrusted, kind, "render", indexes[lane::2], dpi) for lane in range(2)]
        try:
            for number in range(len(indexes)):
                yield next(lanes[number % 2])
        finally:
            self._spare_lanes.release()
            for lane in lanes:
                lane.close()

    def _frames(
        self, untrusted: bytes, kind: Kind, operation: str, indexes: Sequence[int] = (), dpi: int | None = None
    ) -> Generator[_Frame, None, None]:
        """The child's answers; starts over when the zygote is lost, without repeating what was handed out."""
        pages = max(1, len(indexes))
        text = self._limits.text_cpu_seconds if operation == "text" else 0
        request: dict[str, object] = {
            "operation": operation,
            "kind": kind.value,
            "indexes": list(indexes),
            "dpi": dpi,
            "cpu_seconds": self._limits.cpu_budget(pages) + text,
            "wall_seconds": self._limits.wall_budget(pages) + 2 * text,
            "limits": asdict(self._limits),
        }
        shapes = _expected(operation, indexes, self._limits)
        handed_out = 0
        with os.fdopen(os.memfd_create("document"), "w+b", buffering=0) as document:
            wire.write_all(document.fileno(), untrusted)
            for _ in range(_ATTEMPTS):
                zygote = self._get_zygote()
                try:
                    for number, frame in enumerate(self._attempt(zygote, document.fileno(), kind, request, shapes)):
                        if number >= handed_out:
                            handed_out += 1
                            yield frame
                    return
                except ZygoteLost:
                    self._discard(zygote)
        raise Refused(RefusalCode.CRASHED, f"the rendering process was lost {_ATTEMPTS} times")

    def _attempt(
        self, zygote: ZygoteLink, document: int, kind: Kind, request: dict[str, object], shapes: Sequence[_Shape]
    ) -> Iterator[_Frame]:
        with ExitStack() as stack:
            result_reader, result_writer = _pipe(stack)
            status_reader, status_writer = _pipe(stack)
            zygote.send(request, [document, result_writer.fileno(), status_writer.fileno()])
            result_writer.close()
            status_writer.close()
            frames = wire.FrameReader(result_reader.fileno(), kind, self._limits)
            expected = iter(shapes)
            try:
                while (frame := frames.read()) is not None:
                    if _shape(frame) != next(expected, None):
                        raise wire.GibberishError("another frame than was asked for")
                    yield frame
                if next(expected, (PageText, 0))[0] is not PageText:
                    raise wire.GibberishError("an end before the last page")
            except EOFError as early:
                raise self._verdict(status_reader.read()) from early
            except wire.GibberishError as gibberish:
                raise Refused(RefusalCode.CRASHED, f"impossible answer: {gibberish}") from gibberish

    def _verdict(self, status: bytes) -> Exception:
        """Why a child ended without finishing its answer, from what the zygote saw."""
        if not status:
            return ZygoteLost("no word of the child")
        ending = json.loads(status)
        if ending.get("overdue"):
            return Refused(RefusalCode.TOO_COMPLEX, "elapsed time used up")
        code, rss = ending["code"], ending["rss_bytes"]
        # The kernel kills for processor time (SIGXCPU, then SIGKILL) and for want of memory (SIGKILL); a library
        # that is refused more memory ends itself by one signal or another, when what it holds can't be doubled.
        if code in (-24, -9) or (code < 0 and rss > self._limits.memory_bytes // 4):
            return Refused(RefusalCode.TOO_COMPLEX, f"ended by signal {-code} with {rss} bytes in use")
        return Refused(RefusalCode.CRASHED, f"ended with {code}")


def encode(pixels: wire.Pixels, blur_thumbnail: bool = False) -> PageImage:
    """Make the page's JPEG and its thumbnail from plain pixels."""
    size = (pixels.width, pixels.height)
    picture = Image.frombuffer("RGB", size, pixels.rgb, "raw", "RGB", 0, 1)
    page = io.BytesIO()
    picture.save(page, "JPEG", quality=_JPEG_QUALITY)
    height = min(MAX_THUMBNAIL_HEIGHT, max(1, round(pixels.height * THUMBNAIL_WIDTH / pixels.width)))
    small = picture.resize((THUMBNAIL_WIDTH, height), Image.Resampling.BICUBIC, reducing_gap=1.5)
    if blur_thumbnail:
        small = small.filter(ImageFilter.GaussianBlur(_BLUR_RADIUS))
    thumbnail = io.BytesIO()
    small.save(thumbnail, "WEBP", quality=_WEBP_QUALITY, method=2)
    return PageImage(pixels.index, *size, page.getvalue(), thumbnail.getvalue())


def _expected(operation: str, indexes: Sequence[int], limits: RenderLimits) -> list[_Shape]:
    """What a child may answer, in order: anything beyond it comes from one that was taken over."""
    sizes: list[_Shape] = [(list, 0)] if operation in ("inspect", "open") else []
    texts: list[_Shape] = [(PageText, index) for index in range(limits.pages)] if operation == "text" else []
    return [*sizes, *((wire.Pixels, index) for index in indexes), *texts]


def _shape(frame: _Frame) -> _Shape:
    return (list, 0) if isinstance(frame, list) else (type(frame), frame.index)


def _inspection(kind: Kind, frames: Sequence[_Frame]) -> Inspection:
    sizes = frames[0] if len(frames) == 1 else None
    if not isinstance(sizes, list):
        raise Refused(RefusalCode.CRASHED, "the sizes are missing")
    return Inspection(kind, len(sizes), tuple(sizes))


def _pipe(stack: ExitStack) -> tuple[io.FileIO, io.FileIO]:
    reader, writer = os.pipe()
    with suppress(OSError):  # only faster: a user may have used up the kernel's allowance for large pipes
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return stack.enter_context(io.FileIO(reader, "r")), stack.enter_context(io.FileIO(writer, "w"))
