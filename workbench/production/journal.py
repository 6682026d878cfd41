"""What the audit log says of a key being made: the same facts wherever it is said."""

from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.identity import Actor
from workbench.production.models import Making


def record_making(session: Session, action: str, actor: Actor, making: Making, **after: object) -> None:
    """Record an act on a key being made, with its case and authority."""
    audit.record(
        session,
        action,
        actor,
        subject=f"making:{making.id}",
        case_id=making.application_id,
        authority_id=making.authority_id,
        after=after,
    )


def record_step(session: Session, action: str, actor: Actor, making: Making, **after: object) -> None:
    """As `record_making`, with how far the key is."""
    record_making(
        session, action, actor, making, key_id=making.key_id, step=making.step, algorithm=making.algorithm, **after
    )
