"""Documents to print: a typst template and its facts become a PDF with every glyph embedded, the same bytes each time.

Facts reach a template as JSON strings only, so nothing a person typed is ever read as typst markup. A character that
no font draws is printed as its code point, 〔U+20BB7〕: GB 18030-2022 asks systems to handle every one of its
characters, and an empty box on a form would hide whose name it is.
"""

import json
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn
import typst
from fontTools.ttLib import TTFont

TEMPLATES: Final = Path(__file__).parents[2] / "templates" / "print"
FONT_FOLDER: Final = Path(pylopdf_fonts_zh_cn.__file__).parent
EXTRA_FONT_FOLDERS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
"""Where a machine may hold further fonts. Asked only for characters that the package's own fonts lack."""

_OUTLINES: Final = ("glyf", "CFF ", "CFF2")
_INVISIBLE: Final = frozenset(
    [0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)
"""Fillers and variation selectors: they draw nothing themselves. Format characters (Cf) are dropped by category."""
_ONE_AT_A_TIME: Final = threading.Lock()


@dataclass(frozen=True)
class _Font:
    """A font as typst names it; `number` is its place in a collection file."""

    family: str
    path: str
    number: int

    @property
    def covered(self) -> frozenset[int]:
        """The code points it draws as outlines; none when the file can't be read."""
        return _covered(self.path, self.number)


def typeset(template: str, facts: Mapping[str, Any]) -> bytes:
    """Set templates/print/<template>.typ with `facts` (JSON values; texts in plain form) as a PDF.

    The template finds the facts in `sys.inputs.facts` and the families of further fonts in `sys.inputs.fonts`, both
    JSON. Safe for threads: one compiles at a time.

    Raises:
        typst.TypstError: the template is broken or lacks a fact.
        TypeError: a fact is no JSON value.
    """
    printed = _printable_facts(facts)
    extra = _extra_fonts_for(frozenset("".join(_texts(printed))))
    inputs = {
        "facts": json.dumps(printed, ensure_ascii=False),
        "fonts": json.dumps(list(dict.fromkeys(font.family for font in extra))),
    }
    with _ONE_AT_A_TIME:
        content = _compiler(tuple(sorted({str(Path(font.path).parent) for font in extra}))).compile(
            input=TEMPLATES / f"{template}.typ", format="pdf", sys_inputs=inputs, timestamp=0
        )
    if not isinstance(content, bytes):
        raise TypeError(f"typst made no single PDF of {template}")
    return content


def missing_glyphs(text: str) -> tuple[str, ...]:
    """The characters of `text` that no available font draws, each once, in order. Source: GB 18030-2022."""
    return tuple(char for char in dict.fromkeys(_without_controls(text)) if _font_of(char) is None)


def printable(text: str) -> str:
    """`text` as it will be printed: controls and invisible marks dropped, undrawable characters as 〔U+20BB7〕."""
    parts: list[str] = []
    base: _Font | None = None
    for char in _without_controls(text):
        font = _font_of(char)
        if font is not None and unicodedata.category(char).startswith("M"):
            # A combining mark is shaped together with its base: a mark from another font would turn both into boxes.
            font = base if base is not None and ord(char) in base.covered else None
        elif font is not None:
            base = font
        parts.append(char if font is not None or char.isspace() else f"〔U+{ord(char):04X}〕")
    return "".join(parts)


def _without_controls(text: str) -> Iterator[str]:
    """The characters that ask for a glyph; line ends become newlines and odd blanks spaces.

    Direction marks go too: they could make a printed line read other than what was typed.
    """
    for char in text.replace("\r\n", "\n"):
        category = unicodedata.category(char)
        if char in "\n\r\x0b\x0c\x85\u2028\u2029":
            yield "\n"
        elif char == "\t" or (category == "Zs" and char != "\u3000"):
            yield " "
        elif category not in ("Cc", "Cf") and ord(char) not in _INVISIBLE:
            yield char


@lru_cache(maxsize=16_384)
def _font_of(char: str) -> _Font | None:
    """The font that will draw a character: the package's first, then the machine's, each group in a fixed order."""
    if char == "\n":
        char = " "
    own = next((font for font in _own_fonts() if ord(char) in font.covered), None)
    return own or next((font for font in _machine_fonts() if ord(char) in font.covered), None)


def _extra_fonts_for(chars: frozenset[str]) -> tuple[_Font, ...]:
    fonts = {font for char in chars if (font := _font_of(char)) is not None}
    return tuple(font for font in _machine_fonts() if font in fonts) if not fonts <= set(_own_fonts()) else ()


@lru_cache(maxsize=1)
def _own_fonts() -> tuple[_Font, ...]:
    """Serif before sans: the order in which the templates name them."""
    return tuple(sorted(_fonts_in(FONT_FOLDER), key=lambda font: "Serif" not in font.family))


@lru_cache(maxsize=1)
def _machine_fonts() -> tuple[_Font, ...]:
    """Upright regular faces only: those typst takes when a template names their family."""
    own = {font.family for font in _own_fonts()}
    found = [font for folder in EXTRA_FONT_FOLDERS if folder.is_dir() for font in _fonts_in(folder)]
    return tuple(sorted((font for font in found if font.family not in own), key=lambda font: (font.path, font.number)))


def _fonts_in(folder: Path) -> list[_Font]:
    known = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
    return [
        _Font(face.family, face.path, face.index)
        for face in known.fonts()
        if face.path and (face.style, face.weight, face.stretch) == ("normal", 400, 1.0)
    ]


@lru_cache(maxsize=256)
def _covered(path: str, number: int) -> frozenset[int]:
    try:
        with TTFont(path, fontNumber=number, lazy=True) as font:
            return frozenset(font.getBestCmap() or ()) if any(table in font for table in _OUTLINES) else frozenset()
    except Exception:  # a broken font of the machine must not stop a form; fontTools raises whatever it meets
        return frozenset()


@lru_cache(maxsize=4)
def _compiler(extra_folders: tuple[str, ...]) -> typst.Compiler:
    return typst.Compiler(root=TEMPLATES, font_paths=[str(FONT_FOLDER), *extra_folders], ignore_system_fonts=True)


def _printable_facts(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _printable_facts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable_facts(item) for item in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
