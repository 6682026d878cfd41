"""Every printed document: A4, glyphs embedded, text extractable, laid out whatever is typed, its pages counted."""

import io
from dataclasses import replace
from datetime import date

import pdfplumber
import pikepdf
import pytest
from PIL import ImageOps

from tests.unit.portal import prints
from workbench.portal.drafting.marks import find_marks
from workbench.portal.drafting.printing import (
    PRINTABLE,
    PrintedFacts,
    facts_digest,
    print_bundle,
    print_document,
    print_receipt,
)

MARKUP = "示例#let x = 1$x^2$[a]\\n*粗*_斜_`码`//注/*块*/@名<签>~-- https://example.com/#a"
CASES = {
    "plain": prints.facts(),
    "long": prints.facts(enterprise_name=prints.LONG_NAME, reason=prints.LONG_REASON, address="示例路" * 60),
    "markup": prints.facts(enterprise_name=MARKUP, holder_name=MARKUP, reason=MARKUP, address=MARKUP),
    "bare": prints.facts(pickup_site=None, machinery_account=None, reason=None, prior_key=None, service="new"),
}
MM = 72 / 25.4
SEAL_MM = 45
DPI = 120


@pytest.fixture(scope="module")
def papers() -> dict[tuple[str, str], bytes]:
    """Each document with each of the facts, printed once."""
    return {(code, case): print_document(prints.SECRETS, code, CASES[case]) for code in PRINTABLE for case in CASES}


