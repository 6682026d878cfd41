"""Names of files as shown and offered: whatever was sent, nothing in them can act, climb or mislead."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.documents.preview import Kind, RefusalCode
from workbench.documents.uploads import LIMIT_VALUES, MAX_NAME, display_name
from workbench.documents.words import REFUSAL_REASONS


@pytest.mark.parametrize(
    ("untrusted", "shown"),
    [
        ("申请表.pdf", "申请表.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\me\\执照.PDF", "执照.PDF"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ("report.html", "report.html.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie_ x=1.pdf"),
        ("file.pdf:stream", "file.pdf_stream.pdf"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
        ("\x08\xa00\u3000", "0.pdf"),
        (".pdf", "pdf.pdf"),
        ("\u0065\u0301.pdf", "\u00e9.pdf"),
    ],
)
def test_known_tricks_come_out_harmless(untrusted: str, shown: str) -> None:
    assert display_name(untrusted, Kind.PDF) == shown


@given(st.text(max_size=300), st.sampled_from([*Kind, None]))
def test_any_name_comes_out_short_plain_and_telling_its_kind(untrusted: str, kind: Kind | None) -> None:
    shown = display_name(untrusted, kind)
    assert 0 < len(shown) <= MAX_NAME
    assert not set(shown) & set('/\\<>:"|?*')
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in shown)
    assert shown.strip(" .") == shown
    if kind is not None:
        assert display_name(shown, kind) == shown
        extensions = {Kind.JPEG: (".jpg", ".jpeg"), Kind.TIFF: (".tif", ".tiff"), Kind.HEIC: (".heic", ".heif")}
        assert shown.lower().endswith(extensions.get(kind, (f".{kind.value}",)))


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_sentence_its_limits_fill(code: RefusalCode) -> None:
    sentence = REFUSAL_REASONS[code] % LIMIT_VALUES
    assert "%(" not in sentence
    assert "lease" in sentence, "each names a remedy"
