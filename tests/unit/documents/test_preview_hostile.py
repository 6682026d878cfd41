"""Hostile and broken files: each is refused with its reason in bounded time, and nobody else notices."""

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.documents import samples
from workbench.documents.preview import RefusalCode, Refused, Renderer, RendererUnfit, RenderLimits


@pytest.fixture(scope="module")
def strict() -> Iterator[Renderer]:
    """A renderer with little patience, so that bombs end soon."""
    renderer = Renderer(limits=RenderLimits(cpu_seconds=1, wall_seconds=4))
    yield renderer
    renderer.close()


def refusal(renderer: Renderer, untrusted: bytes) -> RefusalCode:
    with pytest.raises(Refused) as refused:
        renderer.open(untrusted)
    return refused.value.code


def test_pixel_bombs_are_refused_unopened(renderer: Renderer) -> None:
    assert refusal(renderer, samples.png_claiming(30_000, 30_000)) is RefusalCode.TOO_MANY_PIXELS
    assert refusal(renderer, samples.png_claiming(13_000, 13_000)) is RefusalCode.TOO_MANY_PIXELS  # Pillow only warns
    assert refusal(renderer, samples.png_claiming(7_100, 7_100)) is RefusalCode.TOO_MANY_PIXELS


def test_a_picture_of_exactly_the_allowed_pixels_is_shown(renderer: Renderer) -> None:
    assert renderer.open(samples.png_claiming(10_000, 5_000))[1].width == 1600


def test_too_many_frames_or_pages_are_refused(renderer: Renderer) -> None:
    assert renderer.inspect(samples.pdf(200)).page_count == 200
    for untrusted in (samples.pdf(201), samples.pdf(10_000), samples.tiff(201), samples.pdf_claiming_999999_pages()):
        assert refusal(renderer, untrusted) is RefusalCode.TOO_MANY_PAGES


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.99])
def test_files_cut_off_on_the_way_are_refused(renderer: Renderer, part: float) -> None:
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    whole = [samples.pdf(20), *(samples.saved(noise, name) for name in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF"))]
    codes = [refusal(renderer, untrusted[: int(len(untrusted) * part)]) for untrusted in whole]
    assert codes == [RefusalCode.BROKEN] * len(whole)


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_a_pdf_that_asks_for_a_password_is_refused(renderer: Renderer, revision: int) -> None:
    aes = revision > 3
    lock = pikepdf.Encryption(owner="owner", user="user", R=revision, aes=aes, metadata=aes)  # type: ignore[arg-type]
    assert refusal(renderer, samples.pdf(1, encryption=lock)) is RefusalCode.ENCRYPTED


def test_markup_posing_as_a_document_is_refused(renderer: Renderer) -> None:
    assert refusal(renderer, b"<svg xmlns='http://www.w3.org/2000/svg'/>") is RefusalCode.ACTIVE_CONTENT
    assert refusal(renderer, b"<html><body>certificate.pdf</body></html>") is RefusalCode.ACTIVE_CONTENT
    assert refusal(renderer, b"GIF89a" + samples.pdf()) is RefusalCode.POLYGLOT
    assert refusal(renderer, b"") is RefusalCode.EMPTY
    assert refusal(renderer, b"plain words") is RefusalCode.UNKNOWN_TYPE
    assert refusal(Renderer(limits=RenderLimits(file_bytes=100)), samples.pdf()) is RefusalCode.TOO_LARGE


def test_nonsense_behind_a_good_signature_is_broken(renderer: Renderer) -> None:
    for untrusted in (b"%PDF-1.7\nnothing\n%%EOF", b"\xff\xd8\xff\xe0" + bytes(500), b"II*\x00" + b"\xff" * 100):
        assert refusal(renderer, untrusted) is RefusalCode.BROKEN


def test_a_bomb_of_path_operators_ends_in_bounded_time(strict: Renderer) -> None:
    bomb = samples.path_bomb()
    started = time.monotonic()
    assert refusal(strict, bomb) is RefusalCode.TOO_COMPLEX
    assert time.monotonic() - started < 30


def test_waiting_forever_ends_in_bounded_time() -> None:
    renderer = Renderer(limits=RenderLimits(wall_seconds=0.5, wall_seconds_per_page=0))
    pages = renderer.render(samples.pdf(100), range(100))
    assert next(pages).index == 0
    started = time.monotonic()
    waiting = threading.Event()
    waiting.wait(1.0)  # a reader slower than the document's time
    with pytest.raises(Refused) as refused:
        list(pages)
    renderer.close()
    assert refused.value.code is RefusalCode.TOO_COMPLEX
    assert time.monotonic() - started < 30


def test_want_of_memory_is_too_complex() -> None:
    renderer = Renderer(limits=RenderLimits(memory_bytes=330 * 1024 * 1024))
    huge = samples.saved(Image.new("CMYK", (7_000, 7_000)), "TIFF", compression="tiff_lzw")
    code = refusal(renderer, huge)
    renderer.close()
    assert code is RefusalCode.TOO_COMPLEX


def test_text_of_a_hostile_page_is_empty_and_the_others_are_read() -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.pages[0].Contents = document.make_stream(b"BT /F1 9 Tf (x) Tj ET " * 300_000)

    limits = RenderLimits(text_cpu_seconds_per_page=0.5)
    renderer = Renderer(limits=limits)
    texts = renderer.text(samples.pdf(3, change))
    renderer.close()
    assert [text.index for text in texts] == [0, 1, 2]
    assert texts[0].text == ""


def test_a_document_that_refers_to_itself_ends(renderer: Renderer) -> None:
    def change(document: pikepdf.Pdf) -> None:
        form = document.make_stream(b"/Me Do", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
        form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Me=form))
        document.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Me=form))
        document.pages[0].Contents = document.make_stream(b"/Me Do")
        action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="while(true){}")
        document.Root.OpenAction = action

    assert renderer.open(samples.pdf(1, change))[1].width == 1600


