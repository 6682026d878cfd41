"""What a flatbed, a fax and a telephone camera do to a clean page: tint, uneven light, grain, skew, shadow.

Grain comes from random.Random and never from Pillow's own noise, which can't be seeded; textures are made once per
process.
"""

import io
import math
import random
from collections.abc import Sequence
from functools import lru_cache

import pypdfium2
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

TEXTURE_PIXELS = 1700
PAPER_TINTS = ((255, 255, 253), (255, 252, 243), (250, 252, 255), (254, 250, 246))
LID = (222, 223, 224, 255)
INK_FLOOR = 34
FAX_DPI = 150
PHOTO_SIZE = (1480, 1110)

Quad = tuple[tuple[float, float], ...]


def render(page: pypdfium2.PdfPage, dpi: float, *, skew: float = 0.0, scale: float = 1.0) -> Image.Image:
    """Rasterise a page to RGB at `dpi`, turned by `skew` degrees about its centre on the scanner's grey lid."""
    width, height = round(page.get_width() * dpi / 72), round(page.get_height() * dpi / 72)
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium_c.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect(LID, 0, 0, width, height)
    zoom, angle = dpi / 72 * scale, math.radians(skew)
    a, b = zoom * math.cos(angle), zoom * math.sin(angle)
    middle_x, middle_y = page.get_width() / 2, page.get_height() / 2
    matrix = pdfium_c.FS_MATRIX(
        a, b, -b, a, width / 2 - a * middle_x + b * middle_y, height / 2 - b * middle_x - a * middle_y
    )
    clip = pdfium_c.FS_RECTF(0, 0, width, height)
    flags = pdfium_c.FPDF_REVERSE_BYTE_ORDER
    pdfium_c.FPDF_RenderPageBitmapWithMatrix(bitmap, page, matrix, clip, flags)
    picture: Image.Image = bitmap.to_pil().copy()
    return picture


def scanned(page: pypdfium2.PdfPage, rng: random.Random, dpi: float) -> Image.Image:
    """The page as a colour flatbed sees it: skewed by 0.3 to 2.5 degrees, tinted, unevenly lit, grainy."""
    skew = rng.choice((-1, 1)) * min(2.5, 0.3 + rng.expovariate(1.6))
    picture = render(page, dpi, skew=skew, scale=rng.uniform(0.97, 1.0))
    if rng.random() < 0.25:
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 0.55)))
    return _on_paper(picture, rng)


def faxed(page: pypdfium2.PdfPage, rng: random.Random) -> Image.Image:
    """The page as a fax or a black-and-white copier sees it: one bit a pixel, specks, no colour left in the seal."""
    grey = render(page, FAX_DPI, skew=rng.uniform(-1.2, 1.2), scale=0.99).convert("L")
    side = TEXTURE_PIXELS + 100
    grain = _grain().resize((side, side)).crop((0, 0, *grey.size))
    threshold = rng.randint(150, 172)
    dark = ImageChops.add(grey, grain, 1, -128).point([255 if value > threshold else 0 for value in range(256)])
    return dark.convert("1", dither=Image.Dither.NONE)


