"""A served office for browser tests: the whole application on a loopback port, its people, and cases with real papers.

The papers are made and opened in the sandbox once; every case sends the same files, as examined.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.casework import SYSTEM, actor_of
from tests.support.certificates import free_port, served_with_tls, trial_authority
from tests.support.database import Database
from tests.support.paper_facts import facts_of
from workbench import create_app
from workbench.cases import claims
from workbench.cases.deadlines import load_year
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Applicant, Application, Submission
from workbench.cases.service import get_case
from workbench.cases.words import Category, Channel, Service, Verdict
from workbench.config import Settings
from workbench.demo.papers import (
    Document,
    Fault,
    Form,
    Quirk,
    invented_enterprise,
    invented_holder,
    make_paper,
)
from workbench.documents.attachments import list_attachments
from workbench.documents.rendering import renderer
from workbench.documents.requirements import seed_requirements
from workbench.documents.service import facts_for_resubmission, resubmit_case, submit_case
from workbench.documents.uploads import ExaminedFile, IncomingFile, examine
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.identity import Actor, Role, Scope
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.trial import TrialAuthority
from workbench.organisation.models import Authority, Staff
from workbench.organisation.seed import seed_authorities
from workbench.organisation.service import create_staff
from workbench.portal import door
from workbench.review import service as review
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue, documents_of
from workbench.review.seed import seed_templates

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")
PASSWORD = "correct horse battery"
ADDRESS = "198.51.100.20"
"""Where enterprises sit: an address set aside for documentation (RFC 5737)."""
_DRAW = Random(7)
ENTERPRISE = invented_enterprise(_DRAW)._replace(name="示例远航进出口有限公司")
HOLDER = invented_holder(_DRAW)
FAULTY: Mapping[Document, frozenset[Fault]] = {
    Document.BUSINESS_LICENCE: frozenset({Fault.NO_SEAL}),
    Document.AUTHORISATION: frozenset({Fault.WRONG_NAME}),
}
"""What is wrong with the papers of a first round."""

Papers = Mapping[Document, Sequence[ExaminedFile]]


@dataclass
class Site:
    """The application as people reach it. Tests share it: each works at an authority of its own."""

    url: str
    parts: Parts
    authority_ids: tuple[int, ...]
    key_issuer: TrialAuthority
    """Whose certificates the key listener takes."""
    app: Flask
    faulty: Papers = field(default_factory=dict)
    mended: Papers = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _places: Iterator[int] = field(default_factory=lambda: count(0))

    def next_authority(self) -> int:
        """An authority nobody works at yet."""
        return self.authority_ids[next(self._places)]

    def hire(self, role: Role, authority_id: int | None = None, *, must_change_password: bool = False) -> Actor:
        """A new member of staff, who signs in with `login_of` and PASSWORD."""
        number = next(self._numbers)
        with self.parts.work() as session:
            staff, _ = create_staff(
                session,
                SYSTEM,
                login=f"person{number}",
                name=f"示例{role.value}{number}",
                roles=[role],
                authority_id=authority_id,
                first_password=PASSWORD,
                must_change_password=must_change_password,
            )
            return actor_of(staff)

    def login_of(self, actor: Actor) -> str:
        """What the person types at the entrance."""
        return self.read(lambda session: session.get_one(Staff, actor.id).login)

    def read(self, question: Callable[[Session], T]) -> T:
        """What the database says now."""
        with self.parts.work() as session:
            return question(session)

    @property
    def key_url(self) -> str:
        """Where the listener for e-keys stands."""
        return f"https://127.0.0.1:{self.parts.settings.key_port}"

    def submit(self, authority_id: int, papers: Papers | None = None, applicant: Applicant | None = None) -> int:
        """A new case with papers, the faulty ones unless given, of an applicant if one is named; returns its id."""
        first_17 = f"91990000{next(self._numbers):09d}"
        facts = CaseFacts(
            service=Service.NEW,
            category=Category.OTHER,
            channel=Channel.PORTAL,
            authority_id=authority_id,
            enterprise_name=applicant.name if applicant else ENTERPRISE.name,
            uscc=(applicant and applicant.uscc) or first_17 + uscc_check_character(first_17),
            holder=HolderFacts(HOLDER.name, HOLDER.id_number, HOLDER.phone, HOLDER.email),
            form={
                "legal_representative": ENTERPRISE.legal_representative,
                "address": ENTERPRISE.address,
                "telephone": "000-00000000",
            },
        )
        files = [file for each in (papers or self.faulty).values() for file in each]
        enterprise = door.actor_of(applicant, ADDRESS) if applicant else _enterprise(facts.uscc, authority_id)
        with self.parts.work(enterprise.scope) as session:
            return submit_case(session, self.parts, renderer(), facts, files, enterprise).id

    def resubmit(self, case_id: int, sent: Sequence[Document], *, telephone: str, answer: str) -> None:
        """The enterprise sends documents anew, the mended ones where they differ, and keeps the rest."""
        with self.parts.work() as session:
            application = session.get_one(Application, case_id)
            enterprise = _enterprise(application.uscc, application.authority_id)
        with self.parts.work(enterprise.scope) as session:
            application = get_case(session, enterprise, case_id)
            facts = facts_for_resubmission(session, self.parts, application, Channel.PORTAL)
            facts = replace(facts, form={**facts.form, "telephone": telephone})
            before = session.scalars(
                select(Submission.id).where(Submission.application_id == case_id, Submission.round == application.round)
            ).one()
            kept = [each.id for each in list_attachments(session, [before]) if each.document_code not in sent]
            files = [file for document in sent for file in self.mended[document]]
            resubmit_case(session, self.parts, renderer(), case_id, facts, files, kept, enterprise, answer=answer)

    def decide(self, actor: Actor, case_id: int, verdict: Verdict, fault: str = "sealed") -> None:
        """Take, mark and decide a case as one person, faults on the items of that code when it fails."""
        with self.parts.work(actor.scope) as session:
            application = claims.claim(session, actor, case_id, minutes=20)
            desk = claims.desk_of(application)
            assert desk is not None
            opened = review.open_review(session, actor, case_id, desk)
            submission = session.get_one(Submission, opened.submission_id)
            items = [item for each in documents_of(session, submission) for item in each.items]
            wrong = {item.id for item in items if verdict is Verdict.FAILED and item.code == fault}
            findings = [
                Finding(
                    item.id, MarkValue.FAULT if item.id in wrong else MarkValue.OK, "示例" if item.id in wrong else ""
                )
                for item in items
            ]
            mark(session, actor, case_id, findings, seen_version=application.version)
            review.decide(session, actor, case_id, verdict, "示例批语", seen_version=application.version)

    def reassign(self, supervisor: Actor, case_id: int, person: Actor) -> None:
        """A supervisor hands a case to somebody."""
        assert person.id is not None
        with self.parts.work(supervisor.scope) as session:
            claims.reassign(session, supervisor, case_id, person.id, "示例交接", minutes=20)

    def state(self, case_id: int) -> str:
        """Where a case stands."""
        return self.read(lambda session: session.get_one(Application, case_id).state)


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request: a failed test's output is for what failed."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def _enterprise(uscc: str, authority_id: int) -> Actor:
    scope = Scope(frozenset({authority_id}))
    return Actor(kind="enterprise", id=None, name=uscc, scope=scope, address=ADDRESS)


@contextmanager
def served(database: Database, folder: Path) -> Iterator[Site]:
    """The application over a database with authorities, check-lists, templates and the calendar, and beside it a
    listener that asks for certificates of e-keys."""
    server = make_server("127.0.0.1", 0, _not_open_yet, threaded=True, request_handler=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    issuer = trial_authority(folder / "issuer")
    settings = Settings.model_validate(
        {
            "var_dir": folder / "var",
            "log_level": "ERROR",
            "public_url": url,
            "key_port": free_port(),
            "client_ca": issuer.certificate_path,
        }
    )
    parts = make_parts(settings, database.app_url)
    with parts.work() as session:
        seed_authorities(session, SYSTEM)
        seed_requirements(session, SYSTEM)
        seed_templates(session, SYSTEM)
        for year in (2025, 2026):
            load_year(session, year, SYSTEM, source="示例")
        ids = tuple(session.scalars(select(Authority.id).order_by(Authority.position)))
    server.app = app = create_app(parts=parts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="web server")
    thread.start()
    site = Site(url, parts, ids, issuer, app)
    try:
        with served_with_tls(app, issuer, port=settings.key_port or 0):
            site.faulty, site.mended = _papers(parts, FAULTY), _papers(parts, {})
            yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        parts.engine.dispose()


def _not_open_yet(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Holds the place of the application, whose settings name the port before it exists."""
    raise AssertionError("nobody is served yet")


def _papers(parts: Parts, faults: Mapping[Document, frozenset[Fault]]) -> Papers:
    """The six documents: word processors' exports, but the licence and the card as scans. The same seed gives the same
    bytes, so what has no fault is the same file in both sets."""
    facts = facts_of(ENTERPRISE, HOLDER)
    found: dict[Document, list[ExaminedFile]] = {}
    for document in Document:
        scan = document in (Document.BUSINESS_LICENCE, Document.USER_ID_CARD)
        papers = make_paper(
            document,
            facts,
            seed=3,
            faults=faults.get(document, frozenset()),
            form=Form.SCAN_PDF if scan else Form.PDF,
            quirk=Quirk.NONE,
        )
        found[document] = [
            examine(
                parts.blobs,
                renderer(),
                IncomingFile(document.value, paper.file_name, paper.content),
                shows_identity=document is Document.USER_ID_CARD,
            )
            for paper in papers
        ]
    return found
