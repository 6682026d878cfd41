"""Files for the preview tests, each built here: good ones of every kind, and hostile ones to refuse."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
import pillow_heif
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()


def picture(width: int = 400, height: int = 300) -> Image.Image:
    """White, with a red top left quarter, so that every orientation looks different."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill=(200, 20, 20))
    return image


def saved(image: Image.Image, format_name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def oriented(orientation: int, format_name: str = "JPEG") -> bytes:
    """A picture whose pixels are turned so that it is upright again under its EXIF orientation (1-8)."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = picture()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, format_name, exif=exif)


def tiff(frames: int, **options: Any) -> bytes:
    shades = [Image.new("L", (60, 40), 20 * (n % 10)) for n in range(frames)]
    return saved(shades[0], "TIFF", save_all=True, append_images=shades[1:], **options)


def pdf(pages: int = 1, change: Callable[[pikepdf.Pdf], None] | None = None, **options: Any) -> bytes:
    """A4 pages, each with a black square whose position tells its number."""
    document = pikepdf.new()
    for number in range(pages):
        page = document.add_blank_page(page_size=(595, 842))
        page.Contents = document.make_stream(f"0 0 0 rg {20 + number % 20 * 20} 700 100 100 re f".encode())
    if change:
        change(document)
    file = io.BytesIO()
    document.save(file, **options)
    return file.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A grey PNG of zeros that unpacks to any size: 30,000 x 30,000 pixels take about 100 KB."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def path_bomb(operators: int = 9_000_000) -> bytes:
    """A small PDF whose page unpacks to millions of curve operators."""

    def change(document: pikepdf.Pdf) -> None:
        body = b"0 0 m " + b"9 700 500 9 8 8 c " * operators + b"S"
        document.pages[0].Contents = document.make_stream(body)

    return pdf(1, change, compress_streams=True)


def pdf_claiming_999999_pages() -> bytes:
    """A page tree that holds one page and claims 999,999."""

    def change(document: pikepdf.Pdf) -> None:
        document.Root.Pages.Spare = pikepdf.String("00000")

    honest = pdf(1, change, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    lying = honest.replace(b"/Count 1", b"/Count 999999").replace(b"(00000)", b"()")
    assert len(lying) == len(honest)
    return lying


def filled_form() -> bytes:
    """An AcroForm text field whose value has no appearance stream: only a viewer that draws forms shows it."""

    def change(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        page.Contents = document.make_stream(b"")
        font = document.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        )
        appearance = document.make_stream(
            b"/Tx BMC q BT /Helv 24 Tf 0 g 4 10 Td (Filled in) Tj ET Q EMC",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 300, 40],
            Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=font)),
        )
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="company",
                V="Filled in",
                DA="/Helv 24 Tf 0 g",
                Rect=[100, 500, 400, 540],
                F=4,
                AP=pikepdf.Dictionary(N=appearance),
                P=page.obj,
            )
        )
        page.Annots = document.make_indirect(pikepdf.Array([field]))
        resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=font))
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[field], DA="/Helv 24 Tf 0 g", DR=resources)

    return pdf(1, change)


def mpo() -> bytes:
    """What phones write: a JPEG with a second picture behind it."""
    return saved(picture(), "MPO", save_all=True, append_images=[picture(200, 150)])
