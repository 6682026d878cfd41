"""Looking at a file is recorded before its pixels leave; a page turned the right way stays turned for the next desk.

One entry per person, attachment and sitting: a page of an attachment asked for again within ten minutes by the same
person adds none. Every picture that leaves counts, also one a browser fetched ahead, since nobody can tell afterwards
whether it was looked at; the sitting keeps that from flooding the log. A zoomed page counts like any page. Every
download is recorded. Thumbnails are not: they are too small to read, and those of identity documents are blurred.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from workbench.documents.attachments import get_page
from workbench.documents.models import Attachment, Page
from workbench.kernel import audit
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid, NotAllowed
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits

SITTING: Final = timedelta(minutes=10)
"""How long one entry speaks for the same person looking at the same attachment; pictures are cached as long."""
TURNERS: Final = (
    Permission.PRE_CHECK_DECIDE,
    Permission.RE_CHECK_DECIDE,
    Permission.KEY_COLLECT,
    Permission.CASE_ENTER,
)
"""Who works with papers may turn them; who only reads leaves them as they are."""


def record_view(session: Session, attachment: Attachment, actor: Actor) -> None:
    """Write that the actor looked at the attachment, unless an entry of this sitting says so.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be written; nothing may then be shown.
    """
    subject = f"attachment:{attachment.id}"
    known = session.scalar(
        select(
            exists().where(
                AuditEntry.case_id == attachment.application_id,
                AuditEntry.at > now() - SITTING,
                AuditEntry.subject == subject,
                AuditEntry.actor == actor.label,
                AuditEntry.action == "attachment.viewed",
            )
        )
    )
    if not known:
        _record(session, "attachment.viewed", attachment, actor)


def record_download(session: Session, attachment: Attachment, actor: Actor) -> None:
    """Write that the actor took the file away.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be written; nothing may then be sent.
    """
    _record(session, "attachment.downloaded", attachment, actor)


def turn_page(session: Session, page_id: int, rotation: int, actor: Actor) -> Page:
    """Show a page turned by `rotation` degrees clockwise from now on, on every desk.

    Raises:
        NotFound: no such page inside the actor's authority.
        NotAllowed: the actor only reads.
        Invalid: not a right angle.
    """
    if not any(permits(actor, permission) for permission in TURNERS):
        raise NotAllowed(N_("Your role looks at papers without changing anything."))
    if rotation not in (0, 90, 180, 270):
        raise Invalid(N_("A page is turned by 0, 90, 180 or 270 degrees."))
    page, attachment = get_page(session, actor, page_id, lock=True)
    if page.rotation != rotation:
        audit.record(
            session,
            "page.turned",
            actor,
            subject=f"attachment:{attachment.id}",
            case_id=attachment.application_id,
            authority_id=attachment.authority_id,
            before={"page": page.index, "rotation": page.rotation},
            after={"page": page.index, "rotation": rotation},
        )
        page.rotation = rotation
        session.flush()
    return page


def _record(session: Session, action: str, attachment: Attachment, actor: Actor) -> None:
    audit.record(
        session,
        action,
        actor,
        subject=f"attachment:{attachment.id}",
        case_id=attachment.application_id,
        authority_id=attachment.authority_id,
        after={"document": attachment.document_code, "sha256": attachment.sha256},
    )
