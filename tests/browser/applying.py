"""What the walks through the front door share: enterprises, their post, their printer and scanner, their papers."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from itertools import count

import pypdfium2
from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import FilePayload, Page
from sqlalchemy import select

from tests.browser.pages.portal import FrontDoor
from tests.browser.pages.portal_form import ENTERPRISE, HOLDER
from tests.browser.served import Site
from tests.support.applicant import a_code, an_applicant
from tests.support.casework import SYSTEM
from workbench.cases.models import Applicant
from workbench.demo.papers import Document, Form, PaperFacts, Quirk, make_paper
from workbench.kernel.outbox import OutboxMessage
from workbench.organisation.models import PickupSite
from workbench.portal.accounts import registry

PRINTED = (
    Document.APPLICATION_FORM,
    Document.SEAL_CONFIRMATION,
    Document.AUTHORISATION,
    Document.USER_AGREEMENT,
)
"""Papers that are printed from the form, signed and scanned."""
BROUGHT = (Document.BUSINESS_LICENCE, Document.USER_ID_CARD)
"""Papers that the enterprise has already."""
DPI = 150
_NUMBERS: Iterator[int] = count(4001)


@dataclass(frozen=True)
class Enterprise:
    """Who is going to register."""

    code: str
    name: str
    login: str
    email: str


def a_stranger(site: Site) -> Enterprise:
    """An enterprise that nobody registered yet, known to the registry."""
    number = next(_NUMBERS)
    stranger = Enterprise(
        a_code(number), f"示例第{number}进出口有限公司", f"user{number}", f"user{number}@example.invalid"
    )
    with site.parts.work() as session:
        registry.load(session, SYSTEM, f"uscc,name\n{stranger.code},{stranger.name}\n".encode())
    return stranger


def an_account(site: Site) -> Applicant:
    """An enterprise with an activated account."""
    number = next(_NUMBERS)
    return an_applicant(site.parts, uscc=a_code(number), login=f"user{number}", name=f"示例第{number}进出口有限公司")


def open_pickup_site(site: Site, authority_id: int) -> str:
    """Let an authority hand over keys somewhere; returns the place's name."""
    with site.parts.work() as session:
        place = PickupSite(
            authority_id=authority_id,
            name="示例政务服务中心",
            address="示例市示例路 1 号",
            telephone="000-00000000",
            opening_hours="工作日 9:00–16:30",
        )
        session.add(place)
        return place.name


def front_door(new_page: Callable[..., Page], site: Site, **options: object) -> FrontDoor:
    """Somebody's own browser at the front page, reading English."""
    return FrontDoor(new_page(**options), site.url, site.parts.secrets).choose_language("en").open()


def come_in(new_page: Callable[..., Page], site: Site, applicant: Applicant, **options: object) -> Page:
    """An applicant's own browser, signed in, reading English."""
    door = front_door(new_page, site, **options)
    door.open("/entrance").sign_in(applicant.uscc or "", applicant.login or "")
    return door.page


def link_in_mail_to(site: Site, address: str) -> str:
    """The link in the newest mail to an address."""
    newest = select(OutboxMessage.body).where(OutboxMessage.recipient == address).order_by(OutboxMessage.id.desc())
    body = site.read(lambda session: session.scalars(newest.limit(1)).one())
    found = re.search(r"https?://\S+", body)
    assert found, body
    return found.group()


def as_typed(code: str) -> str:
    """A code as people type it: in groups, in small letters."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4)).lower()


def scans_of(pdf: bytes, code: str) -> list[FilePayload]:
    """A document printed, stamped and scanned: a JPEG for each page, a little skewed and grainy."""
    pages = pypdfium2.PdfDocument(pdf)
    return [
        {"name": f"{code}-{index + 1}.jpg", "mimeType": "image/jpeg", "buffer": _scan(pages[index], index)}
        for index in range(len(pages))
    ]


def typed_papers(site: Site, code: str) -> list[FilePayload]:
    """A paper without faults that did not come out of this form: a word processor's, without any code on it."""
    return [
        {"name": each.name, "mimeType": "application/pdf", "buffer": site.parts.blobs.get(each.sha256)}
        for each in site.mended[Document(code)]
    ]


def brought_papers(enterprise: str, code: str) -> Mapping[str, list[FilePayload]]:
    """Licence and identity card of an enterprise, photographed."""
    facts = PaperFacts(
        application_number="",
        service="new",
        category_zh="非机电类许可证",
        enterprise_name=enterprise,
        uscc=code,
        legal_representative=ENTERPRISE["legal_representative"],
        address=ENTERPRISE["address"],
        authority_name="示例机构",
        holder_name=HOLDER["holder_name"],
        holder_id_number=HOLDER["holder_identity_number"],
        holder_phone=HOLDER["holder_mobile"],
        holder_email=HOLDER["holder_email"],
        issued_on=date(2026, 11, 2),
    )
    return {
        document.value: [
            {"name": paper.file_name, "mimeType": "image/jpeg", "buffer": paper.content}
            for paper in make_paper(document, facts, seed=3, form=Form.JPEG, quirk=Quirk.NONE)
        ]
        for document in BROUGHT
    }


def _scan(page: pypdfium2.PdfPage, number: int) -> bytes:
    picture: Image.Image = page.render(scale=DPI / 72).to_pil().convert("RGB")
    ImageDraw.Draw(picture).ellipse((720, 1250, 960, 1490), outline=(200, 30, 30), width=8)
    picture = picture.rotate(1.2, Image.Resampling.BILINEAR, expand=True, fillcolor=(255, 255, 255))
    grain = Image.frombytes("L", picture.size, random.Random(number).randbytes(picture.width * picture.height))
    picture = ImageChops.subtract(picture, Image.merge("RGB", [grain.point(lambda level: level // 12)] * 3))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=70)
    return stream.getvalue()
