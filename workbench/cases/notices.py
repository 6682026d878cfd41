"""What the enterprise is told by e-mail when its case moves: one message per event, in the same transaction."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application, Holder, Submission
from workbench.cases.states import Transition
from workbench.kernel import outbox

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "emails"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - plain text e-mails
)


def tell_enterprise(
    session: Session,
    application: Application,
    transition: Transition,
    remark: str | None,
    details: Mapping[str, Any],
) -> None:
    """Put the transition's notice into the outbox, to the address the holder gave in the current round."""
    assert transition.notice is not None
    holder = session.scalars(
        select(Holder)
        .join(Submission, Submission.id == Holder.submission_id)
        .where(Submission.application_id == application.id, Submission.round == application.round)
    ).one()
    text = _TEMPLATES.get_template(f"{transition.notice}.txt").render(
        application=application, holder=holder, event=transition.event, remark=remark, faults=details.get("faults", ())
    )
    subject, _, body = text.partition("\n")
    outbox.post(
        session,
        event=f"case:{application.id}:version:{application.version}:{transition.event}",
        recipient=holder.email,
        subject=subject.strip(),
        body=body.strip() + "\n",
        case_id=application.id,
    )
