"""What a desk may say about a check item, and when the check-list as a whole allows a verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from workbench.cases.models import Submission
from workbench.cases.words import Verdict
from workbench.documents.models import RequiredDocument
from workbench.documents.requirements import effective_documents
from workbench.kernel.messages import N_


class MarkValue(StrEnum):
    """What a desk found on a check item."""

    OK = "ok"
    FAULT = "fault"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Blocker:
    """Why a verdict can't be given yet; `reason` is a msgid. Without a check item it is about the whole list."""

    document_code: str | None
    check_item_id: int | None
    reason: str


@dataclass(frozen=True)
class Line:
    """One line of the check-list as the rules see it."""

    document_code: str
    check_item_id: int
    needed: bool
    value: MarkValue | None


def blockers_of(lines: Iterable[Line], verdict: Verdict) -> list[Blocker]:
    """What stands in the way of a verdict (DOMAIN: a fail names at least one item, a pass needs every required one)."""
    lines = list(lines)
    faults = [line for line in lines if line.value is MarkValue.FAULT]
    if verdict is Verdict.FAILED:
        return [] if faults else [Blocker(None, None, N_("Mark at least one fault first."))]
    return [
        Blocker(line.document_code, line.check_item_id, reason)
        for line in lines
        if (reason := _why_not_passed(line)) is not None
    ]


def _why_not_passed(line: Line) -> str | None:
    if line.value is MarkValue.FAULT:
        return N_("This item is marked as a fault.")
    if line.needed and line.value is None:
        return N_("This item has not been checked yet.")
    return None


def needs_marks(document: RequiredDocument, has_files: bool) -> bool:
    """Whether a document's required items must be marked: always, unless it is optional and was not handed in."""
    return document.required or has_files


def documents_of(session: Session, submission: Submission) -> list[RequiredDocument]:
    """What was asked for with a submission, items loaded: the service's own list first, then the authority's extras."""
    return effective_documents(session, submission.requirement_version_id, submission.extra_version_id)
