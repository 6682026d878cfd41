"""Ticks carried over: what a desk said about a document holds in the next round when nothing about it has changed.

A document counts as untouched when its files are the same bytes in the same order, and the form values its items are
compared with are the same. A fault is carried too, so that nobody forgets it. Everything else starts open.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Holder, Submission
from workbench.documents.models import Attachment, CheckItem, Page, RequiredDocument
from workbench.review.diff import FileView, FormValue, files_of, form_values
from workbench.review.marks import documents_of
from workbench.review.models import Mark, Review


def carry_over(session: Session, review: Review, submission: Submission) -> int:
    """Copy the marks of the desk's last decided round onto a new review; returns how many.

    A mark keeps who made it and when. Another version of the check-list carries only items that ask the same.
    """
    earlier = session.execute(
        select(Review, Submission)
        .join(Submission, Submission.id == Review.submission_id)
        .where(
            Submission.application_id == submission.application_id,
            Submission.round < submission.round,
            Review.desk == review.desk,
            Review.verdict.is_not(None),
        )
        .order_by(Submission.round.desc())
        .limit(1)
    ).first()
    if earlier is None:
        return 0
    old_review, old_submission = earlier
    pairs = _untouched_items(session, old_submission, submission)
    old_marks = session.scalars(select(Mark).where(Mark.review_id == old_review.id, Mark.check_item_id.in_(pairs)))
    pages = _same_pages(session, old_submission.id, submission.id)
    copies = [_copy(each, review, pairs[each.check_item_id], pages) for each in old_marks]
    session.add_all(copies)
    session.flush()
    return len(copies)


def untouched_codes(
    documents: Sequence[RequiredDocument],
    files: tuple[Mapping[str, Sequence[FileView]], Mapping[str, Sequence[FileView]]],
    values: tuple[Mapping[str, FormValue], Mapping[str, FormValue]],
) -> set[str]:
    """The codes of documents about which nothing changed between two rounds."""
    return {
        document.code
        for document in documents
        if _hashes(files[0].get(document.code)) == _hashes(files[1].get(document.code))
        and all(
            _key(values[0], item.compares) == _key(values[1], item.compares) for item in document.items if item.compares
        )
    }


def _untouched_items(session: Session, older: Submission, newer: Submission) -> dict[int, int]:
    """Check items of the older round, each with the item that asks the same of an untouched document in the newer."""
    holders = {
        each.submission_id: each
        for each in session.scalars(select(Holder).where(Holder.submission_id.in_((older.id, newer.id))))
    }
    files = files_of(session, (older.id, newer.id))
    old_documents, new_documents = documents_of(session, older), documents_of(session, newer)
    untouched = untouched_codes(
        new_documents,
        (files[older.id], files[newer.id]),
        (form_values(older, holders[older.id]), form_values(newer, holders[newer.id])),
    )
    asked = {
        _question(document, item): item.id
        for document in new_documents
        if document.code in untouched
        for item in document.items
    }
    return {
        item.id: asked[question]
        for document in old_documents
        for item in document.items
        if (question := _question(document, item)) in asked
    }


def _question(document: RequiredDocument, item: CheckItem) -> tuple[str, str, str, str | None]:
    return document.code, item.code, item.label_zh, item.compares


def _same_pages(session: Session, old_id: int, new_id: int) -> dict[int, int]:
    """Pages of the older submission by id, with the page in the same place of the newer one."""
    places: dict[int, dict[tuple[str, int, int], int]] = {old_id: {}, new_id: {}}
    for submission_id, code, position, index, page_id in session.execute(
        select(Attachment.submission_id, Attachment.document_code, Attachment.position, Page.index, Page.id)
        .join(Page, Page.attachment_id == Attachment.id)
        .where(Attachment.submission_id.in_((old_id, new_id)))
    ):
        places[submission_id][(code, position, index)] = page_id
    return {page_id: places[new_id][place] for place, page_id in places[old_id].items() if place in places[new_id]}


def _copy(old: Mark, review: Review, check_item_id: int, pages: Mapping[int, int]) -> Mark:
    region: dict[str, Any] | None = None
    if old.region is not None and old.region["page_id"] in pages:
        region = {**old.region, "page_id": pages[old.region["page_id"]]}
    return Mark(
        application_id=review.application_id,
        authority_id=review.authority_id,
        review_id=review.id,
        check_item_id=check_item_id,
        value=old.value,
        note=old.note,
        region=region,
        carried=True,
        marked_by_id=old.marked_by_id,
        marked_at=old.marked_at,
    )


def _hashes(files: Sequence[FileView] | None) -> list[str]:
    return [each.sha256 for each in files or ()]


def _key(values: Mapping[str, FormValue], name: str) -> str:
    return values[name].key if name in values else ""
