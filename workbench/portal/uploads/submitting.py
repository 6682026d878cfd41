"""Sending a finished form in: it becomes a case, or the next round of one, exactly once.

Everything is checked again here whatever the pages said; what a form was told before counts for nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from workbench.cases import service as cases
from workbench.cases.facts import CaseFacts
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.documents.preview import Renderer
from workbench.documents.service import resubmit_case, submit_case
from workbench.documents.uploads import ExaminedFile
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.keys.queries import LIMIT_OF_KEYS, keys_held
from workbench.portal.drafting.drafts import facts_of, get_draft, problems_of
from workbench.portal.models import Draft, DraftFile
from workbench.portal.uploads.paper_pages import read_back
from workbench.portal.uploads.papers import slots_of

COUNTED: Final = frozenset({Service.NEW, Service.ADDITIONAL})
"""Services that bring one more key: the others put one in the place of another."""


class DraftIncomplete(Invalid):
    """The form cannot be submitted yet: `problems` by field, `documents` whose papers are missing or wrong, by code."""

    def __init__(self, problems: Mapping[str, str], documents: Sequence[str]) -> None:
        super().__init__(N_("Something is still missing or has to be put right before you can submit."))
        self.problems = dict(problems)
        self.documents = tuple(documents)


def submit_draft(session: Session, parts: Parts, renderer: Renderer, draft_id: int, actor: Actor) -> Application:
    """Make a case of the form, or the next round of the case it corrects. Submitted again, the same case is returned.

    Raises:
        NotFound: no such form of this applicant.
        DraftIncomplete: with every field and slot that is in the way.
        Conflict: the enterprise holds as many keys as it may, or the case that was to be corrected moved on.
        UploadRefused, InvalidFacts: as `documents.service.submit_case`, when lists changed in this very moment.
    """
    draft = get_draft(session, actor, draft_id, lock=True, open_only=False)
    if draft.result_id is not None:
        return cases.get_case(session, actor, draft.result_id)
    slots = slots_of(session, parts, draft)
    problems, stopping = problems_of(session, parts, draft), [slot.document.code for slot in slots if slot.stops]
    if problems or stopping:
        raise DraftIncomplete(problems, stopping)
    facts = facts_of(session, parts, draft)
    files = [file for slot in slots for file in slot.files]
    if draft.application_id is None:
        _check_limit(session, parts, facts, actor)
        application = submit_case(session, parts, renderer, facts, _new(files), actor, number=draft.number)
    else:
        application = _send_again(session, parts, renderer, draft, facts, files, actor)
    draft.submitted_at = draft.updated_at = now()
    draft.result_id = application.id
    _record(session, draft, application, files, actor)
    session.flush()
    return application


def _send_again(
    session: Session,
    parts: Parts,
    renderer: Renderer,
    draft: Draft,
    facts: CaseFacts,
    files: Sequence[DraftFile],
    actor: Actor,
) -> Application:
    assert draft.application_id is not None
    kept = [file.kept_from_id for file in files if file.kept_from_id is not None]
    answer = str(draft.values.get("answer", "")).strip() or None
    return resubmit_case(session, parts, renderer, draft.application_id, facts, _new(files), kept, actor, answer)


def _check_limit(session: Session, parts: Parts, facts: CaseFacts, actor: Actor) -> None:
    """Count once more, one submission of an enterprise after the other: two at once must not both be the third.

    Raises:
        Conflict: the enterprise holds as many keys as it may.
    """
    if facts.service not in COUNTED:
        return
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:code, 0))"), {"code": f"keys:{facts.uscc}"})
    if keys_held(parts, facts.uscc, actor.scope.applicant_id).count >= LIMIT_OF_KEYS:
        raise Conflict(
            N_("An enterprise may hold at most %(limit)d valid keys, those being made included."), limit=LIMIT_OF_KEYS
        )


def _new(files: Sequence[DraftFile]) -> list[ExaminedFile]:
    return [read_back(file) for file in files if file.kept_from_id is None]


def _record(session: Session, draft: Draft, application: Application, files: Sequence[DraftFile], actor: Actor) -> None:
    kept = sum(file.kept_from_id is not None for file in files)
    audit.record(
        session,
        "draft.submitted",
        actor,
        subject=f"draft:{draft.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        after={"number": application.number, "files": len(files), "kept": kept, "round": application.round},
    )
