"""The front door under attack: two applicants of one enterprise code with everything an applicant can have, two
registration sites, staff of every role at both authorities, and hostile words wherever anybody may write.
"""

import io
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from tests.integration.review.desk import Desk
from tests.support.applicant import a_code, an_applicant, form_token
from tests.support.casework import DOCUMENTS, Office, open_office, whole
from tests.support.database import Database, TestServer
from tests.support.papers import FILLED, Counter, a_strip
from workbench import create_app
from workbench.api import service as interface
from workbench.api.words import KeyScope
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Service, Verdict
from workbench.config import Settings
from workbench.documents.models import Attachment, Page
from workbench.kernel.clock import now
from workbench.kernel.identity import AUTHORITY_ROLES, Role, system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.portal.uploads import correcting

EVIL: Final = "\"><img src=x onerror=alert(1)></script><svg/onload=alert(2)>{{7*7}}'"
"""Breaks out of an attribute, a script block and a template, wherever one of them forgets to escape."""
TYPST: Final = '#read("/etc/passwd") #panic() $ x $ *b* _i_ @l <l> \\ `r` // -- ~ = h'
"""What would run, or vanish, if a printed form took its words for its own language."""
SYSTEM: Final = system_actor("test")
CODE: Final = a_code(1)
NOBODYS: Final = 999_999_999


@dataclass
class Belongings:
    """What one applicant has: ids as they stand in addresses."""

    draft: int
    file: int
    upload: uuid.UUID
    number: str
    case: int
    page: int
    correction: int

    def as_arguments(self) -> dict[str, Any]:
        """By the names of the addresses' arguments."""
        return {
            "draft_id": self.draft,
            "file_id": self.file,
            "upload_id": self.upload,
            "number": self.number,
            "page_id": self.page,
            "page": 0,
            "step": "enterprise",
            "code": DOCUMENTS[0],
        }


@dataclass
class Site:
    """A registration site, its key and a case it made."""

    id: int
    key: str
    number: str

    def headers(self, **more: str) -> dict[str, str]:
        """What its requests carry."""
        return {"Authorization": f"Bearer {self.key}", "Accept-Language": "en", **more}


@dataclass
class Front:
    """The whole house. `mine` attacks, `theirs` is attacked; both are of one enterprise code."""

    desk: Desk
    database: Database
    mine: Counter
    theirs: Counter
    own: Belongings
    prey: Belongings
    site: Site
    other_site: Site
    _joined: Iterator[int] = field(default_factory=lambda: iter(range(100, 1000)))

    @property
    def app(self) -> Flask:
        return self.desk.app

    @property
    def parts(self) -> Parts:
        return self.desk.parts

    @property
    def office(self) -> Office:
        return self.desk.office

    def another(self) -> Counter:
        """One more applicant, of an enterprise of its own."""
        number = next(self._joined)
        return join(self.app, self.parts, self.office, a_code(number), f"user{number}")

    def state(self, case: int) -> str:
        """Where a case stands."""
        return self.desk.state(case)


@contextmanager
def open_front(server: TestServer, folder: Path) -> Iterator[Front]:
    """The house on a database of its own."""
    database = server.copy()
    settings = Settings(var_dir=folder / "var", webhooks_inside=True)
    parts = make_parts(settings, database.app_url)
    office = open_office(parts.engine, settings.key_dir)
    desk = Desk(create_app(parts=parts), office, parts)
    _hire(desk)
    mine, theirs = (join(desk.app, parts, office, CODE, login) for login in ("mine", "theirs"))
    keep_papers(parts)
    own, prey = _belongings(mine, f"{EVIL} 甲"), _belongings(theirs, f"{EVIL} 乙")
    site, other_site = (_site(office, name) for name in (f"站{EVIL}"[:100], "示例站点乙"))
    yield Front(desk, database, mine, theirs, own, prey, site, other_site)
    parts.engine.dispose()
    server.drop(database)


def join(app: Flask, parts: Parts, office: Office, uscc: str, login: str) -> Counter:
    """An applicant, signed in without the entrance, which has tests of its own."""
    applicant = an_applicant(parts, uscc=uscc, login=login, name=f"示例{EVIL}"[:100], email=f"{login}@example.invalid")
    client = signed_in(app, applicant)
    return Counter(app, parts, office, applicant, client, form_token(client.get("/contacts").text))


