"""Reads of parcels under way: which are late, what their couriers say, which were delivered without anybody confirming
it; and every finding that waits to be settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from workbench.cases.calendar import WorkingCalendar, local_day
from workbench.cases.deadlines import load_calendar
from workbench.dispatch.carriers import normalise_waybill
from workbench.dispatch.models import Carrier, Consignment, ConsignmentItem, Discrepancy, TrackingEvent
from workbench.dispatch.receiving_queries import Difference, days_late, list_differences
from workbench.dispatch.transit import UNCONFIRMED_AFTER
from workbench.dispatch.words import ConsignmentState, DiscrepancyKind, Outcome, TrackingStatus
from workbench.kernel.arguments import authority_id, storable
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.keys.models import Token
from workbench.organisation.models import Authority

PAGE_SIZE: Final = 50
VIEWS: Final = ("", "late", "unconfirmed", "inquiry", "problem")
"""What the list is narrowed to: late parcels, delivered ones that nobody confirmed, those asked after, those with whom
the courier has a problem."""
_UNDER_WAY: Final = Consignment.state == ConsignmentState.IN_TRANSIT.value


@dataclass(frozen=True)
class TransitFilter:
    """What the list is narrowed to, as it stands in the address."""

    view: str = ""
    authority: str = ""
    carrier: str = ""
    q: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """The filter of an address; what does not exist narrows nothing."""
        values = {each.name: storable(args.get(each.name, ""))[:64] for each in fields(cls)}
        if values["view"] not in VIEWS:
            values["view"] = ""
        if authority_id(values["authority"]) is None:
            values["authority"] = ""
        return cls(**values)

    def to_args(self) -> dict[str, Any]:
        """What stands in the address."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class ParcelUnderWay:
    """A parcel with its courier's last word, and the working days it is late."""

    consignment: Consignment
    authority_zh: str
    authority_en: str
    carrier_zh: str | None
    carrier_en: str | None
    keys: int
    last: TrackingEvent | None
    late: int
    unconfirmed: bool


@dataclass(frozen=True)
class TransitPage:
    """Parcels, those longest due first, with the address words of the page behind."""

    rows: Sequence[ParcelUnderWay]
    total: int
    after: str | None


@dataclass(frozen=True)
class Loss:
    """What of a parcel was declared lost, and when; no time when nothing was."""

    at: datetime | None
    serials: Sequence[str]


def load_page(session: Session, wanted: TransitFilter, after: str) -> TransitPage:
    """One page of parcels under way. `after` is what the page before gave."""
    today, calendar = local_day(now()), load_calendar(session)
    conditions = _conditions(wanted, calendar, today)
    statement = _rows().where(*conditions)
    key = _key_of(after)
    if key is not None:
        due_on, parcel_id = key
        behind = and_(Consignment.due_on == due_on, Consignment.id > parcel_id)
        statement = statement.where(or_(Consignment.due_on > due_on, behind))
    found = session.execute(statement.order_by(Consignment.due_on, Consignment.id).limit(PAGE_SIZE + 1)).all()
    beyond, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    last = last_events(session, [row[0].id for row in found])
    rows = []
    for row in found:
        consignment: Consignment = row[0]
        event, late = last.get(consignment.id), days_late(calendar, consignment.due_on, today)
        rows.append(ParcelUnderWay(*row, event, late, is_unconfirmed(consignment, event)))
    total = session.scalar(select(func.count()).select_from(Consignment).where(*conditions)) or 0
    more = f"{rows[-1].consignment.due_on}:{rows[-1].consignment.id}" if beyond else None
    return TransitPage(rows, total, more)


def count_view(session: Session, view: str) -> int:
    """How many parcels a chip stands for."""
    conditions = _conditions(TransitFilter(view=view), load_calendar(session), local_day(now()))
    return session.scalar(select(func.count()).select_from(Consignment).where(*conditions)) or 0


def count_late(session: Session, actor: Actor) -> int:
    """Parcels that should have come before today."""
    return count_view(session, "late")


def count_open_findings(session: Session, actor: Actor) -> int:
    """Findings that nobody has settled."""
    return session.scalar(select(func.count()).where(Discrepancy.settled_at.is_(None))) or 0


def last_events(session: Session, ids: Sequence[int]) -> dict[int, TrackingEvent]:
    """The newest event of each parcel."""
    rows = session.scalars(
        select(TrackingEvent)
        .where(TrackingEvent.consignment_id.in_(ids))
        .ext(distinct_on(TrackingEvent.consignment_id))
        .order_by(TrackingEvent.consignment_id, TrackingEvent.at.desc(), TrackingEvent.id.desc())
    )
    return {each.consignment_id: each for each in rows}


def timeline(session: Session, consignment_id: int) -> list[TrackingEvent]:
    """Everything that was said of a parcel, newest first."""
    return list(
        session.scalars(
            select(TrackingEvent)
            .where(TrackingEvent.consignment_id == consignment_id)
            .order_by(TrackingEvent.at.desc(), TrackingEvent.id.desc())
        )
    )


