"""Marking: what a desk found on check items of a case in hand, one or many at once, with one entry in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workbench.cases.models import Submission
from workbench.documents.models import Attachment, CheckItem, Page, RequiredDocument
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.review.hand import in_hand, review_of, submission_of
from workbench.review.marks import MarkValue
from workbench.review.models import Mark

MAX_MARK_NOTE: Final = 300


@dataclass(frozen=True)
class Finding:
    """What is said of one check item; `value` None takes back what was said.

    `region` is {"page_id", "x", "y", "w", "h"}, fractions of the unrotated page.
    """

    check_item_id: int
    value: MarkValue | None
    note: str | None = None
    region: Mapping[str, Any] | None = None


def mark(
    session: Session, actor: Actor, application_id: int, findings: Sequence[Finding], *, seen_version: int
) -> None:
    """Say what was found; all of it is kept or none. Extends the claim.

    Raises:
        NotFound, NotAllowed: no such case, or not the actor's to decide.
        Stale: the case has moved since.
        Conflict: somebody else has it in hand.
        Invalid: an item is not on this submission's list, a note is too long, or a region is on none of its pages.
    """
    application, desk = in_hand(session, actor, application_id, seen_version)
    submission = submission_of(session, application)
    wanted = {each.check_item_id: each for each in findings}
    codes = _check_items(session, submission, set(wanted))
    regions = _regions(session, submission, wanted)
    review = review_of(session, application, desk, submission)
    rows = session.scalars(select(Mark).where(Mark.review_id == review.id, Mark.check_item_id.in_(wanted))).all()
    before = {codes[each.check_item_id]: _said(each.value, each.note) for each in rows}
    notes = {key: _note(each.note) for key, each in wanted.items()}
    taken_back = [key for key, each in wanted.items() if each.value is None]
    session.execute(delete(Mark).where(Mark.review_id == review.id, Mark.check_item_id.in_(taken_back)))
    said = [
        {
            "application_id": application.id,
            "authority_id": application.authority_id,
            "review_id": review.id,
            "check_item_id": key,
            "value": each.value.value,
            "note": notes[key],
            "region": regions.get(key),
            "carried": False,
            "marked_by_id": actor.id,
            "marked_at": now(),
        }
        for key, each in sorted(wanted.items())
        if each.value is not None
    ]
    if said:
        statement = insert(Mark).values(said)
        changed = ("value", "note", "region", "carried", "marked_by_id", "marked_at")
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["review_id", "check_item_id"],
                set_={name: statement.excluded[name] for name in changed},
            )
        )
    for row in rows:
        if row in session:
            session.expire(row)
    audit.record(
        session,
        "marks.set",
        actor,
        subject=f"review:{review.id}",
        case_id=application.id,
        authority_id=application.authority_id,
        before=before,
        after={codes[key]: _said(each.value, notes[key]) for key, each in sorted(wanted.items())},
    )


def _said(value: str | None, note: str | None) -> dict[str, str | None]:
    """As the log keeps it; a note that was not written is not recorded as empty."""
    return {"value": value, "note": note} if note else {"value": value}


def _note(untrusted: str | None) -> str | None:
    note = (untrusted or "").replace("\x00", "").strip() or None
    if note is not None and len(note) > MAX_MARK_NOTE:
        raise Invalid(N_("The note is longer than %(limit)s characters."), limit=MAX_MARK_NOTE)
    return note


def _check_items(session: Session, submission: Submission, check_item_ids: set[int]) -> Mapping[int, str]:
    """What the log calls each item, `<paper>.<item>`: codes outlive the versions, whose ids say nothing to people."""
    versions = (submission.requirement_version_id, submission.extra_version_id)
    known = session.execute(
        select(CheckItem.id, RequiredDocument.code, CheckItem.code)
        .join(RequiredDocument, RequiredDocument.id == CheckItem.document_id)
        .where(CheckItem.id.in_(check_item_ids), RequiredDocument.version_id.in_([each for each in versions if each]))
    )
    codes = {item_id: f"{document}.{item}" for item_id, document, item in known}
    if check_item_ids - codes.keys():
        raise Invalid(N_("This item is not on the check-list of this submission."))
    return codes


def _regions(session: Session, submission: Submission, wanted: Mapping[int, Finding]) -> dict[int, dict[str, Any]]:
    """The places named, checked: inside a page, and that page among the submission's own."""
    regions = {key: _place(each.region) for key, each in wanted.items() if each.region is not None}
    page_ids = {region["page_id"] for region in regions.values()}
    if page_ids:
        own = session.scalars(
            select(Page.id)
            .join(Attachment, Attachment.id == Page.attachment_id)
            .where(Page.id.in_(page_ids), Attachment.submission_id == submission.id)
        )
        if page_ids - set(own):
            raise Invalid(N_("The place on the page could not be understood."))
    return regions


def _place(untrusted: Mapping[str, Any]) -> dict[str, Any]:
    try:
        page_id = int(untrusted["page_id"])
        x, y, w, h = (float(untrusted[each]) for each in ("x", "y", "w", "h"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Invalid(N_("The place on the page could not be understood.")) from error
    inside = 0 <= x <= 1 and 0 <= y <= 1 and 0 < w <= 1 and 0 < h <= 1 and x + w <= 1.0001 and y + h <= 1.0001
    if not inside or not 0 < page_id < 2**63:
        raise Invalid(N_("The place on the page could not be understood."))
    return {"page_id": page_id, "x": x, "y": y, "w": w, "h": h}
