"""Reads of consignments: one page of them narrowed by what stands in the address, one by its number, its history."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from workbench.dispatch.carriers import normalise_waybill
from workbench.dispatch.models import Carrier, Consignment, ConsignmentItem
from workbench.dispatch.packing import clean_serial
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, Outcome
from workbench.kernel.arguments import LARGEST_ID, authority_id, storable
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import SHANGHAI
from workbench.keys.models import Token
from workbench.organisation.models import Authority

PAGE_SIZE: Final = 50
BOUND: Final = 1_000
"""Counting stops here."""
_ENUMS: Final = {"state": ConsignmentState, "kind": ConsignmentKind}


@dataclass(frozen=True)
class ConsignmentFilter:
    """What the list is narrowed to, as it stands in the address; empty fields narrow nothing."""

    state: str = ""
    kind: str = ""
    authority: str = ""
    carrier: str = ""
    q: str = ""

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """The filter of an address; what does not exist narrows nothing."""
        values = {each.name: storable(args.get(each.name, ""))[:64] for each in fields(cls)}
        for name, known in _ENUMS.items():
            if values[name] not in set(known):
                values[name] = ""
        if authority_id(values["authority"]) is None:
            values["authority"] = ""
        return cls(**values)

    def to_args(self) -> dict[str, Any]:
        """What stands in the address."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Row:
    """One consignment of a list, with the names of where it goes and who takes it, and how many keys it holds."""

    consignment: Consignment
    authority_zh: str
    authority_en: str
    carrier_zh: str | None
    carrier_en: str | None
    keys: int


@dataclass(frozen=True)
class Page:
    """Consignments, newest first, with the ids from which the pages around begin; `more` when counting stopped."""

    rows: Sequence[Row]
    total: int
    more: bool
    after: int | None
    before: int | None


def page(session: Session, wanted: ConsignmentFilter, after: int | None, before: int | None) -> Page:
    """One page; `after` and `before` are ids of rows just outside it."""
    statement = _rows().where(*_conditions(wanted))
    backwards = after is None and before is not None
    if backwards:
        statement = statement.where(Consignment.id > before).order_by(Consignment.id)
    else:
        statement = statement.where(Consignment.id < (after or LARGEST_ID)).order_by(Consignment.id.desc())
    rows = [Row(*each) for each in session.execute(statement.limit(PAGE_SIZE + 1))]
    beyond, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if backwards:
        rows.reverse()
    total = count(session, wanted)
    has_next, has_previous = (True, beyond) if backwards else (beyond, after is not None)
    return Page(
        rows,
        min(total, BOUND),
        total > BOUND,
        rows[-1].consignment.id if rows and has_next else None,
        rows[0].consignment.id if rows and has_previous else None,
    )


def count(session: Session, wanted: ConsignmentFilter) -> int:
    """How many there are, at most one more than BOUND."""
    some = select(Consignment.id).where(*_conditions(wanted)).limit(BOUND + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _rows() -> Select[Any]:
    keys = select(func.count()).where(
        ConsignmentItem.consignment_id == Consignment.id,
        func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,
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


def _conditions(wanted: ConsignmentFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state:
        found.append(Consignment.state == wanted.state)
    if wanted.kind:
        found.append(Consignment.kind == wanted.kind)
    if wanted.authority:
        found.append(Consignment.authority_id == int(wanted.authority))
    if wanted.carrier:
        found.append(Consignment.carrier_code == wanted.carrier)
    if wanted.q:
        found.append(_meant_by(wanted.q))
    return found


def _meant_by(typed: str) -> ColumnElement[bool]:
    """By its number or its end, its waybill, or the serial number of a key in it."""
    number = normalise_waybill(typed)
    inside = (
        select(ConsignmentItem.consignment_id)
        .join(Token, Token.id == ConsignmentItem.token_id)
        .where(Token.serial == clean_serial(typed))
    )
    return or_(
        Consignment.number.endswith(number, autoescape=True),
        Consignment.waybill == number,
        Consignment.id.in_(inside),
    )


def find_by_number(session: Session, number: str) -> Consignment | None:
    """The consignment of a scanned number."""
    return session.scalars(select(Consignment).where(Consignment.number == normalise_waybill(number))).one_or_none()


def list_sealed(session: Session) -> list[Row]:
    """What waits for the courier, in the order in which it was sealed."""
    rows = session.execute(
        _rows().where(Consignment.state == ConsignmentState.SEALED.value).order_by(Consignment.sealed_at)
    )
    return [Row(*each) for each in rows]


def list_handed_over(session: Session, day: date, carrier_code: str | None = None) -> list[Row]:
    """What couriers took on a day in Asia/Shanghai, all of them or one, in that order."""
    start = datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)
    taken = and_(Consignment.handed_over_at >= start, Consignment.handed_over_at < start + timedelta(days=1))
    statement = _rows().where(taken)
    if carrier_code is not None:
        statement = statement.where(Consignment.carrier_code == carrier_code)
    return [Row(*each) for each in session.execute(statement.order_by(Consignment.handed_over_at))]


def last_carrier(session: Session) -> str | None:
    """The company that took the last parcel."""
    return session.scalars(
        select(Consignment.carrier_code)
        .where(Consignment.handed_over_at.is_not(None))
        .order_by(Consignment.id.desc())
        .limit(1)
    ).one_or_none()


def history(session: Session, consignment: Consignment) -> list[AuditEntry]:
    """What happened to a consignment, newest first."""
    return list(
        session.scalars(
            select(AuditEntry)
            .where(AuditEntry.chain == f"consignment:{consignment.id}")
            .order_by(AuditEntry.seq.desc())
        )
    )
