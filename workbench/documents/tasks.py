"""Background work on files: the pages after the first, and the text of PDFs. Running twice does nothing twice.

A file that crashes or hangs the sandbox is marked as one that cannot be shown, with the reason; its bytes stay
downloadable, and no other file suffers.
"""

from collections.abc import Iterable
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workbench.cases.models import Submission
from workbench.documents.attachments import FAILED, READY, RENDER_TASK, WAITING
from workbench.documents.models import Attachment, Page, RequiredDocument
from workbench.documents.preview import Kind, PageImage, PageText, Refused, Renderer
from workbench.documents.rendering import renderer as process_renderer
from workbench.kernel import tasks
from workbench.kernel.blobs import BlobStore
from workbench.kernel.parts import Parts

_log = structlog.get_logger("documents")


@tasks.app.task(name=RENDER_TASK)
def render_attachment(attachment_id: int) -> None:
    """Make what an attachment still lacks. Does nothing when it has all, or cannot be shown."""
    finish_attachment(tasks.parts(), process_renderer(), attachment_id)


def finish_attachment(parts: Parts, renderer: Renderer, attachment_id: int) -> None:
    """Render the missing pages, each stored in its own transaction, then the text, then mark the attachment ready.

    Raises:
        BlobDamaged: the store lost the file; the job fails and shows among the failed jobs.
    """
    with parts.work() as session:
        attachment = session.get(Attachment, attachment_id)
        if attachment is None or attachment.preview != WAITING:
            return
        content, kind = parts.blobs.get(attachment.sha256), Kind(attachment.kind)
        missing = list(
            session.scalars(
                select(Page.index)
                .where(Page.attachment_id == attachment_id, Page.image_sha256.is_(None))
                .order_by(Page.index)
            )
        )
        blurred = shows_identity(session, attachment)
    try:
        for image in renderer.render(content, missing, blur_thumbnail=blurred) if missing else ():
            with parts.work() as session:
                keep_picture(session, parts.blobs, attachment_id, image)
    except Refused as refused:
        _mark_failed(parts, attachment_id, refused)
        return
    _mark_ready(parts, attachment_id, _text_of(renderer, content, kind, attachment_id))


def shows_identity(session: Session, attachment: Attachment) -> bool:
    """Whether the attachment's document is one whose thumbnails are blurred."""
    return bool(
        session.scalar(
            select(RequiredDocument.shows_identity)
            .join(
                Submission,
                RequiredDocument.version_id.in_([Submission.requirement_version_id, Submission.extra_version_id]),
            )
            .where(Submission.id == attachment.submission_id, RequiredDocument.code == attachment.document_code)
        )
    )


def keep_picture(session: Session, blobs: BlobStore, attachment_id: int, image: PageImage) -> None:
    """Store a page's pictures, unless another worker was faster."""
    session.execute(
        update(Page)
        .where(Page.attachment_id == attachment_id, Page.index == image.index, Page.image_sha256.is_(None))
        .values(
            width=image.width,
            height=image.height,
            image_sha256=blobs.put(image.image),
            thumbnail_sha256=blobs.put(image.thumbnail),
        )
    )


def _text_of(renderer: Renderer, content: bytes, kind: Kind, attachment_id: int) -> Iterable[PageText]:
    """The text, or nothing: a file whose text cannot be read can still be looked at."""
    if kind is not Kind.PDF:
        return ()
    try:
        return renderer.text(content)
    except Refused as refused:
        _log.warning("text_unreadable", attachment=attachment_id, reason=str(refused))
        return ()


def _mark_ready(parts: Parts, attachment_id: int, texts: Iterable[PageText]) -> None:
    with parts.work() as session:
        for text in texts:
            words: list[Any] = [[_storable(word.text), word.x0, word.y0, word.x1, word.y1] for word in text.words]
            session.execute(
                update(Page)
                .where(Page.attachment_id == attachment_id, Page.index == text.index)
                .values(text=_storable(text.text), words=words)
            )
        _set_preview(session, attachment_id, READY, None)


def _storable(text: str) -> str:
    """Text as PostgreSQL takes it: fonts of strange files map glyphs to NUL and to halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _mark_failed(parts: Parts, attachment_id: int, refused: Refused) -> None:
    _log.warning("cannot_be_shown", attachment=attachment_id, reason=str(refused))
    with parts.work() as session:
        _set_preview(session, attachment_id, FAILED, refused.code.value)


def _set_preview(session: Session, attachment_id: int, preview: str, problem: str | None) -> None:
    session.execute(
        update(Attachment)
        .where(Attachment.id == attachment_id, Attachment.preview == WAITING)
        .values(preview=preview, preview_problem=problem)
    )
