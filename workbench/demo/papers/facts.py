"""What a demo paper says and what may be wrong with it; knows nothing of ink or pixels."""

import random
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class Document(StrEnum):
    """The six required documents, by the code the check-lists use."""

    APPLICATION_FORM = "application_form"
    SEAL_CONFIRMATION = "seal_confirmation"
    BUSINESS_LICENCE = "business_licence"
    USER_ID_CARD = "user_id_card"
    AUTHORISATION = "authorisation"
    USER_AGREEMENT = "user_agreement"


class Form(StrEnum):
    """How the applicant made the file: exported, scanned or photographed."""

    PDF = "pdf"
    SCAN_PDF = "scan_pdf"
    JPEG = "jpeg"
    PHOTO = "photo"
    TIFF = "tiff"
    PNG = "png"
    WEBP = "webp"


class Fault(StrEnum):
    """What a document may be made to suffer; what can't befall it (one side of a letter) does nothing."""

    NO_SEAL = "no_seal"
    NO_SIGNATURE = "no_signature"
    WRONG_NAME = "wrong_name"
    WRONG_CODE = "wrong_code"
    EXPIRED = "expired"
    CUT_OFF = "cut_off"
    TOO_DARK = "too_dark"
    ONE_SIDE_ONLY = "one_side_only"


class Quirk(StrEnum):
    """What a scanner did without making the paper wrong: the clerk turns the page, or reads a grey one."""

    NONE = "none"
    FAX = "fax"
    SIDEWAYS = "sideways"
    UPSIDE_DOWN = "upside_down"


@dataclass(frozen=True)
class PaperFacts:
    """What the six documents of one case say. `service` is new, additional, replacement or renewal."""

    application_number: str
    service: str
    category_zh: str
    enterprise_name: str
    uscc: str
    legal_representative: str
    address: str
    authority_name: str
    holder_name: str
    holder_id_number: str
    holder_phone: str
    holder_email: str
    issued_on: date
    reason: str | None = None
    prior_key: str | None = None


@dataclass(frozen=True)
class Paper:
    """One file as an applicant would upload it; the name is Chinese, as applicants' names are."""

    file_name: str
    content: bytes


LOOKALIKE = {
    "远": "运", "航": "杭", "海": "每", "泰": "秦", "恒": "桓", "达": "迖", "盛": "威", "华": "毕", "瑞": "端",
    "丰": "羊", "通": "捅", "汇": "江", "联": "朕", "诚": "城", "信": "倍", "明": "朋", "天": "夫", "宏": "宠",
    "鑫": "森", "安": "按", "甲": "申", "乙": "己", "丙": "两", "丁": "于", "戊": "戌", "己": "已", "庚": "康",
    "辛": "幸", "壬": "王", "癸": "葵",
}  # fmt: skip


def misprinted_name(name: str) -> str:
    """The same name with one character that looks alike: what a tired eye passes and a check-list is for."""
    for index, character in enumerate(name):
        if character in LOOKALIKE:
            return name[:index] + LOOKALIKE[character] + name[index + 1 :]
    return name + "（筹）"


def misprinted_code(code: str) -> str:
    """The same code with the last two differing neighbours swapped, so that its check character no longer fits."""
    for index in range(len(code) - 2, -1, -1):
        if code[index] != code[index + 1]:
            return code[:index] + code[index + 1] + code[index] + code[index + 2 :]
    return "0" + code[1:]


def with_faults(document: Document, facts: PaperFacts, faults: frozenset[Fault]) -> PaperFacts:
    """The facts as this document prints them: wrong where a fault says so, in the field it is checked for."""
    personal = document is Document.USER_ID_CARD
    if Fault.WRONG_NAME in faults:
        if personal:
            facts = replace(facts, holder_name=misprinted_name(facts.holder_name))
        else:
            facts = replace(facts, enterprise_name=misprinted_name(facts.enterprise_name))
    if Fault.WRONG_CODE in faults:
        if personal:
            facts = replace(facts, holder_id_number=misprinted_code(facts.holder_id_number))
        else:
            facts = replace(facts, uscc=misprinted_code(facts.uscc))
    return facts


def years_after(day: date, years: int) -> date:
    """The same calendar day some years later (earlier when negative); 29 February becomes the 28th."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year + years)


def dates_for(facts: PaperFacts, faults: frozenset[Fault]) -> dict[str, str]:
    """The dates the pages print, as Chinese text: registration, validity of the ID card and of the authorisation.

    They hang on the enterprise and the holder, not on the round, so that resubmitted copies agree with earlier ones.
    """
    expired = Fault.EXPIRED in faults
    rng = random.Random(f"dates {facts.uscc} {facts.holder_id_number}")
    signed = years_after(facts.issued_on, -3) if expired else facts.issued_on
    founded = years_after(facts.issued_on, -rng.randint(11, 18))
    card_from = years_after(facts.issued_on, -(21 if expired else rng.randint(1, 8)))
    licence_until = years_after(facts.issued_on, -1) if expired else years_after(founded, 30)
    return {
        "signed": chinese_date(signed),
        "signed_until": chinese_date(years_after(signed, 1)),
        "founded": chinese_date(founded),
        "licence_until": chinese_date(licence_until),
        "card_from": card_from.strftime("%Y.%m.%d"),
        "card_until": years_after(card_from, 20).strftime("%Y.%m.%d"),
    }


def chinese_date(day: date) -> str:
    """2026-03-05 as 2026年3月5日."""
    return f"{day.year}年{day.month}月{day.day}日"
