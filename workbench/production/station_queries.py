"""The benches as their makers' and the administrator's screens show them. Every session here sees the whole house."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

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


@dataclass(frozen=True)
class KeptStation(StationState):
    """A bench as its administrator sees it, revoked ones included."""

    hint: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


def station_state(session: Session, station_id: int) -> StationState:
    """A bench as its maker's screen shows it.

    Raises:
        NotFound: no such bench, or it was revoked.
    """
    row = session.execute(_benches().where(BenchStation.id == station_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such bench."))
    return StationState(**_state(*row))


def list_stations(session: Session) -> Sequence[StationState]:
    """The benches that are not revoked, by name."""
    return [StationState(**_state(*row)) for row in session.execute(_benches().order_by(BenchStation.name))]


def list_kept(session: Session) -> Sequence[KeptStation]:
    """Every bench there has been, those in use first, each by name."""
    kept = _with_makers().order_by(BenchStation.revoked_at.is_not(None), BenchStation.name)
    return [
        KeptStation(
            **_state(station, maker_name),
            hint=station.hint,
            created_at=station.created_at,
            created_by=station.created_by,
            revoked_at=station.revoked_at,
        )
        for station, maker_name in session.execute(kept)
    ]


def _benches() -> Select[BenchStation, str | None]:
    return _with_makers().where(BenchStation.revoked_at.is_(None))


def _with_makers() -> Select[BenchStation, str | None]:
    return (
        select(BenchStation, Staff.name)
        .outerjoin(Staff, Staff.id == BenchStation.maker_id)
        .where(BenchStation.kind == "bench")
    )


def _state(station: BenchStation, maker_name: str | None) -> dict[str, Any]:
    online = station.last_seen_at is not None and now() - station.last_seen_at < ONLINE_WITHIN
    return {
        "id": station.id,
        "name": station.name,
        "online": online and station.revoked_at is None,
        "last_seen_at": station.last_seen_at,
        "agent_version": station.agent_version,
        "plugged": tuple(Plugged.model_validate(each) for each in station.plugged) if online else (),
        "maker_id": station.maker_id,
        "maker_name": maker_name,
        "maker_since": station.maker_since,
    }
