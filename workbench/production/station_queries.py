"""The benches as their makers' and the administrator's screens show them. Every session here sees the whole house."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from workbench.kernel.clock import now
from workbench.kernel.errors import NotFound
from workbench.kernel.messages import N_
from workbench.organisation.models import Staff
from workbench.production.models import BenchStation
from workbench.production.protocol import Plugged

ONLINE_WITHIN: Final = timedelta(seconds=10)
"""An agent that has not taken a turn for so long counts as gone."""


@dataclass(frozen=True)
class StationState:
    """A bench as its maker's screen shows it.

    Attributes:
        online: its agent took a turn within `ONLINE_WITHIN`.
        plugged: the tokens its agent reported last, by serial; none once it is gone.
    """

    id: int
    name: str
    online: bool
    last_seen_at: datetime | None
    agent_version: str | None
    plugged: tuple[Plugged, ...]
    maker_id: int | None
    maker_name: str | None
    maker_since: datetime | None


def station_state(session: Session, station_id: int) -> StationState:
    """A bench as its maker's screen shows it.

    Raises:
        NotFound: no such bench, or it was revoked.
    """
    row = session.execute(_benches().where(BenchStation.id == station_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such bench."))
    return _state(*row)


def list_stations(session: Session) -> Sequence[StationState]:
    """The benches that are not revoked, by name."""
    return [_state(*row) for row in session.execute(_benches().order_by(BenchStation.name))]


def _benches() -> Select[BenchStation, str | None]:
    return (
        select(BenchStation, Staff.name)
        .outerjoin(Staff, Staff.id == BenchStation.maker_id)
        .where(BenchStation.kind == "bench", BenchStation.revoked_at.is_(None))
    )


def _state(station: BenchStation, maker_name: str | None) -> StationState:
    online = station.last_seen_at is not None and now() - station.last_seen_at < ONLINE_WITHIN
    plugged = tuple(Plugged.model_validate(each) for each in station.plugged) if online else ()
    return StationState(
        id=station.id,
        name=station.name,
        online=online,
        last_seen_at=station.last_seen_at,
        agent_version=station.agent_version,
        plugged=plugged,
        maker_id=station.maker_id,
        maker_name=maker_name,
        maker_since=station.maker_since,
    )
