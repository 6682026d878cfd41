"""E-mails about accounts. They carry no words a stranger chose: anybody may enter anybody's address."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from workbench.kernel import outbox
from workbench.kernel.codes import group4

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[3] / "templates" / "emails"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text e-mails
)
_TEMPLATES.filters["code4"] = group4


def write(session: Session, letter: str, *, event: str, recipient: str, **values: Any) -> None:
    """Put the letter `templates/emails/<letter>.txt` into the outbox, once per event; its first line is the subject."""
    subject, _, body = _TEMPLATES.get_template(f"{letter}.txt").render(values).partition("\n")
    outbox.post(session, event=event, recipient=recipient, subject=subject.strip(), body=body.strip() + "\n")
