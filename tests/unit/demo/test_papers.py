"""Demo papers: every document in every form opens, shows ink and seal, and suffers exactly what it is told to."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import islice

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageOps

from workbench.demo.papers import Document, Fault, Form, Paper, PaperFacts, PaperRequest, Quirk, make_many, make_paper
from workbench.demo.papers.facts import misprinted_code, misprinted_name

FACTS = PaperFacts(
    application_number="EK202603050012",
    service="additional",
    category_zh="机电类许可证",
    enterprise_name="示例远航进出口有限公司",
    uscc="91990001MA0000017A",
    legal_representative="示例甲",
    address="示例省示例市示例区示例路1号",
    authority_name="北京市商务局",
    holder_name="示例乙",
    holder_id_number="990001198001010019",
    holder_phone="15400000001",
    holder_email="demo00001@example.com",
    issued_on=date(2026, 3, 5),
    reason="业务量增加",
    prior_key="KEY-0001",
)
SUFFIX_FORMATS = {"jpg": "JPEG", "tif": "TIFF", "png": "PNG", "webp": "WEBP"}


def pictures_of(paper: Paper) -> list[Image.Image]:
    """The pages of a file as RGB, as a viewer would show them."""
    suffix = paper.file_name.rsplit(".", 1)[1]
    if suffix == "pdf":
        pdf = pypdfium2.PdfDocument(paper.content)
        return [pdf[index].render(scale=1).to_pil().convert("RGB") for index in range(len(pdf))]
    image = Image.open(io.BytesIO(paper.content))
    assert image.format == SUFFIX_FORMATS[suffix]
    return list(_frames(image))


def _frames(image: Image.Image) -> Iterator[Image.Image]:
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        upright = ImageOps.exif_transpose(image.copy())
        yield upright.convert("RGB")


def all_pictures(papers: list[Paper]) -> list[Image.Image]:
    return [picture for paper in papers for picture in pictures_of(paper)]


def red_share(picture: Image.Image) -> float:
    """Share of pixels in a seal's red: red at least 60 over both others. A licence's gold has too much green."""
    red, green, blue = picture.split()
    over = ImageChops.darker(
        ImageChops.subtract(red, green).point([255 if value >= 60 else 0 for value in range(256)]),
        ImageChops.subtract(red, blue).point([255 if value >= 60 else 0 for value in range(256)]),
    )
    return over.histogram()[255] / (picture.width * picture.height)


def ink_share(picture: Image.Image) -> float:
    return sum(picture.convert("L").histogram()[:150]) / (picture.width * picture.height)


def text_of(paper: Paper) -> str:
    pdf = pypdfium2.PdfDocument(paper.content)
    return "".join(pdf[index].get_textpage().get_text_range() for index in range(len(pdf)))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("document", Document)
def test_every_document_in_every_form_opens_with_ink_and_a_red_seal(document: Document, form: Form) -> None:
    papers = make_paper(document, FACTS, seed=1, form=form, quirk=Quirk.NONE)
    shown = all_pictures(papers)
    assert all(ink_share(picture) > 0.002 for picture in shown)
    assert max(red_share(picture) for picture in shown) > 0.001
    assert all(10_000 < len(paper.content) < 700_000 for paper in papers)
    assert len({paper.file_name for paper in papers}) == len(papers)


@pytest.mark.parametrize("form", [Form.PDF, Form.JPEG, Form.PHOTO, Form.PNG])
@pytest.mark.parametrize("document", Document)
def test_without_a_seal_there_is_no_red(document: Document, form: Form) -> None:
    papers = make_paper(document, FACTS, seed=1, form=form, faults=frozenset({Fault.NO_SEAL}), quirk=Quirk.NONE)
    # The ID card's dotted ring is reddish, and is no seal.
    assert max(red_share(picture) for picture in all_pictures(papers)) < 0.0009


@pytest.mark.parametrize("document", [code for code in Document if code is not Document.USER_ID_CARD])
def test_a_text_pdf_holds_name_and_code_for_the_reader(document: Document) -> None:
    text = text_of(make_paper(document, FACTS, seed=1, form=Form.PDF)[0])
    assert FACTS.enterprise_name in text
    assert FACTS.uscc in text.replace(" ", "")
    assert "演示样本" in text
    assert "非真实证件" in text


def test_a_text_pdf_of_the_id_card_holds_the_holder() -> None:
    text = text_of(make_paper(Document.USER_ID_CARD, FACTS, seed=1, form=Form.PDF)[0])
    assert FACTS.holder_name in text
    assert FACTS.holder_id_number in text.replace(" ", "")


@pytest.mark.parametrize("form", Form)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(form: Form) -> None:
    first = make_paper(Document.AUTHORISATION, FACTS, seed=7, form=form)
    assert make_paper(Document.AUTHORISATION, FACTS, seed=7, form=form) == first
    assert make_paper(Document.AUTHORISATION, FACTS, seed=8, form=form) != first


def test_a_missing_signature_leaves_less_ink_in_its_place() -> None:
    signed, unsigned = (
        pictures_of(make_paper(Document.SEAL_CONFIRMATION, FACTS, seed=2, form=Form.PDF, faults=faults)[0])[0]
        for faults in (frozenset[Fault](), frozenset({Fault.NO_SIGNATURE}))
    )
    place = (330, 515, 470, 590)
    assert ink_share(signed.crop(place)) > 0.01
    assert ink_share(unsigned.crop(place)) == 0


def test_wrong_name_and_wrong_code_are_printed_wrong() -> None:
    faults = frozenset({Fault.WRONG_NAME, Fault.WRONG_CODE})
    text = text_of(make_paper(Document.BUSINESS_LICENCE, FACTS, seed=1, form=Form.PDF, faults=faults)[0])
    assert FACTS.enterprise_name not in text
    assert misprinted_name(FACTS.enterprise_name) in text
    assert FACTS.uscc not in text
    assert misprinted_code(FACTS.uscc) in text
    card = text_of(make_paper(Document.USER_ID_CARD, FACTS, seed=1, form=Form.PDF, faults=faults)[0])
    assert misprinted_name(FACTS.holder_name) in card
    assert FACTS.holder_id_number not in card.replace(" ", "")


@pytest.mark.parametrize(
    ("document", "stale", "fresh"),
    [
        (Document.AUTHORISATION, "至2024年3月5日", "至2027年3月5日"),
        (Document.BUSINESS_LICENCE, "至2025年3月5日", "至20"),
        (Document.SEAL_CONFIRMATION, "日期：2023年3月5日", "日期：2026年3月5日"),
    ],
)
def test_an_expired_paper_says_so_in_its_dates(document: Document, stale: str, fresh: str) -> None:
    def said(faults: frozenset[Fault]) -> str:
        return "".join(text_of(make_paper(document, FACTS, seed=1, form=Form.PDF, faults=faults)[0]).split())

    assert stale in said(frozenset({Fault.EXPIRED}))
    assert fresh in said(frozenset())
    assert stale not in said(frozenset())


@pytest.mark.parametrize("form", [Form.PDF, Form.JPEG, Form.PHOTO])
def test_a_cut_paper_is_smaller_and_a_dark_one_darker(form: Form) -> None:
    def shown(faults: frozenset[Fault]) -> Image.Image:
        return pictures_of(make_paper(Document.APPLICATION_FORM, FACTS, seed=3, form=form, faults=faults)[0])[0]

    whole, cut, dark = shown(frozenset()), shown(frozenset({Fault.CUT_OFF})), shown(frozenset({Fault.TOO_DARK}))
    assert cut.width * cut.height < 0.8 * whole.width * whole.height
    assert max(low for low, count in enumerate(dark.convert("L").histogram()) if count) < 110


def test_one_side_only_leaves_the_front_of_the_card_and_the_first_page_of_the_agreement() -> None:
    faults = frozenset({Fault.ONE_SIDE_ONLY})
    card = make_paper(Document.USER_ID_CARD, FACTS, seed=1, form=Form.PHOTO, faults=faults)
    assert [paper.file_name for paper in card] == ["授权用户身份证正面.jpg"]
    both = make_paper(Document.USER_ID_CARD, FACTS, seed=1, form=Form.PHOTO)
    assert [paper.file_name for paper in both] == ["授权用户身份证正面.jpg", "授权用户身份证反面.jpg"]
    pages = {len(all_pictures(make_paper(Document.USER_AGREEMENT, FACTS, seed=1, form=Form.TIFF, faults=faults)))}
    assert pages == {1}
    assert len(all_pictures(make_paper(Document.USER_AGREEMENT, FACTS, seed=1, form=Form.TIFF))) == 2


def test_a_photograph_needs_its_exif_orientation_to_stand_upright() -> None:
    content = make_paper(Document.BUSINESS_LICENCE, FACTS, seed=4, form=Form.PHOTO)[0].content
    image = Image.open(io.BytesIO(content))
    assert image.getexif()[0x0112] in (3, 6, 8)
    upright = ImageOps.exif_transpose(image)
    assert upright.width > upright.height


def test_quirks_turn_or_grey_a_scan() -> None:
    def shown(quirk: Quirk) -> Image.Image:
        papers = make_paper(Document.APPLICATION_FORM, FACTS, seed=5, form=Form.TIFF, quirk=quirk)
        return pictures_of(papers[0])[0]

    assert red_share(shown(Quirk.FAX)) == 0
    assert set(shown(Quirk.FAX).convert("L").tobytes()) == {0, 255}
    sideways = shown(Quirk.SIDEWAYS)
    assert sideways.width > sideways.height
    straight, turned = shown(Quirk.NONE), shown(Quirk.UPSIDE_DOWN)
    lower_half = (0, straight.height // 2, straight.width, straight.height)
    assert red_share(straight.crop(lower_half)) > 0.001 > red_share(turned.crop(lower_half))


def test_many_papers_come_in_order_whatever_the_number_of_processes() -> None:
    requests = [
        PaperRequest(code, replace(FACTS, holder_name="示例丙"), seed=9, form=Form.WEBP) for code in Document
    ] * 2
    seen: list[tuple[int, int]] = []
    alone = list(make_many(requests, processes=1))
    together = list(make_many(requests, processes=2, progress=lambda done, total: seen.append((done, total))))
    assert together == alone
    assert seen == [(done, 12) for done in range(1, 13)]
    assert len(list(islice(make_many(requests, processes=1), 2))) == 2


def test_an_unknown_document_or_form_is_refused() -> None:
    with pytest.raises(ValueError, match="passport"):
        make_paper("passport", FACTS, seed=1)
    with pytest.raises(ValueError, match="gif"):
        make_paper(Document.AUTHORISATION, FACTS, seed=1, form="gif")
