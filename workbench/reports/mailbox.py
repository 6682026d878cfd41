"""The outbox as its keeper sees it: what failed, what waits, what went out; addresses and numbers shown in part."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.kernel.outbox import MessageState, OutboxMessage

PAGE_SIZE: Final = 50
STATES: Final = (MessageState.FAILED, MessageState.WAITING, MessageState.SENT)


def list_messages(session: Session, state: MessageState | None, below: int | None = None) -> list[OutboxMessage]:
    """Up to a page and one more, newest number first; `below` continues after that number."""
    statement = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(PAGE_SIZE + 1)
    if state is not None:
        statement = statement.where(OutboxMessage.state == state)
    if below is not None:
        statement = statement.where(OutboxMessage.id < below)
    return list(session.scalars(statement))


def count_unsent(session: Session) -> dict[MessageState, int]:
    """How many wait and how many failed; read from the small index of what is not sent."""
    rows = session.execute(
        select(OutboxMessage.state, func.count()).where(OutboxMessage.state != MessageState.SENT).group_by("state")
    )
    found = {MessageState(state): count for state, count in rows}
    return {state: found.get(state, 0) for state in (MessageState.FAILED, MessageState.WAITING)}


def masked_recipient(address: str) -> str:
    """`w***@example.invalid`, `1***00`: enough to recognise, not enough to write to."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else f"{address[:1]}***{address[-2:] if len(address) > 6 else ''}"
