"""The goods-received note: with one key and with three hundred, differences first, its number read from a poor scan."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.prints import codes_of, drawn, scanned, texts_of
from workbench.dispatch.receiving_papers import NoteFacts, NoteLine, NoteOpening, set_goods_received

NUMBER = "YB20260000012"
LONG = "示例远航国际贸易与进出口服务（集团）股份有限公司北京朝阳第三分公司"
WORDS = {"right": "完好", "damaged": "损坏", "missing": "缺少"}


def line(number: int, finding: str = "right", name: str = "示例甲进出口有限公司", remark: str = "") -> NoteLine:
    return NoteLine(f"GM01X{number:05d}", name, WORDS[finding], remark, finding != "right")


def note(lines: list[NoteLine], missing: list[NoteLine] | None = None, openings: int = 1) -> NoteFacts:
    """A note of a parcel whose list named all of these keys."""
    return NoteFacts(
        number=NUMBER,
        authority="新疆生产建设兵团商务局",
        carrier="顺丰速运",
        waybill="SF1234567890123",
        which="",
        openings=tuple(
            NoteOpening(number, "示例柜台甲", "2026-11-24 09:00", "2026-11-24 10:30")
            for number in range(1, openings + 1)
        ),
        lines=tuple(lines),
        missing=tuple(missing or ()),
        listed=len(lines) + len(missing or ()),
        done=len(lines),
    )


def test_one_key_is_one_page_with_everything_on_it() -> None:
    (page,) = texts_of(set_goods_received(note([line(1)])))
    for said in (NUMBER, "新疆生产建设兵团商务局", "装箱清单1把", "已收到1把", "缺少0把", "GM01X00001", "完好"):
        assert said in page
    assert page.count("（签字）") == 2


def test_three_hundred_keys_are_all_there_once_with_the_head_on_each_page_and_the_differences_first() -> None:
    lines = [line(1, "damaged", remark="外壳裂开"), *(line(number, name=LONG) for number in range(2, 291))]
    content = set_goods_received(note(lines, [line(number, "missing") for number in range(291, 301)], openings=4))
    found = texts_of(content)
    whole = "".join(found)
    serials = [f"GM01X{number:05d}" for number in range(1, 301)]
    assert [whole.count(serial) for serial in serials] == [1] * 300
    assert sorted(serials, key=whole.index) == [*serials[290:], *serials[:290]]
    assert "外壳裂开" in found[0]
    for place, page in enumerate(found, 1):
        assert "介质序列号" in page
        assert f"第{place}页·共{len(found)}页" in page
        assert codes_of(drawn(content, page=place - 1)) == [(NUMBER, "Code128")]
    assert ["（签字）" in page for page in found] == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize("degrees", [0, 2.5, -4, 90])
def test_the_parcels_number_is_read_from_a_scan_of_150_dpi(degrees: float) -> None:
    for content in (set_goods_received(note([line(1)])), set_goods_received(note([], [line(1, "missing")]))):
        assert codes_of(scanned(drawn(content), degrees)) == [(NUMBER, "Code128")]


@pytest.mark.parametrize("keys", range(14, 34))
def test_a_row_is_never_cut_and_signatures_never_stand_without_words(keys: int) -> None:
    lines = [line(number, name=LONG if number % 3 == 2 else "示例乙进出口有限公司") for number in range(1, keys + 1)]
    found = texts_of(set_goods_received(note(lines)))
    for page in found:
        rows = [number for number in range(1, keys + 1) if f"GM01X{number:05d}" in page]
        assert page.count("第三分公司") == sum(number % 3 == 2 for number in rows)
        assert page.count("完好") == len(rows)
    assert "按序列号登记" in found[-1]
    assert found[-1].count("（签字）") == 2


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=200),
)
def test_no_name_and_no_remark_hides_a_serial_or_the_signatures(name: str, remark: str) -> None:
    lines = [line(number, "damaged", name, remark) for number in (1, 2, 3)]
    page = "".join(texts_of(set_goods_received(note(lines))))
    assert all(f"GM01X0000{number}" in page for number in (1, 2, 3))
    assert page.count("（签字）") >= 2
