"""The screen where a maker prepares seals: what the letter shows, what would be cut out of it, accepted by one key.

Nothing of an applicant's file is shown but pictures we drew of its pages; looking is recorded as on every desk.
"""

import base64
from collections.abc import Sequence
from typing import Any

from flask import Flask, flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.cases.calendar import last_day, working_days_left
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.cases.words import SERVICE_NAMES, Service
from workbench.documents.access import record_view
from workbench.documents.attachments import FAILED
from workbench.documents.file_views import ensure_picture
from workbench.documents.service import current_submission
from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.keys.models import Seal
from workbench.organisation.models import Authority, Staff
from workbench.production.seals import queries
from workbench.production.seals.cutting import Crop, Proposal, cut, propose
from workbench.production.seals.queries import LetterPage
from workbench.production.seals.returning import ask_for_another_letter
from workbench.production.seals.separation import SealImage
from workbench.production.seals.service import prepare_seal, why_not
from workbench.production.seals.signing import load_seal_maker
from workbench.shell import menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access
from workbench.shell.gate import DeskView
from workbench.shell.i18n import language


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(PreparingView(name=_("Seal preparation"), endpoint="preparing", url="/desk/production/seals"))
    line = menu.MenuItem(
        _("Seals"),
        "preparing.index",
        Permission.KEY_PRODUCE,
        count=queries.count_to_prepare,
        group=menu.Group.PRODUCTION,
        icon="shield",
    )
    menu.register(app, line)


class PreparingView(DeskView):
    """Cases that wait for their seal, one after the other."""

    permission = Permission.KEY_PRODUCE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The cases that wait, or with `show=prepared` those whose seal may still be prepared anew."""
        actor = current_actor()
        done = request.args.get("show") == "prepared"
        wanted = queries.prepared(actor) if done else queries.to_prepare(actor)
        waiting, ready = queries.count_to_prepare(db(), actor), queries.count_prepared(db(), actor)
        here = url_for(".index")
        return str(
            self.render(
                "production/prepare_list.html",
                cases=queries.list_cases(db(), wanted),
                done=done,
                total=ready if done else waiting,
                chips=[
                    {"label": gettext("To prepare"), "url": here, "current": not done, "count": waiting},
                    {"label": gettext("Prepared"), "url": f"{here}?show=prepared", "current": done, "count": ready},
                ],
                trial=trial_maker(),
                service_names=SERVICE_NAMES,
                last_day=last_day,
            )
        )

    @expose("/next")
    def next(self) -> ResponseReturnValue:
        """Go to the most urgent case, or to the one behind `after`."""
        after = request.args.get("after", type=int)
        return self._onward(get_case(db(), current_actor(), min(after, LARGEST_ID)) if after else None)

    @expose("/<int:case_id>")
    @records_access
    def show(self, case_id: int) -> ResponseReturnValue:
        """The letter with the frame that is proposed, and the seal that would come of it."""
        actor = current_actor()
        application = get_case(db(), actor, min(case_id, LARGEST_ID))
        refusal = why_not(db(), application, actor)
        if refusal is not None:
            flash(gettext(refusal), "warning")
            return self.see_other(".index")
        letter = queries.letter_pages(db(), actor, application.id)
        pages = [each for each in letter if each.attachment.preview != FAILED]
        for each in pages:
            ensure_picture(each.page, each.attachment)
        live = queries.find_live(db(), application.id)
        start = starting_point(pages, live)
        shown = self._seal_words(pages[start.place], start.crop) if start.crop is not None else None
        return str(
            self.render(
                "production/prepare.html",
                case=application,
                pages=pages,
                start=start,
                shown=shown,
                live=live,
                data=script_data(application, pages, start),
                waiting=queries.count_to_prepare(db(), actor),
                **case_words(application, live),
            )
        )

    @expose("/<int:case_id>/preview", methods=["POST"])
    def preview(self, case_id: int) -> ResponseReturnValue:
        """The seal that a frame would give: its picture, its size, what to look at; or why it gives none."""
        wanted = request.form.get("page_id", type=int)
        pages = queries.letter_pages(db(), current_actor(), min(case_id, LARGEST_ID))
        page = next((each for each in pages if each.page.id == wanted), None)
        if page is None:
            raise Invalid("The frame could not be understood.")
        try:
            return jsonify(self._seal_words(page, Crop.of(request.form)))
        except Invalid as refusal:
            return jsonify(problem=gettext(refusal.reason, **refusal.values))

    @expose("/<int:case_id>/accept", methods=["POST"])
    def accept(self, case_id: int) -> ResponseReturnValue:
        """Keep the seal, then the next case."""
        actor = current_actor()
        application = get_case(db(), actor, min(case_id, LARGEST_ID))
        try:
            prepare_seal(
                db(),
                parts(),
                actor,
                application.id,
                request.form.get("page_id", 0, type=int),
                Crop.of(request.form),
                seen_version=request.form.get("version", 0, type=int),
                seen_seal_id=request.form.get("seal", type=int),
            )
        except Conflict as conflict:
            flash(f"{application.number}: {gettext(conflict.reason, **conflict.values)}", "error")
        else:
            flash(gettext("%(number)s: seal prepared", number=application.number), "success")
        return self._onward(application)

    @expose("/<int:case_id>/return", methods=["POST"])
    def give_back(self, case_id: int) -> ResponseReturnValue:
        """Ask the enterprise for another letter, then the next case."""
        application = get_case(db(), current_actor(), min(case_id, LARGEST_ID))
        remark, version = request.form.get("remark", ""), request.form.get("version", 0, type=int)
        try:
            with db().begin_nested():
                ask_for_another_letter(db(), current_actor(), application.id, remark, seen_version=version)
        except (Conflict, Invalid) as refusal:
            flash(f"{application.number}: {gettext(refusal.reason, **refusal.values)}", "error")
            return self.see_other(".show", case_id=application.id)
        flash(gettext("%(number)s: another letter is asked for", number=application.number), "success")
        return self._onward(application)

    def _onward(self, after: Application | None) -> ResponseReturnValue:
        following = queries.find_next(db(), current_actor(), after)
        if following is None:
            flash(gettext("No other case waits for its seal."), "info")
            return self.see_other(".index")
        return self.see_other(".show", case_id=following)

    def _seal_words(self, page: LetterPage, crop: Crop) -> dict[str, Any]:
        """A seal as the screen shows it. It is made of the file's pixels, so it counts as a view of the file."""
        record_view(db(), page.attachment, current_actor())
        return seal_words(cut(parts().blobs, page.page, crop))


