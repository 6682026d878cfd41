"""Ink that is put on paper by hand: the red company seal, the signature, the square code of a licence.

Each mark is an RGB picture on white, meant to be multiplied over the print, so text under a seal stays readable as on
real paper. No state emblem and no agency's seal is drawn; every company name on a seal is invented.
"""

import math
import random
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pylopdf_fonts_zh_cn
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

FONT_FOLDER = Path(pylopdf_fonts_zh_cn.__file__).parent
SERIF_FONT = FONT_FOLDER / "NotoSerifSC-Regular.otf"
SEAL_PIXELS = 420
SIGNATURE_PIXELS = (460, 190)

Point = tuple[float, float]


@lru_cache(maxsize=24)
def company_seal(name: str, variant: int) -> Image.Image:
    """Round seal of a company: ring, five-point star, name along the arc. `variant` is one of its imprints (0–2)."""
    rng = random.Random(f"seal {name} {variant}")
    cover = ImageChops.multiply(_seal_relief(name), _patchy_ink(rng, SEAL_PIXELS))
    cover = cover.filter(ImageFilter.GaussianBlur(0.8))
    red = (rng.randint(205, 222), rng.randint(28, 48), rng.randint(34, 56))
    return Image.composite(Image.new("RGB", cover.size, red), Image.new("RGB", cover.size, "white"), cover)


def signature(name: str, seed: int) -> Image.Image:
    """A handwritten-looking scrawl, one cluster of joined strokes per character; the same hand for the same name."""
    hand = random.Random(f"hand {name}")
    rng = random.Random(f"signature {name} {seed}")
    width, height = SIGNATURE_PIXELS
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    ink = (18, 22, 60) if hand.random() < 0.4 else (22, 22, 26)
    slant, cell = hand.uniform(0.05, 0.3), width / (len(name) + 0.8)
    for index in range(len(name)):
        shape = random.Random(f"stroke {name} {index}")
        left = cell * (index + 0.4)
        points = [
            (left + shape.uniform(-0.08, 0.95) * cell, height * shape.uniform(0.14, 0.84))
            for _ in range(shape.randint(8, 11))
        ]
        points.append((left + cell * 1.05, height * shape.uniform(0.4, 0.7)))
        wobbled = [(x + rng.gauss(0, 3) + (height / 2 - y) * slant, y + rng.gauss(0, 3)) for x, y in points]
        for stroke in _strokes(shape, wobbled):
            _draw_pen(draw, stroke, ink, shape.uniform(3.4, 5.2))
    return picture.filter(ImageFilter.GaussianBlur(0.7))


@lru_cache(maxsize=64)
def square_code(text: str) -> Image.Image:
    """A square that looks like a QR code from afar and decodes to nothing: random modules and three finders."""
    rng = random.Random(f"square {text}")
    modules = 29
    picture = Image.new("L", (modules, modules), 255)
    for y in range(modules):
        for x in range(modules):
            picture.putpixel((x, y), 30 if rng.random() < 0.48 else 255)
    draw = ImageDraw.Draw(picture)
    for x, y in ((0, 0), (modules - 7, 0), (0, modules - 7)):
        draw.rectangle((x - 1, y - 1, x + 7, y + 7), fill=255)
        draw.rectangle((x, y, x + 6, y + 6), outline=30)
        draw.rectangle((x + 2, y + 2, x + 4, y + 4), fill=30)
    return picture.resize((modules * 6, modules * 6), Image.Resampling.NEAREST).convert("RGB")


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(SERIF_FONT, size)


@lru_cache(maxsize=16)
def _seal_relief(name: str) -> Image.Image:
    """The rubber of a seal, white where it takes ink: the same for each of its imprints."""
    size, centre = SEAL_PIXELS, SEAL_PIXELS / 2
    cover = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(cover)
    draw.ellipse((8, 8, size - 8, size - 8), outline=255, width=11)
    draw.polygon(_star(centre, centre, 66), fill=255)
    _draw_arc_text(cover, name)
    _draw_serial(cover, name)
    return cover


def _star(x: float, y: float, radius: float) -> list[Point]:
    points = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.382
        angle = math.pi * corner / 5
        points.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
    return points


def _draw_arc_text(cover: Image.Image, text: str) -> None:
    """Set the name clockwise along the inside of the ring, from lower left over the top to lower right."""
    span = min(math.radians(270), math.radians(21) * len(text))
    glyph_size = max(30, min(54, round(span * 160 / len(text) * 1.02)))
    for index, character in enumerate(text):
        angle = -span / 2 + span * (index + 0.5) / len(text)
        tile = Image.new("L", (glyph_size * 2, glyph_size * 2), 0)
        ImageDraw.Draw(tile).text(
            (glyph_size, glyph_size), character, fill=255, font=_font(glyph_size), anchor="mm", stroke_width=1
        )
        tile = tile.resize((round(glyph_size * 1.7), glyph_size * 2)).rotate(
            -math.degrees(angle), Image.Resampling.BICUBIC, expand=True
        )
        x = SEAL_PIXELS / 2 + 158 * math.sin(angle) - tile.width / 2
        y = SEAL_PIXELS / 2 - 158 * math.cos(angle) - tile.height / 2
        cover.paste(255, (round(x), round(y)), tile)


def _draw_serial(cover: Image.Image, name: str) -> None:
    text = f"99{random.Random('serial ' + name).randrange(10**9):09d}"
    ImageDraw.Draw(cover).text(
        (SEAL_PIXELS / 2, SEAL_PIXELS * 0.79), text, fill=235, font=_font(24), anchor="mm", stroke_width=0
    )


def _patchy_ink(rng: random.Random, size: int) -> Image.Image:
    """Coverage of a stamp pressed by hand: uneven pressure, dry spots, a rim that took less ink."""
    pressure = Image.frombytes("L", (6, 6), rng.randbytes(36)).point([195 + value // 5 for value in range(256)])
    pressure = pressure.resize((size, size), Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (size // 3, size // 3), rng.randbytes((size // 3) ** 2))
    grain = grain.point([70 if value < 22 else 255 - (value % 24) for value in range(256)])
    return ImageChops.multiply(pressure, grain.resize((size, size), Image.Resampling.BILINEAR))


def _strokes(rng: random.Random, points: list[Point]) -> list[list[Point]]:
    """Break a chain of points into two or three strokes, as a pen that leaves the paper does."""
    cut = rng.randint(3, 4)
    pieces = [points[:cut], points[cut - rng.randint(0, 1) : cut + 4], points[cut + 3 :]]
    return [_smooth(piece) for piece in pieces if len(piece) >= 2]


def _smooth(points: list[Point], steps: int = 9) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    padded = [points[0], *points, points[-1]]
    curve = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            curve.append((_spline(p0[0], p1[0], p2[0], p3[0], t), _spline(p0[1], p1[1], p2[1], p3[1], t)))
    return [*curve, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _draw_pen(draw: ImageDraw.ImageDraw, curve: list[Point], ink: tuple[int, int, int], weight: float) -> None:
    """Ink a curve with a pen that presses in the middle of a stroke and lifts towards its end."""
    for index, (start, end) in enumerate(pairwise(curve)):
        width = weight * (0.45 + 0.75 * math.sin(math.pi * (0.12 + 0.8 * index / len(curve))))
        draw.line((*start, *end), fill=ink, width=max(2, round(width)))
        radius = width / 2.4
        draw.ellipse((end[0] - radius, end[1] - radius, end[0] + radius, end[1] + radius), fill=ink)
