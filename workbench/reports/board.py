"""The board of 37: how many keys wait at which point of their way, for each issuing authority. Reads only.

A figure and the list behind it are one condition, so that they can't disagree. A handful of statements count
everything; each walks an index that holds live keys alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from workbench.cases.calendar import WorkingCalendar, local_day
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.collection.models import Pickup
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.dispatch.words import ConsignmentKind, ConsignmentState
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, demand
from workbench.keys.models import Token
from workbench.keys.token_states import Custodian, TokenState
from workbench.organisation.queries import list_authorities


class Figure(StrEnum):
    """Points of a key's way at which it waits; LATE, OVERDUE and UNCOLLECTED are parts of the figures before them."""

    READY = "ready"
    PACKED = "packed"
    IN_TRANSIT = "in_transit"
    LATE = "late"
    UNOPENED = "unopened"
    OPENED = "opened"
    TO_TELL = "to_tell"
    OVERDUE = "overdue"
    WAITING = "waiting"
    UNCOLLECTED = "uncollected"
    MISSING = "missing"


@dataclass(frozen=True)
class Moment:
    """What the figures are measured by: the instant, and after how many days a key counts as uncollected."""

    at: datetime
    uncollected_days: int

    @property
    def today(self) -> date:
        """The day in Asia/Shanghai."""
        return local_day(self.at)


@dataclass(frozen=True)
class Tile:
    """One authority. `parcels` arrived and lie unopened; `oldest_days` are working days since the courier took it."""

    authority_id: int
    position: int
    short_zh: str
    name_zh: str
    name_en: str
    keys: Mapping[Figure, int] = field(default_factory=dict)
    parcels: int = 0
    discrepancies: int = 0
    oldest_days: int | None = None

    @property
    def quiet(self) -> bool:
        """Nothing waits here."""
        return not (any(self.keys.values()) or self.parcels or self.discrepancies)

    @property
    def urgency(self) -> tuple[int, ...]:
        """What sorts the most urgent first: what is lost or differs, what is late, then how much waits."""
        keys = self.keys
        late = keys.get(Figure.LATE, 0) + keys.get(Figure.OVERDUE, 0) + keys.get(Figure.UNCOLLECTED, 0)
        return keys.get(Figure.MISSING, 0) + self.discrepancies, late, self.parcels, sum(keys.values())


def read_board(session: Session, actor: Actor, moment: Moment, calendar: WorkingCalendar) -> list[Tile]:
    """A tile of each authority that the actor reaches, in the official order.

    Raises:
        NotAllowed: the actor does not read custody.
    """
    demand(actor, Permission.CUSTODY_READ)
    keys, oldest = _count_keys(session, moment)
    parcels = _counted(
        session,
        select(Consignment.authority_id, func.count())
        .where(Consignment.state == ConsignmentState.ARRIVED.value, Consignment.kind != ConsignmentKind.RETURN.value)
        .group_by(Consignment.authority_id),
    )
    discrepancies = _counted(
        session,
        select(Discrepancy.authority_id, func.count())
        .where(Discrepancy.settled_at.is_(None))
        .group_by(Discrepancy.authority_id),
    )
    return [
        Tile(
            authority_id=each.id,
            position=each.position,
            short_zh=each.short_zh,
            name_zh=each.name_zh,
            name_en=each.name_en,
            keys=keys.get(each.id, {}),
            parcels=parcels.get(each.id, 0),
            discrepancies=discrepancies.get(each.id, 0),
            oldest_days=_days_since(oldest.get(each.id), moment, calendar),
        )
        for each in list_authorities(session)
        if actor.scope.covers(each.id) and (each.active or each.id in keys)
    ]


def sum_up(tiles: Sequence[Tile]) -> Tile:
    """All tiles as one."""
    days = [each.oldest_days for each in tiles if each.oldest_days is not None]
    return Tile(
        authority_id=0,
        position=0,
        short_zh="",
        name_zh="",
        name_en="",
        keys={figure: sum(each.keys.get(figure, 0) for each in tiles) for figure in Figure},
        parcels=sum(each.parcels for each in tiles),
        discrepancies=sum(each.discrepancies for each in tiles),
        oldest_days=max(days, default=None),
    )


ON_THE_WAY: Final = frozenset({Figure.IN_TRANSIT, Figure.LATE, Figure.UNOPENED, Figure.OPENED})
"""Figures of keys that are with couriers. MISSING has some of those and some others."""
_OPEN_PICKUP: Final = and_(Pickup.token_id == Token.id, Pickup.ended_at.is_(None))
_OF_COURIER: Final = and_(Token.custodian == Custodian.COURIER.value, Consignment.id == Token.custodian_ref)