def starting_point(pages: Sequence[LetterPage], live: Seal | None) -> Proposal:
    """Where to begin: the frame of the seal that stands there, else what is found on the pages."""
    for place, each in enumerate(pages):
        if live is not None and live.page_id == each.page.id:
            return Proposal(place, Crop.of(live.crop))
    if not pages:
        return Proposal(0, None, N_("The case has no seal confirmation letter that can be shown."))
    return propose(parts().blobs, [each.page for each in pages])


def seal_words(seal: SealImage) -> dict[str, Any]:
    """A seal for the script and the template alike."""
    return {
        "picture": picture_url(seal.png),
        "width": seal.width_mm,
        "height": seal.height_mm,
        "ink_width": seal.ink_width_mm,
        "ink_height": seal.ink_height_mm,
        "warnings": [gettext(each) for each in seal.warnings],
        "problem": None,
    }


def picture_url(png: bytes) -> str:
    """A picture that travels inside the page: no address of it can be kept or guessed."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def script_data(application: Application, pages: Sequence[LetterPage], start: Proposal) -> dict[str, Any]:
    """What the page carries for its script."""
    return {
        "preview": url_for(".preview", case_id=application.id),
        "place": start.place,
        "crop": start.crop.kept() if start.crop is not None else None,
        "pages": [
            {
                "id": each.page.id,
                "width": each.page.width,
                "height": each.page.height,
                "rotation": each.page.rotation,
                "image": url_for("documents.image", page_id=each.page.id),
                "thumbnail": url_for("documents.thumbnail", page_id=each.page.id),
                "zoom": url_for("documents.zoom", page_id=each.page.id),
            }
            for each in pages
        ],
    }


def case_words(application: Application, live: Seal | None) -> dict[str, Any]:
    """What stands beside the letter: facts of the case, and what the enterprise sealed with before."""
    authority = db().get_one(Authority, application.authority_id)
    before = queries.previous_seal(parts(), application.uscc, application.id)
    calendar = load_calendar(db())
    return {
        "service": gettext(SERVICE_NAMES[Service(application.service)]),
        "authority": authority.short_zh if language() == "zh" else authority.name_en,
        "holder": current_submission(db(), application).holder.name,
        "due_day": last_day(application.due_at) if application.due_at else None,
        "days_left": working_days_left(now(), application.due_at, calendar) if application.due_at else None,
        "prepared_by": db().get_one(Staff, live.maker_id).name if live is not None else None,
        "previous": before,
        "previous_picture": picture_url(parts().blobs.get(before.seal.image_sha256)) if before else None,
    }


def trial_maker() -> str | None:
    """A sentence when seals are vouched for by nobody outside, or by nobody at all."""
    try:
        maker = load_seal_maker(parts().settings)
    except WorkbenchError as error:
        return str(gettext(error.reason, **error.values))
    return str(gettext("Seals are signed by this installation's TRIAL seal maker.")) if maker.is_trial else None
