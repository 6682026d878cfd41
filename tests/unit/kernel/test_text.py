"""Lists come from spreadsheets of several ages: each encoding they save is read, and nothing else passes for text."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.text import NotText, decode_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_each_encoding_is_read(encoding: str) -> None:
    assert decode_text("编号,示例公司\r\n".encode(encoding)) == "编号,示例公司\r\n"


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"a\x00b", b"\xff\xfea", b"\xff\xff\xff"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(NotText):
        decode_text(content)


@given(st.binary(max_size=200))
def test_whatever_passes_holds_no_nul(content: bytes) -> None:
    with suppress(NotText):
        assert "\x00" not in decode_text(content)
