"""Loads the demo: a fresh installation gets places, staff, check-lists and some hundred and forty cases with a past.

Everything goes through the product's own verbs under a set clock, in the order it happened, one transaction a step.
Each step leaves exactly one event on its case, so the events say how far a story was told: a load that was cut short is
continued from there, with the same anchor, which the audit log keeps. An installation with own cases is left alone.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from workbench.cases.deadlines import load_calendar, load_year
from workbench.cases.models import Application, CalendarYear, CaseEvent
from workbench.config import Settings
from workbench.demo.accounts import ACCOUNTS, CHAIN, LOADED, hire
from workbench.demo.papers import Document, PaperFacts, PaperRequest, make_many
from workbench.demo.places import open_sites
from workbench.demo.planning import FULL, Cast, in_order, plan_stories
from workbench.demo.story import Ending, Step, Story
from workbench.demo.telling import Stage, claim_one, paper_facts, set_stage, tell
from workbench.demo.worktime import WorkTime
from workbench.documents.preview import Renderer
from workbench.documents.requirements import seed_requirements
from workbench.documents.uploads import ExaminedFile, IncomingFile, examine
from workbench.kernel import audit
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import SHANGHAI, clock_at, now
from workbench.kernel.identity import system_actor
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.seed import seed_authorities
from workbench.portal.front.contacts import seed_contacts
from workbench.review.seed import seed_templates

STARTED: Final = "demo.load_started"
YEARS: Final = (2024, 2025, 2026)
CLAIMED_BY: Final = "beijing.yushen2"
_ACTOR: Final = system_actor("demo")
_BEFORE_ALL: Final = timedelta(days=95)
"""The installation was set up so long before the anchor: before the earliest step of any story."""
_AHEAD: Final = 5
"""Submissions whose papers are made and opened ahead of the one being told."""
_OPENERS: Final = 3
"""Threads that open papers: each waits for a sandbox or for the disk most of its time."""
_SAY_EVERY: Final = 3.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class Told:
    """What the database already holds of a story."""

    application_id: int
    number: str
    events: int


def load_demo(settings: Settings, progress: Callable[[str], None], *, cast: Cast = FULL, processes: int = 2) -> None:
    """Load the demo data, or finish a load that was cut short; does nothing where cases exist or the load is complete.

    Args:
        settings: with the application's database address.
        progress: told a line every few seconds.
        cast: how many stories stand where; a continued load needs the one it was started with.
        processes: how many make papers.

    Raises:
        ValueError: no application database address is known.
        WorkbenchError: a service refused a step; what was told until then stays, and a repeated load goes on there.
    """
    parts = make_parts(settings)
    try:
        began = time.monotonic()
        anchor = _begin(parts, progress)
        if anchor is not None:
            count = _tell_all(parts, anchor, cast, progress, processes)
            progress(f"Demo data: {count} cases loaded in {time.monotonic() - began:.0f} s.")
    finally:
        parts.engine.dispose()


def find_anchor(parts: Parts) -> datetime | None:
    """The instant as of which the demo's cases were told; None where they were not all loaded."""
    with parts.work() as session:
        entries = {each.action: each for each in session.scalars(select(AuditEntry).where(AuditEntry.chain == CHAIN))}
    if LOADED not in entries or STARTED not in entries:
        return None
    return datetime.fromisoformat((entries[STARTED].after or {})["anchor"])


def _begin(parts: Parts, progress: Callable[[str], None]) -> datetime | None:
    """The anchor of the load to do: a new one after setting up, or an unfinished one's; None when nothing is to do."""
    with parts.work() as session:
        entries = {each.action: each for each in session.scalars(select(AuditEntry).where(AuditEntry.chain == CHAIN))}
        if LOADED in entries:
            return None
        if STARTED in entries:
            progress("Demo data: going on with a load that was cut short …")
            return datetime.fromisoformat((entries[STARTED].after or {})["anchor"])
        if session.scalar(select(Application.id).limit(1)) is not None:
            return None
        progress("Demo data: setting up authorities, staff, check-lists and the calendar …")
        anchor = now()
        with clock_at(anchor - _BEFORE_ALL):
            _set_up(session)
        audit.record(session, STARTED, _ACTOR, subject=CHAIN, after={"anchor": anchor.isoformat()})
        return anchor


def _set_up(session: Session) -> None:
    """What an administrator would enter before the first case; adds only what is missing."""
    seed_authorities(session, _ACTOR)
    loaded = set(session.scalars(select(CalendarYear.year)))
    for year in YEARS:
        if year not in loaded:
            load_year(session, year, _ACTOR, source="chinesecalendar")
    seed_requirements(session, _ACTOR)
    seed_templates(session, _ACTOR)
    seed_contacts(session, _ACTOR)
    open_sites(session, _ACTOR)
    hire(session, _ACTOR)


