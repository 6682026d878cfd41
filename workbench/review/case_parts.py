"""What a case file is made of, as plain values: the case screen reads these and nothing else. Decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from workbench.cases.models import Application, CaseEvent
from workbench.cases.words import Desk, State, Verdict
from workbench.kernel.messages import N_
from workbench.review.boxes import Box
from workbench.review.diff import RoundDiff
from workbench.review.marks import Line, MarkValue

FIELD_NAMES: Final[Mapping[str, str]] = {
    "enterprise_name": N_("Enterprise name"),
    "uscc": N_("Unified social credit code"),
    "category": N_("Category"),
    "legal_representative": N_("Legal representative"),
    "address": N_("Address"),
    "postcode": N_("Postcode"),
    "telephone": N_("Telephone"),
    "machinery_account": N_("Machinery system account"),
    "reason": N_("Reason"),
    "prior_key": N_("Prior key"),
    "holder_name": N_("Authorised user's name"),
    "holder_identity_number": N_("Identity number"),
    "holder_mobile": N_("Mobile number"),
    "holder_email": N_("E-mail address"),
}
"""What each stated value is called; msgids."""


class DocumentStatus(StrEnum):
    """How far the check of a document is, and what came of it."""

    OK = "ok"
    FAULT = "fault"
    OPEN = "open"
    EMPTY = "empty"
    CHANGED = "changed"


@dataclass(frozen=True)
class FieldView:
    """One stated value. `label` is a msgid, and so is `value` when `translate`."""

    key: str
    label: str
    value: str
    translate: bool = False


@dataclass(frozen=True)
class MarkView:
    """A mark as it is shown, with who made it."""

    value: MarkValue
    note: str | None
    region: Mapping[str, Any] | None
    by_name: str
    at: datetime
    carried: bool


@dataclass(frozen=True)
class ItemView:
    """One check item: what the form says that it is compared with, what this desk and the desk before found."""

    id: int
    code: str
    label: str
    fault: str
    required: bool
    compares: str | None
    expected: str | None
    mark: MarkView | None
    previous: MarkView | None
    carried: bool


@dataclass(frozen=True)
class PageView:
    """One page of a file; `boxes` are where expected values stand. Index counts from 0."""

    id: int
    index: int
    width: int
    height: int
    rotation: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class AttachmentView:
    """One file; `preview` is waiting, ready or failed, and `problem` says why it can't be shown."""

    id: int
    name: str
    size: int
    kind: str
    preview: str
    problem: str | None
    carried: bool
    pages: tuple[PageView, ...]


@dataclass(frozen=True)
class DocumentView:
    """One required document with its files and its part of the check-list."""

    code: str
    name: str
    bracket: str
    required: bool
    shows_identity: bool
    attachments: tuple[AttachmentView, ...]
    items: tuple[ItemView, ...]
    status: DocumentStatus
    changed: bool


@dataclass(frozen=True)
class VerdictView:
    """What a desk said about a round."""

    desk: Desk
    verdict: Verdict
    remark: str
    by_name: str
    at: datetime


@dataclass(frozen=True)
class RoundView:
    """One round: when it came in, what the enterprise answered to the remarks before, what the desks said."""

    round: int
    submitted_at: datetime
    submitted_by: str
    answer: str | None
    verdicts: tuple[VerdictView, ...]


@dataclass(frozen=True)
class EventView:
    """One move of the case."""

    event: str
    state_before: State | None
    state_after: State
    round: int
    at: datetime
    actor_name: str
    remark: str | None

    @classmethod
    def of(cls, row: CaseEvent) -> Self:
        """The move as a plain value, which outlives the session that read it."""
        before = State(row.state_before) if row.state_before is not None else None
        return cls(row.event, before, State(row.state_after), row.round, row.at, row.actor_name, row.remark)


@dataclass(frozen=True)
class ClaimView:
    """Who has the case in hand now."""

    by_id: int
    by_name: str
    since: datetime
    ends_at: datetime
    mine: bool


@dataclass(frozen=True)
class CaseFile:
    """All the case screen shows.

    Attributes:
        desk: the review desk the case is at and was asked for at; None when it is only read.
        review_id: this desk's review of the current round; None until it was opened.
        bar: a msgid that says why this person can't decide here; None when only the check-list stands in the way.
        lines: the check-list as the rules of the verdict see it.
    """

    application: Application
    authority_name: str
    authority_short: str
    pickup_site: str | None
    desk: Desk | None
    submission_id: int
    review_id: int | None
    draft_remark: str
    values: tuple[FieldView, ...]
    documents: tuple[DocumentView, ...]
    rounds: tuple[RoundView, ...]
    diff: RoundDiff | None
    events: tuple[EventView, ...]
    claim: ClaimView | None
    bar: str | None
    due_reason: str | None
    working_days_left: int | None
    lines: tuple[Line, ...]

    @property
    def version(self) -> int:
        """What a later write has to name, so that it can be told whether the case has moved."""
        return self.application.version
