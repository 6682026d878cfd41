"""Which documents a service asks for, as versions that are published and never edited: a submission keeps its own.

Only who manages check-lists publishes; every version says who, when and why.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from workbench.cases.words import Service
from workbench.documents.drafts import DocumentDraft, ItemDraft, check_drafts
from workbench.documents.models import CheckItem, RequiredDocument, RequirementVersion
from workbench.documents.seed import FIRST_VERSION
from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand

MAX_NOTE = 500
"""Characters of the note that says why a version was published."""


def seed_requirements(session: Session, actor: Actor) -> int:
    """Publish version 1 for each service that has none; returns how many were published."""
    published = 0
    for service, documents in FIRST_VERSION.items():
        if find_current_version(session, service) is None:
            publish_version(session, actor, service, None, documents, "初始材料清单 / First list of documents")
            published += 1
    return published


def find_current_version(
    session: Session, service: Service, authority_id: int | None = None
) -> RequirementVersion | None:
    """The version in force: the service's own, or what an authority asks in addition."""
    return session.scalars(_versions(service, authority_id).limit(1)).one_or_none()


def current_version(session: Session, service: Service, authority_id: int | None = None) -> RequirementVersion:
    """As `find_current_version`.

    Raises:
        NotFound: nothing was ever published for it.
    """
    version = find_current_version(session, service, authority_id)
    if version is None:
        raise NotFound(N_("No list of required documents has been published for this service."))
    return version


def list_versions(session: Session, service: Service, authority_id: int | None = None) -> Sequence[RequirementVersion]:
    """Every version, the newest first."""
    return session.scalars(_versions(service, authority_id)).all()


def versions_for(session: Session, service: Service, authority_id: int) -> tuple[int, int | None]:
    """The ids a new submission is pinned to: the service's version, and the authority's own where it asks for more.

    Raises:
        NotFound: nothing was ever published for the service.
    """
    extra = find_current_version(session, service, authority_id)
    return current_version(session, service).id, extra.id if extra is not None else None


def effective_documents(session: Session, base_id: int, extra_id: int | None) -> list[RequiredDocument]:
    """What a submission was asked for: the service's documents, then the authority's own, with items loaded."""
    rows = session.scalars(
        select(RequiredDocument)
        .where(RequiredDocument.version_id.in_([base_id] if extra_id is None else [base_id, extra_id]))
        .options(selectinload(RequiredDocument.items))
    ).all()
    return sorted(rows, key=lambda document: (document.version_id != base_id, document.position))


def publish_version(
    session: Session,
    actor: Actor,
    service: Service,
    authority_id: int | None,
    documents: Sequence[DocumentDraft],
    note: str,
    *,
    seen_version: int | None = None,
) -> RequirementVersion:
    """Publish the next version, in force from now on. Submissions that were made keep theirs.

    An authority's empty list is allowed: it asks for nothing more from now on.

    Args:
        note: why; kept with the version.
        seen_version: the version the author started from (0 when there was none); another one stops the publishing.

    Raises:
        NotAllowed: the actor does not manage check-lists.
        InvalidRequirements: with a reason per place.
        Invalid: the note is missing or too long.
        Conflict: somebody published meanwhile.
    """
    demand(actor, Permission.CHECKLIST_MANAGE)
    note = note.strip()
    if not note or len(note) > MAX_NOTE:
        raise Invalid(N_("Say in up to %(limit)s characters why the list changes."), limit=MAX_NOTE)
    if documents or authority_id is None:
        check_drafts(documents, _codes_elsewhere(session, service, authority_id))
    latest = find_current_version(session, service, authority_id)
    number = latest.version if latest is not None else 0
    if seen_version is not None and seen_version != number:
        raise Conflict(N_("Another version was published since this page was opened."))
    version = RequirementVersion(
        service=service.value,
        authority_id=authority_id,
        version=number + 1,
        published_at=now(),
        published_by=actor.name,
        note=note,
        documents=[_document(position, draft) for position, draft in enumerate(documents)],
    )
    session.add(version)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(N_("Another version was published since this page was opened.")) from error
    _record(session, actor, version, latest, documents)
    return version


def drafts_of(session: Session, version: RequirementVersion | None) -> list[DocumentDraft]:
    """A version as drafts, to start the next one from."""
    documents = effective_documents(session, version.id, None) if version is not None else []
    return [
        DocumentDraft(
            code=document.code,
            name_zh=document.name_zh,
            name_en=document.name_en,
            bracket_zh=document.bracket_zh,
            bracket_en=document.bracket_en,
            required=document.required,
            original_at_counter=document.original_at_counter,
            shows_identity=document.shows_identity,
            items=tuple(
                ItemDraft(
                    code=item.code,
                    label_zh=item.label_zh,
                    label_en=item.label_en,
                    fault_zh=item.fault_zh,
                    fault_en=item.fault_en,
                    required=item.required,
                    compares=item.compares,
                )
                for item in document.items
            ),
        )
        for document in documents
    ]


def _versions(service: Service, authority_id: int | None) -> Select[RequirementVersion]:
    return (
        select(RequirementVersion)
        .where(
            RequirementVersion.service == service.value,
            func.coalesce(RequirementVersion.authority_id, 0) == (authority_id or 0),
        )
        .order_by(RequirementVersion.version.desc())
    )


def _codes_elsewhere(session: Session, service: Service, authority_id: int | None) -> set[str]:
    """Codes of the lists a case would be asked for together with this one."""
    others = select(func.max(RequirementVersion.id)).where(RequirementVersion.service == service.value)
    if authority_id is None:
        others = others.where(RequirementVersion.authority_id.is_not(None)).group_by(RequirementVersion.authority_id)
    else:
        others = others.where(RequirementVersion.authority_id.is_(None))
    return set(session.scalars(select(RequiredDocument.code).where(RequiredDocument.version_id.in_(others))))


def _document(position: int, draft: DocumentDraft) -> RequiredDocument:
    return RequiredDocument(
        code=draft.code,
        position=position,
        name_zh=draft.name_zh.strip(),
        name_en=draft.name_en.strip(),
        bracket_zh=draft.bracket_zh.strip(),
        bracket_en=draft.bracket_en.strip(),
        required=draft.required,
        original_at_counter=draft.original_at_counter,
        shows_identity=draft.shows_identity,
        items=[
            CheckItem(
                code=item.code,
                position=number,
                label_zh=item.label_zh.strip(),
                label_en=item.label_en.strip(),
                fault_zh=item.fault_zh.strip(),
                fault_en=item.fault_en.strip(),
                required=item.required,
                compares=item.compares,
            )
            for number, item in enumerate(draft.items)
        ],
    )


def _record(
    session: Session,
    actor: Actor,
    version: RequirementVersion,
    latest: RequirementVersion | None,
    documents: Sequence[DocumentDraft],
) -> None:
    audit.record(
        session,
        "requirements.published",
        actor,
        subject=f"requirement_version:{version.id}",
        authority_id=version.authority_id,
        before={"version": latest.version} if latest is not None else None,
        after={
            "service": version.service,
            "version": version.version,
            "note": version.note,
            "documents": {document.code: [item.code for item in document.items] for document in documents},
        },
    )
