"""Files on their way in, piece by piece: a broken connection loses one piece at most and goes on where it stopped.

What counts as received is what the database says; bytes behind that are written over. Names of strangers never become
paths: a file waits under the id of its upload. Sizes are refused before a byte is read.
"""

import hashlib
import os
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import Session

from workbench.documents import limits
from workbench.documents.preview import Renderer
from workbench.documents.uploads import LIMIT_VALUES, display_name
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound, TooLarge
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.portal.drafting.drafts import get_draft
from workbench.portal.models import Draft, DraftFile, Upload
from workbench.portal.uploads import papers

KEPT_FOR: Final = timedelta(hours=limits.UPLOAD_HOURS)
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class OutOfStep(Conflict):
    """A piece that does not begin where the upload stands; `received` bytes are there."""

    def __init__(self, received: int) -> None:
        super().__init__(N_("The upload stands elsewhere: go on from what was received."))
        self.received = received


def open_upload(session: Session, actor: Actor, draft_id: int, document_code: str, name: str, byte_size: int) -> Upload:
    """Let a file come in piece by piece.

    Args:
        byte_size: of the whole file, as its sender says.

    Raises:
        NotFound, DraftSubmitted: no unfinished form of this applicant.
        TooLarge: the file is larger than any that is accepted.
        Invalid: it is empty.
        UploadRefused: no such slot, or no room in it or in the form.
        Conflict: too many files are on their way already.
    """
    if byte_size > limits.MAX_FILE_BYTES:
        raise TooLarge(
            N_("The file is larger than %(limit_mb)d MB. Please scan it at 200 to 300 dpi, or split it."),
            limit_mb=LIMIT_VALUES["limit_mb"],
        )
    if byte_size < 1:
        raise Invalid(N_("The file is empty. Please save or scan it again."))
    draft = get_draft(session, actor, draft_id, lock=True)
    papers.asked_document(session, draft, document_code, name)
    waiting = unfinished(session, draft)
    occupied = _pending_bytes(session, draft.applicant_id)
    if len(waiting) >= limits.MAX_OPEN_UPLOADS or occupied + byte_size > limits.MAX_PENDING_BYTES:
        raise Conflict(N_("Too many files are on their way: finish or remove some first."))
    pending = sum(upload.byte_size for upload in waiting)
    papers.check_room(session, draft, document_code, name, byte_size + pending)
    upload = Upload(
        id=uuid.uuid4(),
        draft_id=draft.id,
        applicant_id=draft.applicant_id,
        document_code=document_code,
        name=display_name(name),
        byte_size=byte_size,
        received=0,
        created_at=now(),
    )
    session.add(upload)
    session.flush()
    return upload


