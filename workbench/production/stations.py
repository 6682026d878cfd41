"""The bench's stations: machines with an agent on them, each known by its own credential, and who works at which.

A credential is shown once and kept as its hash. A maker works at one station, a station serves one maker, and neither
changes while a key is in work there. Every session here has to see the whole house.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand
from workbench.organisation.models import Staff
from workbench.production.batches import REVOKED, end_batch, find_running
from workbench.production.journal import record_making
from workbench.production.models import BenchStation, Making

PREFIX: Final = "wbs_"
"""Tells secret scanners whose credential it is."""
HINT_LENGTH: Final = 12
MAX_NAME: Final = 60
_SHAPE: Final = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ShownStation:
    """The station whose credential was shown."""

    id: int
    name: str
    kind: str


def create_station(session: Session, actor: Actor, name: str) -> tuple[BenchStation, str]:
    """A bench under a name of its own, with its credential, which nobody can read again.

    Raises:
        NotAllowed: the actor does not manage stations.
        Invalid, Conflict: the name is missing or too long, or taken.
    """
    demand(actor, Permission.STATION_MANAGE)
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(N_("A bench needs a name of at most %(limit)s characters."), limit=MAX_NAME)
    if session.scalar(select(BenchStation.id).where(BenchStation.name == name)) is not None:
        raise Conflict(N_("There is a bench of this name already."))
    station = BenchStation(name=name, kind="bench")
    value = _add(session, actor, station)
    audit.record(session, "station.created", actor, subject=_subject(station), after=_told(station))
    return station, value


def create_holder_station(
    session: Session, actor: Actor, application_id: int, number: str, valid_for: timedelta
) -> tuple[BenchStation, str]:
    """A holder's own machine for one renewal, with its credential; an earlier one of the case opens nothing any more.

    The caller has made sure that the case is the holder's and waits for its token.

    Args:
        number: the case's, for people.
        valid_for: how long the credential opens the door.
    """
    earlier = session.scalars(
        select(BenchStation)
        .where(BenchStation.application_id == application_id, BenchStation.revoked_at.is_(None))
        .order_by(BenchStation.id)
        .with_for_update()
    )
    for each in earlier.all():
        each.revoked_at = now()
    station = BenchStation(
        name=f"{number} {secrets.token_hex(4)}",
        kind="holder",
        application_id=application_id,
        expires_at=now() + valid_for,
    )
    value = _add(session, actor, station)
    audit.record(
        session,
        "station.created",
        actor,
        subject=_subject(station),
        case_id=application_id,
        after={**_told(station), "until": (now() + valid_for).isoformat()},
    )
    return station, value


def renew_credential(session: Session, actor: Actor, station_id: int) -> tuple[BenchStation, str]:
    """Another credential for a bench, in the place of one that was lost or seen; the old one opens nothing any more.

    Raises:
        NotAllowed, NotFound: no permission, no such bench.
        Conflict: it was revoked.
    """
    demand(actor, Permission.STATION_MANAGE)
    station = _get_bench(session, station_id)
    if station.revoked_at is not None:
        raise Conflict(N_("The bench %(name)s was revoked."), name=station.name)
    before = station.hint
    value = _give_credential(station)
    session.flush()
    audit.record(
        session,
        "station.credential_renewed",
        actor,
        subject=_subject(station),
        before={"hint": before},
        after={"hint": station.hint},
    )
    return station, value


def revoke_station(session: Session, actor: Actor, station_id: int) -> BenchStation:
    """End a bench, from its agent's next turn on. A second time changes nothing.

    What is in work there stays with its token, to be taken up at another bench.

    Raises:
        NotAllowed, NotFound: no permission, no such bench.
    """
    demand(actor, Permission.STATION_MANAGE)
    station = _get_bench(session, station_id)
    if station.revoked_at is not None:
        return station
    station.revoked_at = now()
    station.maker_id = station.maker_since = None
    batch = find_running(session, station.id)
    if batch is not None:
        end_batch(session, batch, "stopped", REVOKED, actor)
    for making in session.scalars(select(Making).where(*_in_work_at(station)).with_for_update()):
        making.station_id = None
        record_making(session, "making.left", actor, making, key_id=making.key_id, step=making.step)
    session.flush()
    audit.record(session, "station.revoked", actor, subject=_subject(station), after=_told(station))
    return station


def take_station(session: Session, actor: Actor, station_id: int) -> BenchStation:
    """The actor sits down at a bench, leaving the one before; whoever forgot to leave this one makes room.

    Raises:
        NotAllowed: the actor makes no keys.
        NotFound: no such bench, or it was revoked.
        Conflict: a key is in work at the bench, or at the one the actor would leave.
    """
    demand(actor, Permission.KEY_PRODUCE)
    _queue_up(session, actor)
    held = _lock_held_or(session, actor, station_id)
    station = next((each for each in held if each.id == station_id), None)
    if station is None:
        raise NotFound(N_("There is no such bench."))
    if station.maker_id == actor.id:
        return station
    _refuse_while_in_work(session, held)
    for each in held:
        if each.id != station.id:
            _leave(session, actor, each)
    before = station.maker_id
    station.maker_id, station.maker_since = actor.id, now()
    session.flush()
    audit.record(
        session,
        "station.taken",
        actor,
        subject=_subject(station),
        before={"claimed_by": before} if before is not None else None,
        after={"name": station.name, "claimed_by": actor.id},
    )
    return station


def leave_station(session: Session, actor: Actor) -> None:
    """The actor gets up from the bench; does nothing for who sits at none.

    Raises:
        NotAllowed: the actor makes no keys.
        Conflict: a key is in work there.
    """
    demand(actor, Permission.KEY_PRODUCE)
    _queue_up(session, actor)
    held = _lock_held_or(session, actor, None)
    _refuse_while_in_work(session, held)
    for each in held:
        _leave(session, actor, each)


def find_own_station(session: Session, actor: Actor) -> BenchStation | None:
    """The bench the actor sits at."""
    return session.scalars(select(BenchStation).where(BenchStation.maker_id == actor.id)).one_or_none()


def find_station(parts: Parts, untrusted: str | None) -> ShownStation | None:
    """The station whose valid credential was shown, or None whatever is wrong with it.

    Stamps when it was seen, in a transaction of its own.
    """
    if untrusted is None or not _SHAPE.fullmatch(untrusted):
        return None
    at = now()
    with parts.work() as session:
        row = session.execute(
            update(BenchStation)
            .where(
                BenchStation.sha256 == hash_of(untrusted),
                BenchStation.revoked_at.is_(None),
                or_(BenchStation.expires_at.is_(None), BenchStation.expires_at > at),
            )
            .values(last_seen_at=at)
            .returning(BenchStation.id, BenchStation.name, BenchStation.kind)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return ShownStation(*row) if row is not None else None


def hash_of(credential: str) -> str:
    """By what a credential is found. Its 256 random bits cannot be guessed, so a plain hash is enough."""
    return hashlib.sha256(credential.encode()).hexdigest()


def _add(session: Session, actor: Actor, station: BenchStation) -> str:
    value = _give_credential(station)
    station.created_at, station.created_by = now(), actor.name
    session.add(station)
    session.flush()
    return value


def _give_credential(station: BenchStation) -> str:
    value = PREFIX + secrets.token_urlsafe(32)
    station.sha256, station.hint = hash_of(value), value[:HINT_LENGTH]
    return value


def _get_bench(session: Session, station_id: int) -> BenchStation:
    station = session.scalars(
        select(BenchStation)
        .where(BenchStation.id == station_id, BenchStation.kind == "bench")
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if station is None:
        raise NotFound(N_("There is no such bench."))
    return station


def _queue_up(session: Session, actor: Actor) -> None:
    """Who sits down twice at once, in two windows, sits down one after the other."""
    session.execute(select(Staff.id).where(Staff.id == actor.id).with_for_update(key_share=True))


def _lock_held_or(session: Session, actor: Actor, station_id: int | None) -> Sequence[BenchStation]:
    """The bench the actor sits at and the wanted one, locked in the order of their numbers."""
    return session.scalars(
        select(BenchStation)
        .where(
            BenchStation.kind == "bench",
            BenchStation.revoked_at.is_(None),
            or_(BenchStation.id == station_id, BenchStation.maker_id == actor.id),
        )
        .order_by(BenchStation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _refuse_while_in_work(session: Session, stations: Sequence[BenchStation]) -> None:
    for station in stations:
        making = select(Making.id).where(*_in_work_at(station))
        if session.scalar(making.limit(1)) is not None or find_running(session, station.id) is not None:
            raise Conflict(
                N_("A key is in work at %(name)s: finish it, leave it for later or put it back first."),
                name=station.name,
            )


def _in_work_at(station: BenchStation) -> tuple[ColumnElement[bool], ...]:
    return Making.station_id == station.id, Making.state == "open"


def _leave(session: Session, actor: Actor, station: BenchStation) -> None:
    station.maker_id = station.maker_since = None
    session.flush()
    audit.record(session, "station.left", actor, subject=_subject(station), after={"name": station.name})


def _subject(station: BenchStation) -> str:
    return f"station:{station.id}"


def _told(station: BenchStation) -> dict[str, str]:
    return {"name": station.name, "kind": station.kind, "hint": station.hint}
