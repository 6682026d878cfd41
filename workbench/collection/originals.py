"""The paper originals of a case: which have to be shown at the counter, the pages the desks saw of them, and the ticks.

A comparison is whole or it is none: each original is said to match or to differ, and a difference is said in words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.documents.attachments import list_attachments
from workbench.documents.models import Attachment, RequiredDocument
from workbench.documents.requirements import effective_documents
from workbench.documents.service import current_submission
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_

MAX_REMARK: Final = 500
"""Characters of what is said of one original."""


@dataclass(frozen=True)
class Original:
    """A paper that has to be shown, and the files the desks passed in its place."""

    document: RequiredDocument
    files: Sequence[Attachment]


@dataclass(frozen=True)
class Tick:
    """What the counter found of one original."""

    document: str
    matches: bool
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the attempt."""
        return asdict(self)


def originals_of(session: Session, application: Application) -> list[Original]:
    """What has to be shown for the current round: required papers, and others of which a file came."""
    submission = current_submission(session, application)
    files: dict[str, list[Attachment]] = {}
    for each in list_attachments(session, [submission.id]):
        files.setdefault(each.document_code, []).append(each)
    documents = effective_documents(session, submission.requirement_version_id, submission.extra_version_id)
    return [
        Original(each, files.get(each.code, []))
        for each in documents
        if each.original_at_counter and (each.required or each.code in files)
    ]


def check_ticks(originals: Sequence[Original], ticks: Sequence[Tick]) -> list[Tick]:
    """The ticks in the order of the list.

    Raises:
        Invalid: an original was left out or named that is none, or a difference is not said in words.
    """
    given: Mapping[str, Tick] = {each.document: each for each in ticks}
    if len(given) != len(ticks) or set(given) != {each.document.code for each in originals}:
        raise Invalid(N_("Compare every original: each one matches or differs."))
    for each in ticks:
        if len(each.remark) > MAX_REMARK:
            raise Invalid(N_("The remark is longer than %(limit)s characters."), limit=MAX_REMARK)
        if not each.matches and not each.remark.strip():
            raise Invalid(N_("Say of each original that differs what is different; the enterprise reads it."))
    return [
        Tick(each.document.code, given[each.document.code].matches, given[each.document.code].remark.strip())
        for each in originals
    ]
