"""The pages of one application: its timeline, remarks, correction, withdrawal, receipt and the pictures of its papers.

Every address names the case by its number; one that is not the applicant's own is not found.
"""

from typing import Final

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from workbench.cases.calendar_text import describe_notes
from workbench.cases.words import Service, State
from workbench.documents.access import record_view
from workbench.documents.file_views import ensure_picture, picture_answer
from workbench.documents.models import Attachment, Page
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.messages import N_
from workbench.portal.door import portal
from workbench.portal.following import cases as following
from workbench.portal.following import timeline
from workbench.portal.following.receipts import receipt_of
from workbench.portal.uploads import correcting
from workbench.review import presenting
from workbench.review.case_parts import FIELD_NAMES
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access
from workbench.shell.failures import wants_json

TONES: Final = {
    State.RETURNED: "today",
    State.AWAITING_COLLECTION: "today",
    State.COLLECTED: "done",
    State.UPDATED: "done",
    State.WITHDRAWN: "idle",
    State.KEY_DESTROYED: "idle",
}
"""How a state is coloured; the others are under way."""


def tone_of(state: State, service: Service) -> str:
    """How a case is coloured where it stands: as what it asks of its applicant."""
    return "today" if timeline.waits_for_update(state, service) else TONES.get(state, "active")


@portal.get("/applications/<number>")
def case(number: str) -> ResponseReturnValue:
    """Where the application stands, what happened, what is to come, and what was said of its papers."""
    return _page("portal/case.html", number, received="received" in request.args)


@portal.route("/applications/<number>/withdraw", methods=["GET", "POST"])
def withdraw(number: str) -> ResponseReturnValue:
    """Ask once, in words that name the application; then take it back."""
    if request.method == "GET":
        return _page("portal/withdraw.html", number)
    try:
        application = following.withdraw(db(), current_actor(), number)
    except Conflict:
        return _page("portal/withdraw.html", number), 409
    flash(gettext("Application %(number)s was withdrawn.", number=application.number), "success")
    return redirect(url_for("portal.case", number=application.number), code=303)


@portal.post("/applications/<number>/correct")
def correct(number: str) -> ResponseReturnValue:
    """Start the correction, or go on with the one that was started."""
    application = following.get_own(db(), current_actor(), number)
    draft = correcting.start_correction(db(), parts(), application.id, current_actor())
    return redirect(url_for("portal.papers", draft_id=draft.id), code=303)


@portal.post("/applications/<number>/answer")
def answer(number: str) -> ResponseReturnValue:
    """Keep what is said to the remark; it is sent with the corrections."""
    application = following.get_own(db(), current_actor(), number)
    draft = correcting.keep_answer(db(), parts(), application.id, request.form.get("answer", ""), current_actor())
    if wants_json():
        return jsonify(saved=True)
    flash(gettext("Your answer was saved. It is sent with your corrections."), "success")
    return redirect(url_for("portal.papers", draft_id=draft.id), code=303)


@portal.get("/applications/<number>/receipt.pdf")
def receipt(number: str) -> ResponseReturnValue:
    """The receipt of the newest submission, to be saved or printed."""
    application = following.get_own(db(), current_actor(), number)
    answer = Response(receipt_of(db(), application), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{application.number}.pdf"'
    return answer


@portal.get("/applications/<number>/pages/<int:page_id>/image")
@records_access
def page_image(number: str, page_id: int) -> ResponseReturnValue:
    """A page that was sent, as a JPEG before any turning. Looking at it is recorded before its pixels leave."""
    page, attachment = _own_page(number, page_id)
    ensure_picture(page, attachment)
    # In a unit of its own: an applicant's session cannot read the log, and so could not tell that a sitting goes on.
    with parts().work() as session:
        record_view(session, attachment, current_actor())
    return picture_answer(page.image_sha256, "image/jpeg")


@portal.get("/applications/<number>/pages/<int:page_id>/thumbnail")
@records_access
def page_thumbnail(number: str, page_id: int) -> ResponseReturnValue:
    """A page that was sent, small, as a WebP; blurred where the document shows an identity number."""
    page, attachment = _own_page(number, page_id)
    ensure_picture(page, attachment)
    return picture_answer(page.thumbnail_sha256, "image/webp")


def _own_page(number: str, page_id: int) -> tuple[Page, Attachment]:
    application = following.get_own(db(), current_actor(), number)
    row = None
    if page_id < 2**63:
        row = db.execute(
            select(Page, Attachment)
            .join(Attachment, Attachment.id == Page.attachment_id)
            .where(Page.id == page_id, Page.application_id == application.id)
        ).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such page."))
    return row.Page, row.Attachment


def _page(template: str, number: str, **more: object) -> str:
    followed = following.follow(db(), current_actor(), number)
    return render_template(
        template,
        followed=followed,
        application=followed.application,
        tone=tone_of(followed.state, Service(followed.application.service)),
        updates=timeline.waits_for_update(followed.state, Service(followed.application.service)),
        days_off=days_off(followed.due) if followed.due is not None else "",
        fields=FIELD_NAMES,
        who_words=timeline.WHO_WORDS,
        words=presenting,
        **more,
    )


def days_off(due: following.Due) -> str:
    """The holidays and worked weekends that a due date was counted around, in the reader's language."""
    return describe_notes(due.found.notes, presenting.locale_name())
