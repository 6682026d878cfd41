"""The last look before submission: what will be sent, what happens then and until when; and the submission itself."""

from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from workbench.cases.calendar import due_date, last_day
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, load_calendar
from workbench.cases.facts import InvalidFacts
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.documents.rendering import renderer
from workbench.documents.slots import problem_words
from workbench.documents.uploads import UploadRefused
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict
from workbench.organisation.models import PickupSite
from workbench.portal.door import portal
from workbench.portal.drafting.draft_fields import step_of
from workbench.portal.drafting.drafts import find_authority, get_draft, problems_of
from workbench.portal.models import Draft
from workbench.portal.uploads import papers, submitting, uploading
from workbench.portal.uploads.paper_views import hint_words
from workbench.portal.uploads.submitting import DraftIncomplete
from workbench.review import presenting
from workbench.shell.context import current_actor, db, parts

_OWN_NAMES: Final = {
    "authority_id": lazy_gettext("Issuing authority"),
    "pickup_site_id": lazy_gettext("Pick-up site"),
    "answer": lazy_gettext("Your answer to the remark"),
}
"""Fields that the desks' screens have no name for."""


@portal.route("/drafts/<int:draft_id>/confirm", methods=["GET", "POST"])
def confirm(draft_id: int) -> ResponseReturnValue:
    """Show everything once more with what is still in the way; or send it in. Sent twice, it is one application."""
    draft = get_draft(db(), current_actor(), draft_id, open_only=False)
    if draft.result_id is not None and draft.submitted_at is not None:
        return redirect(url_for("portal.case", number=draft.number, received=1), code=303)
    if request.method == "GET":
        return _page(draft)
    if request.form.get("agreed") != "yes":
        return _page(draft, [gettext("Please confirm the statement before you submit.")]), 422
    try:
        application = submitting.submit_draft(db(), parts(), renderer(), draft_id, current_actor())
    except (Conflict, DraftIncomplete, InvalidFacts, UploadRefused) as refused:
        said = _words_of(refused)
        db().rollback()
        return _page(get_draft(db(), current_actor(), draft_id), said), 409 if isinstance(refused, Conflict) else 422
    return _received(application)


def _received(application: Application) -> ResponseReturnValue:
    flash(gettext("Your application %(number)s was submitted.", number=application.number), "success")
    return redirect(url_for("portal.case", number=application.number, received=1), code=303)


def _words_of(refused: Conflict | DraftIncomplete | InvalidFacts | UploadRefused) -> list[str]:
    if isinstance(refused, UploadRefused):
        return [problem_words(problem) for problem in refused.problems]
    return [gettext(refused.reason, **refused.values) if refused.values else gettext(refused.reason)]


def _page(draft: Draft, said: list[str] | None = None) -> str:
    problems = problems_of(db(), parts(), draft)
    slots = papers.slots_of(db(), parts(), draft)
    site_id = str(draft.values.get("pickup_site_id", ""))
    service = Service(draft.service)
    due = due_date(now(), days_of(db(), service, ClockKind.PRE_CHECK), load_calendar(db()))
    return render_template(
        "portal/confirm.html",
        draft=draft,
        said=said or [],
        problems=problems,
        slots=slots,
        ready=not problems and not any(slot.stops for slot in slots),
        uploads=uploading.unfinished(db(), draft),
        service=service,
        authority=find_authority(db(), str(draft.values.get("authority_id", ""))),
        site=db.get(PickupSite, int(site_id)) if site_id.isdigit() else None,
        due=due,
        due_day=last_day(due.at),
        due_days=days_of(db(), service, ClockKind.PRE_CHECK),
        words=presenting,
        hint_words=hint_words,
        step_of=step_of,
        own_names=_OWN_NAMES,
    )
