"""A small office on a real database: authorities, staff of every desk, a check-list, and cases that walk through it.

Work is committed as in production, under the application's role and the scope of whoever does it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

import workbench.models  # noqa: F401 - every table, so that foreign keys are known
from workbench.cases.deadlines import load_year
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.models import Submission
from workbench.cases.service import get_case, open_case, resubmit
from workbench.cases.words import Category, Channel, Desk, Service, Verdict
from workbench.documents.models import Attachment, CheckItem, Page, RequiredDocument, RequirementVersion
from workbench.kernel.clock import now
from workbench.kernel.codes import uscc_check_character
from workbench.kernel.db import make_session_factory, unit_of_work
from workbench.kernel.identity import EVERYWHERE, VENDOR_ROLES, Actor, Role, Scope, system_actor
from workbench.kernel.secrets import Secrets
from workbench.organisation.models import Authority, Staff
from workbench.review import service as review
from workbench.review.marking import Finding, mark
from workbench.review.marks import MarkValue

SYSTEM = system_actor("test")
IDENTITY = "110101199003070038"
OTHER_IDENTITY = "110101199003070011"
DOCUMENTS = ("application_form", "business_licence", "user_id_card")
"""The check-list of this office: per document a required "legible" and "matches", and an optional "tidy"."""

_COMPARES = {"application_form": "holder_name", "business_licence": "enterprise_name"}


@dataclass
class Office:
    """The database with its people; `work` is one committed unit of work."""

    engine: Engine
    secrets: Secrets
    authority_ids: tuple[int, ...] = (0, 0)
    versions: dict[Service, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def factory(self) -> sessionmaker[Session]:
        """New sessions under the application's role."""
        return make_session_factory(self.engine)

    @contextmanager
    def work(self, who: Actor | Scope = EVERYWHERE) -> Iterator[Session]:
        """A unit of work in someone's scope, committed at the end."""
        with unit_of_work(self.factory, who.scope if isinstance(who, Actor) else who) as session:
            yield session

    def open_authority(self) -> int:
        """One authority more; returns its place among those of the office."""
        place = len(self.authority_ids) + 1
        with self.work() as session:
            authority = _authority(place)
            session.add(authority)
            session.flush()
            self.authority_ids = (*self.authority_ids, authority.id)
        return place - 1

    def hire(self, name: str, *roles: Role, authority_id: int | None = None) -> Actor:
        """A new member of staff; the vendor's unless an authority is named."""
        with self.work() as session:
            staff = Staff(
                login=name,
                name=f"示例{name}",
                password_hash="x",
                roles=[role.value for role in roles],
                authority_id=authority_id,
                password_changed_at=now(),
            )
            session.add(staff)
            session.flush()
            return actor_of(staff)

    def clerk(self, name: str = "clerk", authority: int = 0) -> Actor:
        """A pre-check clerk of the first or the second authority."""
        return self.hire(name, Role.PRE_CHECKER, authority_id=self.authority_ids[authority])

    def re_checker(self, name: str = "checker") -> Actor:
        """A re-checker of the vendor."""
        return self.hire(name, Role.RE_CHECKER)

    def facts(self, service: Service = Service.NEW, authority: int = 0, **changes: Any) -> CaseFacts:
        """What an applicant states; every enterprise is another one."""
        first_17 = f"91110000{next(self._numbers):09d}"
        holder = {"name": "示例甲", "identity_number": IDENTITY, "mobile": "10000000000", "email": "a@example.invalid"}
        holder.update({key: changes.pop(key) for key in tuple(changes) if key in holder})
        stated: dict[str, Any] = {
            "enterprise_name": f"示例第{first_17[-4:]}有限公司",
            "uscc": first_17 + uscc_check_character(first_17),
            "reason": "遗失" if service in (Service.ADDITIONAL, Service.REPLACEMENT) else None,
            "prior_key": "示例钥匙" if service is Service.REPLACEMENT else None,
            **changes,
        }
        return CaseFacts(
            service=service,
            category=stated.pop("category", Category.OTHER),
            channel=Channel.PORTAL,
            authority_id=self.authority_ids[authority],
            holder=HolderFacts(**holder),
            **stated,
        )

    def submit(
        self, facts: CaseFacts | None = None, files: Mapping[str, Sequence[str]] | None = None, who: Actor = SYSTEM
    ) -> int:
        """A new case with files; returns its id. `files` are the texts of each document's one-page files."""
        facts = facts or self.facts()
        with self.work(who) as session:
            application, submission = open_case(
                session, self.secrets, facts, who, requirement_version_id=self.versions[facts.service]
            )
            self._attach(session, submission, files if files is not None else whole())
            return application.id

    def submit_again(
        self,
        application_id: int,
        facts: CaseFacts,
        files: Mapping[str, Sequence[str]] | None = None,
        *,
        carried: Sequence[str] = (),
        who: Actor = SYSTEM,
    ) -> None:
        """The next round of a returned case; documents in `carried` were taken over, not sent again."""
        with self.work(who) as session:
            _, submission = resubmit(
                session,
                self.secrets,
                application_id,
                facts,
                who,
                requirement_version_id=self.versions[facts.service],
                answer="已补正",
            )
            self._attach(session, submission, files if files is not None else whole(), carried)

    def decide(self, actor: Actor, application_id: int, verdict: Verdict, remark: str = "示例批语") -> None:
        """Open, mark and decide as one person: everything ok for a pass, one fault for a fail."""
        with self.work(actor) as session:
            desk = Desk.PRE_CHECK if Role.PRE_CHECKER in actor.roles else Desk.RE_CHECK
            review.open_review(session, actor, application_id, desk)
            self.mark_all(session, actor, application_id, verdict)
            version = get_case(session, actor, application_id).version
            review.decide(session, actor, application_id, verdict, remark, seen_version=version)

    def mark_all(self, session: Session, actor: Actor, application_id: int, verdict: Verdict) -> None:
        """Mark every required item ok, and the first a fault when it shall fail."""
        version = get_case(session, actor, application_id).version
        findings = [Finding(item_id, MarkValue.OK) for item_id in self.items(session, application_id)]
        if verdict is Verdict.FAILED:
            findings[0] = Finding(findings[0].check_item_id, MarkValue.FAULT)
        mark(session, actor, application_id, findings, seen_version=version)

    def items(self, session: Session, application_id: int, code: str | None = None) -> list[int]:
        """The required check items of the current round, of one document or all."""
        statement = (
            select(CheckItem.id)
            .join(RequiredDocument, RequiredDocument.id == CheckItem.document_id)
            .join(Submission, Submission.requirement_version_id == RequiredDocument.version_id)
            .where(Submission.application_id == application_id, CheckItem.required)
            .distinct()
            .order_by(CheckItem.id)
        )
        return list(session.scalars(statement.where(RequiredDocument.code == code) if code else statement))

    def _attach(
        self, session: Session, submission: Submission, files: Mapping[str, Sequence[str]], carried: Sequence[str] = ()
    ) -> None:
        own = {"application_id": submission.application_id, "authority_id": submission.authority_id}
        for code, texts in files.items():
            for position, content in enumerate(texts):
                digest = hashlib.sha256(content.encode()).hexdigest()
                attachment = Attachment(
                    **own,
                    submission_id=submission.id,
                    document_code=code,
                    position=position,
                    untrusted_name=f"{code}.pdf",
                    sha256=digest,
                    byte_size=len(content.encode()),
                    kind="pdf",
                    page_count=1,
                    uploaded_at=now(),
                    uploaded_by=SYSTEM.label,
                    carried_from_id=self._origin(session, submission, digest) if code in carried else None,
                )
                session.add(attachment)
                session.flush()
                session.add(_page(own, attachment, digest, content))
        session.flush()

    def _origin(self, session: Session, submission: Submission, digest: str) -> int | None:
        return session.scalars(
            select(Attachment.id)
            .where(Attachment.application_id == submission.application_id, Attachment.sha256 == digest)
            .order_by(Attachment.id)
        ).first()


