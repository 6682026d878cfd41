"""What an applicant has: unfinished forms and cases, and the start of another, with what it needs said beforehand."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from workbench.cases.calendar import last_day, working_days_left
from workbench.cases.clocks import ClockKind
from workbench.cases.deadlines import days_of, load_calendar
from workbench.cases.models import Applicant, Application
from workbench.cases.words import SERVICE_NAMES, STATE_NAMES, Service, State
from workbench.documents.models import RequiredDocument
from workbench.documents.requirements import effective_documents, find_current_version
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.messages import N_
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.portal.door import current_applicant, portal
from workbench.portal.drafting import drafts, forms
from workbench.portal.drafting.draft_fields import first_open_step
from workbench.portal.drafting.starting import standing_of
from workbench.portal.following.case_views import tone_of
from workbench.portal.following.timeline import Saying, standing
from workbench.portal.models import Draft
from workbench.shell.context import db, parts

SHOWN: Final = 200
"""Cases on one page: an applicant has a handful, a busy agent's account some dozens."""
APPLY: Final = "apply"
"""The first door: which of new and additional it is, the enterprise's keys decide."""


@dataclass(frozen=True)
class CaseLine:
    """A case as the list shows it."""

    case: Application
    state: str
    tone: str
    saying: Saying
    due_day: date | None
    left: int | None


@dataclass(frozen=True)
class DoorLine:
    """A service that can be started, with what it asks for; `days` are working days to the made key or certificate."""

    service: Service
    documents: list[RequiredDocument]
    days: int


@portal.get("/applications")
def home() -> ResponseReturnValue:
    """The applicant's forms, cases and what can be started."""
    applicant = current_applicant()
    unfinished = drafts.list_open(db(), applicant.id)
    cases = db.scalars(
        select(Application)
        .where(Application.applicant_id == applicant.id)
        .order_by(Application.submitted_at.desc(), Application.id.desc())
        .limit(SHOWN)
    ).all()
    corrected = {each.application_id for each in unfinished}
    returned_at = {each.id: each.state_since for each in cases}
    return render_template(
        "portal/home.html",
        unfinished=[(each, returned_at.get(each.application_id or 0), _resume(each)) for each in unfinished],
        cases=[_line(each) for each in cases],
        corrected=corrected,
        **_doors(applicant),
    )


@portal.route("/applications/start", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Start a form, or say why not and what can be done instead."""
    applicant = current_applicant()
    if request.method == "GET":
        return render_template("portal/start.html", **_doors(applicant))
    wanted = request.form.get("service", "")
    service = _service(applicant, wanted)
    if service is Service.RENEWAL and applicant.kind == "certificate":
        return redirect(url_for("portal.renew"), code=303)
    try:
        address = request.remote_addr or ""
        draft = drafts.start_draft(db(), parts(), applicant, service, address=address)
    except Conflict as refused:
        reason = gettext(refused.reason, **refused.values)
        return render_template("portal/start.html", reason=reason, **_doors(applicant)), 409
    return redirect(url_for("portal.step", draft_id=draft.id, step="enterprise"), code=303)


def _service(applicant: Applicant, wanted: str) -> Service:
    """The service that was asked for; the enterprise's keys tell a new one from an additional one, never the browser.

    Raises:
        NotFound: there is no such service.
    """
    if wanted in (APPLY, Service.NEW, Service.ADDITIONAL):
        return standing_of(parts(), applicant).service
    if wanted not in set(Service):
        raise NotFound(N_("There is no such service."))
    return Service(wanted)


def _doors(applicant: Applicant) -> dict[str, object]:
    """What can be started, and how many keys the enterprise has."""
    with_key = applicant.kind == "certificate"
    held = standing_of(parts(), applicant)
    services = (Service.RENEWAL,) if with_key else (held.service, Service.REPLACEMENT, Service.RENEWAL)
    return {
        "standing": held,
        "keys": [forms.masked_key(each) for each in held.certificates],
        "limit": LIMIT_OF_KEYS,
        "doors": [_door(each) for each in services],
        "with_key": with_key,
        "service_names": SERVICE_NAMES,
    }


def _door(service: Service) -> DoorLine:
    version = find_current_version(db(), service)
    asked = effective_documents(db(), version.id, None) if version is not None else []
    if service is Service.RENEWAL:
        days = days_of(db(), service, ClockKind.RENEWAL)
    else:
        days = sum(days_of(db(), service, kind) for kind in (ClockKind.PRE_CHECK, ClockKind.RE_CHECK_AND_PRODUCTION))
    return DoorLine(service, [each for each in asked if each.required], days)


def _line(case: Application) -> CaseLine:
    state = State(case.state)
    return CaseLine(
        case=case,
        state=gettext(STATE_NAMES[state]),
        tone=tone_of(state, Service(case.service)),
        saying=standing(state, Service(case.service)),
        due_day=last_day(case.due_at) if case.due_at is not None else None,
        left=_left(case.due_at),
    )


def _left(due_at: datetime | None) -> int | None:
    return working_days_left(now(), due_at, load_calendar(db())) if due_at is not None else None


def _resume(draft: Draft) -> str:
    """Where to go on: the papers of a correction, the first form step with something missing, or the print."""
    if draft.application_id is not None:
        return url_for("portal.papers", draft_id=draft.id)
    problems = drafts.problems_of(db(), parts(), draft)
    if problems:
        return url_for("portal.step", draft_id=draft.id, step=first_open_step(problems))
    return url_for("portal.documents", draft_id=draft.id)