def _tell_all(parts: Parts, anchor: datetime, cast: Cast, progress: Callable[[str], None], processes: int) -> int:
    """Tell what has not been told yet; returns how many cases the demo has."""
    with parts.work() as session:
        calendar = load_calendar(session)
    stories = plan_stories(cast, WorkTime(calendar, anchor))
    with closing(Renderer()) as renderer:
        stage = set_stage(parts, renderer, stories)
        told = _told(parts, stories)
        steps = [each for each in in_order(stories) if each.story.key not in told or _is_new(each, told)]
        numbers = _numbers(parts, steps, told)
        facts = {story.key: paper_facts(stage, story, numbers[story.key]) for story in stories}
        ids = {key: each.application_id for key, each in told.items()}
        _tell(stage, steps, facts, ids, progress, processes)
        _finish(stage, stories, ids)
    return len(stories)


def _tell(
    stage: Stage,
    steps: Sequence[Step],
    facts: Mapping[tuple[str, str], PaperFacts],
    ids: dict[tuple[str, str], int],
    progress: Callable[[str], None],
    processes: int,
) -> None:
    said_at = time.monotonic()
    with closing(_examined(stage, [each for each in steps if each.sends_papers], facts, processes)) as papers:
        for done, step in enumerate(steps):
            key = step.story.key
            ids[key] = tell(stage, step, ids.get(key), next(papers) if step.sends_papers else ())
            if time.monotonic() - said_at > _SAY_EVERY:
                progress(f"Demo data: {done + 1} of {len(steps)} steps told, {len(ids)} cases so far …")
                said_at = time.monotonic()


def _examined(
    stage: Stage, submissions: Sequence[Step], facts: Mapping[tuple[str, str], PaperFacts], processes: int
) -> Generator[list[ExaminedFile], None, None]:
    """The files of each submission, made in other processes and opened in the sandbox a little ahead of their use."""
    requests = [_request(step, document, facts) for step in submissions for document in _sent(step)]
    waiting: deque[list[Future[ExaminedFile]]] = deque()
    with ThreadPoolExecutor(_OPENERS) as pool, closing(make_many(requests, processes)) as made:
        for step in submissions:
            waiting.append(
                [
                    pool.submit(_examine, stage, IncomingFile(document.value, paper.file_name, paper.content))
                    for document in _sent(step)
                    for paper in next(made)
                ]
            )
            if len(waiting) > _AHEAD:
                yield [each.result() for each in waiting.popleft()]
        while waiting:
            yield [each.result() for each in waiting.popleft()]


def _sent(step: Step) -> tuple[Document, ...]:
    return step.story.rounds[step.round].sent


def _request(step: Step, document: Document, facts: Mapping[tuple[str, str], PaperFacts]) -> PaperRequest:
    plan = step.story.rounds[step.round].papers[document]
    return PaperRequest(
        document.value,
        facts[step.story.key],
        seed=plan.seed,
        faults=plan.faults,
        form=plan.form.value,
        quirk=plan.quirk.value,
    )


def _examine(stage: Stage, untrusted: IncomingFile) -> ExaminedFile:
    shows_identity = untrusted.document_code == Document.USER_ID_CARD
    return examine(stage.parts.blobs, stage.renderer, untrusted, shows_identity=shows_identity)


def _told(parts: Parts, stories: Sequence[Story]) -> dict[tuple[str, str], Told]:
    """The stories that have begun, with how many of their steps are done."""
    keys = {story.key for story in stories}
    with parts.work() as session:
        rows = session.execute(
            select(Application.uscc, Application.service, Application.id, Application.number, func.count())
            .join(CaseEvent, CaseEvent.application_id == Application.id)
            .group_by(Application.id)
        ).all()
    return {(row[0], row[1]): Told(row[2], row[3], row[4]) for row in rows if (row[0], row[1]) in keys}


def _is_new(step: Step, told: Mapping[tuple[str, str], Told]) -> bool:
    return step.number >= told[step.story.key].events


def _numbers(parts: Parts, steps: Sequence[Step], told: Mapping[tuple[str, str], Told]) -> dict[tuple[str, str], str]:
    """Each story's application number, which its papers print: known for those that began, foretold for the others.

    Nobody else opens cases while the demo loads, so the sequence gives them out in the order of the steps.
    """
    with parts.work() as session:
        last = session.scalar(text("SELECT pg_sequence_last_value('application_number')")) or 0
    opening = [each for each in steps if each.number == 0]
    numbers = {key: each.number for key, each in told.items()}
    for place, step in enumerate(opening, start=1):
        numbers[step.story.key] = f"EK{step.at.astimezone(SHANGHAI).year}{last + place:07d}"
    return numbers


def _finish(stage: Stage, stories: Sequence[Story], ids: Mapping[tuple[str, str], int]) -> None:
    """Put one case into a colleague's hands and say that the load is complete."""
    clerk = next(each for each in ACCOUNTS if each.login == CLAIMED_BY)
    waiting = [each for each in stories if each.ending is Ending.PRE_CHECK and each.authority == clerk.authority]
    if waiting:
        claim_one(stage, CLAIMED_BY, ids[waiting[0].key], stage.parts.settings.claim_minutes)
    with stage.parts.work() as session:
        audit.record(session, LOADED, _ACTOR, subject=CHAIN, after={"cases": len(ids)})