def test_a_page_that_is_not_there_is_refused(renderer: Renderer) -> None:
    with pytest.raises(Refused) as refused:
        list(renderer.render(samples.pdf(2), [0, 7]))
    assert refused.value.code is RefusalCode.BROKEN


def test_a_killed_child_disturbs_nobody(renderer: Renderer) -> None:
    doomed, fine = renderer.render(samples.pdf(150), range(150)), renderer.render(samples.pdf(20), range(20))
    assert next(doomed).index == 0
    assert next(fine).index == 0
    zygote = renderer._get_zygote().pid
    children = sorted(int(pid) for pid in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split())
    os.kill(children[0], signal.SIGSEGV)
    with pytest.raises(Refused) as refused:
        list(doomed)
    assert refused.value.code is RefusalCode.CRASHED
    assert [page.index for page in fine] == list(range(1, 20))


def test_work_goes_on_when_the_zygote_is_killed() -> None:
    renderer = Renderer()
    try:
        pages = renderer.render(samples.pdf(30), range(30))
        before = [next(pages).index]
        zygote = renderer._get_zygote().pid
        os.kill(zygote, signal.SIGKILL)
        assert [*before, *(page.index for page in pages)] == list(range(30))
        os.kill(renderer._get_zygote().pid, signal.SIGKILL)
        assert renderer.open(samples.pdf())[1].width == 1600
        assert renderer._get_zygote().pid != zygote
    finally:
        renderer.close()


def test_leaving_early_frees_the_child(renderer: Renderer) -> None:
    for _ in range(8):
        pages = renderer.render(samples.pdf(50), range(50))
        next(pages)
        pages.close()  # type: ignore[attr-defined]  # a generator
    assert renderer.open(samples.pdf())[1].index == 0


def test_a_renderer_without_chinese_fonts_is_unfit(tmp_path: Path) -> None:
    renderer = Renderer(fonts=tmp_path)
    with pytest.raises(RendererUnfit):
        renderer.self_test()
    renderer.close()


SOUND = [
    samples.pdf(2),
    samples.pdf(2, object_stream_mode=pikepdf.ObjectStreamMode.disable),
    samples.filled_form(),
    samples.saved(samples.picture(), "JPEG"),
    samples.saved(samples.picture(), "PNG"),
    samples.saved(samples.picture(), "HEIF"),
    samples.tiff(3),
]


@settings(max_examples=60, deadline=None)
@given(
    sound=st.sampled_from(SOUND),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), max_size=12),
)
def test_mutated_files_are_shown_or_refused(
    renderer: Renderer, sound: bytes, changes: list[tuple[float, bytes]]
) -> None:
    mutated = bytearray(sound)
    for where, what in changes:
        at = int(where * len(mutated))
        mutated[at : at + len(what)] = what
    try:
        inspection, page = renderer.open(bytes(mutated))
        assert inspection.page_count >= 1
        assert Image.open(io.BytesIO(page.image)).size == (page.width, page.height)
        assert len(renderer.text(bytes(mutated))) in (0, inspection.page_count)
    except Refused as refused:
        if refused.code is RefusalCode.CRASHED:
            raise


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"II*\x00", b"\x89PNG\r\n\x1a\n"]))
def test_random_bytes_behind_a_signature_are_refused(renderer: Renderer, untrusted: bytes, start: bytes) -> None:
    with pytest.raises(Refused):
        renderer.open(start + untrusted + b"%%EOF")
