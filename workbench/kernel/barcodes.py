"""Barcodes for printed papers as SVG pictures: what is printed is what a scanner types, nothing else."""

import re
from typing import Final

import zxingcpp

_BARS: Final = re.compile(r'<path d="([^"]+)"')
_WIDTH: Final = re.compile(r'<svg width="(\d+)"')
_QUIET: Final = 10
"""Modules that stay white on each side (ISO/IEC 15417)."""


def code128(text: str) -> str:
    """`text` as a Code 128 barcode (ISO/IEC 15417) with its quiet zones, an SVG picture to be stretched as a whole.

    Raises:
        ValueError: the text is empty, or holds what the code has no bars for.
    """
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("a barcode holds printable ASCII")
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_svg(add_quiet_zones=False)
    bars, width = _BARS.search(drawn), _WIDTH.search(drawn)
    assert bars is not None
    assert width is not None
    modules = int(width.group(1))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{_QUIET} 0 {modules + 2 * _QUIET} 50" '
        f'preserveAspectRatio="none"><path d="{bars.group(1)}"/></svg>'
    )
