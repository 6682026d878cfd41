"""The papers of an unfinished form: files in slots, put in order, turned, moved and taken out again.

Every file is opened in the sandbox before a row speaks of it. What an earlier round brought stands here as it was and
is only ever replaced. A form that was sent in takes nothing more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from workbench.documents import limits
from workbench.documents.models import Attachment, RequiredDocument
from workbench.documents.preview import Renderer
from workbench.documents.uploads import FileProblem, IncomingFile, UploadRefused, display_name, examine
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound, TooMany
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.portal.drafting.drafts import DraftSubmitted, documents_of, get_draft, printed_facts
from workbench.portal.drafting.printing import PRINTABLE, facts_digest
from workbench.portal.models import Draft, DraftFile, Upload
from workbench.portal.spending import of_applicant, slow_down
from workbench.portal.uploads.paper_hints import Expected, Hint, hints_of
from workbench.portal.uploads.paper_pages import blurred_anew, marks_in

LARGEST_ID: Final = 2**63 - 1
OVERFULL: Final = N_("At most %(limit_files)d files may be attached to one document.")
UNKNOWN_SLOT: Final = N_("This service does not ask for a document called %(code)s.")
TOO_MUCH: Final = N_("All files together may have %(limit_mb)d MB. Please scan them at 200 dpi, or remove some.")
A_DAY: Final = timedelta(days=1)
MANY_TODAY: Final = N_("You have uploaded very many files within a day. Please go on later.")
MANY_AT_ONCE: Final = N_("Other files of yours are being checked. Please try again in a moment.")
MOMENT_SECONDS: Final = 3
KEPT: Final = N_("This file was kept from the round before: remove it and upload the paper anew to change it.")


@dataclass(frozen=True)
class PaperSlot:
    """One required document with its files in order and what there is to say about them."""

    document: RequiredDocument
    files: Sequence[DraftFile] = ()
    hints: Sequence[Hint] = field(default_factory=tuple)

    @property
    def missing(self) -> bool:
        """Whether a paper that is asked for has not come."""
        return self.document.required and not self.files

    @property
    def overfull(self) -> bool:
        """Whether it holds more than can be submitted."""
        return len(self.files) > limits.MAX_FILES_PER_SLOT

    @property
    def stops(self) -> bool:
        """Whether the form cannot be submitted because of it."""
        return self.missing or self.overfull or any(hint.stops for hint in self.hints)


def add_file(
    session: Session, parts: Parts, renderer: Renderer, draft: Draft, document_code: str, name: str, content: bytes
) -> DraftFile:
    """Open a stranger's file in the sandbox, read the marks on its pages and put it behind what its slot holds.

    Raises:
        UploadRefused: naming the file and the remedy.
        DraftSubmitted, NotFound: the form was sent in or discarded meanwhile.
        TooMany: the applicant has files opened at this moment, or had too many within a day.
    """
    document = asked_document(session, draft, document_code, name)
    check_room(session, draft, document_code, name, len(content))
    _take_turn(session, parts, draft.applicant_id)
    untrusted = IncomingFile(document_code, name, content)
    examined = examine(parts.blobs, renderer, untrusted, shows_identity=document.shows_identity)
    marks = marks_in(parts, renderer, content, examined)
    lock_open(session, draft)
    check_room(session, draft, document_code, name, len(content))
    draft_file = DraftFile(
        draft_id=draft.id,
        applicant_id=draft.applicant_id,
        document_code=document_code,
        position=_next_position(session, draft, document_code),
        name=examined.name,
        sha256=examined.sha256,
        byte_size=examined.byte_size,
        kind=examined.kind.value,
        sizes=[list(size) for size in examined.sizes],
        rotations=[0] * len(examined.sizes),
        marks=marks,
        image_sha256=examined.image_sha256,
        thumbnail_sha256=examined.thumbnail_sha256,
        uploaded_at=now(),
    )
    session.add(draft_file)
    _touch(session, draft)
    return draft_file


def files_of(session: Session, draft: Draft) -> Sequence[DraftFile]:
    """Every file of the form, by slot; those of an earlier round stand before the others of theirs."""
    return session.scalars(
        select(DraftFile)
        .where(DraftFile.draft_id == draft.id)
        .order_by(DraftFile.document_code, DraftFile.kept_from_id.is_(None), DraftFile.position, DraftFile.id)
    ).all()


def slots_of(session: Session, parts: Parts, draft: Draft) -> list[PaperSlot]:
    """What the form asks for, in the order of its list, with files and hints.

    Raises:
        NotFound: no list has been published for the service.
    """
    files = files_of(session, draft)
    documents = documents_of(session, draft)
    expected = Expected(
        number=draft.number,
        digest=_digest(session, parts, draft, files),
        codes=tuple(document.code for document in documents),
        printable=PRINTABLE,
    )
    hints = hints_of(parts.secrets, expected, files)
    return [
        PaperSlot(
            document,
            [file for file in files if file.document_code == document.code],
            [hint for hint in hints if hint.slot == document.code],
        )
        for document in documents
    ]


def strays_of(session: Session, draft: Draft) -> list[DraftFile]:
    """Files of papers that are asked for no longer, since service or authority changed: they are not submitted."""
    asked = {document.code for document in documents_of(session, draft)}
    return [file for file in files_of(session, draft) if file.document_code not in asked]


def keep_attachments(session: Session, draft: Draft, attachments: Iterable[Attachment]) -> None:
    """Let the form hold files of the round before. Their pages have to be loaded; nothing is opened or rendered."""
    for attachment in attachments:
        first = attachment.pages[0]
        assert first.image_sha256 is not None
        assert first.thumbnail_sha256 is not None
        session.add(
            DraftFile(
                draft_id=draft.id,
                applicant_id=draft.applicant_id,
                document_code=attachment.document_code,
                position=attachment.position,
                name=attachment.untrusted_name,
                sha256=attachment.sha256,
                byte_size=attachment.byte_size,
                kind=attachment.kind,
                sizes=[[page.width, page.height] for page in attachment.pages],
                rotations=[page.rotation for page in attachment.pages],
                marks=[],
                image_sha256=first.image_sha256,
                thumbnail_sha256=first.thumbnail_sha256,
                kept_from_id=attachment.id,
                uploaded_at=attachment.uploaded_at,
            )
        )
    session.flush()


def get_file(
    session: Session, actor: Actor, draft_id: int, file_id: int, *, lock: bool = False
) -> tuple[Draft, DraftFile]:
    """One file of this applicant's unfinished form; with `lock`, the form is held against other writers.

    Raises:
        NotFound: there is none, or it is another's.
        DraftSubmitted: the form was sent in.
    """
    draft = get_draft(session, actor, draft_id, lock=lock)
    file = session.scalars(
        select(DraftFile).where(DraftFile.id == min(file_id, LARGEST_ID), DraftFile.draft_id == draft.id)
    ).one_or_none()
    if file is None:
        raise NotFound(N_("There is no such file."))
    return draft, file


def turn_page(session: Session, actor: Actor, draft_id: int, file_id: int, page: int) -> DraftFile:
    """Turn one page, counted from 0, by 90 degrees clockwise from how it stands.

    Raises:
        NotFound, DraftSubmitted: as `get_file`; NotFound also for a page it does not have.
        Conflict: it was kept from an earlier round.
    """
    draft, file = get_file(session, actor, draft_id, file_id, lock=True)
    _refuse_kept(file)
    if not 0 <= page < len(file.rotations):
        raise NotFound(N_("There is no such page."))
    turned = list(file.rotations)
    turned[page] = (turned[page] + 90) % 360
    file.rotations = turned
    _touch(session, draft)
    return file


def move_file(session: Session, actor: Actor, draft_id: int, file_id: int, place: int) -> DraftFile:
    """Put a file at another place in its slot, counted from 0 among those that were not kept; too high means last.

    Raises:
        NotFound, DraftSubmitted: as `get_file`.
        Conflict: it was kept from an earlier round.
    """
    draft, file = get_file(session, actor, draft_id, file_id, lock=True)
    _refuse_kept(file)
    others = [each for each in _movable(session, draft, file.document_code) if each.id != file.id]
    others.insert(max(0, place), file)
    _number(others)
    _touch(session, draft)
    return file


def send_to(
    session: Session, parts: Parts, renderer: Renderer, actor: Actor, draft_id: int, file_id: int, document_code: str
) -> DraftFile:
    """Put a file behind those of another slot; its thumbnail is blurred there where that slot's are.

    Raises:
        NotFound, DraftSubmitted: as `get_file`.
        Conflict: it was kept from an earlier round.
        UploadRefused: no such slot, or it is full.
    """
    draft, file = get_file(session, actor, draft_id, file_id, lock=True)
    _refuse_kept(file)
    if file.document_code == document_code:
        return file
    document = asked_document(session, draft, document_code, file.name)
    check_room(session, draft, document_code, file.name, 0)
    file.position = _next_position(session, draft, document_code)
    file.document_code = document_code
    file.thumbnail_sha256 = blurred_anew(parts, renderer, file, blurred=document.shows_identity)
    _touch(session, draft)
    return file


def remove_file(session: Session, actor: Actor, draft_id: int, file_id: int) -> str:
    """Take a file out of the form; returns its name. What it stood for in an earlier round stays in that round.

    Raises:
        NotFound, DraftSubmitted: as `get_file`.
    """
    draft, file = get_file(session, actor, draft_id, file_id, lock=True)
    session.execute(delete(Upload).where(Upload.draft_file_id == file.id))
    session.delete(file)
    _touch(session, draft)
    return file.name


def asked_document(session: Session, draft: Draft, code: str, name: str) -> RequiredDocument:
    """The paper of this code that the form asks for.

    Args:
        name: of the file that is meant for it, to be named in the refusal.

    Raises:
        UploadRefused: the form asks for no such paper.
    """
    for document in documents_of(session, draft):
        if document.code == code:
            return document
    shown = display_name(code)[:60]
    raise UploadRefused([FileProblem(code, display_name(name), UNKNOWN_SLOT, {"code": shown})])


def check_room(session: Session, draft: Draft, document_code: str, name: str, byte_size: int) -> None:
    """Stop a file that its slot, or the form as a whole, has no room for.

    Raises:
        UploadRefused: with the remedy.
    """
    count, total = _held(session, draft, document_code)
    shown = display_name(name)
    if count >= limits.MAX_FILES_PER_SLOT:
        raise UploadRefused([FileProblem(document_code, shown, OVERFULL)])
    if total + byte_size > limits.MAX_DRAFT_BYTES:
        values = {"limit_mb": limits.MAX_DRAFT_BYTES // limits.MIB}
        raise UploadRefused([FileProblem(document_code, shown, TOO_MUCH, values)])


def lock_open(session: Session, draft: Draft) -> None:
    """Hold the form against other writers, who are waited for.

    Raises:
        DraftSubmitted, NotFound: it was sent in or discarded meanwhile.
    """
    session.refresh(draft, with_for_update=True)
    if draft.discarded_at is not None:
        raise NotFound(N_("There is no such form."))
    if draft.submitted_at is not None:
        raise DraftSubmitted(draft.number)


def _take_turn(session: Session, parts: Parts, applicant_id: int) -> None:
    """Hold one of the applicant's places at the sandbox until this transaction ends.

    Raises:
        TooMany: both are taken, or too many files were opened within a day.
    """
    attempt = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    places = (f"files:{applicant_id}:{place}" for place in range(limits.MAX_FILES_AT_ONCE))
    if not any(session.execute(attempt, {"name": place}).scalar() for place in places):
        raise TooMany(MANY_AT_ONCE, retry_after=MOMENT_SECONDS)
    whose = of_applicant(applicant_id)
    slow_down(parts, "files", whose, most=limits.MAX_FILES_A_DAY, within=A_DAY, reason=MANY_TODAY)


def _held(session: Session, draft: Draft, code: str) -> tuple[int, int]:
    """Files in one slot, and bytes of all files the applicant sent for this form."""
    own = DraftFile.draft_id == draft.id
    count = session.scalar(select(func.count()).select_from(DraftFile).where(own, DraftFile.document_code == code))
    total = session.scalar(select(func.sum(DraftFile.byte_size)).where(own, DraftFile.kept_from_id.is_(None)))
    return int(count or 0), int(total or 0)


def _movable(session: Session, draft: Draft, code: str) -> list[DraftFile]:
    return [each for each in files_of(session, draft) if each.document_code == code and each.kept_from_id is None]


def _number(files: Sequence[DraftFile]) -> None:
    for position, file in enumerate(files):
        file.position = position


def _next_position(session: Session, draft: Draft, code: str) -> int:
    return max((each.position for each in files_of(session, draft) if each.document_code == code), default=-1) + 1


def _refuse_kept(file: DraftFile) -> None:
    if file.kept_from_id is not None:
        raise Conflict(KEPT)


def _digest(session: Session, parts: Parts, draft: Draft, files: Sequence[DraftFile]) -> str:
    """The digest that a form printed now would bear; asked for only where some page bears a mark."""
    if not any(file.marks for file in files) or draft.identity_ciphertext is None:
        return ""
    return facts_digest(parts.secrets, printed_facts(session, parts, draft))


def _touch(session: Session, draft: Draft) -> None:
    draft.updated_at = now()
    session.flush()
