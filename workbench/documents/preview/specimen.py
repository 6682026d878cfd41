"""A small PDF with Chinese text in fonts it doesn't embed, as office programmes make them: the renderer's test.

Written out by hand so that neither the zygote nor the self-test needs a library that makes PDFs.
"""

_TEXT = "示例企业营业执照统一社会信用代码"
_FONTS = ("SimSun", "STSong-Light")


def chinese_pdf() -> bytes:
    """One A5 page with a line in SimSun and one in STSong-Light, neither embedded."""
    hexadecimal = _TEXT.encode("gbk").hex()
    lines = " ".join(
        f"/F{n} 24 Tf 20 {400 - 60 * n} Td <{hexadecimal}> Tj -20 {60 * n - 400} Td" for n in range(len(_FONTS))
    )
    content = f"BT {lines} ET".encode()
    fonts = " ".join(f"/F{n} {5 + 3 * n} 0 R" for n in range(len(_FONTS)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents 4 0 R /Resources << /Font << {fonts} >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content.decode()}\nendstream",
    ]
    for name in _FONTS:
        first = len(objects) + 1
        objects += [
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /GBK-EUC-H "
            f"/DescendantFonts [{first + 1} 0 R] >>",
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /FontDescriptor {first + 2} 0 R /DW 1000 "
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>",
            f"<< /Type /FontDescriptor /FontName /{name} /Flags 6 /FontBBox [0 -140 1000 860] /ItalicAngle 0 "
            "/Ascent 860 /Descent -140 /CapHeight 700 /StemV 80 >>",
        ]
    return _assemble(objects)


def _assemble(objects: list[str]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
