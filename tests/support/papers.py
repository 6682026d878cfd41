"""An applicant with a filled form in front of the whole application, and papers of every sort to give it."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pypdfium2
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.support.applicant import a_code, an_applicant, form_token
from tests.support.casework import IDENTITY, Office, open_office
from tests.support.database import TestServer
from workbench import create_app
from workbench.cases.models import Applicant
from workbench.cases.words import Service
from workbench.config import Settings
from workbench.documents.preview import Renderer
from workbench.documents.rendering import renderer as process_renderer
from workbench.kernel.clock import now
from workbench.kernel.db import make_engine
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.parts import Parts, make_parts
from workbench.portal.drafting import drafts
from workbench.portal.drafting.printing import print_document
from workbench.portal.models import Draft, DraftFile
from workbench.portal.uploads import papers

FILLED: Final = {
    "category": "other",
    "legal_representative": "示例甲",
    "address": "示例市示例路 1 号",
    "holder_name": "示例乙",
    "holder_identity_number": IDENTITY,
    "holder_mobile": "10000000000",
    "holder_email": "b@example.invalid",
}
SLOTS: Final = ("application_form", "business_licence", "user_id_card")


def a_picture(width: int = 1000, height: int = 1414, shade: int = 200, form: str = "JPEG") -> bytes:
    """A photograph of nothing much; another `shade` makes another file."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (shade, shade, shade // 2)).save(stream, form)
    return stream.getvalue()


def a_strip(shade: int = 200) -> bytes:
    """A picture so narrow that no code can be on it: nobody searches it for long, which spares a test seconds."""
    return a_picture(60, 2600, shade)


def as_scan(pdf: bytes, pages: Sequence[int] | None = None, width: int = 1240) -> list[bytes]:
    """Pages of a PDF as JPEG pictures of about 150 dpi: what a scanner or a telephone sends."""
    scans = []
    with pypdfium2.PdfDocument(pdf) as document:
        for index in pages if pages is not None else range(len(document)):
            page = document[index]
            stream = io.BytesIO()
            page.render(scale=width / page.get_width()).to_pil().convert("RGB").save(stream, "JPEG", quality=85)
            scans.append(stream.getvalue())
    return scans


@dataclass
class Counter:
    """The application with one applicant signed in, and the verbs called as that applicant."""

    app: Flask
    parts: Parts
    office: Office
    applicant: Applicant
    client: FlaskClient
    token: str
    renderer: Renderer = field(default_factory=process_renderer)

    @property
    def actor(self) -> Actor:
        """The applicant as the verbs know one."""
        scope = Scope(applicant_id=self.applicant.id)
        return Actor("enterprise", self.applicant.id, self.applicant.name, scope=scope, address="127.0.0.1")

    @contextmanager
    def work(self) -> Iterator[Session]:
        """A committed unit of work in the applicant's own scope."""
        with self.parts.work(self.actor.scope) as session:
            yield session

    def start(self, service: Service = Service.NEW, **values: str) -> int:
        """A completely filled form at the first authority; returns its id."""
        stated = {**FILLED, "authority_id": str(self.office.authority_ids[0]), **values}
        with self.work() as session:
            return drafts.start_draft(session, self.parts, self.applicant, service, stated).id

    def add(self, draft_id: int, slot: str, content: bytes, name: str = "scan.jpg") -> int:
        """One file in a slot; returns its id."""
        with self.work() as session:
            draft = drafts.get_draft(session, self.actor, draft_id)
            return papers.add_file(session, self.parts, self.renderer, draft, slot, name, content).id

    def fill(self, draft_id: int) -> None:
        """Something acceptable in every slot."""
        for shade, slot in enumerate(SLOTS):
            self.add(draft_id, slot, a_strip(100 + shade))

    def printed(self, draft_id: int, code: str) -> bytes:
        """A printed form as the applicant downloads it."""
        with self.work() as session:
            facts = drafts.printed_facts(session, self.parts, drafts.get_draft(session, self.actor, draft_id))
        return print_document(self.parts.secrets, code, facts)

    def slots(self, draft_id: int) -> dict[str, papers.PaperSlot]:
        """The slots by code."""
        with self.work() as session:
            draft = drafts.get_draft(session, self.actor, draft_id)
            return {slot.document.code: slot for slot in papers.slots_of(session, self.parts, draft)}

    def hints(self, draft_id: int) -> set[tuple[str, str]]:
        """Every hint as (slot, kind)."""
        return {(code, hint.kind.value) for code, slot in self.slots(draft_id).items() for hint in slot.hints}

    def files(self, draft_id: int) -> list[DraftFile]:
        """All files of a form in order."""
        with self.work() as session:
            return list(papers.files_of(session, self.draft_in(session, draft_id)))

    def draft_in(self, session: Session, draft_id: int) -> Draft:
        """The form in a session, submitted or not."""
        return drafts.get_draft(session, self.actor, draft_id, open_only=False)

    def post(self, path: str, **values: Any) -> TestResponse:
        """Send a form as the pages do."""
        data = {"csrf_token": self.token, **values}
        return self.client.post(path, data=data, content_type="multipart/form-data")

    def json(self, path: str, said: object) -> TestResponse:
        """Post JSON as the scripts do."""
        return self.client.post(path, json=said, headers=self.headers())

    def put(self, path: str, offset: int | str, piece: bytes) -> TestResponse:
        """Send one piece of an upload."""
        return self.client.put(path, data=piece, headers={**self.headers(), "Upload-Offset": str(offset)})

    def headers(self) -> dict[str, str]:
        """What scripts send with every request."""
        return {"Accept": "application/json", "X-CSRFToken": self.token}


@contextmanager
def open_counter(server: TestServer, folder: Path) -> Iterator[Counter]:
    """The whole application over an office on a database of its own, with one applicant signed in."""
    database = server.copy()
    engine = make_engine(database.app_url)
    office = open_office(engine, folder / "var" / "keys")
    parts = make_parts(Settings(var_dir=folder / "var"), database.app_url)
    yield another_counter(create_app(parts=parts), parts, office, 1)
    parts.engine.dispose()
    engine.dispose()
    server.drop(database)


def another_counter(app: Flask, parts: Parts, office: Office, number: int) -> Counter:
    """One more applicant, of another enterprise, signed in in a browser of its own."""
    applicant = an_applicant(parts, uscc=a_code(number))
    client = app.test_client()
    moment = now().timestamp()
    with client.session_transaction() as session:
        session.update(began=moment, seen=moment, applicant=[applicant.id, applicant.session_epoch, f"sid-{number}"])
    client.set_cookie("language", "en")
    return Counter(app, parts, office, applicant, client, form_token(client.get("/contacts").text))


def texts_of(page: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