def joined(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """A statement over tokens with what a figure's condition looks at: case, consignment, and the open pick-up."""
    return (
        statement.outerjoin(Application, Application.id == Token.application_id)
        .outerjoin(Consignment, _OF_COURIER)
        .outerjoin(Pickup, _OPEN_PICKUP)
    )


def condition_of(figure: Figure, moment: Moment) -> ColumnElement[bool]:
    """Which tokens a figure counts, of a statement that is `joined`."""
    return and_(Token.state.in_(_LIVE), _conditions(moment)[figure])


_LIVE: Final = (TokenState.PERSONALISED.value, TokenState.LOST.value)


def _held_by(custodian: Custodian) -> ColumnElement[bool]:
    return and_(Token.state == TokenState.PERSONALISED.value, Token.custodian == custodian.value)


def _under_way() -> ColumnElement[bool]:
    return and_(_held_by(Custodian.COURIER), Consignment.state == ConsignmentState.IN_TRANSIT.value)


def _under_inquiry() -> ColumnElement[bool]:
    return and_(_under_way(), Consignment.inquiry_at.is_not(None))


def _astray_or_lost() -> ColumnElement[bool]:
    """In the hands of another authority, or lost and not made anew yet."""
    return or_(
        and_(_held_by(Custodian.AUTHORITY), Token.custodian_ref != Token.authority_id),
        and_(Token.state == TokenState.LOST.value, Application.state == State.PRODUCTION.value),
    )


def _conditions(moment: Moment) -> dict[Figure, ColumnElement[bool]]:
    courier = _held_by(Custodian.COURIER)
    here = and_(_held_by(Custodian.AUTHORITY), Token.custodian_ref == Token.authority_id)
    in_transit = and_(_under_way(), Consignment.inquiry_at.is_(None))
    to_tell = and_(here, Application.state == State.AT_AUTHORITY.value)
    waiting = and_(here, Application.state == State.AWAITING_COLLECTION.value)
    long_ago = moment.at - timedelta(days=moment.uncollected_days)
    opened = (ConsignmentState.OPENED.value, ConsignmentState.CLOSED.value)
    return {
        Figure.READY: and_(_held_by(Custodian.VENDOR_STOCK), Application.state == State.MADE.value),
        Figure.PACKED: _held_by(Custodian.PACKER),
        Figure.IN_TRANSIT: in_transit,
        Figure.LATE: and_(in_transit, Consignment.due_on < moment.today),
        Figure.UNOPENED: and_(courier, Consignment.state == ConsignmentState.ARRIVED.value),
        Figure.OPENED: and_(courier, Consignment.state.in_(opened)),
        Figure.TO_TELL: to_tell,
        Figure.OVERDUE: and_(to_tell, Application.due_at <= moment.at),
        Figure.WAITING: waiting,
        Figure.UNCOLLECTED: and_(waiting, Pickup.received_at <= long_ago),
        Figure.MISSING: or_(_under_inquiry(), _astray_or_lost()),
    }


def _count_keys(session: Session, moment: Moment) -> tuple[dict[int, dict[Figure, int]], dict[int, datetime]]:
    """Keys by authority and figure, and when the courier took each authority's oldest parcel.

    Keys with couriers and all others are counted apart: parcels are looked up for the former, cases for the latter.
    """
    conditions = _conditions(moment)
    keys: dict[int, dict[Figure, int]] = {}
    oldest: dict[int, datetime] = {}
    with_couriers = select(Token.authority_id).join(Consignment, _OF_COURIER)
    elsewhere = (
        select(Token.authority_id)
        .outerjoin(Application, Application.id == Token.application_id)
        .outerjoin(Pickup, _OPEN_PICKUP)
        .where(Token.custodian != Custodian.COURIER.value)
    )
    for statement, figures in ((with_couriers, ON_THE_WAY), (elsewhere, frozenset(Figure) - ON_THE_WAY)):
        missing = _under_inquiry() if figures is ON_THE_WAY else _astray_or_lost()
        counted = {figure: conditions[figure] for figure in figures} | {Figure.MISSING: missing}
        counts: list[Any] = [
            func.count().filter(condition).label(figure.value) for figure, condition in counted.items()
        ]
        if figures is ON_THE_WAY:
            counts.append(func.min(Consignment.handed_over_at).filter(conditions[Figure.IN_TRANSIT]).label("oldest"))
        narrowed = statement.add_columns(*counts).where(Token.state.in_(_LIVE)).group_by(Token.authority_id)
        for row in session.execute(narrowed):
            found = keys.setdefault(row.authority_id, dict.fromkeys(Figure, 0))
            for figure in counted:
                found[figure] += getattr(row, figure.value)
            if figures is ON_THE_WAY and row.oldest is not None:
                oldest[row.authority_id] = row.oldest
    return keys, oldest


def _counted(session: Session, statement: Select[*tuple[Any, ...]]) -> dict[int, int]:
    return {authority_id: count for authority_id, count in session.execute(statement)}


def _days_since(taken_at: datetime | None, moment: Moment, calendar: WorkingCalendar) -> int | None:
    if taken_at is None:
        return None
    return calendar.working_days_between(local_day(taken_at), moment.today)
