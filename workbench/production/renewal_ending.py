"""The end of a renewal that has nothing left to renew: the key was lost or broke, and its certificate was revoked."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.production.journal import record_step
from workbench.production.models import BenchStation, Making

MAX_REMARK: Final = 500
"""Characters of a longer reason that are kept with the case."""


def end_renewal(session: Session, actor: Actor, application_id: int, making: Making | None, remark: str) -> Application:
    """Close an approved renewal: what is in work for it ends, its agent's code opens nothing any more, its clock stops.

    Args:
        making: what is in work, locked by the caller, with no question to the CA open.

    Raises:
        NotAllowed: the actor revokes no certificates.
        Conflict: the case is elsewhere by now.
    """
    at = now()
    stations = select(BenchStation).where(
        BenchStation.application_id == application_id, BenchStation.revoked_at.is_(None)
    )
    for station in session.scalars(stations):
        station.expires_at = at  # its agent may be in the middle of a turn, which is answered
    if making is not None:
        making.state, making.ended_at = "spoiled", at
        record_step(session, "making.spoiled", actor, making, remark=remark)
    return advance(session, application_id, Action.END_RENEWAL, actor, remark=remark[:MAX_REMARK])
