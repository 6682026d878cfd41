"""A front door for tests of following a case: an office, applicants who signed in, and cases walked by the desks."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from html5lib import HTMLParser
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.applicant import a_code, an_applicant, form_token, sign_in
from tests.support.casework import DOCUMENTS, Office, open_office, whole
from tests.support.database import Database
from workbench import create_app
from workbench.cases.models import Applicant, Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.cases.words import Desk, Service, Verdict
from workbench.config import Settings
from workbench.documents.models import Attachment, Page
from workbench.kernel.identity import Actor, Role
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import PickupSite
from workbench.portal.door import actor_of
from workbench.review import service as review
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue

CLERK, CHECKER = "clerk", "checker"


class Door:
    """The application, its office, and applicants with their browsers."""

    def __init__(self, app: Flask, office: Office, parts: Parts) -> None:
        self.app, self.office, self.parts = app, office, parts
        self.staff = {
            CLERK: office.clerk(CLERK),
            CHECKER: office.re_checker(CHECKER),
            "maker": office.hire("maker", Role.KEY_MAKER),
            "packer": office.hire("packer", Role.DISPATCHER),
            "counter": office.hire("counter", Role.COUNTER_STAFF, authority_id=office.authority_ids[0]),
        }
        self.applicant = an_applicant(parts, uscc=a_code(1))
        self.actor = actor_of(self.applicant, "198.51.100.20")
        self._browsers: dict[int, Browser] = {}

    def another(self, number: int = 2, login: str = "li.si") -> Applicant:
        """Somebody else; of the same enterprise when `number` is 1."""
        return an_applicant(self.parts, uscc=a_code(number), login=login)

    def browser(self, applicant: Applicant | None = None, language: str = "en") -> "Browser":
        """An applicant's browser, signed in once."""
        applicant = applicant or self.applicant
        if applicant.id not in self._browsers:
            self._browsers[applicant.id] = Browser(self, applicant)
        browser = self._browsers[applicant.id]
        browser.client.set_cookie("language", language)
        return browser

    def submit(self, service: Service = Service.NEW, who: Actor | None = None, **changes: Any) -> str:
        """A case of an applicant, with a pick-up site; returns its number. Its pictures can be read."""
        facts = self.office.facts(service, **{"pickup_site_id": self.site(), **changes})
        self.keep(text for texts in whole().values() for text in texts)
        return self.number(self.office.submit(facts, who=who or self.actor))

    def keep(self, texts: Iterator[str] | Sequence[str]) -> None:
        """Put the office's one-page files into the store, under the names that its rows use."""
        for each in texts:
            assert self.parts.blobs.put(each.encode()) == hashlib.sha256(each.encode()).hexdigest()

    def site(self) -> int:
        """A pick-up site of the office's first authority."""
        with self.office.work() as session:
            found = session.scalars(select(PickupSite.id)).first()
            if found is not None:
                return found
            site = PickupSite(
                authority_id=self.office.authority_ids[0],
                name="示例服务大厅",
                address="示例路 1 号",
                telephone="000-0000",
                opening_hours="9:00–17:00",
                note="请走<东>门",
            )
            session.add(site)
            session.flush()
            return site.id

    def number(self, case_id: int) -> str:
        """The number of a case."""
        with self.office.work() as session:
            return session.get_one(Application, case_id).number

    def case_id(self, number: str) -> int:
        """The id behind a number."""
        with self.office.work() as session:
            return session.scalars(select(Application.id).where(Application.number == number)).one()

    def state(self, number: str) -> str:
        """Where a case stands."""
        with self.office.work() as session:
            return session.get_one(Application, self.case_id(number)).state

    def pass_both(self, number: str) -> None:
        """Both desks are content."""
        self.office.decide(self.staff[CLERK], self.case_id(number), Verdict.PASSED, "预审内部备注")
        self.office.decide(self.staff[CHECKER], self.case_id(number), Verdict.PASSED, "复核内部备注")

    def move(self, number: str, person: str, action: Action, remark: str | None = None) -> None:
        """One move of the later desks."""
        actor = self.staff[person]
        with self.office.work(actor) as session:
            advance(session, self.case_id(number), action, actor, remark=remark)

    def mark_fault(self, number: str, code: str, note: str = "", region: dict[str, float] | None = None) -> None:
        """The clerk marks everything ok but the first item of one document; nothing is decided."""
        actor, case_id = self.staff[CLERK], self.case_id(number)
        with self.office.work(actor) as session:
            review.open_review(session, actor, case_id, Desk.PRE_CHECK)
            wrong = self.office.items(session, case_id, code)[0]
            place = {"page_id": self.page_id(number, code), **region} if region else None
            findings = [
                Finding(item, MarkValue.FAULT, note, place) if item == wrong else Finding(item, MarkValue.OK)
                for item in self.office.items(session, case_id)
            ]
            mark(session, actor, case_id, findings, seen_version=session.get_one(Application, case_id).version)

    def fail(
        self, number: str, code: str, remark: str = "请补正", note: str = "", region: dict[str, float] | None = None
    ) -> None:
        """The clerk fails the case for one document."""
        self.mark_fault(number, code, note, region)
        actor, case_id = self.staff[CLERK], self.case_id(number)
        with self.office.work(actor) as session:
            seen = session.get_one(Application, case_id).version
            review.decide(session, actor, case_id, Verdict.FAILED, remark, seen_version=seen)

    def page_id(self, number: str, code: str = DOCUMENTS[0]) -> int:
        """The first page of a document's newest round."""
        with self.office.work() as session:
            return (
                session.scalars(
                    select(Page.id)
                    .join(Attachment, Attachment.id == Page.attachment_id)
                    .where(Page.application_id == self.case_id(number), Attachment.document_code == code)
                    .order_by(Attachment.submission_id.desc(), Attachment.position, Page.index)
                ).first()
                or 0
            )


class Browser:
    """An applicant's browser. Every page it opens has to be valid HTML."""

    def __init__(self, door: Door, applicant: Applicant) -> None:
        self.client = door.app.test_client()
        answer = sign_in(self.client, applicant, door.parts.secrets)
        assert answer.status_code == 303, answer.text
        self.token = form_token(self.client.get("/applications").text)

    def open(self, path: str, status: int = 200) -> str:
        """The page at `path`, which has to answer with `status`."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code)
        HTMLParser(strict=True).parse(answer.text)
        return answer.text

    def words(self, path: str) -> str:
        """What a reader sees of a page."""
        main = self.open(path).split("<main")[1].split("</main>")[0]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))

    def post(self, path: str, **values: str) -> TestResponse:
        """Send a form as a browser without scripts does."""
        return self.client.post(path, data={"csrf_token": self.token, **values}, headers={"Accept": "text/html"})


@pytest.fixture
def door(fresh_database: Database, tmp_path: Path) -> Iterator[Door]:
    """A served office with its people, and one applicant."""
    settings = Settings(var_dir=tmp_path)
    parts = make_parts(settings, fresh_database.app_url)
    office = open_office(parts.engine, settings.key_dir)
    yield Door(create_app(parts=parts), office, parts)
    parts.engine.dispose()
