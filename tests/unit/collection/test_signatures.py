"""Signatures: what a canvas gives is drawn anew; what is no picture, too much of one, or empty is refused."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from workbench.collection.signatures import MAX_BYTES, draw_anew
from workbench.kernel.errors import Invalid, TooLarge


def _png(size: tuple[int, int] = (600, 200), *, ink: bool = True) -> bytes:
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    if ink:
        ImageDraw.Draw(picture).line((20, 20, size[0] - 20, size[1] - 20), fill="black", width=3)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def test_a_signature_is_kept_black_on_white() -> None:
    with Image.open(io.BytesIO(draw_anew(_png()))) as kept:
        assert (kept.mode, kept.size) == ("L", (600, 200))
        assert kept.getextrema() == (0, 255)
        assert kept.getpixel((599, 0)) == 255


def test_nothing_hidden_in_the_file_is_kept() -> None:
    secret = b"tEXtComment\x00hidden words"
    chunk = struct.pack(">I", len(secret) - 4) + secret + struct.pack(">I", zlib.crc32(secret))
    content = _png()
    kept = draw_anew(content[:33] + chunk + content[33:])
    assert b"hidden words" not in kept


@pytest.mark.parametrize("content", [b"", b"GIF89a" + b"0" * 60, _png()[:60], _png(ink=False)])
def test_what_is_no_signature_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        draw_anew(content)


def test_a_picture_that_claims_to_be_vast_is_not_decoded() -> None:
    content = bytearray(_png())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(TooLarge):
        draw_anew(bytes(content))
    with pytest.raises(TooLarge):
        draw_anew(_png() + b"0" * MAX_BYTES)
