"""The upload slots of a form on screen: what each asks for, what it holds so far, and what was wrong with a file."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flask import request
from flask_babel import gettext

from workbench.documents import limits
from workbench.documents.drafting import read_drafts, sign_draft
from workbench.documents.models import Attachment, RequiredDocument
from workbench.documents.rendering import renderer
from workbench.documents.uploads import ExaminedFile, FileProblem, IncomingFile, UploadRefused, examine
from workbench.kernel.blobs import BlobDamaged
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.shell.i18n import language


@dataclass
class DraftLine:
    """One examined file in a slot, with the word the form carries for it."""

    name: str
    byte_size: int
    page_count: int
    reference: str
    thumbnail: str


@dataclass
class Slot:
    """One required document on the form."""

    code: str
    name: str
    bracket: str
    required: bool
    kept: Sequence[Attachment] = ()
    drafts: list[DraftLine] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def slots_for(
    documents: Sequence[RequiredDocument],
    drafts: Iterable[tuple[str, DraftLine]] = (),
    problems: Iterable[FileProblem] = (),
    kept: Sequence[Attachment] = (),
) -> list[Slot]:
    """The slots in the order of the list, with what belongs into each."""
    english = language() == "en"
    slots = {
        document.code: Slot(
            code=document.code,
            name=document.name_en if english else document.name_zh,
            bracket=document.bracket_en if english else document.bracket_zh,
            required=document.required,
            kept=[attachment for attachment in kept if attachment.document_code == document.code],
        )
        for document in documents
    }
    for code, line in drafts:
        slots[code].drafts.append(line)
    for problem in problems:
        if problem.document_code in slots:
            slots[problem.document_code].problems.append(problem_words(problem))
    return list(slots.values())


def problem_words(problem: FileProblem) -> str:
    """A problem in the reader's language, naming the file."""
    reason = gettext(problem.reason, **problem.values)
    return str(gettext("%(name)s: %(reason)s", name=problem.name, reason=reason) if problem.name else reason)


def draft_line(parts: Parts, actor: Actor, file: ExaminedFile) -> DraftLine:
    """How an examined file is shown; its thumbnail travels inside the page, since no row speaks of it yet."""
    try:
        thumbnail = base64.b64encode(parts.blobs.get(file.thumbnail_sha256)).decode()
    except BlobDamaged:
        thumbnail = ""
    return DraftLine(
        name=file.name,
        byte_size=file.byte_size,
        page_count=len(file.sizes),
        reference=sign_draft(parts.secrets, actor, file),
        thumbnail=f"data:image/webp;base64,{thumbnail}",
    )


def sent_files(
    parts: Parts, actor: Actor, documents: Sequence[RequiredDocument]
) -> tuple[list[ExaminedFile], list[FileProblem]]:
    """The files this request brings: words of files sent before, and files sent now, by the form's order of slots."""
    known = {document.code: document for document in documents}
    before = read_drafts(parts.secrets, actor, parts.blobs, request.form.getlist("draft"))
    files = [file for file in before if file.document_code in known]
    problems: list[FileProblem] = []
    if len(before) < len(request.form.getlist("draft")):
        problems.append(FileProblem("", "", N_("A file waited too long. Please choose it again.")))
    for code, document in known.items():
        uploads = [each for each in request.files.getlist(f"file-{code}") if each.filename]
        if len(uploads) > limits.MAX_FILES_PER_SLOT:  # said before any of them is opened
            problems.append(FileProblem(code, "", N_("At most %(limit_files)d files may be attached to one document.")))
            continue
        for sent in uploads:
            untrusted = IncomingFile(code, sent.filename or "", sent.stream.read())
            try:
                files.append(examine(parts.blobs, renderer(), untrusted, shows_identity=document.shows_identity))
            except UploadRefused as refused:
                problems += refused.problems
    return files, problems