def _receipt(given: PrintedFacts) -> bytes:
    return print_receipt(
        given,
        submitted_at_words="2026 年 11 月 22 日 14:05",
        documents=[("申请表", 1), ("数字证书用户协议书", 2)],
        next_words="发证机构预审",
        due_words="2026 年 11 月 24 日",
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("code", PRINTABLE)
def test_a_document_is_a4_with_all_glyphs_embedded(papers: dict[tuple[str, str], bytes], code: str, case: str) -> None:
    content = papers[code, case]
    fonts = prints.fonts_of(content)
    with pikepdf.open(io.BytesIO(content)) as pdf:
        sizes = {tuple(round(float(side) / MM) for side in page.mediabox[2:]) for page in pdf.pages}
        scaling = str(pdf.Root.ViewerPreferences.PrintScaling)
    assert sizes == {(210, 297)}
    assert scaling == "/None"
    assert fonts
    assert all(embedded for _, embedded in fonts)
    assert min(prints.glyphs_of(content)) > 0


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("code", PRINTABLE)
def test_what_was_typed_is_printed_to_the_letter(papers: dict[tuple[str, str], bytes], code: str, case: str) -> None:
    text, given = prints.text_of(papers[code, case]).replace(" ", ""), CASES[case]
    for value in (given.enterprise_name, given.uscc, given.holder_name, given.number):
        assert value.replace(" ", "") in text
    assert ("—" in text) == (case == "bare" and code == "application_form")


def test_the_form_states_every_fact(papers: dict[tuple[str, str], bytes]) -> None:
    text, given = prints.text_of(papers["application_form", "plain"]).replace(" ", ""), CASES["plain"]
    for name in PrintedFacts.__dataclass_fields__:
        if name not in ("service", "version", "printed_on"):
            assert str(getattr(given, name)).replace(" ", "") in text, name
    assert "申请编号EK20260000123·第3版·第1页共1页" in text
    assert "表格内容修改后本页作废" in text


@pytest.mark.parametrize(
    ("code", "case", "pages"),
    [
        ("application_form", "plain", 1),
        ("application_form", "bare", 1),
        ("application_form", "long", 3),
        ("seal_confirmation", "plain", 1),
        ("seal_confirmation", "long", 1),
        ("authorisation", "plain", 1),
        ("authorisation", "long", 2),
        ("user_agreement", "plain", 2),
        ("user_agreement", "long", 2),
    ],
)
def test_long_texts_flow_and_each_page_knows_how_many_there_are(
    papers: dict[tuple[str, str], bytes], code: str, case: str, pages: int
) -> None:
    content = papers[code, case]
    assert prints.page_count(content) == pages
    marks = [find_marks(prints.scanned(content, page, degrees=0, noise=0), prints.SECRETS) for page in range(pages)]
    assert [(mark.document_code, mark.page, mark.pages) for (mark,) in marks] == [
        (code, page, pages) for page in range(1, pages + 1)
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("code", PRINTABLE)
def test_no_ink_in_the_margins_nor_around_the_code(papers: dict[tuple[str, str], bytes], code: str, case: str) -> None:
    content = papers[code, case]
    for number in range(prints.page_count(content)):
        picture = prints.picture_of(content, number, dpi=DPI)
        inner = ImageOps.invert(picture).getbbox()
        assert inner is not None
        left, top, right, bottom = (edge * 25.4 / DPI for edge in inner)
        assert left > 19.3
        assert top > 19.3
        assert right < 190.7
        assert bottom < 285
        pixels = DPI / 25.4
        ring = ImageOps.invert(picture.crop((161.2 * pixels, 17.2 * pixels, 192.8 * pixels, 48.8 * pixels)))
        code_box = ring.getbbox()
        assert code_box is not None
        assert [round(edge * 25.4 / DPI, 1) for edge in code_box] == pytest.approx([2.8, 2.8, 28.8, 28.8], abs=0.3)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("code", ["application_form", "authorisation", "user_agreement"])
def test_the_ground_of_the_seal_is_blank_and_has_words_on_its_page(
    papers: dict[tuple[str, str], bytes], code: str, case: str
) -> None:
    with pdfplumber.open(io.BytesIO(papers[code, case])) as pdf:
        page = pdf.pages[-1]
        words = page.extract_words()
        (label,) = [word for word in words if word["text"].endswith("（盖公章）")]
        ground = page.crop((label["x0"], label["bottom"] + 1, label["x0"] + SEAL_MM * MM, label["bottom"] + 35 * MM))
        assert not ground.chars
        assert sum(len(word["text"]) for word in words) > 100


def test_the_box_for_the_imprint_is_of_true_size_and_empty(papers: dict[tuple[str, str], bytes]) -> None:
    for case in CASES:
        with pdfplumber.open(io.BytesIO(papers["seal_confirmation", case])) as pdf:
            page = pdf.pages[0]
            dashed = [shape for shape in (*page.rects, *page.curves) if shape.get("dash") and shape["dash"][0]]
            (box,) = dashed
            assert box["width"] / MM == pytest.approx(62, abs=0.5)
            assert box["height"] / MM == pytest.approx(62, abs=0.5)
            assert not page.crop((box["x0"], box["top"], box["x1"], box["bottom"])).chars


def test_a_bundle_counts_the_pages_of_each_document(papers: dict[tuple[str, str], bytes]) -> None:
    content = print_bundle(prints.SECRETS, PRINTABLE, CASES["plain"])
    found = [
        find_marks(prints.scanned(content, page, degrees=0), prints.SECRETS)
        for page in range(prints.page_count(content))
    ]
    assert [(mark.document_code, mark.page, mark.pages) for (mark,) in found] == [
        ("application_form", 1, 1),
        ("seal_confirmation", 1, 1),
        ("authorisation", 1, 1),
        ("user_agreement", 1, 2),
        ("user_agreement", 2, 2),
    ]
    assert all(embedded for _, embedded in prints.fonts_of(content))


def test_a_receipt_tells_what_came_and_what_is_next() -> None:
    content = _receipt(CASES["plain"])
    text = prints.text_of(content)
    for words in ("提 交 回 执", "EK20260000123", "数字证书用户协议书", "发证机构预审", "2026 年 11 月 24 日", "补办"):
        assert words in text
    assert "作废" not in text
    assert "版" not in text
    assert prints.page_count(content) == 1
    assert find_marks(prints.scanned(content, 0), prints.SECRETS) == []
    assert all(embedded for _, embedded in prints.fonts_of(content))


def test_the_same_facts_print_the_same_bytes(papers: dict[tuple[str, str], bytes]) -> None:
    assert print_document(prints.SECRETS, "application_form", CASES["long"]) == papers["application_form", "long"]
    bundles = [print_bundle(prints.SECRETS, PRINTABLE, CASES["plain"]) for _ in range(2)]
    assert bundles[0] == bundles[1]


def test_what_is_no_document_is_not_printed() -> None:
    with pytest.raises(ValueError, match="no document"):
        print_document(prints.SECRETS, "../application_form", CASES["plain"])
    with pytest.raises(ValueError, match="nothing"):
        print_bundle(prints.SECRETS, (), CASES["plain"])
    with pytest.raises(ValueError, match="no mark"):
        print_document(prints.SECRETS, "application_form", prints.facts(number="EK/1"))


def test_a_digest_follows_the_facts_and_nothing_else() -> None:
    given = CASES["plain"]
    digest = facts_digest(prints.SECRETS, given)
    assert facts_digest(prints.SECRETS, replace(given, version=9, printed_on=date(2027, 1, 1))) == digest
    changed = {
        facts_digest(prints.SECRETS, prints.facts(**{name: "x"}))
        for name in PrintedFacts.__dataclass_fields__
        if name not in ("version", "printed_on")
    }
    assert len(changed | {digest}) == len(PrintedFacts.__dataclass_fields__) - 1
    other = replace(prints.SECRETS, fingerprint_key=b"g" * 32)
    assert facts_digest(other, given) != digest