def photographed(page: pypdfium2.PdfPage, rng: random.Random) -> Image.Image:
    """The page as a photograph on a desk: perspective, soft shadow, light falling off; upright, without EXIF."""
    flat = render(page, PHOTO_SIZE[0] * 0.78 / max(page.get_width(), page.get_height()) * 72)
    size = PHOTO_SIZE if flat.width >= flat.height else PHOTO_SIZE[::-1]
    quad = _corners(flat.size, size, rng)
    desk = _desk(rng.randrange(2))
    background = (desk if size == PHOTO_SIZE else desk.transpose(Image.Transpose.ROTATE_90)).copy()
    shadow = Image.new("L", (size[0] // 8, size[1] // 8), 255)
    ImageDraw.Draw(shadow).polygon([((x + 22) / 8, (y + 26) / 8) for x, y in quad], fill=90)
    shadow = shadow.filter(ImageFilter.GaussianBlur(2)).resize(size, Image.Resampling.BILINEAR)
    background = ImageChops.multiply(background, Image.merge("RGB", (shadow,) * 3))
    coefficients = _perspective(quad, flat.size)
    bent = flat.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(quad, fill=255)
    background.paste(bent, (0, 0), mask.filter(ImageFilter.BoxBlur(1)))
    return _on_paper(background, rng)


def darkened(picture: Image.Image) -> Image.Image:
    """The same picture taken in the dark: what a clerk sends back as illegible."""
    return picture.convert("RGB").point([round(8 + (value / 255) ** 1.5 * 52) for value in range(256)] * 3)


def cut_off(picture: Image.Image, rng: random.Random) -> Image.Image:
    """The same picture without its lower or right part: a sheet laid over the edge of the glass."""
    keep = rng.uniform(0.66, 0.76)
    if rng.random() < 0.6:
        return picture.crop((0, 0, picture.width, round(picture.height * keep)))
    return picture.crop((0, 0, round(picture.width * keep), picture.height))


def jpeg(picture: Image.Image, rng: random.Random, *, dpi: float, orientation: int = 1) -> bytes:
    """Encode as an everyday JPEG; pixels are turned so that the EXIF `orientation` (1, 3, 6 or 8) tells the truth."""
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    if orientation in turns:
        picture = picture.transpose(turns[orientation])
    if orientation != 1:
        exif[0x0112] = orientation
        exif[0x010F] = "EXAMPLE"
        exif[0x0110] = "Demo Phone"
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "JPEG", quality=rng.randint(58, 72), exif=exif, dpi=(round(dpi), round(dpi)))
    return stream.getvalue()


def _on_paper(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Lift the blacks, as no scanner gives pure black, and lay a texture of paper and light over everything."""
    lift = [INK_FLOOR + value * (255 - INK_FLOOR) // 255 for value in range(256)]
    texture = _texture(rng.randrange(len(PAPER_TINTS)))
    left = rng.randrange(max(1, TEXTURE_PIXELS - picture.width))
    top = rng.randrange(max(1, TEXTURE_PIXELS - picture.height))
    patch = texture.crop((left, top, left + picture.width, top + picture.height))
    return ImageChops.multiply(picture.point(lift * 3), patch)


@lru_cache(maxsize=1)
def _grain() -> Image.Image:
    """Grey noise about 128, coarse enough to survive JPEG and to look like a sensor's."""
    rng = random.Random("grain")
    side = TEXTURE_PIXELS
    fine = Image.frombytes("L", (side, side), rng.randbytes(side * side))
    return fine.filter(ImageFilter.BoxBlur(0.7))


@lru_cache(maxsize=len(PAPER_TINTS))
def _texture(index: int) -> Image.Image:
    """A large sheet of tinted, unevenly lit, speckled paper from which pages take their patch."""
    rng = random.Random(f"texture {index}")
    side = TEXTURE_PIXELS
    light = Image.frombytes("L", (5, 5), rng.randbytes(25)).point([230 + value // 11 for value in range(256)])
    light = light.resize((side, side), Image.Resampling.BICUBIC)
    grain = _grain() if index % 2 else ImageOps.flip(_grain())
    grain = grain.point([max(0, min(255, 250 + (value - 128) // 11)) for value in range(256)])
    sheet = ImageChops.multiply(light, grain)
    draw = ImageDraw.Draw(sheet)
    for _ in range(32):
        x, y, radius = rng.uniform(0, side), rng.uniform(0, side), rng.choice((0.5, 0.8, 1.2))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=rng.randint(110, 190))
    for _ in range(2):
        x = rng.uniform(0, side)
        draw.line((x, 0, x + rng.uniform(-3, 3), side), fill=222)
    return Image.merge(
        "RGB", [sheet.point([value * tint // 255 for value in range(256)]) for tint in PAPER_TINTS[index]]
    )


@lru_cache(maxsize=2)
def _desk(index: int) -> Image.Image:
    """A dark desk: wood (0) or grey felt (1)."""
    rng = random.Random(f"desk {index}")
    cells = (14, 260) if index == 0 else (900, 680)
    streaks = Image.frombytes("L", cells, rng.randbytes(cells[0] * cells[1])).resize(
        PHOTO_SIZE, Image.Resampling.BICUBIC
    )
    dark, bright = (((38, 24, 16), (98, 66, 44)), ((40, 44, 48), (70, 76, 82)))[index]
    return ImageOps.colorize(streaks, dark, bright)


def _corners(flat: tuple[int, int], size: tuple[int, int], rng: random.Random) -> Quad:
    """Where the four corners of the page fall in the photograph: centred, turned a little, nearer at the bottom."""
    angle = math.radians(rng.uniform(-5, 5))
    corners = []
    for side_x, side_y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        near = 1.04 if side_y > 0 else 0.95
        x, y = side_x * flat[0] / 2 * near, side_y * flat[1] / 2 * 0.97
        x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        corners.append((size[0] / 2 + x + rng.uniform(-14, 14), size[1] / 2 + y + rng.uniform(-14, 14)))
    return tuple(corners)


def _perspective(quad: Quad, flat: tuple[int, int]) -> tuple[float, ...]:
    """The eight coefficients Pillow wants to map the photograph's pixels back to the flat page."""
    rows = []
    for (x, y), (u, v) in zip(quad, ((0, 0), (flat[0], 0), flat, (0, flat[1])), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, float(u)])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, float(v)])
    return _solved(rows)


def _solved(rows: Sequence[list[float]]) -> tuple[float, ...]:
    """Solve a small linear system, given as rows with the right-hand side last (Gauss-Jordan with pivoting)."""
    matrix = [list(map(float, row)) for row in rows]
    count = len(matrix)
    for column in range(count):
        pivot = max(range(column, count), key=lambda row: abs(matrix[row][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        divisor = matrix[column][column]
        matrix[column] = [value / divisor for value in matrix[column]]
        for row in range(count):
            if row != column:
                factor = matrix[row][column]
                matrix[row] = [value - factor * top for value, top in zip(matrix[row], matrix[column], strict=True)]
    return tuple(row[-1] for row in matrix)
