"""Updating the certificate of an approved renewal: the one-time code for the program beside the key, and how far it is.

What is read here lies beyond the applicant's own reach, so it is read in units of work of their own; each begins by
asking whether the renewal is this applicant's, or of the very certificate that signed in.
"""

import re
from typing import Any, Final

from flask import Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.messages import N_
from workbench.portal.door import portal
from workbench.portal.key.updating_words import STEPS, fault_in_words
from workbench.production import renewing
from workbench.production.renewal_progress import Progress, Step, progress_of
from workbench.shell.context import current_actor, parts
from workbench.shell.i18n import instant

_NUMBER: Final = re.compile(r"EK[0-9]{11,20}")


@portal.route("/applications/<number>/update", methods=["GET", "POST"])
def update_key(number: str) -> ResponseReturnValue:
    """How the update goes and how far it is; a one-time code when one is asked for. The code is shown on the answer,
    once: it is kept nowhere, so no redirect can carry it."""
    if request.method == "GET":
        return _page(_progress(number))
    with parts().work() as session:
        code = renewing.begin_renewal(session, parts(), current_actor(), _find(session, number).id)
    return _page(_progress(number), code)


@portal.post("/applications/<number>/update/again")
def update_again(number: str) -> ResponseReturnValue:
    """Let the program try again what stood still."""
    with parts().work() as session:
        renewing.try_again(session, current_actor(), _find(session, number).id)
    flash(gettext("The program tries again."), "success")
    return redirect(url_for("portal.update_key", number=number), code=303)


@portal.get("/applications/<number>/update/state")
def update_state(number: str) -> ResponseReturnValue:
    """How far it is, for the page that shows it."""
    found = _progress(number)
    return jsonify(**_told(found), done=found.is_done, step=found.step.value)


def _find(session: Session, number: str) -> Application:
    """The renewal of this number, if it is this applicant's to update.

    Raises:
        NotFound: there is none.
    """
    found = None
    if _NUMBER.fullmatch(number):
        found = session.scalar(select(Application.id).where(Application.number == number))
    if found is None:
        raise NotFound(N_("There is no such application."))
    return renewing.find_case(session, current_actor(), found)


def _progress(number: str) -> Progress:
    with parts().work() as session:
        found = progress_of(session, _find(session, number))
    if not (found.is_open or found.is_done):
        raise Conflict(N_("This application is not waiting for its certificate to be updated."))
    return found


def _told(found: Progress) -> dict[str, Any]:
    """What changes while one looks on."""
    happened, then = fault_in_words(found.fault) if found.fault is not None else ("", "")
    order = list(Step)
    place = order.index(found.step)
    return {
        "places": {each.value: _place(order.index(each), place, done=found.is_done) for each in order},
        "happened": gettext(happened) if happened else "",
        "then": gettext(then) if then else "",
        "waits": found.waits,
        "others": gettext("Another key is plugged in: %(others)s", others=", ".join(found.others))
        if found.step is Step.KEY and found.others
        else "",
        "until": instant(found.code_until) if found.code_until is not None else "",
    }


def _place(step: int, now: int, *, done: bool) -> str:
    if step < now or done:
        return "done"
    return "now" if step == now else "next"


def _page(found: Progress, code: str = "") -> Response:
    command = f"bench-agent --holder --server {parts().settings.site_url}"
    page = render_template(
        "portal/key_update.html",
        found=found,
        application=found.application,
        told=_told(found),
        steps=STEPS,
        code=code,
        command=command,
    )
    answer = make_response(page)
    if code:
        answer.headers["Cache-Control"] = "no-store"
    return answer
