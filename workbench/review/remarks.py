"""Remarks: templates with the faults written out. It only proposes text; a person sends what they edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.words import Desk, Verdict
from workbench.review.models import RemarkTemplate

FAULTS: Final = "%(faults)s"
"""Where a template wants the faults; replaced as text, because a template may hold any other per cent sign."""


@dataclass(frozen=True)
class Fault:
    """One fault found, in both languages; `page` counts from 1 within the document."""

    document_zh: str
    document_en: str
    sentence_zh: str
    sentence_en: str
    note: str | None = None
    page: int | None = None


def describe(fault: Fault, locale: str) -> str:
    """One fault as a sentence: document, page, what is wrong, and the note."""
    note = (fault.note or "").strip()
    if locale.startswith("zh"):
        page = f"第{fault.page}页" if fault.page else ""
        return f"{fault.document_zh}{page}：{fault.sentence_zh}" + (f"（{note}）" if note else "")
    page = f", page {fault.page}" if fault.page else ""
    return f"{fault.document_en}{page}: {fault.sentence_en}" + (f" ({note})" if note else "")


def compose(faults: Sequence[Fault], template: str, locale: str) -> str:
    """A template with the faults as a numbered list where it wants them, or after it when it doesn't say where."""
    lines = "\n".join(f"{number}. {describe(fault, locale)}" for number, fault in enumerate(faults, 1))
    if FAULTS in template:
        return template.replace(FAULTS, lines).strip()
    return "\n".join(part for part in (template.strip(), lines) if part)


def templates(session: Session, desk: Desk, verdict: Verdict) -> Sequence[RemarkTemplate]:
    """The templates offered at a desk for a verdict, in their order."""
    return session.scalars(
        select(RemarkTemplate)
        .where(RemarkTemplate.desk == desk.value, RemarkTemplate.verdict == verdict.value, RemarkTemplate.active)
        .order_by(RemarkTemplate.position, RemarkTemplate.id)
    ).all()
