"""What changed between two rounds of a case: fields old to new, files by what they contain.

An identical file sent again is called out, because the applicant believes to have corrected it. Identity numbers are
compared by fingerprint and shown masked only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.facts import FORM_FIELDS
from workbench.cases.models import Holder, Submission
from workbench.documents.models import Attachment

FIELD_ORDER: Final = (
    "enterprise_name",
    "uscc",
    "category",
    *FORM_FIELDS,
    "reason",
    "prior_key",
    "holder_name",
    "holder_identity_number",
    "holder_mobile",
    "holder_email",
)


class DocumentChangeKind(StrEnum):
    """What became of a document from one round to the next."""

    ADDED = "added"
    REMOVED = "removed"
    REPLACED = "replaced"
    IDENTICAL_REUPLOAD = "identical_reupload"
    KEPT = "kept"


@dataclass(frozen=True)
class FieldChange:
    """A value of the form that is another one now. An identity number comes masked, so old and new may look alike."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class FileView:
    """One file of a round; `carried` when it was taken over, not sent again."""

    attachment_id: int
    name: str
    sha256: str
    carried: bool


@dataclass(frozen=True)
class DocumentChange:
    """What became of one document."""

    code: str
    kind: DocumentChangeKind
    old_files: tuple[FileView, ...]
    new_files: tuple[FileView, ...]


@dataclass(frozen=True)
class RoundDiff:
    """Every field that changed, and every document with what became of it."""

    fields: tuple[FieldChange, ...]
    documents: tuple[DocumentChange, ...]

    @property
    def changed_documents(self) -> tuple[DocumentChange, ...]:
        """The documents somebody did something about."""
        return tuple(each for each in self.documents if each.kind is not DocumentChangeKind.KEPT)

    @property
    def count(self) -> int:
        """How many fields and documents changed."""
        return len(self.fields) + len(self.changed_documents)


@dataclass(frozen=True)
class FormValue:
    """One stated value: what it is recognised by, and what may be shown of it."""

    key: str
    shown: str


def diff_rounds(session: Session, older: Submission, newer: Submission) -> RoundDiff:
    """What changed from one submission of a case to a later one."""
    holders = {
        each.submission_id: each
        for each in session.scalars(select(Holder).where(Holder.submission_id.in_((older.id, newer.id))))
    }
    files = files_of(session, (older.id, newer.id))
    return RoundDiff(
        compare_fields(form_values(older, holders[older.id]), form_values(newer, holders[newer.id])),
        compare_documents(files[older.id], files[newer.id]),
    )


def form_values(submission: Submission, holder: Holder) -> dict[str, FormValue]:
    """Everything a submission states, by field name, in the order it is shown."""
    stated: dict[str, Any] = {
        **submission.form,
        "holder_name": holder.name,
        "holder_mobile": holder.mobile,
        "holder_email": holder.email,
    }
    values = {name: FormValue(str(value or ""), str(value or "")) for name, value in stated.items()}
    values["holder_identity_number"] = FormValue(holder.identity_fingerprint, holder.identity_masked)
    known = {name: place for place, name in enumerate(FIELD_ORDER)}
    return dict(sorted(values.items(), key=lambda each: (known.get(each[0], len(known)), each[0])))


def compare_fields(older: Mapping[str, FormValue], newer: Mapping[str, FormValue]) -> tuple[FieldChange, ...]:
    """The fields whose value is another one now; a field that is missing counts as empty."""
    nothing = FormValue("", "")
    return tuple(
        FieldChange(name, older.get(name, nothing).shown, newer.get(name, nothing).shown)
        for name in dict.fromkeys((*newer, *older))
        if older.get(name, nothing).key != newer.get(name, nothing).key
    )


def compare_documents(
    older: Mapping[str, Sequence[FileView]], newer: Mapping[str, Sequence[FileView]]
) -> tuple[DocumentChange, ...]:
    """What became of each document that either round has."""
    return tuple(
        DocumentChange(code, _became(old, new), old, new)
        for code in dict.fromkeys((*newer, *older))
        if (old := tuple(older.get(code, ()))) or tuple(newer.get(code, ()))
        for new in (tuple(newer.get(code, ())),)
    )


def files_of(session: Session, submission_ids: Sequence[int]) -> dict[int, dict[str, list[FileView]]]:
    """The files of submissions by document code, in their order."""
    found: dict[int, dict[str, list[FileView]]] = {each: {} for each in submission_ids}
    for each in session.scalars(
        select(Attachment)
        .where(Attachment.submission_id.in_(submission_ids))
        .order_by(Attachment.submission_id, Attachment.document_code, Attachment.position)
    ):
        found[each.submission_id].setdefault(each.document_code, []).append(
            FileView(each.id, each.untrusted_name, each.sha256, each.carried_from_id is not None)
        )
    return found


def _became(old: Sequence[FileView], new: Sequence[FileView]) -> DocumentChangeKind:
    if not old:
        return DocumentChangeKind.ADDED
    if not new:
        return DocumentChangeKind.REMOVED
    if [each.sha256 for each in old] != [each.sha256 for each in new]:
        return DocumentChangeKind.REPLACED
    if all(each.carried for each in new):
        return DocumentChangeKind.KEPT
    return DocumentChangeKind.IDENTICAL_REUPLOAD
