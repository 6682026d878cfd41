"""Tells a file's kind by its first bytes and refuses files that are two things at once or only pose as a document.

Looks at signatures only and parses nothing, so it is safe in the web process.
"""

import re

from workbench.documents import limits
from workbench.documents.preview.model import Kind, RefusalCode, Refused

_HEAD = 1024
"""PDF readers look for the header within this many bytes (ISO 32000-1, annex H.3.4.1): two formats can share them."""
_ZIP_TAIL = 65_557
"""A ZIP ends with its directory record of 22 bytes and a comment of up to 65,535."""
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_PDF_PREAMBLE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\x1b%-12345X[^%]{0,512})?[\x00\t\n\x0c\r ]{0,512}%PDF-")
_ACTIVE_IN_IMAGE = re.compile(rb"<\?php|<script|<html|<!doctype|<svg[\s>]|%PDF-\d", re.IGNORECASE)
_ACTIVE_AFTER_PDF = re.compile(rb"<\?php|<script|<html|<!doctype|<svg[\s>]", re.IGNORECASE)
_ACTIVE_TEXT = re.compile(
    r"<\?xml|<\?php|<!doctype|<html|<head|<body|<script|<svg|<iframe|<img|javascript:", re.IGNORECASE
)
_PROGRAMS = (b"#!", b"MZ", b"\x7fELF", b"%!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))


def sniff(untrusted: bytes, max_bytes: int = limits.MAX_FILE_BYTES) -> Kind:
    """Tell the kind of a file by content. Raises Refused: empty, too large, unknown, active content or polyglot."""
    if not untrusted:
        raise Refused(RefusalCode.EMPTY, "the file has no bytes")
    if len(untrusted) > max_bytes:
        raise Refused(RefusalCode.TOO_LARGE, f"{len(untrusted)} bytes, allowed are {max_bytes}")
    head = untrusted[:_HEAD]
    kind = _kind_by_magic(head)
    if kind is None:
        raise _refusal_of_stranger(untrusted)
    if _ends_with_zip(untrusted):
        raise Refused(RefusalCode.POLYGLOT, f"{kind} that is a ZIP archive too")
    if kind is Kind.PDF:
        end = untrusted.rfind(b"%%EOF")
        suspect = _ACTIVE_AFTER_PDF.search(untrusted, end) if end >= 0 else None
    else:
        suspect = _ACTIVE_IN_IMAGE.search(head) or _ACTIVE_IN_IMAGE.search(untrusted, _end_of_image(kind, untrusted))
    if suspect:
        raise Refused(RefusalCode.POLYGLOT, f"{kind} with {suspect.group()!r} at byte {suspect.start()}")
    return kind


def _kind_by_magic(head: bytes) -> Kind | None:
    if _PDF_PREAMBLE.match(head):
        return Kind.PDF
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith((b"II*\x00", b"MM\x00*")):
        return Kind.TIFF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[4:8] == b"ftyp" and _is_heic(head):
        return Kind.HEIC
    return None


def _is_heic(head: bytes) -> bool:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    return not brands.isdisjoint(_HEIC_BRANDS) and head[8:12] not in {b"avif", b"avis"}


def _refusal_of_stranger(untrusted: bytes) -> Refused:
    """The reason for a file whose first bytes are no accepted format."""
    head = untrusted[:_HEAD]
    if head.startswith(_PROGRAMS):
        return Refused(RefusalCode.ACTIVE_CONTENT, f"a program or script: {head[:4]!r}")
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "latin-1")
    if head[1:2] == b"\x00" and head[:1] == b"<":
        encoding = "utf-16-le"
    text = untrusted[: 4 * _HEAD].decode(encoding, "replace").lstrip("\ufeff\x00\t\n\x0c\r ï»¿")
    if text.startswith("<") or (text[:64].isprintable() and _ACTIVE_TEXT.search(text)):
        return Refused(RefusalCode.ACTIVE_CONTENT, f"markup or script: {text[:20]!r}")
    if b"%PDF-" in head:
        return Refused(RefusalCode.POLYGLOT, f"a PDF header after something else: {head[:8]!r}")
    return Refused(RefusalCode.UNKNOWN_TYPE, f"no accepted format begins with {head[:8]!r}")


def _ends_with_zip(untrusted: bytes) -> bool:
    """True when a ZIP's end record stands near the end and points back at a central directory."""
    end = untrusted.rfind(b"PK\x05\x06", max(0, len(untrusted) - _ZIP_TAIL))
    if end < 0:
        return False
    size = int.from_bytes(untrusted[end + 12 : end + 16], "little")
    return untrusted[end - size : end - size + 4] == b"PK\x01\x02" if size <= end else False


def _end_of_image(kind: Kind, untrusted: bytes) -> int:
    """Where the picture ends, as far as its format says; text after it has no business in the file."""
    if kind is Kind.JPEG:
        end = untrusted.rfind(b"\xff\xd9")
    elif kind is Kind.PNG:
        end = untrusted.rfind(b"IEND")
    elif kind is Kind.WEBP:
        end = 8 + int.from_bytes(untrusted[4:8], "little")
    else:
        end = len(untrusted) - 4 * _HEAD
    return min(max(end, 0), len(untrusted))
