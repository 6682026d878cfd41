"""E-mails about certificates to their holders. What people typed stands in the text as it is and never in a subject."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from workbench.kernel import outbox
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.codes import group4

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "emails"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - plain text e-mails
)


def write(
    session: Session,
    letter: str,
    *,
    event: str,
    recipient: str,
    case_id: int | None = None,
    secret_ciphertext: bytes | None = None,
    **values: Any,
) -> None:
    """Put the letter `templates/emails/<letter>.txt` into the outbox, once per event; its first line is the subject.

    Args:
        case_id: the case it is about, so that whoever sees the case sees that it was sent.
        secret_ciphertext: what stands in the letter's place for a secret once it is sent (`outbox.post`).
    """
    subject, _, body = _TEMPLATES.get_template(f"{letter}.txt").render(values).partition("\n")
    outbox.post(
        session,
        event=event,
        recipient=recipient,
        subject=subject.strip(),
        body=body.strip() + "\n",
        case_id=case_id,
        secret_ciphertext=secret_ciphertext,
    )


def days_left(not_after: datetime, at: datetime) -> int:
    """Days from today to a certificate's last day, as calendars in Asia/Shanghai count them; 0 on that day itself."""
    return (not_after.astimezone(SHANGHAI).date() - at.astimezone(SHANGHAI).date()).days


def _day(instant: datetime) -> str:
    """An instant's day in Asia/Shanghai, in digits that both languages read."""
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d}"


_TEMPLATES.filters.update(code4=group4, day=_day)