def signed_in(app: Flask, applicant: Applicant) -> FlaskClient:
    """A browser of an applicant who has just signed in."""
    client, moment = app.test_client(), now().timestamp()
    with client.session_transaction() as session:
        session.update(began=moment, seen=moment, applicant=[applicant.id, applicant.session_epoch, uuid.uuid4().hex])
    client.set_cookie("language", "en")
    return client


def keep_papers(parts: Parts) -> None:
    """Put the office's one-page files into the store, where its rows look for them."""
    for texts in whole().values():
        for each in texts:
            parts.blobs.put(each.encode())


def shape(answer: TestResponse, path: str) -> tuple[int, str]:
    """All an attacker can tell an answer by, but for what differs each time and what was asked for."""
    body = answer.text.replace(path, "#").replace(path.replace("/", "%2F"), "#")
    body = re.sub(r"[0-9a-f]{16}", "#", body)
    return answer.status_code, re.sub(
        r'nonce="[^"]+"|name="csrf-token" content="[^"]+"|value="[^"]{60,}"|\d+', "#", body
    )


def _hire(desk: Desk) -> None:
    for role in Role:
        name = role.value.replace("_", "-")
        if role in AUTHORITY_ROLES:
            for place, letter in enumerate("ab"):
                desk.hire(f"{name}-{letter}", role, place)
        else:
            desk.hire(name, role)


def hostile_values(counter: Counter) -> dict[str, str]:
    """A form whose every free text attacks what shows it."""
    return {
        **FILLED,
        "authority_id": str(counter.office.authority_ids[0]),
        "enterprise_name": f"企{EVIL}",
        "legal_representative": EVIL[:50],
        "address": f"{EVIL}{TYPST}",
        "postcode": "<b>1",
        "telephone": "<i>1</i>",
        "machinery_account": EVIL[:60],
        "holder_name": f"乙{EVIL}"[:60],
        "holder_mobile": "<s>1</s>",
        "reason": f"{EVIL}\n{TYPST}",
        "prior_key": EVIL[:60],
        "answer": f"{EVIL}\n{TYPST}",
    }


def _belongings(counter: Counter, name: str) -> Belongings:
    values = hostile_values(counter)
    draft = counter.start(Service.REPLACEMENT, **values)
    file = counter.add(draft, DOCUMENTS[1], a_strip(), f"{name}.jpg")
    said = {"slot": DOCUMENTS[1], "name": f"{name}.pdf", "size": 1000}
    upload = counter.json(f"/drafts/{draft}/uploads", said).get_json()["id"]
    facts = counter.office.facts(
        uscc=CODE,
        enterprise_name=values["enterprise_name"],
        name=values["holder_name"],
        form={key: values[key] for key in ("legal_representative", "address", "postcode", "telephone")},
    )
    case = counter.office.submit(facts, whole(), counter.actor)
    clerk = counter.office.clerk(f"clerk-{counter.applicant.id}")
    counter.office.decide(clerk, case, Verdict.FAILED, f"批{EVIL}")
    with counter.work() as session:
        correction = correcting.start_correction(session, counter.parts, case, counter.actor).id
    with counter.office.work() as session:
        session.execute(
            text("UPDATE attachment SET untrusted_name = :evil WHERE application_id = :case"),
            {"evil": f"{EVIL}.pdf", "case": case},
        )
        page = session.scalars(
            select(Page.id).join(Attachment, Attachment.id == Page.attachment_id).where(Page.application_id == case)
        ).first()
        number = session.get_one(Application, case).number
    return Belongings(draft, file, uuid.UUID(upload), number, case, page or 0, correction)


def _site(office: Office, name: str) -> Site:
    with office.work() as session:
        site = interface.create_site(session, SYSTEM, name)
        _, value = interface.create_key(session, SYSTEM, site.id, list(KeyScope))
        made = Site(site.id, value, "")
    case = office.submit(office.facts(enterprise_name=f"站{EVIL}"), whole())
    with office.work() as session:
        application = session.get_one(Application, case)
        application.applicant_id, application.channel = made.id, "api"
        made.number = application.number
    return made


def sent_papers(*codes: str) -> dict[str, Any]:
    """Files of a request to the interface, by part."""
    return {code: (io.BytesIO(a_strip()), f"{code}.jpg") for code in codes}


def as_part(body: Any) -> tuple[io.BytesIO, str, str]:
    """The JSON part of a request to the interface."""
    return io.BytesIO(json.dumps(body).encode()), "case.json", "application/json"
