"""Attachments of a submission: rows for what was examined, and for what an earlier round already brought.

The bytes are kept bit for bit. One page is ready when the row is; the others and the text follow in a background job.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from workbench.cases.models import Submission
from workbench.documents import limits
from workbench.documents.models import Attachment, Page, RequiredDocument
from workbench.documents.preview import Kind
from workbench.documents.uploads import ExaminedFile, FileProblem
from workbench.kernel import audit, tasks
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_

RENDER_TASK: Final = "render_attachment"
WAITING, READY, FAILED = "waiting", "ready", "failed"


def get_attachment(session: Session, actor: Actor, attachment_id: int) -> Attachment:
    """One attachment inside the actor's authority, with its pages.

    Raises:
        NotFound: there is none, or it belongs to another authority.
    """
    attachment = session.scalars(
        select(Attachment).where(Attachment.id == attachment_id).options(selectinload(Attachment.pages))
    ).one_or_none()
    if attachment is None or not actor.scope.covers(attachment.authority_id):
        raise NotFound(N_("There is no such file."))
    return attachment


def get_page(session: Session, actor: Actor, page_id: int, *, lock: bool = False) -> tuple[Page, Attachment]:
    """One page with its attachment, inside the actor's authority.

    Raises:
        NotFound: there is none, or it belongs to another authority.
    """
    statement = select(Page, Attachment).join(Attachment, Attachment.id == Page.attachment_id).where(Page.id == page_id)
    if lock:
        statement = statement.with_for_update(of=Page).execution_options(populate_existing=True)
    row = session.execute(statement).one_or_none()
    if row is None or not actor.scope.covers(row.Attachment.authority_id):
        raise NotFound(N_("There is no such page."))
    return row.Page, row.Attachment


def list_attachments(session: Session, submission_ids: Iterable[int]) -> Sequence[Attachment]:
    """The attachments of these submissions with their pages, by slot and place in it."""
    return session.scalars(
        select(Attachment)
        .where(Attachment.submission_id.in_(list(submission_ids)))
        .options(selectinload(Attachment.pages))
        .order_by(Attachment.submission_id, Attachment.document_code, Attachment.position)
    ).all()


def check_slots(documents: Sequence[RequiredDocument], slots: Iterable[str]) -> list[FileProblem]:
    """What is wrong with the slots that were filled: unknown ones, overfull ones, required ones left empty."""
    filled = Counter(slots)
    known = {document.code for document in documents}
    problems = [
        FileProblem(code, "", N_("This service does not ask for a document called %(code)s."), {"code": code})
        for code in filled
        if code not in known
    ]
    problems += [
        FileProblem(code, "", N_("At most %(limit_files)d files may be attached to one document."))
        for code, count in filled.items()
        if count > limits.MAX_FILES_PER_SLOT
    ]
    problems += [
        FileProblem(document.code, "", N_("This document is missing."))
        for document in documents
        if document.required and not filled[document.code]
    ]
    return problems


def attach(session: Session, submission: Submission, files: Sequence[ExaminedFile], actor: Actor) -> list[Attachment]:
    """Add examined files to a submission, each behind what its slot already holds."""
    return [_attach_one(session, submission, file, actor) for file in files]


def carry_over(
    session: Session, submission: Submission, earlier: Submission, kept: Sequence[int], actor: Actor
) -> list[Attachment]:
    """Let a submission hold files of the round before it: same bytes, same pictures, same rotation, nothing rendered.

    Raises:
        Invalid: one of `kept` is not a file of that round.
    """
    found = {attachment.id: attachment for attachment in list_attachments(session, [earlier.id])}
    if not found.keys() >= set(kept):
        raise Invalid(N_("A file that was to be kept does not belong to the round before."))
    order = sorted(set(kept), key=lambda each: (found[each].document_code, found[each].position))
    return [_carry_one(session, submission, found[each], actor) for each in order]


def slots_of(session: Session, submission_id: int) -> Mapping[int, str]:
    """The slot of each attachment of a submission, by attachment id."""
    rows = session.execute(
        select(Attachment.id, Attachment.document_code).where(Attachment.submission_id == submission_id)
    )
    return {row.id: row.document_code for row in rows}


def _attach_one(session: Session, submission: Submission, file: ExaminedFile, actor: Actor) -> Attachment:
    # A picture of one page has neither further pages nor text to wait for.
    complete = len(file.sizes) == 1 and file.kind is not Kind.PDF
    attachment = Attachment(
        application_id=submission.application_id,
        authority_id=submission.authority_id,
        submission_id=submission.id,
        document_code=file.document_code,
        position=_next_position(session, submission.id, file.document_code),
        untrusted_name=file.name,
        sha256=file.sha256,
        byte_size=file.byte_size,
        kind=file.kind.value,
        page_count=len(file.sizes),
        uploaded_at=now(),
        uploaded_by=actor.label,
        preview=READY if complete else WAITING,
    )
    session.add(attachment)
    session.flush()
    session.add_all(
        Page(
            application_id=submission.application_id,
            authority_id=submission.authority_id,
            attachment_id=attachment.id,
            index=index,
            width=width,
            height=height,
            image_sha256=file.image_sha256 if index == 0 else None,
            thumbnail_sha256=file.thumbnail_sha256 if index == 0 else None,
            rotation=file.rotation_of(index),
        )
        for index, (width, height) in enumerate(file.sizes)
    )
    session.flush()
    _record(session, "attachment.uploaded", attachment, actor)
    if not complete:
        tasks.enqueue(session, RENDER_TASK, attachment_id=attachment.id)
    return attachment


def _carry_one(session: Session, submission: Submission, source: Attachment, actor: Actor) -> Attachment:
    own = {"application_id": submission.application_id, "authority_id": submission.authority_id}
    attachment = Attachment(
        **own,
        submission_id=submission.id,
        document_code=source.document_code,
        position=_next_position(session, submission.id, source.document_code),
        untrusted_name=source.untrusted_name,
        sha256=source.sha256,
        byte_size=source.byte_size,
        kind=source.kind,
        page_count=source.page_count,
        uploaded_at=source.uploaded_at,
        uploaded_by=source.uploaded_by,
        carried_from_id=source.id,
        preview=source.preview,
        preview_problem=source.preview_problem,
    )
    session.add(attachment)
    session.flush()
    copied = ("index", "width", "height", "image_sha256", "thumbnail_sha256", "rotation", "text", "words")
    session.add_all(
        Page(**own, attachment_id=attachment.id, **{name: getattr(page, name) for name in copied})
        for page in source.pages
    )
    session.flush()
    _record(session, "attachment.carried_over", attachment, actor)
    if attachment.preview == WAITING:
        tasks.enqueue(session, RENDER_TASK, attachment_id=attachment.id)
    return attachment


def _next_position(session: Session, submission_id: int, document_code: str) -> int:
    positions = session.scalars(
        select(Attachment.position).where(
            Attachment.submission_id == submission_id, Attachment.document_code == document_code
        )
    ).all()
    return max(positions, default=-1) + 1


def _record(session: Session, action: str, attachment: Attachment, actor: Actor) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"attachment:{attachment.id}",
        case_id=attachment.application_id,
        authority_id=attachment.authority_id,
        after={
            "document": attachment.document_code,
            "name": attachment.untrusted_name,
            "sha256": attachment.sha256,
            "size": attachment.byte_size,
            "kind": attachment.kind,
            "carried_from": attachment.carried_from_id,
        },
    )
