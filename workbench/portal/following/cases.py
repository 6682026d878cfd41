"""Following a case: everything its applicant's page shows, read under the applicant's own scope, and its withdrawal.

Another applicant's case is not found, by whatever number. Identity numbers come masked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from workbench.cases.calendar import DueDate, WorkingCalendar, last_day, local_day, working_days_left
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, load_calendar
from workbench.cases.models import Application, CaseClock, CaseEvent, Submission
from workbench.cases.service import advance, get_case
from workbench.cases.states import CLOSED_STATES, Action
from workbench.cases.words import Service, State
from workbench.collection.models import Pickup
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment, RequiredDocument
from workbench.documents.service import current_submission
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.following.timeline import STAGE_CLOCKS, Period, Saying, Step, stages_after, standing, timeline
from workbench.portal.models import Draft
from workbench.portal.remarks.pictures import PagePicture, pictures_of
from workbench.portal.remarks.reading import CaseRemarks, remarks_of
from workbench.portal.uploads.correcting import find_open
from workbench.review.diff import FormValue, form_values
from workbench.review.marks import documents_of
from workbench.review.models import Review

_NUMBER: Final = re.compile(r"EK[0-9]{11,20}")


@dataclass(frozen=True)
class Due:
    """Until when the present step has to be done, and how that day was counted.

    `left` are working days from now, negative when late. `used` of the `days` were spent before `since`.
    """

    at: datetime
    left: int
    days: int
    used: int
    since: date
    found: DueDate
    provisional: bool


@dataclass(frozen=True)
class SentFile:
    """One file as it was sent, with its pages."""

    name: str
    byte_size: int
    carried: bool
    pages: tuple[PagePicture, ...]


@dataclass(frozen=True)
class SentPaper:
    """One document of the current round with its files; `faulted` in the remark that stands."""

    document: RequiredDocument
    files: tuple[SentFile, ...]
    faulted: bool


@dataclass(frozen=True)
class Followed:
    """All the page of a case shows. `why_kept` is a msgid that says why it cannot be withdrawn, or None.

    `pickup` is there while the key waits to be collected.
    """

    application: Application
    submission: Submission
    authority: Authority
    site: PickupSite | None
    now: Saying
    steps: Sequence[Step]
    due: Due | None
    remarks: CaseRemarks
    values: Mapping[str, FormValue]
    papers: Sequence[SentPaper]
    correction: Draft | None
    why_kept: str | None
    pickup: Pickup | None = None

    @property
    def state(self) -> State:
        """Where the case stands."""
        return State(self.application.state)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in CLOSED_STATES

    @property
    def gets_key(self) -> bool:
        """Whether a key is made and has to be collected; a renewal's is only updated."""
        return self.application.service != Service.RENEWAL

    @property
    def originals(self) -> list[RequiredDocument]:
        """What to bring to the counter in paper."""
        return [each.document for each in self.papers if each.document.original_at_counter and each.files]


def get_own(session: Session, actor: Actor, number: str) -> Application:
    """The applicant's case of this number.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = None
    if _NUMBER.fullmatch(number):
        found = session.scalars(select(Application.id).where(Application.number == number)).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such application."))
    return get_case(session, actor, found)


def follow(session: Session, actor: Actor, number: str) -> Followed:
    """Everything an applicant sees of a case.

    Raises:
        NotFound: as `get_own`.
    """
    application = get_own(session, actor, number)
    state, service = State(application.state), Service(application.service)
    submission = current_submission(session, application)
    events = session.scalars(
        select(CaseEvent).where(CaseEvent.application_id == application.id).order_by(CaseEvent.id)
    ).all()
    calendar = load_calendar(session)
    clocks = _clocks(session, application)
    remarks = remarks_of(session, application)
    pickup = _pickup(session, application)
    site_id = pickup.site_id if pickup is not None else application.pickup_site_id
    return Followed(
        application=application,
        submission=submission,
        authority=session.get_one(Authority, application.authority_id),
        site=session.get(PickupSite, site_id) if site_id is not None else None,
        now=standing(state, service),
        steps=timeline(events, state, service, _periods(session, application, clocks, calendar)),
        due=_due(application, clocks, calendar),
        remarks=remarks,
        values=form_values(submission, submission.holder),
        papers=_papers(session, submission, remarks),
        correction=find_open(session, application.id),
        why_kept=why_kept(session, application),
        pickup=pickup,
    )


def withdraw(session: Session, actor: Actor, number: str) -> Application:
    """Take an application back before any desk has decided on it; whoever has it open is told by a conflict.

    Raises:
        NotFound: as `get_own`.
        Conflict: a desk has decided, or the case has ended.
    """
    application = get_case(session, actor, get_own(session, actor, number).id, lock=True)
    reason = why_kept(session, application)
    if reason is not None:
        raise Conflict(reason)
    return advance(session, application.id, Action.WITHDRAW, actor)


def why_kept(session: Session, application: Application) -> str | None:
    """Why a case cannot be withdrawn, or None when it can: before the first verdict, nobody has decided anything."""
    if application.state == State.WITHDRAWN:
        return N_("This application has been withdrawn already.")
    if application.state in CLOSED_STATES:
        return N_("This application has been dealt with: there is nothing left to withdraw.")
    decided = session.scalar(
        select(exists().where(Review.application_id == application.id, Review.verdict.is_not(None)))
    )
    if decided or application.state != State.PRE_CHECK:
        return N_("The desks have begun to decide on this application: it can no longer be withdrawn here.")
    return None


def _pickup(session: Session, application: Application) -> Pickup | None:
    """The wait of the case's key at its authority, with the code to show there."""
    if application.state != State.AWAITING_COLLECTION:
        return None
    return session.scalars(
        select(Pickup).where(Pickup.application_id == application.id, Pickup.ended_at.is_(None))
    ).one_or_none()