def get_upload(session: Session, actor: Actor, draft_id: int, upload_id: uuid.UUID, *, lock: bool = False) -> Upload:
    """One upload of this applicant's unfinished form, held against other writers when asked.

    Raises:
        NotFound: there is none, or it is another's.
        DraftSubmitted: the form was sent in.
    """
    draft = get_draft(session, actor, draft_id)
    statement = select(Upload).where(Upload.id == upload_id, Upload.draft_id == draft.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    upload = session.scalars(statement).one_or_none()
    if upload is None:
        raise NotFound(N_("There is no such upload: please choose the file again."))
    return upload


def unfinished(session: Session, draft: Draft) -> Sequence[Upload]:
    """Files of this form that have not become papers yet, oldest first."""
    return session.scalars(
        select(Upload)
        .where(Upload.draft_id == draft.id, Upload.draft_file_id.is_(None), Upload.created_at > now() - KEPT_FOR)
        .order_by(Upload.created_at, Upload.id)
    ).all()


def _pending_bytes(session: Session, applicant_id: int) -> int:
    """What files on their way in may occupy for this applicant, those of discarded forms included."""
    total = session.scalar(
        select(func.sum(Upload.byte_size)).where(
            Upload.applicant_id == applicant_id,
            Upload.draft_file_id.is_(None),
            Upload.created_at > now() - KEPT_FOR,
        )
    )
    return int(total or 0)


def append(session: Session, parts: Parts, upload: Upload, offset: int, piece: bytes) -> Upload:
    """Add one piece to a locked upload; it is on the disk when this returns.

    Raises:
        OutOfStep: the piece begins before or behind what was received.
        Invalid: the piece is empty, or reaches beyond the size that was declared.
        NotFound: what had been received is lost.
    """
    if offset != upload.received or upload.draft_file_id is not None:
        raise OutOfStep(upload.received)
    if not piece or offset + len(piece) > upload.byte_size:
        raise Invalid(N_("The piece does not fit into the file as it was announced."))
    folder = parts.settings.upload_dir
    folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
    _write(_path(folder, upload.id), offset, piece)
    upload.received = offset + len(piece)
    session.flush()
    return upload


def finish(session: Session, parts: Parts, renderer: Renderer, draft: Draft, upload: Upload) -> DraftFile:
    """Make a paper of a locked upload whose bytes have all come. Finished again, the same paper is returned.

    Raises:
        OutOfStep: bytes are missing.
        UploadRefused: naming the file and the remedy; the upload is of no use then.
        NotFound: its bytes, or the paper it became, are gone.
    """
    if upload.draft_file_id is not None:
        found = session.get(DraftFile, upload.draft_file_id)
        if found is None:
            raise NotFound(N_("There is no such file."))
        return found
    if upload.received != upload.byte_size:
        raise OutOfStep(upload.received)
    content = _received(parts, upload)
    file = papers.add_file(session, parts, renderer, draft, upload.document_code, upload.name, content)
    upload.draft_file_id = file.id
    session.flush()
    _unlink_after_commit(session, _path(parts.settings.upload_dir, upload.id))
    return file


def give_up(session: Session, parts: Parts, upload: Upload) -> None:
    """Forget a locked upload; what it became stays."""
    session.delete(upload)
    session.flush()
    _unlink_after_commit(session, _path(parts.settings.upload_dir, upload.id))


def digest_of_received(parts: Parts, upload: Upload) -> str:
    """SHA-256 in hex of the bytes that have come, by which a browser knows whether it holds the same file.

    Raises:
        NotFound: they are lost.
    """
    return hashlib.sha256(_received(parts, upload) if upload.received else b"").hexdigest()


def sweep(session: Session, folder: Path) -> int:
    """Remove uploads older than a day, and files in the folder that old which no upload speaks of; counts the files."""
    oldest = now() - KEPT_FOR
    session.execute(delete(Upload).where(Upload.created_at < oldest))
    known = {str(each) for each in session.scalars(select(Upload.id))}
    removed = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in known and path.lstat().st_mtime < oldest.timestamp():
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _path(folder: Path, upload_id: uuid.UUID) -> Path:
    return folder / str(upload_id)


def _write(path: Path, offset: int, piece: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    try:
        if os.fstat(descriptor).st_size < offset:
            raise NotFound(N_("There is no such upload: please choose the file again."))
        written = 0
        while written < len(piece):
            written += os.pwrite(descriptor, memoryview(piece)[written:], offset + written)
        os.ftruncate(descriptor, offset + len(piece))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _received(parts: Parts, upload: Upload) -> bytes:
    try:
        content = _path(parts.settings.upload_dir, upload.id).read_bytes()[: upload.received]
    except FileNotFoundError as error:
        raise NotFound(N_("There is no such upload: please choose the file again.")) from error
    if len(content) < upload.received:
        raise NotFound(N_("There is no such upload: please choose the file again."))
    return content


def _unlink_after_commit(session: Session, path: Path) -> None:
    """Remove the file once the database has forgotten it: a rollback must find it where it was."""
    event.listen(session, "after_commit", lambda _: path.unlink(missing_ok=True), once=True)
