"""Typesetting: what is printed in place of what can't be drawn, the same bytes each time, from several threads too."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.typesetting import TEMPLATES, missing_glyphs, printable, typeset

UNDRAWABLE = "\U0003fff0"
RECEIPT: dict[str, Any] = {
    "number": "EK20260000123",
    "printed_on": "2026-11-22",
    "service": "new",
    "category_zh": "机电类许可证",
    "enterprise_name": "示例有限公司",
    "uscc": "91110000MA00000X0A",
    "holder_name": "示例乙",
    "authority_name": "示例省商务厅",
    "pickup_site": "",
    "submitted_at": "2026 年 11 月 22 日",
    "documents": [{"name": "申请表", "pages": 1}],
    "next": "预审",
    "due": "2026 年 11 月 24 日",
}


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("示例有限公司", "示例有限公司"),
        ("一\u3000二", "一\u3000二"),
        ("a\tb\u00a0c\u2003d", "a b c d"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("乙\u202e甲\u200b\ufeff", "乙甲"),
        ("葛\U000e0100城", "葛城"),
        (f"示{UNDRAWABLE}例", "示〔U+3FFF0〕例"),
        ("\ud800", "〔U+D800〕"),
        ("\U0002fff0", "〔U+2FFF0〕"),
        ("\u0e31", "〔U+0E31〕"),
    ],
)
def test_what_cannot_be_drawn_is_named_and_what_has_no_look_is_dropped(typed: str, printed: str) -> None:
    assert printable(typed) == printed


@given(st.text(st.characters(), max_size=60))
def test_printed_text_asks_for_no_missing_glyph(typed: str) -> None:
    assert missing_glyphs(printable(typed)) == ()


def test_missing_characters_are_told_once_in_order() -> None:
    assert missing_glyphs(f"\U0002fff0示{UNDRAWABLE}例\U0002fff0") == ("\U0002fff0", UNDRAWABLE)


def test_facts_are_read_by_the_template_as_text_and_the_same_bytes_come_out() -> None:
    first = typeset("receipt", RECEIPT)
    assert first.startswith(b"%PDF-")
    assert typeset("receipt", json.loads(json.dumps(RECEIPT))) == first
    assert typeset("receipt", RECEIPT | {"enterprise_name": "#panic()"}) != first


def test_several_threads_may_print_at_once() -> None:
    wanted = [typeset("receipt", RECEIPT | {"number": f"EK{number}"}) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda number: typeset("receipt", RECEIPT | {"number": f"EK{number}"}), range(6)))
    assert found == wanted


def test_a_fact_that_is_lacking_stops_the_print() -> None:
    with pytest.raises(typst.TypstError):
        typeset("receipt", {name: value for name, value in RECEIPT.items() if name != "uscc"})


def test_what_is_no_json_value_stops_the_print() -> None:
    with pytest.raises(TypeError):
        typeset("receipt", RECEIPT | {"uscc": object()})


def test_templates_never_evaluate_text() -> None:
    for path in TEMPLATES.glob("*.typ"):
        assert "eval(" not in path.read_text(encoding="utf-8"), path.name
