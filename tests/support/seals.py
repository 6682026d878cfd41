"""Pages with a seal whose shape, size, place and turn are known: what the product finds is held against them; and
cases that bear such a letter and wait in production.
"""

import hashlib
import io
import math
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image, ImageChops, ImageDraw, ImageFont
from sqlalchemy import select

from tests.support.casework import SYSTEM, Office
from workbench.cases.models import Application, Submission
from workbench.cases.words import Service, Verdict
from workbench.config import Settings
from workbench.demo.papers.marks import SERIF_FONT
from workbench.documents.models import Attachment, Page
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Role
from workbench.kernel.parts import Parts
from workbench.keys.trial import TrialAuthority
from workbench.production.seals.cutting import Crop
from workbench.production.seals.queries import LETTER, letter_pages
from workbench.production.seals.service import prepare_seal, seal_for

RED: Final = (214, 36, 44)
A4: Final = (210, 297)
_FINE: Final = 4
"""How many times finer marks are drawn than the page they are laid on."""


@dataclass(frozen=True)
class Stamp:
    """An impression: `shape` is round, oval or square; sizes and middle in mm; `turned` degrees clockwise."""

    shape: str = "round"
    width: float = 40.0
    height: float = 40.0
    x: float = 60.0
    y: float = 208.0
    turned: float = 0.0
    ink: tuple[int, int, int] = RED


def letter(
    *stamps: Stamp,
    dpi: float = 150,
    paper: tuple[int, int, int] = (255, 255, 255),
    across: bool = False,
    grey: bool = False,
) -> Image.Image:
    """An A4 page with print and stamps, as the renderer keeps it: JPEG at quality 80.

    Args:
        across: a line of black print runs through every stamp.
        grey: a black-and-white copy of it.
    """
    per_mm = dpi / 25.4
    page = Image.new("RGB", (round(A4[0] * per_mm), round(A4[1] * per_mm)), paper)
    draw = ImageDraw.Draw(page)
    for line in range(12):
        draw.text(
            (20 * per_mm, (40 + 8 * line) * per_mm),
            "本企业申请制作电子签章并确认如下事项" * 2,
            (30, 30, 30),
            _font(4 * per_mm),
        )
    for stamp in stamps:
        if across:
            place = ((stamp.x - stamp.width / 2 - 6) * per_mm, (stamp.y - 2) * per_mm)
            draw.text(place, "印模采集区请将公章盖于框内", (25, 25, 25), _font(4.5 * per_mm))
        _lay(page, stamp, per_mm)
    stream = io.BytesIO()
    (page.convert("L") if grey else page).save(stream, "JPEG", quality=80)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def as_jpeg(page: Image.Image) -> bytes:
    """A page as it lies in the blob store."""
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=80)
    return stream.getvalue()


class SealOffice:
    """An office whose cases wait in production, each with a letter, and a maker of keys."""

    def __init__(self, office: Office, folder: Path, **settings: Any) -> None:
        self.office = office
        self.settings = Settings.model_validate({"var_dir": folder, "key_algorithm": "p-256", **settings})
        self.parts = Parts(
            self.settings, office.engine, office.factory, office.secrets, BlobStore(self.settings.blob_dir)
        )
        self.clerk, self.checker = office.clerk("sealclerk"), office.re_checker("sealchecker")
        self._names = count(1)

    def maker(self) -> Actor:
        """A new maker of keys."""
        return self.office.hire(f"keymaker{next(self._names)}", Role.KEY_MAKER)

    def case(self, page: Image.Image | None = None, service: Service = Service.NEW, **facts: Any) -> int:
        """A case in production, its letter this page, one with a round seal unless given."""
        case_id = self.office.submit(self.office.facts(service, **facts))
        self.send_letter(case_id, page or letter(Stamp()))
        self.pass_both_desks(case_id)
        return case_id

    def pass_both_desks(self, case_id: int) -> None:
        """Let pre-check and re-check pass a case, so that it waits in production."""
        self.office.decide(self.clerk, case_id, Verdict.PASSED)
        self.office.decide(self.checker, case_id, Verdict.PASSED)

    def prepare(self, case_id: int, actor: Actor, crop: Crop, **changes: Any) -> int:
        """Prepare a case's seal as the screen does; returns the seal's id."""
        with self.office.work(actor) as session:
            wanted = {
                "page_id": changes.pop("page_id", None) or letter_pages(session, actor, case_id)[0].page.id,
                "seen_version": session.get_one(Application, case_id).version,
                **changes,
            }
            return prepare_seal(session, self.parts, actor, case_id, crop=crop, **wanted).id

    def certificate(self, case_id: int) -> bytes:
        """A certificate (DER) that names the case's enterprise."""
        with self.office.work() as session:
            application = session.get_one(Application, case_id)
            uscc, name = application.uscc, application.enterprise_name
        issuer = TrialAuthority.load_or_create(self.settings.key_dir / "trial")
        issued = issuer.issue_client(uscc=uscc, enterprise_name=name, holder_name="示例甲")
        return issued.certificate.public_bytes(Encoding.DER)

    def sign(self, case_id: int, crop: Crop) -> bytes | None:
        """Prepare a case's seal and sign it for a certificate."""
        self.prepare(case_id, self.maker(), crop)
        with self.office.work() as session:
            return seal_for(session, self.parts, case_id, self.certificate(case_id))

    def send_letter(self, case_id: int, page: Image.Image, document_code: str = LETTER) -> int:
        """Add a one-page paper to the case's current round; returns the page's id."""
        content = as_jpeg(page)
        with self.office.work() as session:
            application = session.get_one(Application, case_id)
            submission = session.scalars(
                select(Submission).where(Submission.application_id == case_id, Submission.round == application.round)
            ).one()
            own = {"application_id": case_id, "authority_id": application.authority_id}
            digest = self.parts.blobs.put(content)
            attachment = Attachment(
                **own,
                submission_id=submission.id,
                document_code=document_code,
                position=next(self._names),
                untrusted_name="letter.jpg",
                sha256=hashlib.sha256(content).hexdigest(),
                byte_size=len(content),
                kind="jpeg",
                page_count=1,
                uploaded_at=now(),
                uploaded_by=SYSTEM.label,
                preview="ready",
            )
            session.add(attachment)
            session.flush()
            sheet = Page(
                **own,
                attachment_id=attachment.id,
                index=0,
                width=page.width,
                height=page.height,
                image_sha256=digest,
                thumbnail_sha256=digest,
            )
            session.add(sheet)
            session.flush()
            return sheet.id