def _clocks(session: Session, application: Application) -> dict[ClockKind, CaseClock]:
    """The clocks of a case that have not ended, paused ones included."""
    rows = session.scalars(
        select(CaseClock).where(CaseClock.application_id == application.id, CaseClock.stopped_at.is_(None))
    )
    return {ClockKind(row.kind): row for row in rows}


def _due(application: Application, clocks: Mapping[ClockKind, CaseClock], calendar: WorkingCalendar) -> Due | None:
    if application.due_at is None or application.due_clock is None:
        return None
    clock = clocks[ClockKind(application.due_clock)]
    since, last = local_day(clock.started_at), last_day(application.due_at)
    return Due(
        at=application.due_at,
        left=working_days_left(now(), application.due_at, calendar),
        days=clock.days,
        used=clock.used_days,
        since=since,
        found=DueDate(application.due_at, application.due_provisional, calendar.explain(since, last)),
        provisional=application.due_provisional,
    )


def _periods(
    session: Session, application: Application, clocks: Mapping[ClockKind, CaseClock], calendar: WorkingCalendar
) -> dict[State, Period]:
    """What is known of when each stage to come will be done."""
    service = Service(application.service)
    stages = stages_after(State(application.state), service)
    periods: dict[State, Period] = {}
    for stage, (kind, since) in STAGE_CLOCKS.items():
        if stage not in stages:
            continue
        if stage is State.PRODUCTION and service is Service.RENEWAL:
            kind, since = ClockKind.RENEWAL, N_("your application")
        periods[stage] = _period(session, application, stage, kind, since, clocks, calendar)
    return periods


def _period(
    session: Session,
    application: Application,
    stage: State,
    kind: ClockKind,
    since: str,
    clocks: Mapping[ClockKind, CaseClock],
    calendar: WorkingCalendar,
) -> Period:
    running = clocks.get(kind)
    if running is not None and running.due_at is not None:
        return Period(running.days, since, running.due_at, running.provisional)
    days = running.days if running is not None else days_of(session, Service(application.service), kind)
    begun = clocks.get(ClockKind.PRE_CHECK)
    if stage is State.PRODUCTION and begun is not None and begun.due_at is not None:
        used = running.used_days if running is not None else 0
        passed = max(last_day(begun.due_at), local_day(now()))
        latest = calendar.due_from(passed, max(0, days - used))
        return Period(days, since, latest.at, latest.provisional or begun.provisional)
    return Period(days, since)


def _papers(session: Session, submission: Submission, remarks: CaseRemarks) -> list[SentPaper]:
    attachments = list_attachments(session, [submission.id])
    pages = pictures_of(attachments)
    return [
        SentPaper(
            document,
            tuple(_sent(each, pages) for each in attachments if each.document_code == document.code),
            document.code in remarks.faulted,
        )
        for document in documents_of(session, submission)
    ]


def _sent(attachment: Attachment, pages: Mapping[int, PagePicture]) -> SentFile:
    return SentFile(
        attachment.untrusted_name,
        attachment.byte_size,
        attachment.carried_from_id is not None,
        tuple(pages[page.id] for page in attachment.pages),
    )
