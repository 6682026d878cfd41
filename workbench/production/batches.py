"""Many keys in a row: the agent goes from one plugged blank token to the next until enough are made, nothing is left to
do, or something goes wrong. A batch never goes on past a fault.
"""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.production.making import find_open
from workbench.production.models import Batch, BenchStation

MOST: Final = 500
"""Keys of one batch."""
NO_TOKEN: Final = "no_token"  # noqa: S105 - a reason, not a secret
NO_CASE: Final = "no_case"
STOPPED: Final = "stopped"
REVOKED: Final = "revoked"
REASON_NAMES: Final = {
    NO_TOKEN: N_("No further blank token of the stock is plugged in."),
    NO_CASE: N_("No further approved case with a prepared seal is waiting."),
    STOPPED: N_("The maker stopped the batch."),
    REVOKED: N_("The bench was revoked."),
}
"""Why a batch ended early. A fault is named by the making it happened to."""


def start_batch(session: Session, actor: Actor, station_id: int, wanted: int) -> Batch:
    """Begin a batch at the actor's own station; the agent's next turn takes the first token.

    Raises:
        NotAllowed: the actor doesn't make keys.
        NotFound: no such station.
        Invalid: the number is out of bounds.
        Conflict: somebody else works there, a key is in work there, or a batch runs already.
    """
    demand(actor, Permission.KEY_PRODUCE)
    if not 1 <= wanted <= MOST:
        raise Invalid(N_("A batch makes 1 to %(most)s keys."), most=MOST)
    station = session.get(BenchStation, station_id, with_for_update=True)
    if station is None or station.kind != "bench":
        raise NotFound(N_("There is no such bench."))
    if station.maker_id != actor.id:
        raise Conflict(N_("Somebody else works at this bench now: take it first."))
    if find_running(session, station_id) is not None or find_open(session, station_id) is not None:
        raise Conflict(N_("A key is in work here: finish it, leave it for later or put it back first."))
    batch = Batch(station_id=station_id, maker_id=actor.id, wanted=wanted, started_at=now())
    session.add(batch)
    session.flush()
    audit.record(session, "batch.started", actor, subject=f"batch:{batch.id}", after={"count": wanted})
    return batch


def stop_batch(session: Session, actor: Actor, batch_id: int) -> Batch:
    """Begin no further key; the one in work is finished.

    Raises:
        NotAllowed: the actor doesn't make keys.
        NotFound: no such batch of the actor's.
    """
    demand(actor, Permission.KEY_PRODUCE)
    batch = session.get(Batch, batch_id, with_for_update=True)
    if batch is None or batch.maker_id != actor.id:
        raise NotFound(N_("There is no such batch."))
    if batch.state == "running":
        end_batch(session, batch, "stopped", STOPPED, actor)
    return batch


def end_batch(session: Session, batch: Batch, state: str, reason: str | None, actor: Actor) -> None:
    """Close a batch: `done` when it made what it should or nothing was left, `stopped` by a fault or its maker."""
    batch.state, batch.reason, batch.ended_at = state, reason, now()
    after = {"state": state, "reason": reason, "count": batch.made}
    audit.record(session, "batch.ended", actor, subject=f"batch:{batch.id}", after=after)
    session.flush()


def find_running(session: Session, station_id: int, *, lock: bool = False) -> Batch | None:
    """The batch that runs at a station, locked against whoever would end it when asked."""
    statement = select(Batch).where(Batch.station_id == station_id, Batch.state == "running")
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()