def _lay(page: Image.Image, stamp: Stamp, per_mm: float) -> None:
    """Multiply the stamp over the page, as ink lies over print."""
    relief = _relief(stamp, per_mm * _FINE).rotate(-stamp.turned, Image.Resampling.BICUBIC, expand=True)
    relief = relief.resize((round(relief.width / _FINE), round(relief.height / _FINE)), Image.Resampling.BOX)
    inked = Image.composite(Image.new("RGB", relief.size, stamp.ink), Image.new("RGB", relief.size, "white"), relief)
    left, top = round(stamp.x * per_mm - relief.width / 2), round(stamp.y * per_mm - relief.height / 2)
    under = page.crop((left, top, left + relief.width, top + relief.height))
    page.paste(ImageChops.multiply(under, inked), (left, top))


def _relief(stamp: Stamp, per_mm: float) -> Image.Image:
    """The rubber of the stamp: outline, and inside it what such seals have."""
    width, height = round(stamp.width * per_mm), round(stamp.height * per_mm)
    relief = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(relief)
    line = round(1.2 * per_mm)
    if stamp.shape == "square":
        draw.rectangle((0, 0, width - 1, height - 1), outline=255, width=line)
        for place, character in enumerate("示例公司"):
            middle = (width * (0.3 + 0.4 * (place // 2)), height * (0.3 + 0.4 * (place % 2)))
            draw.text(middle, character, 255, _font(width * 0.36), anchor="mm")
        return relief
    draw.ellipse((0, 0, width - 1, height - 1), outline=255, width=line)
    if stamp.shape == "oval":
        draw.text((width / 2, height * 0.36), "示例外资企业", 255, _font(width * 0.12), anchor="mm")
        draw.text((width / 2, height * 0.64), "业务专用章", 255, _font(width * 0.11), anchor="mm")
        return relief
    draw.polygon(_star(width / 2, height / 2, width * 0.165), fill=255)
    _arc(relief, "示例远航进出口有限公司", width)
    return relief


def _star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    points = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.382
        points.append((x + reach * math.sin(math.pi * corner / 5), y - reach * math.cos(math.pi * corner / 5)))
    return points


def _arc(relief: Image.Image, text: str, width: int) -> None:
    size = round(width * 0.11)
    for place, character in enumerate(text):
        angle = math.radians(-115 + 230 * (place + 0.5) / len(text))
        tile = Image.new("L", (2 * size, 2 * size), 0)
        ImageDraw.Draw(tile).text(
            (size, size), character, 255, _font(size), anchor="mm", stroke_width=max(1, size // 24)
        )
        tile = tile.rotate(-math.degrees(angle), Image.Resampling.BICUBIC)
        x, y = width / 2 + 0.385 * width * math.sin(angle), width / 2 - 0.385 * width * math.cos(angle)
        relief.paste(255, (round(x) - size, round(y) - size), tile)


def _font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(SERIF_FONT, max(6, round(size)))
