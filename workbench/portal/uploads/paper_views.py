"""The papers page: what each slot asks for, what it holds, what is to be put right; and the pictures of the pages.

Everything here works by plain forms; scripts only make it quicker.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from workbench.documents import limits
from workbench.documents.file_views import CACHING, PICTURE_POLICY, CannotBeShown
from workbench.documents.preview import RefusalCode, Refused
from workbench.documents.rendering import renderer
from workbench.documents.slots import problem_words
from workbench.documents.uploads import LIMIT_VALUES, FileProblem, UploadRefused
from workbench.documents.words import REFUSAL_REASONS
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.messages import N_
from workbench.portal.door import portal
from workbench.portal.drafting.drafts import documents_of, get_draft
from workbench.portal.models import Draft, DraftFile
from workbench.portal.uploads import correcting, uploading
from workbench.portal.uploads import papers as verbs
from workbench.portal.uploads.paper_hints import Hint
from workbench.portal.uploads.paper_pages import page_image, page_thumbnail
from workbench.portal.uploads.papers import PaperSlot
from workbench.review import presenting
from workbench.shell.context import current_actor, db, parts
from workbench.shell.http import accepts
from workbench.shell.i18n import language

FORM_BYTES: Final = 100 * limits.MIB
"""What one form may bring where no script sends the files piece by piece."""
THUMBNAILS: Final = 24
"""Pages of one file that are shown."""
ACCEPT: Final = ".pdf,.jpg,.jpeg,.png,.tif,.tiff,.webp,.heic,.heif"


@portal.route("/drafts/<int:draft_id>/papers", methods=["GET", "POST"])
@accepts(FORM_BYTES)
def papers(draft_id: int) -> ResponseReturnValue:
    """Show the slots; or take whole files for one slot and show what was wrong with any of them."""
    draft = get_draft(db(), current_actor(), draft_id)
    if request.method == "GET":
        return _page(draft)
    slot = request.form.get("slot", "")
    problems = _take_in(draft, slot)
    if problems:
        return _page(draft, problems)
    return _back(draft_id, slot)


@portal.post("/drafts/<int:draft_id>/files/<int:file_id>/turn")
def turn_paper(draft_id: int, file_id: int) -> ResponseReturnValue:
    """Turn one page by 90 degrees clockwise."""
    file = verbs.turn_page(db(), current_actor(), draft_id, file_id, _number("page"))
    return _back(draft_id, file.document_code)


@portal.post("/drafts/<int:draft_id>/files/<int:file_id>/move")
def move_paper(draft_id: int, file_id: int) -> ResponseReturnValue:
    """Put a file at another place in its slot."""
    file = verbs.move_file(db(), current_actor(), draft_id, file_id, _number("place"))
    return _back(draft_id, file.document_code)


@portal.post("/drafts/<int:draft_id>/files/<int:file_id>/slot")
def send_paper(draft_id: int, file_id: int) -> ResponseReturnValue:
    """Put a file into the slot where it belongs."""
    slot = request.form.get("slot", "")
    try:
        verbs.send_to(db(), parts(), renderer(), current_actor(), draft_id, file_id, slot)
    except UploadRefused as refused:
        db().rollback()
        return _page(get_draft(db(), current_actor(), draft_id), list(refused.problems))
    flash(gettext("The file was moved to where it belongs."), "success")
    return _back(draft_id, slot)


@portal.post("/drafts/<int:draft_id>/files/<int:file_id>/remove")
def remove_paper(draft_id: int, file_id: int) -> ResponseReturnValue:
    """Take a file out of the form."""
    _, file = verbs.get_file(db(), current_actor(), draft_id, file_id)
    name = verbs.remove_file(db(), current_actor(), draft_id, file_id)
    flash(gettext("%(name)s was removed.", name=name), "success")
    return _back(draft_id, file.document_code)


@portal.get("/drafts/<int:draft_id>/files/<int:file_id>/pages/<int:page>/image")
def paper_image(draft_id: int, file_id: int, page: int) -> ResponseReturnValue:
    """One page as the desks will see it, turned as it is to be: a JPEG."""
    _draft, file = _own_page(draft_id, file_id, page)
    return _picture(file, page, "image/jpeg", lambda: page_image(parts(), renderer(), file, page))


@portal.get("/drafts/<int:draft_id>/files/<int:file_id>/pages/<int:page>/thumbnail")
def paper_thumbnail(draft_id: int, file_id: int, page: int) -> ResponseReturnValue:
    """One page small, turned as it is to be: a WebP; blurred where the document shows an identity number."""
    draft, file = _own_page(draft_id, file_id, page)
    blurred = any(each.shows_identity for each in documents_of(db(), draft) if each.code == file.document_code)
    return _picture(file, page, "image/webp", lambda: page_thumbnail(parts(), renderer(), file, page, blurred=blurred))


def document_name(code: str, slots: Sequence[PaperSlot]) -> str:
    """A document's name in the reader's language; its code when the form does not ask for it."""
    for slot in slots:
        if slot.document.code == code:
            return slot.document.name_en if language() == "en" else slot.document.name_zh
    return code


def hint_words(hint: Hint, slots: Sequence[PaperSlot]) -> str:
    """What a hint says, in the reader's language; with the file's name where the slot holds more than one."""
    said = str(gettext(hint.reason, **hint.values, document=document_name(hint.target or "", slots)))
    files = [file for slot in slots if slot.document.code == hint.slot for file in slot.files]
    named = [file.name for file in files if file.id == hint.file_id]
    if not named or len(files) == 1 or "name" in hint.values:
        return said
    return str(gettext("%(name)s: %(reason)s", name=named[0], reason=said))


def _take_in(draft: Draft, slot: str) -> list[FileProblem]:
    """Add each file this request brings; those that cannot be accepted are told, the others stay."""
    sent = [each for each in request.files.getlist("files") if each.filename]
    if not sent:
        return [FileProblem(slot, "", N_("Please choose a file first."), {})]
    problems: list[FileProblem] = []
    for each in sent:
        try:
            content = each.stream.read(limits.MAX_FILE_BYTES + 1)
            verbs.add_file(db(), parts(), renderer(), draft, slot, each.filename or "", content)
        except UploadRefused as refused:
            problems += refused.problems
    return problems


def _page(draft: Draft, problems: Sequence[FileProblem] = ()) -> str:
    slots = verbs.slots_of(db(), parts(), draft)
    told: dict[str, list[str]] = {}
    for problem in problems:
        told.setdefault(problem.document_code, []).append(problem_words(problem))
    known = {slot.document.code for slot in slots}
    return render_template(
        "portal/papers.html",
        draft=draft,
        slots=slots,
        strays=verbs.strays_of(db(), draft),
        problems=told,
        other_problems=[words for code, each in told.items() if code not in known for words in each],
        uploads=uploading.unfinished(db(), draft),
        correction=correcting.correction_of(db(), current_actor(), draft),
        words=presenting,
        hint_words=hint_words,
        values=_shown_values(),
    )


def _shown_values() -> Mapping[str, Any]:
    return {
        "accept": ACCEPT,
        "limit_mb": LIMIT_VALUES["limit_mb"],
        "limit_files": limits.MAX_FILES_PER_SLOT,
        "limit_bytes": limits.MAX_FILE_BYTES,
        "thumbnails": THUMBNAILS,
    }


def _own_page(draft_id: int, file_id: int, page: int) -> tuple[Draft, DraftFile]:
    draft, file = verbs.get_file(db(), current_actor(), draft_id, file_id)
    if page >= len(file.sizes):
        raise NotFound(N_("There is no such page."))
    return draft, file


def _picture(file: DraftFile, page: int, mimetype: str, make: Callable[[], bytes]) -> Response:
    """A picture of a page, or 304 when the browser still holds it. File, page and turning name it."""
    name = f"{file.thumbnail_sha256[:16]}-{file.id}-{page}-{file.rotations[page]}"
    if request.if_none_match.contains(name):
        response = Response(status=304)
    else:
        try:
            response = Response(make(), mimetype=mimetype)
        except Refused as refused:
            raise CannotBeShown(REFUSAL_REASONS[RefusalCode(refused.code)], **LIMIT_VALUES) from refused
    response.set_etag(name)
    response.headers["Cache-Control"] = CACHING
    response.headers["Content-Security-Policy"] = PICTURE_POLICY
    return response


def _number(name: str) -> int:
    number = request.form.get(name, type=int)
    if number is None or not 0 <= number < 10_000:
        raise Invalid(N_("Something in the form or the address is missing or malformed."))
    return number


def _back(draft_id: int, slot: str) -> ResponseReturnValue:
    return redirect(url_for("portal.papers", draft_id=draft_id, _anchor=f"slot-{slot}"), code=303)
