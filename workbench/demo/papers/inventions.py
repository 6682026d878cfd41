"""Enterprises and people who can't exist: each name says 示例, each region code is nobody's, each checksum holds."""

import random
from datetime import date
from typing import NamedTuple

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
IDENTITY_WEIGHTS = tuple(pow(2, 17 - index, 11) for index in range(17))

BRANDS = (
    "远航", "海达", "泰恒", "盛华", "瑞丰", "通汇", "联诚", "信达", "明远", "天宏", "鑫泰", "安信",
    "丰盛", "恒通", "华瑞", "汇海", "诚明", "宏达", "远泰", "海联", "瑞安", "盛天", "通达", "信恒",
)  # fmt: skip
TRADES = (
    "进出口", "国际贸易", "机电设备", "粮油", "五金矿产", "纺织品", "化工", "电子科技", "农产品", "医疗器械",
    "汽车零部件", "食品", "仪器仪表", "供应链管理",
)  # fmt: skip
STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"

# Endings of names and what a licence calls such a body; for bodies that are no company, first the prefix of the credit
# code (GB 32100-2015: registering department, kind of body) and how many in a hundred have it.
COMPANY_FORMS = (
    ("有限公司", "有限责任公司"),
    ("有限责任公司", "有限责任公司（自然人独资）"),
    ("股份有限公司", "股份有限公司（非上市）"),
    ("（中外合资）有限公司", "有限责任公司（中外合资）"),
    ("贸易行（普通合伙）", "普通合伙企业"),
)
OTHER_BODIES = (
    ("92", 4, "商行", "个体工商户"),
    ("93", 5, "农民专业合作社", "农民专业合作社"),
    ("52", 3, "检测服务中心", "民办非企业单位（法人）"),
    ("N2", 3, "村股份经济合作社", "农村集体经济组织"),
    ("Y1", 2, "外贸服务社", "其他组织"),
    ("A1", 2, "保障服务社", "其他机构"),
)
COMPANY_WEIGHT = 81


class InventedEnterprise(NamedTuple):
    """An enterprise nobody can mistake for a real one."""

    name: str
    uscc: str
    legal_representative: str
    address: str
    legal_form: str


class InventedHolder(NamedTuple):
    """An authorised user nobody can mistake for a real person."""

    name: str
    id_number: str
    phone: str
    email: str


def uscc_check_character(first_17: str) -> str:
    """Check character of a credit code (GB 32100-2015, modulus 31, weights 3^i); ValueError on a bad character."""
    total = sum(USCC_ALPHABET.index(character) * pow(3, index, 31) for index, character in enumerate(first_17))
    return USCC_ALPHABET[-total % 31]


def organisation_check_character(first_8: str) -> str:
    """Check character of the organisation code inside a credit code (GB 11714-1997); ValueError on a bad character."""
    total = sum(
        ORGANISATION_ALPHABET.index(character) * weight
        for character, weight in zip(first_8, ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X"[-total % 11]


def identity_check_character(first_17: str) -> str:
    """Check character of a citizen's identity number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, IDENTITY_WEIGHTS, strict=True))
    return "0123456789X"[(1 - total) % 11]


def invented_enterprise(rng: random.Random) -> InventedEnterprise:
    """Draw an enterprise: mostly companies (91…), some bodies whose codes start 92, 93, 52, N, Y and A."""
    weights = [COMPANY_WEIGHT, *(weight for _, weight, _, _ in OTHER_BODIES)]
    kind = rng.choices(range(len(weights)), weights)[0]
    brand = rng.choice(BRANDS)
    if kind == 0:
        prefix = "91"
        ending, legal_form = rng.choice(COMPANY_FORMS)
        ending = rng.choice(TRADES) + ending
    else:
        prefix, _, ending, legal_form = OTHER_BODIES[kind - 1]
    return InventedEnterprise(
        name=f"示例{brand}{ending}",
        uscc=_invented_uscc(rng, prefix),
        legal_representative=_invented_name(rng),
        address=_invented_address(rng),
        legal_form=legal_form,
    )


def invented_holder(rng: random.Random) -> InventedHolder:
    """Draw an authorised user: region 99…, born on a 1 January, telephone in the never assigned range 154 00…"""
    born = date(rng.randint(1962, 2001), 1, 1)
    first_17 = f"99{rng.randrange(10_000):04d}{born:%Y%m%d}{rng.randrange(1000):03d}"
    return InventedHolder(
        name=_invented_name(rng),
        id_number=first_17 + identity_check_character(first_17),
        phone=f"15400{rng.randrange(1_000_000):06d}",
        email=f"demo{rng.randrange(100_000):05d}@{rng.choice(('example.com', 'example.net', 'demo.invalid'))}",
    )


def _invented_uscc(rng: random.Random, prefix: str) -> str:
    organisation = "".join(rng.choices(USCC_ALPHABET, k=8)) if rng.random() < 0.5 else f"MA{rng.randrange(10**6):06d}"
    body = f"{prefix}99{rng.randrange(10_000):04d}{organisation}{organisation_check_character(organisation)}"
    return body + uscc_check_character(body)


def _invented_address(rng: random.Random) -> str:
    street = f"示例省示例市示例区示例路{rng.randint(1, 999)}号"
    return f"{street}示例大厦{rng.randint(2, 29)}层{rng.randint(1, 20):02d}室"


def _invented_name(rng: random.Random) -> str:
    return "示例" + rng.choice(STEMS) + (rng.choice(BRANCHES) if rng.random() < 0.4 else "")
