"""What the renderer shows of good files: every kind, upright, in order, with its text where it stands."""

import io
import threading

import pikepdf
import pytest
import typst
from PIL import Image

from tests.unit.documents import samples
from workbench.documents.preview import Kind, PageImage, PageSize, Renderer

RED, WHITE = (200, 20, 20), (255, 255, 255)


def opened(page: PageImage) -> Image.Image:
    image = Image.open(io.BytesIO(page.image), formats=["JPEG"])
    assert image.size == (page.width, page.height)
    return image.convert("RGB")


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) < 24 for a, b in zip(found, wanted, strict=True))


def ink(page: PageImage) -> float:
    return sum(opened(page).convert("L").histogram()[:128]) / (page.width * page.height)


def is_upright(page: PageImage) -> bool:
    image = opened(page)
    w, h = image.size
    corners = [image.getpixel((int(w * x), int(h * y))) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))]
    return near(corners[0], RED) and all(near(corner, WHITE) for corner in corners[1:])


@pytest.mark.parametrize(("kind", "name"), [(k, {"heic": "HEIF"}.get(k, k.upper())) for k in list(Kind)[1:]])
def test_every_kind_of_picture_opens(renderer: Renderer, kind: Kind, name: str) -> None:
    inspection, page = renderer.open(samples.saved(samples.picture(), name))
    assert (inspection.kind, inspection.page_count) == (kind, 1)
    assert inspection.pages == (PageSize(400, 300),)
    assert (page.index, page.width, page.height) == (0, 400, 300)
    assert is_upright(page)
    assert renderer.text(samples.saved(samples.picture(), name)) == []


def test_a_pdf_opens_at_the_page_width_with_a_thumbnail(renderer: Renderer) -> None:
    inspection, page = renderer.open(samples.pdf(3))
    assert (inspection.kind, inspection.page_count, inspection.pages[2]) == (Kind.PDF, 3, PageSize(595, 842))
    assert (page.width, page.height) == (1600, 2264)
    assert 0.01 < ink(page) < 0.03
    thumbnail = Image.open(io.BytesIO(page.thumbnail), formats=["WEBP"])
    assert thumbnail.size == (200, 283)
    assert renderer.inspect(samples.pdf(3)) == inspection


def test_pages_come_in_the_order_asked_for_and_at_the_resolution_asked_for(renderer: Renderer) -> None:
    pages = list(renderer.render(samples.pdf(5), [4, 0, 2], dpi=72))
    assert [page.index for page in pages] == [4, 0, 2]
    assert {(page.width, page.height) for page in pages} == {(595, 842)}
    lefts = [min(x for x in range(595) if opened(page).convert("L").getpixel((x, 100)) == 0) for page in pages]
    assert lefts == [100, 20, 60]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP"])  # HEIC turns by a box of its own, not by EXIF
def test_pictures_stand_upright(renderer: Renderer, orientation: int, name: str) -> None:
    inspection, page = renderer.open(samples.oriented(orientation, name))
    assert inspection.pages == (PageSize(400, 300),)
    assert (page.width, page.height) == (400, 300)
    assert is_upright(page)