def is_unconfirmed(consignment: Consignment, last: TrackingEvent | None) -> bool:
    """Whether its courier has called a parcel delivered for a day and the authority has not."""
    return (
        last is not None
        and consignment.state == ConsignmentState.IN_TRANSIT
        and last.status == TrackingStatus.DELIVERED
        and last.at < now() - UNCONFIRMED_AFTER
    )


def load_loss(session: Session, consignment: Consignment) -> Loss:
    """The keys of a parcel that were given up; of a lost parcel none when each has turned up elsewhere."""
    rows = session.execute(
        select(Token.serial, ConsignmentItem.settled_at)
        .join(Token, Token.id == ConsignmentItem.token_id)
        .where(ConsignmentItem.consignment_id == consignment.id, ConsignmentItem.outcome == Outcome.LOST.value)
        .order_by(ConsignmentItem.settled_at, Token.serial)
    ).all()
    return Loss(rows[-1].settled_at if rows else consignment.lost_at, [serial for serial, _ in rows])


def lateness(session: Session, consignment: Consignment) -> int:
    """Working days that a parcel under way is late."""
    if consignment.state != ConsignmentState.IN_TRANSIT:
        return 0
    return days_late(load_calendar(session), consignment.due_on, local_day(now()))


def list_findings(
    session: Session, kind: str, authority: str, *, settled: bool, before: int | None
) -> list[Difference]:
    """Findings, newest first; `before` is the id that the page before ended with."""
    conditions: list[ColumnElement[bool]] = [
        Discrepancy.settled_at.is_not(None) if settled else Discrepancy.settled_at.is_(None)
    ]
    if kind in set(DiscrepancyKind):
        conditions.append(Discrepancy.kind == kind)
    if (chosen := authority_id(authority)) is not None:
        conditions.append(Discrepancy.authority_id == chosen)
    if before is not None:
        conditions.append(Discrepancy.id < before)
    return list_differences(session, *conditions, limit=PAGE_SIZE + 1)


def count_findings(session: Session) -> dict[str, int]:
    """Open findings by kind."""
    rows = session.execute(
        select(Discrepancy.kind, func.count()).where(Discrepancy.settled_at.is_(None)).group_by(Discrepancy.kind)
    )
    return {kind: count for kind, count in rows}


def _rows() -> Select[Consignment, str, str, str, str, int]:
    keys = select(func.count()).where(
        ConsignmentItem.consignment_id == Consignment.id, ConsignmentItem.settled_at.is_(None)
    )
    return (
        select(
            Consignment,
            Authority.name_zh,
            Authority.name_en,
            Carrier.name_zh,
            Carrier.name_en,
            keys.scalar_subquery(),
        )
        .join(Authority, Authority.id == Consignment.authority_id)
        .outerjoin(Carrier, Carrier.code == Consignment.carrier_code)
    )


def _conditions(wanted: TransitFilter, calendar: WorkingCalendar, today: date) -> list[ColumnElement[bool]]:
    found = [_UNDER_WAY, *_of_view(wanted.view, calendar, today)]
    if wanted.authority:
        found.append(Consignment.authority_id == int(wanted.authority))
    if wanted.carrier:
        found.append(Consignment.carrier_code == wanted.carrier)
    if wanted.q:
        number = normalise_waybill(wanted.q)
        found.append(or_(Consignment.number.endswith(number, autoescape=True), Consignment.waybill == number))
    return found


def _of_view(view: str, calendar: WorkingCalendar, today: date) -> list[ColumnElement[bool]]:
    if view == "late":
        return [Consignment.due_on < last_working_day(calendar, today)]
    if view == "inquiry":
        return [Consignment.inquiry_at.is_not(None)]
    if view == "unconfirmed":
        return [_last_word(TrackingStatus.DELIVERED, before=now() - UNCONFIRMED_AFTER)]
    if view == "problem":
        return [_last_word(TrackingStatus.PROBLEM)]
    return []


def last_working_day(calendar: WorkingCalendar, today: date) -> date:
    """Today, or the last day before it on which people work: what was due on it is not late yet."""
    day = today
    while not calendar.is_working(day):
        day -= timedelta(days=1)
    return day


def _last_word(status: TrackingStatus, before: datetime | None = None) -> ColumnElement[bool]:
    """That the newest event of a parcel is of a status."""
    newest = (
        select(TrackingEvent.id)
        .where(TrackingEvent.consignment_id == Consignment.id)
        .order_by(TrackingEvent.at.desc(), TrackingEvent.id.desc())
        .limit(1)
        .correlate(Consignment)
        .scalar_subquery()
    )
    said = select(TrackingEvent.id).where(TrackingEvent.id == newest, TrackingEvent.status == status.value)
    if before is not None:
        said = said.where(TrackingEvent.at < before)
    return said.correlate(Consignment).exists()


def _key_of(after: str) -> tuple[date, int] | None:
    day, _colon, number = after.partition(":")
    try:
        return date.fromisoformat(day), int(number[:18])
    except ValueError:
        return None
