"""What the enterprise is told when its case moves: one e-mail per event, and one short message where somebody waits for
the news; all in the same transaction, to the holder named in the current round.

What was typed by people stands in the text as it is: it is never read as a template and never part of a subject.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.calendar import DueDate, last_day, local_day
from workbench.cases.calendar_text import describe
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application, Holder, Submission
from workbench.cases.states import Transition
from workbench.cases.words import Channel
from workbench.kernel import outbox
from workbench.kernel.db import site_url_of
from workbench.kernel.outbox import MessageChannel
from workbench.organisation.models import Authority, PickupSite

SHORT_MESSAGES: Final = frozenset({"returned", "ready_for_collection", "collect_reminder", "certificate_updated"})
"""The notices that also go to the holder's telephone: those after which the enterprise has to act, or has waited."""
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "emails"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - plain text
)


def tell_enterprise(
    session: Session,
    application: Application,
    transition: Transition,
    remark: str | None,
    details: Mapping[str, Any],
) -> None:
    """Put the transition's notice into the outbox; called after state and clocks have moved."""
    assert transition.notice is not None
    write(
        session,
        application,
        transition.notice,
        event=f"case:{application.id}:version:{application.version}:{transition.event}",
        remark=remark,
        details={**details, "event": transition.event},
    )


def write(
    session: Session,
    application: Application,
    template: str,
    *,
    event: str,
    remark: str | None = None,
    details: Mapping[str, Any],
) -> None:
    """Put a notice of a case into the outbox, to the holder of the current round.

    Args:
        template: its name in templates/emails; a short one in templates/emails/sms goes along for SHORT_MESSAGES.
        event: by what the outbox knows it, so that it is sent once.
        details: what it tells besides the case: the faults found, a pick-up code and what to bring.
    """
    holder = session.scalars(
        select(Holder)
        .join(Submission, Submission.id == Holder.submission_id)
        .where(Submission.application_id == application.id, Submission.round == application.round)
    ).one()
    facts = {
        "faults": (),
        "pickup_code": None,
        "bring": (),
        **details,
        "application": application,
        "holder": holder,
        "remark": remark,
        "link": link_to(session, application),
        "authority": session.get_one(Authority, application.authority_id),
        "site": session.get(PickupSite, application.pickup_site_id) if application.pickup_site_id else None,
        **_until(session, application),
    }
    if template in SHORT_MESSAGES:
        text = _TEMPLATES.get_template(f"sms/{template}.txt").render(facts)
        outbox.post(
            session,
            event=f"{event}:{MessageChannel.SMS}",
            recipient=holder.mobile,
            subject="",
            body=" ".join(text.split()),
            case_id=application.id,
            channel=MessageChannel.SMS,
        )
    subject, _, body = _TEMPLATES.get_template(f"{template}.txt").render(facts).partition("\n")
    outbox.post(
        session,
        event=event,
        recipient=holder.email,
        subject=subject.strip(),
        body=body.strip() + "\n",
        case_id=application.id,
    )


def link_to(session: Session, application: Application) -> str | None:
    """Where the applicant follows the case. None for cases that were not made at the front door: their applicants
    have no sign-in there. The installation's own address rides with the session, as the scope does."""
    site_url = site_url_of(session)
    made_at_the_door = application.applicant_id is not None and application.channel == Channel.PORTAL
    return f"{site_url}/applications/{application.number}" if site_url and made_at_the_door else None


def _until(session: Session, application: Application) -> dict[str, str | None]:
    """The last day of the earliest clock that runs, with its reason, in both languages; None when no clock runs."""
    if application.due_at is None or application.due_from is None:
        return {"until_zh": None, "until_en": None}
    notes = load_calendar(session).explain(local_day(application.due_from), last_day(application.due_at))
    due = DueDate(application.due_at, application.due_provisional, notes)
    return {"until_zh": describe(due, "zh"), "until_en": describe(due, "en")}
