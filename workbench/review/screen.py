"""What the case screen's scripts are told: documents with their pages, marks, what stands in a verdict's way.

Addresses and plain values only; the page itself comes from the templates.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from flask import url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Submission
from workbench.cases.words import Verdict
from workbench.documents.attachments import list_attachments
from workbench.documents.preview import RefusalCode
from workbench.documents.uploads import LIMIT_VALUES
from workbench.documents.words import REFUSAL_REASONS
from workbench.review import remarks, service
from workbench.review.case_parts import AttachmentView, CaseFile, DocumentView
from workbench.review.marks import Blocker, documents_of
from workbench.review.models import Mark


def judgement(session: Session, case_file: CaseFile) -> dict[str, Any]:
    """What stands in the way of each verdict, and the faults as a proposed remark."""
    return {"blockers": blockers(case_file), "composed": composed_faults(session, case_file)}


def blockers(case_file: CaseFile) -> dict[str, list[dict[str, Any]]]:
    """For each verdict, what stands in its way: one line for each document and reason, leading to the first item."""
    return {
        verdict.value: blocker_lines(case_file, service.blockers(case_file, verdict)) if case_file.desk else []
        for verdict in Verdict
    }


def blocker_lines(case_file: CaseFile, found: Sequence[Blocker]) -> list[dict[str, Any]]:
    """Blockers gathered by document and reason, in words, with the item to jump to."""
    names = {document.code: document.name for document in case_file.documents}
    lines = []
    for (code, reason), group in groupby(found, key=lambda each: (each.document_code, each.reason)):
        items = [each.check_item_id for each in group]
        if code is None:
            words = gettext(reason)
        elif reason == "This item is marked as a fault.":
            words = ngettext(
                "%(document)s: %(num)d item is marked as a fault",
                "%(document)s: %(num)d items are marked as faults",
                len(items),
                document=names[code],
            )
        else:
            words = ngettext(
                "%(document)s: %(num)d item is still open",
                "%(document)s: %(num)d items are still open",
                len(items),
                document=names[code],
            )
        lines.append({"text": words, "document": code, "item": items[0], "count": len(items)})
    return lines


def composed_faults(session: Session, case_file: CaseFile) -> str:
    """The faults as a numbered list in Chinese: the remark goes to the enterprise, whoever reads the screen."""
    if case_file.review_id is None:
        return ""
    submission = session.get_one(Submission, case_file.submission_id)
    marks = {
        each.check_item_id: each for each in session.scalars(select(Mark).where(Mark.review_id == case_file.review_id))
    }
    faults = service.faults_of(session, documents_of(session, submission), marks)
    return remarks.compose(faults, "", service.NOTICE_LOCALE)


def earlier_pages(session: Session, case_file: CaseFile) -> dict[str, list[dict[str, Any]]]:
    """The pages of the round before by document, for looking at both side by side."""
    if len(case_file.rounds) < 2:
        return {}
    before = session.scalars(
        select(Submission.id).where(
            Submission.application_id == case_file.application.id, Submission.round == case_file.rounds[-2].round
        )
    ).one()
    found: dict[str, list[dict[str, Any]]] = {}
    for attachment in list_attachments(session, [before]):
        pages = found.setdefault(attachment.document_code, [])
        for page in attachment.pages:
            pages.append({**_page(page.id, page.width, page.height, page.rotation), "number": len(pages) + 1})
    return found


def script_data(
    case_file: CaseFile,
    judged: Mapping[str, Any],
    earlier: Mapping[str, Sequence[Mapping[str, Any]]],
    start: Mapping[str, int],
    *,
    may_mark: bool,
    may_turn: bool,
) -> dict[str, Any]:
    """The JSON the page carries for its scripts."""
    case_id = case_file.application.id
    return {
        "case": {"id": case_id, "version": case_file.version},
        "urls": {
            "marks": url_for("review_case.marks", case_id=case_id),
            "draft": url_for("review_case.draft", case_id=case_id),
            "decide": url_for("review_case.decide", case_id=case_id),
            "identity": url_for("review_case.identity", case_id=case_id),
            "keep": url_for("review_case.keep", case_id=case_id) if may_mark else None,
        },
        "may": {"mark": may_mark},
        "start": dict(start),
        "documents": [_document(each, earlier.get(each.code, ()), may_turn) for each in case_file.documents],
        "marks": dict(_marks(case_file)),
        **judged,
    }


def problem_words(attachment: AttachmentView) -> str | None:
    """Why a file cannot be shown, in words; None for one that can."""
    if attachment.problem is None:
        return None
    known = attachment.problem in {each.value for each in RefusalCode}
    code = RefusalCode(attachment.problem) if known else RefusalCode.CRASHED
    return f"{attachment.name}: {gettext(REFUSAL_REASONS[code], **LIMIT_VALUES)}"


def _document(document: DocumentView, previous: Sequence[Mapping[str, Any]], may_turn: bool) -> dict[str, Any]:
    return {
        "code": document.code,
        "name": document.name,
        "items": [item.id for item in document.items],
        "required": [item.id for item in document.items if item.required],
        "previous": list(previous),
        "problems": [
            {"text": problem_words(each), "download": url_for("documents.download", attachment_id=each.id)}
            for each in document.attachments
            if each.problem is not None
        ],
        "pages": [
            {
                **_page(page.id, page.width, page.height, page.rotation),
                "rotate": url_for("documents.rotation", page_id=page.id) if may_turn else None,
                "file": attachment.name,
                "download": url_for("documents.download", attachment_id=attachment.id),
                "boxes": [
                    {"item": box.check_item_id, "x": box.x0, "y": box.y0, "w": box.x1 - box.x0, "h": box.y1 - box.y0}
                    for box in page.boxes
                ],
            }
            for attachment in document.attachments
            if attachment.problem is None
            for page in attachment.pages
        ],
    }


def _page(page_id: int, width: int, height: int, rotation: int) -> dict[str, Any]:
    return {
        "id": page_id,
        "width": width,
        "height": height,
        "rotation": rotation,
        "image": url_for("documents.image", page_id=page_id),
        "thumbnail": url_for("documents.thumbnail", page_id=page_id),
        "zoom": url_for("documents.zoom", page_id=page_id),
    }


def _marks(case_file: CaseFile) -> Iterable[tuple[int, dict[str, Any]]]:
    for document in case_file.documents:
        for item in document.items:
            if item.mark is not None:
                region = dict(item.mark.region) if item.mark.region is not None else None
                yield (
                    item.id,
                    {
                        "value": item.mark.value.value,
                        "note": item.mark.note or "",
                        "region": region,
                        "carried": item.carried,
                    },
                )
