"""The papers of a parcel: barcodes that a poor scan still reads, every character of every name, and pages that break
where a reader would break them, with one key and with three hundred.
"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.prints import codes_of, drawn, scanned, texts_of
from workbench.dispatch.papers import (
    KeyLine,
    LabelFacts,
    ManifestRow,
    PackingFacts,
    set_address_labels,
    set_manifest,
    set_packing_list,
)
from workbench.kernel.barcodes import code128

NUMBER = "YB20260000012"
LONG = "示例远航国际贸易与进出口服务（集团）股份有限公司北京朝阳第三分公司"
RARE = "示例𠮷祥㐂堃进出口有限公司"


def a_list(*boxes: int, name: str = LONG) -> PackingFacts:
    """A packing list of boxes of so many keys; every third enterprise has a name of two lines."""
    names = ("示例甲进出口有限公司", "示例乙进出口有限公司", name)
    return PackingFacts(
        number=NUMBER,
        authority="新疆生产建设兵团商务局",
        sealed_on="2026-11-24 15:04",
        packer="示例寄送甲",
        checker="示例寄送乙",
        carrier="",
        waybill="",
        boxes=tuple(
            tuple(
                KeyLine(f"GM{box:02d}X{number:05d}", names[number % 3], f"EK2026{number:07d}")
                for number in range(1, keys + 1)
            )
            for box, keys in enumerate(boxes, 1)
        ),
    )


def a_label(*boxes: int, address: str = "示例市示例区示例路 100 号示例大厦 A 座 2 层") -> LabelFacts:
    return LabelFacts(
        number=NUMBER,
        authority="新疆维吾尔自治区商务厅",
        site="示例政务服务中心二楼综合窗口" if address else "",
        address=address,
        telephone="000-00000000" if address else "",
        hours="周一至周五 9:00–12:00" if address else "",
        boxes=boxes,
    )


@pytest.mark.parametrize("degrees", [0, 2.5, -4, 90])
def test_the_consignments_number_is_read_from_a_scan_of_150_dpi(degrees: float) -> None:
    for content in (set_packing_list(a_list(1)), set_address_labels(a_label(50))):
        assert codes_of(scanned(drawn(content), degrees)) == [(NUMBER, "Code128")]


def test_one_key_is_one_page_with_everything_on_it() -> None:
    (page,) = texts_of(set_packing_list(a_list(1)))
    for said in (NUMBER, "新疆生产建设兵团商务局", "GM01X00001", "示例乙进出口有限公司", "EK20260000001", "本箱1把"):
        assert said in page
    assert page.count("（签字）") == 3


def test_three_hundred_keys_are_all_there_once_with_the_head_on_each_page() -> None:
    content = set_packing_list(a_list(120, 120, 60))
    found = texts_of(content)
    whole = "".join(found)
    for box, keys in ((1, 120), (2, 120), (3, 60)):
        for number in range(1, keys + 1):
            assert whole.count(f"GM{box:02d}X{number:05d}") == 1
    for place, page in enumerate(found, 1):
        assert "介质序列号" in page
        assert f"第{place}页·共{len(found)}页" in page
        assert codes_of(drawn(content, page=place - 1)) == [(NUMBER, "Code128")]
        boxes = {serial[2:4] for serial in _serials(page)}
        assert len(boxes) == 1, "keys of two boxes share a page"
        assert f"第{int(boxes.pop())}箱/共3箱" in page
    assert ["（签字）" in page for page in found] == [False] * (len(found) - 1) + [True]


def _serials(page: str) -> list[str]:
    return [page[at : at + 10] for at in range(len(page)) if page.startswith(("GM01X", "GM02X", "GM03X"), at)]


@pytest.mark.parametrize("keys", range(20, 32))
def test_a_row_is_never_cut_and_signatures_never_stand_without_words(keys: int) -> None:
    found = texts_of(set_packing_list(a_list(keys)))
    for page in found:
        assert page.count("EK2026") == len(_serials(page))
        assert page.count("分公司") == sum(int(serial[-5:]) % 3 == 2 for serial in _serials(page))
    assert "逐把扫描" in found[-1]
    assert found[-1].count("（签字）") == 3


@pytest.mark.parametrize("name", [RARE, "W" * 64, "示例" + "．" * 60, LONG * 2])
def test_every_character_of_a_name_is_printed(name: str) -> None:
    page = "".join(texts_of(set_packing_list(a_list(3, name=name))))
    spelled = name if name in page else name.replace("𠮷", "〔U+20BB7〕")
    assert spelled in page


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=60))
def test_no_name_hides_a_serial_or_the_signatures(name: str) -> None:
    page = "".join(texts_of(set_packing_list(a_list(3, name=name))))
    assert all(f"GM01X0000{number}" in page for number in (1, 2, 3))
    assert page.count("（签字）") >= 3


def test_a_label_for_each_box_says_which_and_how_many() -> None:
    content = set_address_labels(a_label(50, 50, 7))
    found = texts_of(content)
    assert ["1/3" in found[0], "2/3" in found[1], "3/3" in found[2]] == [True] * 3
    assert ["50" in page for page in found] == [True, True, False]
    assert found[2].endswith("寄件方。")
    for place in range(3):
        assert "示例市示例区示例路100号" in found[place]
        assert "000-00000000" in found[place]
        assert codes_of(drawn(content, page=place)) == [(NUMBER, "Code128")]


def test_a_label_without_an_address_says_so_and_makes_none_up() -> None:
    (page,) = texts_of(set_address_labels(a_label(37, address="")))
    assert "领取地点尚未录入" in page
    assert "示例" not in page


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=300))
def test_no_address_reaches_the_barcode(address: str) -> None:
    assert codes_of(drawn(set_address_labels(a_label(1, address=address)))) == [(NUMBER, "Code128")]


@pytest.mark.parametrize("count", [1, 37, 300])
def test_a_manifest_lists_and_adds_up(count: int) -> None:
    rows = [ManifestRow(f"YB2026{each:07d}", "广东省商务厅", 2, 50, f"SF{each:013d}") for each in range(count)]
    found = texts_of(set_manifest("顺丰速运", date(2026, 11, 24), rows))
    whole = "".join(found)
    assert all(whole.count(row.waybill) == 1 and whole.count(row.number) == 1 for row in rows)
    assert f"合计{count}批{2 * count}{50 * count}" in whole
    assert all("快件交接清单" in page and "顺丰速运·2026-11-24" in page for page in found)
    assert "快递员（签字、工号）" in found[-1]


def test_the_same_paper_is_the_same_file() -> None:
    assert set_packing_list(a_list(40)) == set_packing_list(a_list(40))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_a_barcode_says_what_it_was_made_of(text: str) -> None:
    picture = Image.new("L", (1600, 120), 255)
    drawing = code128(text)
    left, _, width, _ = (float(each) for each in drawing.split('viewBox="')[1].split('"')[0].split())
    scale = 1600 / width
    for bar in drawing.split('d="')[1].split('"')[0].split("Z")[:-1]:
        start, rest = bar[1:].split(" 0h")
        from_x = (float(start) - left) * scale
        picture.paste(0, (round(from_x), 0, round(from_x + float(rest.split("v")[0]) * scale), 120))
    assert codes_of(picture) == [(text, "Code128")]


@pytest.mark.parametrize("text", ["", "示例", "a\nb", "\x7f"])
def test_what_a_barcode_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        code128(text)
