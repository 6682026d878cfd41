"""The receipt of a hand-over as a PDF: what was compared, which key, who took it, the terms as they were then, the
signature. In Chinese, like all printed papers; an identity number is printed masked.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import segno
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import Category
from workbench.collection.collectors import get_hand_over
from workbench.collection.models import HandOver, HandOverTerms, Pickup, StampingAttempt
from workbench.collection.originals import originals_of
from workbench.collection.words import CollectorKind
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.identity import Actor
from workbench.kernel.typesetting import typeset
from workbench.keys.models import Certificate, Token
from workbench.organisation.models import Authority, PickupSite, Staff

CATEGORIES_ZH: Final[Mapping[Category, str]] = {
    Category.MECHANICAL_ELECTRICAL: "机电类许可证",
    Category.OTHER: "非机电类许可证",
    Category.AGRICULTURAL_QUOTA: "农产品关税配额类许可证",
}
_COLLECTORS_ZH: Final = {CollectorKind.HOLDER: "授权用户本人", CollectorKind.DELEGATE: "代领人（已核验授权委托书）"}
_PRINTED_WIDTH: Final = 900
"""Pixels across a photo as it is printed."""


@dataclass(frozen=True)
class ReceiptFacts:
    """What a receipt says. `signed` is a picture as SVG; `originals` are names with what was found."""

    number: str
    service: str
    category_zh: str
    enterprise_name: str
    uscc: str
    authority_name: str
    site: str
    serial: str
    valid_until: str
    originals: tuple[tuple[str, str], ...]
    collector: str
    collector_name: str
    identity_masked: str
    surrendered: str
    staff_name: str
    handed_over_at: str
    remark: str
    terms_version: int
    terms: tuple[str, ...]
    signed: str
    signed_by_photo: bool
    printed_on: str


def receipt_of(session: Session, blobs: BlobStore, actor: Actor, application_id: int) -> bytes:
    """The receipt of a case's hand-over.

    Raises:
        NotFound: nothing was handed over inside the actor's authority.
    """
    hand_over = get_hand_over(session, actor, application_id)
    digest = hand_over.signature_sha256 or hand_over.slip_sha256
    assert digest is not None
    return set_receipt(_facts(session, hand_over, picture_as_svg(blobs.get(digest))))


def set_receipt(facts: ReceiptFacts) -> bytes:
    """The receipt as it is printed: A4."""
    code = segno.make(facts.number, error="m").svg_inline(border=4)
    return typeset("hand_over_receipt", {**asdict(facts), "codes": [code]})


def picture_as_svg(content: bytes) -> str:
    """A picture of ours in a form that travels in a text; photos no larger than they are printed."""
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
        kept = picture.convert("L")
        kept.thumbnail((_PRINTED_WIDTH, _PRINTED_WIDTH))
        written = io.BytesIO()
        kept.save(written, "PNG")
    width, height = kept.size
    data = base64.b64encode(written.getvalue()).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" xlink:href="data:image/png;base64,{data}"/></svg>'
    )


def _facts(session: Session, hand_over: HandOver, signed: str) -> ReceiptFacts:
    application = session.get_one(Application, hand_over.application_id)
    attempt = session.get_one(StampingAttempt, hand_over.attempt_id)
    terms = session.get_one(HandOverTerms, hand_over.terms_version)
    until = session.scalar(
        select(Certificate.not_after)
        .where(Certificate.token_id == hand_over.token_id, Certificate.registered_at <= hand_over.at)
        .order_by(Certificate.id.desc())
        .limit(1)
    )
    old = session.get(Token, hand_over.surrendered_token_id) if hand_over.surrendered_token_id is not None else None
    kind = CollectorKind(hand_over.collector)
    at = _instant(hand_over.at)
    return ReceiptFacts(
        number=application.number,
        service=application.service,
        category_zh=CATEGORIES_ZH[Category(application.category)],
        enterprise_name=application.enterprise_name,
        uscc=application.uscc,
        authority_name=session.get_one(Authority, application.authority_id).name_zh,
        site=_site(session, hand_over),
        serial=session.get_one(Token, hand_over.token_id).serial,
        valid_until=f"{until.astimezone(SHANGHAI):%Y-%m-%d}" if until else "",
        originals=_originals(session, application, attempt),
        collector=_COLLECTORS_ZH[kind],
        collector_name=hand_over.collector_name,
        identity_masked=hand_over.identity_masked or "",
        surrendered=old.serial if old is not None else "",
        staff_name=session.get_one(Staff, hand_over.staff_id).name,
        handed_over_at=at,
        remark=attempt.remark,
        terms_version=terms.version,
        terms=tuple(terms.text_zh.splitlines()),
        signed=signed,
        signed_by_photo=hand_over.slip_sha256 is not None,
        printed_on=at,
    )


def _site(session: Session, hand_over: HandOver) -> str:
    found = session.scalars(
        select(PickupSite)
        .join(Pickup, Pickup.site_id == PickupSite.id)
        .where(Pickup.application_id == hand_over.application_id, Pickup.token_id == hand_over.token_id)
        .limit(1)
    ).one_or_none()
    return f"{found.name} {found.address}" if found is not None else ""


def _originals(session: Session, application: Application, attempt: StampingAttempt) -> tuple[tuple[str, str], ...]:
    names = {each.document.code: each.document.name_zh for each in originals_of(session, application)}
    return tuple(
        (names.get(each["document"], each["document"]), "一致" if each["matches"] else "不符")
        for each in attempt.originals
    )


def _instant(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
