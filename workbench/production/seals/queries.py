"""Reads of seals: which cases wait for one, what a maker needs beside the letter, what the enterprise sealed with
before.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from workbench.cases.calendar import working_days_left
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application, CaseDecider
from workbench.cases.service import get_case
from workbench.cases.words import Desk
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment, Page
from workbench.documents.service import current_submission
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Seal
from workbench.organisation.models import Authority, Staff
from workbench.production.choosing import approved_cases, has_seal, is_being_made

LETTER: Final = "seal_confirmation"
"""The document an impression is taken from (DOMAIN: required documents)."""
LISTED: Final = 100
"""Cases a list shows; they are worked off from the top."""


@dataclass(frozen=True)
class WaitingCase:
    """One line of the list. `working_days_left` is 0 today, negative when late, None when no clock runs."""

    application: Application
    authority_short: str
    authority_name: str
    working_days_left: int | None
    prepared_by: str | None


@dataclass(frozen=True)
class LetterPage:
    """One page of the confirmation letter. `says_name` is whether its text names the enterprise; None without text."""

    page: Page
    attachment: Attachment
    says_name: bool | None


@dataclass(frozen=True)
class PreviousSeal:
    """What the enterprise sealed with on the key of an earlier case."""

    seal: Seal
    number: str


def to_prepare(actor: Actor) -> Select[Application]:
    """Cases of which this person may prepare the seal, and nobody has yet; the most urgent first."""
    return _open_to(actor).where(~has_seal()).order_by(Application.due_at, Application.id)


def prepared(actor: Actor) -> Select[Application]:
    """Cases whose seal is prepared and may still be prepared anew, because no token has been allocated."""
    return _open_to(actor).where(has_seal(), ~is_being_made()).order_by(Application.due_at, Application.id)


def count_to_prepare(session: Session, actor: Actor) -> int:
    """How many cases wait for their seal."""
    return _count(session, to_prepare(actor))


def count_prepared(session: Session, actor: Actor) -> int:
    """How many cases have their seal and wait for a token."""
    return _count(session, prepared(actor))


def list_cases(session: Session, wanted: Select[Application]) -> list[WaitingCase]:
    """The first LISTED cases of a statement, with their authority and who prepared the seal."""
    maker = (
        select(Staff.name)
        .join(Seal, Seal.maker_id == Staff.id)
        .where(Seal.application_id == Application.id, Seal.superseded_at.is_(None))
        .scalar_subquery()
    )
    columns = (Application, Authority.short_zh, Authority.name_en, maker)
    listed = wanted.with_only_columns(*columns).join(Authority, Authority.id == Application.authority_id)
    rows = session.execute(listed.limit(LISTED)).all()
    calendar, at = load_calendar(session), now()
    return [
        WaitingCase(
            application=application,
            authority_short=short,
            authority_name=name,
            working_days_left=working_days_left(at, application.due_at, calendar) if application.due_at else None,
            prepared_by=prepared_by,
        )
        for application, short, name, prepared_by in rows
    ]


def find_next(session: Session, actor: Actor, after: Application | None = None) -> int | None:
    """The case to prepare after this one in the order of the list; from the top again when there is none."""
    waiting = to_prepare(actor).with_only_columns(Application.id).limit(1)
    if after is None:
        return session.scalars(waiting).first()
    others = waiting.where(Application.id != after.id)
    behind = session.scalars(others.where(_behind(after))).first()
    return behind if behind is not None else session.scalars(others).first()


def find_live(session: Session, application_id: int, *, lock: bool = False) -> Seal | None:
    """The seal of a case that counts now."""
    statement = select(Seal).where(Seal.application_id == application_id, Seal.superseded_at.is_(None))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def letter_pages(session: Session, actor: Actor, application_id: int) -> list[LetterPage]:
    """The pages of the confirmation letter of the case's current round, in order.

    Raises:
        NotFound: no such case inside the actor's authority.
    """
    application = get_case(session, actor, application_id)
    submission = current_submission(session, application)
    return [
        LetterPage(page, attachment, _says(page, application.enterprise_name))
        for attachment in list_attachments(session, [submission.id])
        if attachment.document_code == LETTER
        for page in attachment.pages
    ]


def previous_seal(parts: Parts, uscc: str, application_id: int) -> PreviousSeal | None:
    """The newest seal of the enterprise that went into a signed structure on another case, at whatever authority."""
    with parts.work() as session:
        row = session.execute(
            select(Seal, Application.number)
            .join(Application, Application.id == Seal.application_id)
            .where(
                Seal.uscc == uscc,
                Seal.application_id != application_id,
                Seal.superseded_at.is_(None),
                Seal.structure_sha256.is_not(None),
            )
            .order_by(Seal.made_at.desc(), Seal.id.desc())
            .limit(1)
        ).one_or_none()
        return PreviousSeal(*row) if row is not None else None


def _open_to(actor: Actor) -> Select[Application]:
    """Cases in production that this person has not decided on at another desk (four eyes)."""
    decided = exists().where(
        CaseDecider.application_id == Application.id,
        CaseDecider.staff_id == actor.id,
        CaseDecider.desk != Desk.PRODUCTION.value,
    )
    return approved_cases().where(~decided)


def _behind(case: Application) -> ColumnElement[bool]:
    if case.due_at is None:
        return and_(Application.due_at.is_(None), Application.id > case.id)
    later = tuple_(Application.due_at, Application.id) > (case.due_at, case.id)
    return or_(later, Application.due_at.is_(None))


def _count(session: Session, wanted: Select[Application]) -> int:
    counted = wanted.with_only_columns(Application.id).order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def _says(page: Page, name: str) -> bool | None:
    """Whether the page's text layer names the enterprise; blanks and the width of characters don't count."""
    text = _plain(page.text or "")
    return _plain(name) in text if text else None


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()
