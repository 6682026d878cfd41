"""What the codes and numbers of one page of the audit log are called, read once for the whole page.

Papers and check items go by the names of their newest version: a log names them by code, whatever the version was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from workbench.documents.models import CheckItem, RequiredDocument
from workbench.kernel.audit import AuditEntry
from workbench.organisation.models import Authority, Staff
from workbench.review.presenting import by_language

DOCUMENT_FIELDS: Final = frozenset({"document", "documents"})
PERSON_FIELDS: Final = frozenset({"claimed_by"})
AUTHORITY_FIELDS: Final = frozenset({"authority_id"})


@dataclass(frozen=True)
class Names:
    """Case numbers by id, papers by code, check items by `<paper>.<item>`, people and authorities by id.

    Papers and items stand in the order of their lists; what a page does not name is not loaded.
    """

    numbers: Mapping[int, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    authorities: Mapping[int, str] = field(default_factory=dict)


def load_names(session: Session, entries: Iterable[AuditEntry], numbers: Mapping[int, str]) -> Names:
    """The names these entries need, in the reader's language, by at most one query of each kind."""
    written = [side for entry in entries for side in (entry.before, entry.after) if side]
    marked = any(entry.action == "marks.set" for entry in entries)
    documents, items = _papers(session) if marked or _any(written, DOCUMENT_FIELDS) else ({}, {})
    return Names(
        numbers,
        documents,
        items,
        _people(session, _ids(written, PERSON_FIELDS)),
        _authorities(session) if _any(written, AUTHORITY_FIELDS) else {},
    )


def _papers(session: Session) -> tuple[dict[str, str], dict[str, str]]:
    """Papers and check items, each code by its newest version, in the order of their lists."""
    newest_papers = (
        select(RequiredDocument)
        .ext(distinct_on(RequiredDocument.code))
        .order_by(RequiredDocument.code, RequiredDocument.version_id.desc())
    )
    papers = sorted(session.scalars(newest_papers), key=lambda paper: (paper.position, paper.code))
    newest_items = (
        select(RequiredDocument.code, CheckItem)
        .join(RequiredDocument, RequiredDocument.id == CheckItem.document_id)
        .ext(distinct_on(RequiredDocument.code, CheckItem.code))
        .order_by(RequiredDocument.code, CheckItem.code, RequiredDocument.version_id.desc())
    )
    places = {paper.code: place for place, paper in enumerate(papers)}
    items = sorted(session.execute(newest_items), key=lambda row: (places[row[0]], row[1].position))
    return (
        {paper.code: by_language(paper.name_zh, paper.name_en) for paper in papers},
        {f"{code}.{item.code}": by_language(item.label_zh, item.label_en) for code, item in items},
    )


def _people(session: Session, ids: frozenset[int]) -> dict[int, str]:
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids))) if ids else ()
    return {staff_id: name for staff_id, name in rows}


def _authorities(session: Session) -> dict[int, str]:
    rows = session.execute(select(Authority.id, Authority.short_zh, Authority.name_en))
    return {authority_id: by_language(short, english) for authority_id, short, english in rows}


def _any(written: Iterable[Mapping[str, Any]], fields: frozenset[str]) -> bool:
    return any(fields & each.keys() for each in written)


def _ids(written: Iterable[Mapping[str, Any]], fields: frozenset[str]) -> frozenset[int]:
    return frozenset(each[name] for each in written for name in fields & each.keys() if isinstance(each[name], int))