def test_a_large_sideways_photograph_is_scaled_down_upright(renderer: Renderer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = samples.picture(4000, 3000).transpose(Image.Transpose.ROTATE_90)
    photograph = samples.saved(image, "JPEG", exif=exif)
    _, page = renderer.open(photograph)
    assert (page.width, page.height) == (1600, 1200)
    assert is_upright(page)
    (zoomed,) = renderer.render(photograph, [0], dpi=300)
    assert (zoomed.width, zoomed.height) == (4000, 3000)
    assert is_upright(zoomed)


def test_a_phones_two_picture_jpeg_opens_as_a_jpeg(renderer: Renderer) -> None:
    inspection, page = renderer.open(samples.mpo())
    assert (inspection.kind, inspection.page_count) == (Kind.JPEG, 1)
    assert is_upright(page)


def test_each_frame_of_a_tiff_is_a_page(renderer: Renderer) -> None:
    scan = samples.tiff(7, compression="tiff_lzw")
    assert renderer.inspect(scan).page_count == 7
    greys = [opened(page).convert("L").getpixel((5, 5)) for page in renderer.render(scan, [6, 0, 3])]
    assert greys == [120, 0, 60]


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(renderer: Renderer, name: str) -> None:
    assert is_upright(renderer.open(samples.saved(samples.picture().convert("CMYK"), name))[1])


def test_transparency_lies_on_white_and_palettes_keep_their_colours(renderer: Renderer) -> None:
    clear = samples.picture().convert("RGBA")
    clear.putalpha(clear.convert("L").point(lambda value: 0 if value > 250 else 255))
    for image in (clear, samples.picture().quantize(16), clear.quantize(16)):
        assert is_upright(renderer.open(samples.saved(image, "PNG"))[1]), image.mode
    black_and_white = samples.picture().convert("1", dither=Image.Dither.NONE)
    assert ink(renderer.open(samples.saved(black_and_white, "TIFF", compression="group4"))[1]) == pytest.approx(
        0.25, abs=0.01
    )


@pytest.mark.parametrize(("mode", "name"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF")])
def test_sixteen_bits_become_eight(renderer: Renderer, mode: str, name: str) -> None:
    order = "big" if mode.endswith("B") else "little"
    row = b"".join((x * 655).to_bytes(2, order) for x in range(100))  # type: ignore[arg-type]
    _, page = renderer.open(samples.saved(Image.frombytes(mode, (100, 100), row * 100), name))
    middle = opened(page).convert("L").getpixel((50, 50))
    assert isinstance(middle, int)
    assert abs(middle - 127) < 4


def test_chinese_text_shows_though_its_fonts_are_not_embedded(renderer: Renderer) -> None:
    result = renderer.self_test()
    assert result.walls in ("landlock+seccomp", "bubblewrap", "rlimits")
    assert result.cjk_ink > 0.005


def test_a_filled_form_shows_what_was_filled_in(renderer: Renderer) -> None:
    assert ink(renderer.open(samples.filled_form())[1]) > 0.0005


def test_an_encrypted_pdf_without_a_user_password_is_shown(renderer: Renderer) -> None:
    locked = samples.pdf(2, encryption=pikepdf.Encryption(owner="owner", user="", R=6))
    inspection, page = renderer.open(locked)
    assert inspection.page_count == 2
    assert ink(page) > 0.01


def test_a_pdf_with_a_wrong_cross_reference_table_is_repaired(renderer: Renderer) -> None:
    sound = samples.pdf(2, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    broken = sound.replace(b" 00000 n", b" 00009 n").replace(b"startxref", b"startxrex")
    inspection, page = renderer.open(broken)
    assert inspection.page_count == 2
    assert ink(page) > 0.01


def test_pages_are_counted_on_the_tree_not_by_the_claim(renderer: Renderer) -> None:
    hiding = samples.pdf(3, object_stream_mode=pikepdf.ObjectStreamMode.disable).replace(b"/Count 3", b"/Count 1")
    assert renderer.inspect(hiding).page_count == 3


def test_a_page_of_absurd_size_is_clamped(renderer: Renderer) -> None:
    def stretch(document: pikepdf.Pdf) -> None:
        document.pages[0].MediaBox = [0, 0, 14_000, 2_000_000]

    _, page = renderer.open(samples.pdf(1, stretch))
    assert max(page.width, page.height) <= 6000
    assert min(page.width, page.height) >= 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_stand_where_the_page_shows_them(renderer: Renderer, rotation: int) -> None:
    source = b"#set page(width: 300pt, height: 400pt, margin: 0pt)\n#place(dx: 60pt, dy: 80pt, text(20pt)[UNIQUE])"

    def turn(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        page.MediaBox = [-50, -30, 300, 400]
        page.CropBox = [20, 40, 290, 380]
        page.Rotate = rotation

    with pikepdf.open(io.BytesIO(typst.compile(source))) as document:
        turn(document)
        file = io.BytesIO()
        document.save(file)
    untrusted = file.getvalue()
    (text,) = renderer.text(untrusted)
    letters = [word for word in text.words]
    image = opened(renderer.open(untrusted)[1]).convert("L").point(lambda value: 255 if value < 128 else 0)
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    box = (left / image.width, top / image.height, right / image.width, bottom / image.height)
    found = (
        min(word.x0 for word in letters),
        min(word.y0 for word in letters),
        max(word.x1 for word in letters),
        max(word.y1 for word in letters),
    )
    assert found == pytest.approx(box, abs=0.04)
    if rotation == 0:
        assert [word.text for word in letters] == ["UNIQUE"]
        assert text.text == "UNIQUE"


def test_a_blurred_thumbnail_hides_what_the_plain_one_shows(renderer: Renderer) -> None:
    stripes = Image.new("L", (200, 200), 255)
    for x in range(0, 200, 4):
        stripes.paste(0, (x, 0, x + 2, 200))
    untrusted = samples.saved(stripes, "PNG")
    (plain,) = renderer.render(untrusted, [0])
    (blurred,) = renderer.render(untrusted, [0], blur_thumbnail=True)
    contrasts: list[float] = []
    for page in (plain, blurred):
        low, high = Image.open(io.BytesIO(page.thumbnail)).convert("L").crop((50, 50, 150, 150)).getextrema()
        assert isinstance(low, int)
        assert isinstance(high, int)
        contrasts.append(high - low)
    assert contrasts[0] > 150
    assert contrasts[1] < 30


def test_three_threads_render_at_once(renderer: Renderer) -> None:
    documents = [samples.pdf(20), samples.tiff(20), samples.pdf(20)]
    results: dict[int, list[int]] = {}

    def work(number: int) -> None:
        results[number] = [page.index for page in renderer.render(documents[number], range(20))]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {number: list(range(20)) for number in range(3)}