def whole(**changed: Sequence[str]) -> dict[str, Sequence[str]]:
    """A full set of files, some of them replaced: texts by document code."""
    return {code: changed.get(code, [f"{code} 正文"]) for code in DOCUMENTS}


def actor_of(staff: Staff) -> Actor:
    """A member of staff as the verbs know them."""
    scope = EVERYWHERE if staff.authority_id is None else Scope(frozenset({staff.authority_id}))
    assert staff.authority_id is None or not staff.role_set & VENDOR_ROLES
    return Actor("staff", staff.id, staff.name, staff.role_set, scope, "127.0.0.1")


def open_office(engine: Engine, folder: Path) -> Office:
    """Two authorities, the official calendar, and one check-list for every service."""
    office = Office(engine, Secrets.load_or_create(folder))
    with office.work() as session:
        authorities = [_authority(place) for place in (1, 2)]
        session.add_all(authorities)
        session.flush()
        office.authority_ids = (authorities[0].id, authorities[1].id)
        for year in (2025, 2026):
            load_year(session, year, SYSTEM, source="示例")
        for service in Service:
            office.versions[service] = _publish(session, service)
    return office


def _authority(place: int) -> Authority:
    return Authority(
        code=f"99000{place}",
        name_zh=f"示例机构{place}",
        short_zh=f"示{place}",
        name_en=f"Example {place}",
        kind="province",
        position=place,
    )


def _publish(session: Session, service: Service) -> int:
    version = RequirementVersion(service=service.value, version=1, published_at=now(), published_by="test", note="")
    session.add(version)
    session.flush()
    for place, code in enumerate(DOCUMENTS):
        document = RequiredDocument(
            version_id=version.id,
            code=code,
            position=place,
            name_zh=f"示例{code}",
            name_en=code,
            bracket_zh="",
            bracket_en="",
        )
        session.add(document)
        session.flush()
        for position, (item, required) in enumerate((("legible", True), ("matches", True), ("tidy", False))):
            session.add(
                CheckItem(
                    document_id=document.id,
                    code=item,
                    position=position,
                    label_zh=item,
                    label_en=item,
                    fault_zh=f"{item}不符",
                    fault_en=f"not {item}",
                    required=required,
                    compares=_COMPARES.get(code) if item == "matches" else None,
                )
            )
    session.flush()
    return version.id


def _page(own: Mapping[str, int], attachment: Attachment, digest: str, content: str) -> Page:
    words = [[word, 0.1, 0.1 + n * 0.05, 0.5, 0.13 + n * 0.05] for n, word in enumerate(content.split())]
    return Page(
        **own,
        attachment_id=attachment.id,
        index=0,
        width=1600,
        height=2262,
        image_sha256=digest,
        thumbnail_sha256=digest,
        text=content,
        words=words,
    )
