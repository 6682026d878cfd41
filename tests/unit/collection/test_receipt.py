"""The receipt: every character is drawn, the number is masked, pages break well, its code reads from a poor scan."""

import io
from dataclasses import replace

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from workbench.collection.receipts import ReceiptFacts, picture_as_svg, set_receipt
from workbench.collection.terms import FIRST_TERMS_ZH, LONGEST
from workbench.kernel.typesetting import printable


def _signature(size: tuple[int, int] = (800, 240)) -> str:
    picture = Image.new("L", size, 255)
    ImageDraw.Draw(picture).line((10, 10, size[0] - 10, size[1] - 10), fill=0, width=8)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return picture_as_svg(content.getvalue())


FACTS = ReceiptFacts(
    number="EK20260000017",
    service="new",
    category_zh="非机电类许可证",
    enterprise_name="示例𠮷祥㐂堃进出口有限公司",
    uscc="91110000000000017X",
    authority_name="新疆生产建设兵团商务局",
    site="示例政务服务中心二楼综合窗口 示例路100号",
    serial="VK0000000017",
    valid_until="2029-11-24",
    originals=tuple((f"示例材料{number}", "一致") for number in range(6)),
    collector="代领人（已核验授权委托书）",
    collector_name="示例代领",
    identity_masked=f"1{'*' * 16}X",
    surrendered="VK0000000003",
    staff_name="示例柜台",
    handed_over_at="2026-11-24 15:04",
    remark="原件核对一致，现场盖章终审通过",
    terms_version=1,
    terms=tuple(FIRST_TERMS_ZH.splitlines()),
    signed=_signature(),
    signed_by_photo=False,
    printed_on="2026-11-24 15:04",
)


def _open(facts: ReceiptFacts) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(set_receipt(facts))


def _text(document: pypdfium2.PdfDocument) -> str:
    return "".join(page.get_textpage().get_text_range() for page in document)


def test_everything_is_said_on_one_page() -> None:
    document = _open(FACTS)
    said = "".join(_text(document).split())
    assert len(document) == 1
    for words in (
        printable(FACTS.enterprise_name),
        FACTS.serial,
        FACTS.surrendered,
        FACTS.identity_masked,
        "示例代领",
        "示例材料5",
    ):
        assert "".join(words.split()) in said
    for line in FACTS.terms:
        assert "".join(line.split()) in said
    assert "\ufffd" not in said


def test_terms_of_another_version_are_printed_as_they_were() -> None:
    said = _text(_open(replace(FACTS, terms_version=7, terms=("一、旧条款示例。",))))
    assert "第 7 版" in said
    assert "旧条款示例" in said
    assert "本人已当面核对" not in said


@pytest.mark.parametrize("size", [(800, 240), (1600, 1200), (400, 1600)])
def test_a_signature_or_slip_of_any_shape_is_drawn_and_stays_inside(size: tuple[int, int]) -> None:
    facts = replace(FACTS, signed=_signature(size), signed_by_photo=size != (800, 240))
    with_ink = _open(facts)[len(_open(facts)) - 1].render(scale=1).to_pil().convert("L")
    without = replace(facts, signed=picture_as_svg(_white(size)))
    empty = _open(without)[len(_open(without)) - 1].render(scale=1).to_pil().convert("L")
    assert with_ink.size == empty.size
    assert sum(with_ink.histogram()[:128]) > sum(empty.histogram()[:128]) + 30


def test_the_code_reads_from_a_poor_scan() -> None:
    scan = _open(FACTS)[0].render(scale=150 / 72).to_pil().convert("L")
    assert FACTS.number in [each.text for each in zxingcpp.read_barcodes(scan)]


def test_many_originals_and_long_remarks_run_on_to_another_page() -> None:
    facts = replace(FACTS, originals=tuple((f"示例材料{number}", "一致") for number in range(40)), remark="示" * 500)
    document = _open(facts)
    assert len(document) >= 2
    assert "示例材料39" in "".join(_text(document).split())


def test_the_longest_terms_run_on_and_are_printed_whole() -> None:
    terms = tuple(f"{number}、{'示例条款' * 23}" for number in range(15))
    assert LONGEST - 100 < len("\n".join(terms)) <= LONGEST
    said = "".join(_text(_open(replace(FACTS, terms=terms))).split())
    assert all(each in said for each in terms)
    assert "示例代领" in said


def _white(size: tuple[int, int]) -> bytes:
    content = io.BytesIO()
    Image.new("L", size, 255).save(content, "PNG")
    return content.getvalue()
