"""The addresses scripts send a file to, piece by piece. Without scripts the papers page takes whole files."""

import uuid
from typing import Final

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

from workbench.documents import limits
from workbench.documents.rendering import renderer
from workbench.documents.slots import problem_words
from workbench.documents.uploads import UploadRefused
from workbench.kernel.errors import Invalid
from workbench.kernel.messages import N_
from workbench.portal.door import portal
from workbench.portal.drafting.drafts import get_draft
from workbench.portal.models import Upload
from workbench.portal.uploads import uploading
from workbench.portal.uploads.uploading import OutOfStep
from workbench.shell.context import current_actor, db, parts
from workbench.shell.failures import answer, wants_json
from workbench.shell.http import accepts

OFFSET: Final = "Upload-Offset"
"""The header that says at which byte a piece begins."""


@portal.post("/drafts/<int:draft_id>/uploads")
def begin_upload(draft_id: int) -> ResponseReturnValue:
    """Announce a file: slot, name and size in bytes. The answer says where its pieces go and how large they may be."""
    try:
        said = request.get_json(silent=True)
    except RecursionError:
        said = None
    if not isinstance(said, dict):
        raise Invalid(N_("Say which file is to come: slot, name and size."))
    slot, name, size = said.get("slot"), said.get("name"), said.get("size")
    if not (isinstance(slot, str) and isinstance(name, str) and type(size) is int):
        raise Invalid(N_("Say which file is to come: slot, name and size."))
    try:
        upload = uploading.open_upload(db(), current_actor(), draft_id, slot, name, size)
    except UploadRefused as refused:
        return _refusal(refused)
    return jsonify(_told(upload)), 201


@portal.get("/drafts/<int:draft_id>/uploads/<uuid:upload_id>")
def upload(draft_id: int, upload_id: uuid.UUID) -> ResponseReturnValue:
    """How much has come, with the SHA-256 of it."""
    found = uploading.get_upload(db(), current_actor(), draft_id, upload_id)
    digest = uploading.digest_of_received(parts(), found) if found.draft_file_id is None else None
    return jsonify({**_told(found), "sha256": digest})


@portal.route("/drafts/<int:draft_id>/uploads/<uuid:upload_id>", methods=["PUT"])
@accepts(limits.UPLOAD_CHUNK_BYTES)
def add_piece(draft_id: int, upload_id: uuid.UUID) -> ResponseReturnValue:
    """Take one piece, which begins at the byte the header `Upload-Offset` names."""
    offset = request.headers.get(OFFSET, "")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
        raise Invalid(N_("The piece does not fit into the file as it was announced."))
    if request.content_length is None:
        raise LengthRequired  # a body without an end would be cut at the limit and taken for a whole piece
    if request.content_length > limits.UPLOAD_CHUNK_BYTES:
        raise RequestEntityTooLarge
    piece = request.get_data(cache=False)
    found = uploading.get_upload(db(), current_actor(), draft_id, upload_id, lock=True)
    try:
        return jsonify(_told(uploading.append(db(), parts(), found, int(offset), piece)))
    except OutOfStep as elsewhere:
        return _out_of_step(elsewhere)


@portal.post("/drafts/<int:draft_id>/uploads/<uuid:upload_id>/finish")
def finish_upload(draft_id: int, upload_id: uuid.UUID) -> ResponseReturnValue:
    """Open the file that has come; it becomes a paper, or the answer says what is wrong with it (422)."""
    found = uploading.get_upload(db(), current_actor(), draft_id, upload_id, lock=True)
    draft = get_draft(db(), current_actor(), draft_id)
    try:
        file = uploading.finish(db(), parts(), renderer(), draft, found)
    except OutOfStep as elsewhere:
        return _out_of_step(elsewhere)
    except UploadRefused as refused:
        return _refusal(refused)
    return jsonify(file=file.id, slot=file.document_code, name=file.name, pages=len(file.sizes))


@portal.post("/drafts/<int:draft_id>/uploads/<uuid:upload_id>/remove")
def remove_upload(draft_id: int, upload_id: uuid.UUID) -> ResponseReturnValue:
    """Forget an upload that is not wanted any more."""
    found = uploading.get_upload(db(), current_actor(), draft_id, upload_id, lock=True)
    slot = found.document_code
    uploading.give_up(db(), parts(), found)
    if wants_json():
        return jsonify(removed=True)
    return redirect(url_for("portal.papers", draft_id=draft_id, _anchor=f"slot-{slot}"), code=303)


def _told(found: Upload) -> dict[str, object]:
    return {
        "id": str(found.id),
        "url": url_for("portal.upload", draft_id=found.draft_id, upload_id=found.id),
        "slot": found.document_code,
        "name": found.name,
        "size": found.byte_size,
        "received": found.received,
        "chunk": limits.UPLOAD_CHUNK_BYTES,
        "finished": found.draft_file_id is not None,
    }


def _refusal(refused: UploadRefused) -> ResponseReturnValue:
    problems = [problem_words(each) for each in refused.problems]
    title = gettext("This file cannot be accepted")
    return answer(422, " ".join(problems), {"title": title, "advice": "", "problems": problems})


def _out_of_step(elsewhere: OutOfStep) -> ResponseReturnValue:
    return answer(409, gettext(elsewhere.reason), {"received": elsewhere.received})
