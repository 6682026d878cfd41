"""How far a renewal has come, for the page on which its holder follows it. What is the house's alone stays out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.kernel.clock import now
from workbench.keys.models import Certificate, Token
from workbench.production.faults import WAITING
from workbench.production.models import BenchStation, Making
from workbench.production.renewing import find_making, find_renewed, find_successor
from workbench.production.station_queries import ONLINE_WITHIN


class Step(StrEnum):
    """What happens, in this order."""

    CODE = "code"
    AGENT = "agent"
    KEY = "key"
    PAIR = "pair"
    CERTIFICATE = "certificate"
    WRITING = "writing"
    DONE = "done"


_AT_WORK = {
    "token": Step.PAIR,
    "key": Step.PAIR,
    "certificate": Step.CERTIFICATE,
    "seal": Step.WRITING,
    "read_back": Step.WRITING,
}
"""By the step of what is in work. That nothing is done before the key is plugged in is told apart from it."""


@dataclass(frozen=True)
class Progress:
    """How a renewal stands.

    Attributes:
        step: what happens now, or has to.
        fault: why it stands still, by code; `waits` when it goes on by itself.
        code_until: until when the newest code opens the agents' door; None when there is none any more.
        others: key numbers of tokens that are plugged in instead of the right one.
        removed: the replaced key pair was taken off the token.
    """

    application: Application
    renewed: Certificate | None
    successor: Certificate | None
    key_number: str
    step: Step
    fault: str | None
    waits: bool
    code_until: datetime | None
    online: bool
    others: tuple[str, ...]
    removed: bool

    @property
    def is_open(self) -> bool:
        """Whether the case waits for its certificate."""
        return self.application.state == State.PRODUCTION

    @property
    def is_done(self) -> bool:
        """Whether the certificate is updated."""
        return self.application.state == State.UPDATED


def progress_of(session: Session, application: Application) -> Progress:
    """How a renewal stands now. The caller has made sure that it is the reader's."""
    making, renewed = find_making(session, application.id), find_renewed(session, application)
    station = _live_station(session, application.id)
    online = station is not None and station.last_seen_at is not None and now() - station.last_seen_at < ONLINE_WITHIN
    serials = [str(each.get("serial", "")) for each in station.plugged] if station is not None and online else []
    number = _key_number(session, making, renewed)
    return Progress(
        application=application,
        renewed=renewed,
        successor=find_successor(session, application.id),
        key_number=number,
        step=_step(application, making, station, online=online, plugged=number in serials),
        fault=making.fault if making is not None else None,
        waits=making is not None and making.fault in WAITING,
        code_until=station.expires_at if station is not None else None,
        online=online,
        others=tuple(each for each in serials if each != number),
        removed=_is_removed(session, application.id),
    )


def _step(
    application: Application, making: Making | None, station: BenchStation | None, *, online: bool, plugged: bool
) -> Step:
    if application.state == State.UPDATED:
        return Step.DONE
    if making is None or station is None:
        return Step.CODE
    if not online:
        return Step.AGENT
    if not plugged and making.step != "certificate":
        return Step.KEY
    return _AT_WORK[making.step]


def _live_station(session: Session, application_id: int) -> BenchStation | None:
    return session.scalars(
        select(BenchStation).where(
            BenchStation.application_id == application_id,
            BenchStation.revoked_at.is_(None),
            BenchStation.expires_at > now(),
        )
    ).one_or_none()


def _key_number(session: Session, making: Making | None, renewed: Certificate | None) -> str:
    if making is not None:
        return session.get_one(Token, making.token_id).serial
    return renewed.key_number if renewed is not None else ""


def _is_removed(session: Session, application_id: int) -> bool:
    removed = select(Making.id).where(Making.application_id == application_id, Making.old_key_removed_at.is_not(None))
    return session.scalar(removed) is not None
