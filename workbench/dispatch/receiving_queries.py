"""Reads of the authority's door: which parcels come, what should be in one and what was scanned, what differs. Of
another authority's key there is nothing to read but its serial number and where it belongs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, aliased

from workbench.cases.calendar import WorkingCalendar
from workbench.cases.models import Application
from workbench.dispatch.models import Carrier, Consignment, ConsignmentItem, Discrepancy, Receipt, ReceiptLine
from workbench.dispatch.words import ConsignmentKind, ConsignmentState, DiscrepancyKind, Finding, Outcome
from workbench.kernel.identity import Actor
from workbench.keys.models import Token
from workbench.organisation.models import Authority, Staff

COMING: Final = (ConsignmentState.IN_TRANSIT, ConsignmentState.ARRIVED, ConsignmentState.OPENED)
"""States in which the authority still has something to do with a parcel."""
MOST_SHOWN: Final = 200
"""Parcels of one list."""
RECENT: Final = 10
"""Parcels received lately that are shown."""
_FOUND: Final = frozenset({Outcome.RECEIVED, Outcome.DAMAGED})


@dataclass(frozen=True)
class ParcelRow:
    """A parcel on the list: how many keys it should hold, and how many of them were taken out."""

    consignment: Consignment
    carrier_zh: str
    carrier_en: str
    keys: int
    found: int
    is_open: bool


@dataclass(frozen=True)
class Expected:
    """A key that should be in the box, and what became of it."""

    serial: str
    enterprise_name: str
    box: int
    outcome: Outcome | None

    @property
    def found(self) -> bool:
        """Whether it was taken out of this parcel."""
        return self.outcome in _FOUND


@dataclass(frozen=True)
class Scanned:
    """A key that was scanned, with the finding that stands today: damage may have been seen after the scan.

    What is not the reader's has no enterprise.
    """

    serial: str
    enterprise_name: str | None
    finding: Finding
    at: datetime
    by: str
    opening: int
    remark: str | None


@dataclass(frozen=True)
class Difference:
    """What does not agree with the packing list."""

    found: Discrepancy
    kind: DiscrepancyKind
    number: str
    enterprise_name: str | None
    belongs_zh: str | None
    belongs_en: str | None
    authority_zh: str
    authority_en: str
    token_state: str | None


@dataclass(frozen=True)
class Sheet:
    """A parcel as it lies open: left what should be in it, right what was scanned, on top what differs."""

    expected: Sequence[Expected]
    scanned: Sequence[Scanned]
    differences: Sequence[Difference]

    @property
    def done(self) -> int:
        """Keys of the packing list that were taken out."""
        return sum(each.found for each in self.expected)

    @property
    def missing(self) -> list[str]:
        """Serials that have not been seen anywhere."""
        return [each.serial for each in self.expected if each.outcome is None]


def count_coming(session: Session, actor: Actor) -> int:
    """Parcels under way, arrived, or open on the counter."""
    return session.scalar(select(func.count()).select_from(Consignment).where(*_inward(COMING))) or 0


def list_parcels(session: Session, state: ConsignmentState) -> list[ParcelRow]:
    """Parcels to the reader's authority in a state: those first that are due first; received ones newest first."""
    statement = _rows().where(*_inward((state,)))
    if state is ConsignmentState.CLOSED:
        statement = statement.order_by(Consignment.closed_at.desc()).limit(RECENT)
    else:
        statement = statement.order_by(Consignment.due_on, Consignment.id).limit(MOST_SHOWN)
    return [ParcelRow(*row) for row in session.execute(statement)]


def load_sheet(session: Session, consignment: Consignment) -> Sheet:
    """Everything the counter sees of an open parcel."""
    return Sheet(
        _expected(session, consignment.id),
        _scanned(session, consignment.id),
        list_differences(session, Discrepancy.consignment_id == consignment.id),
    )


def count_done(session: Session, consignment_id: int) -> tuple[int, int]:
    """Keys of the packing list that were taken out, and all of them."""
    listed = (
        ConsignmentItem.consignment_id == consignment_id,
        func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,
    )
    found = func.count().filter(ConsignmentItem.outcome.in_([each.value for each in _FOUND]))
    done, everything = session.execute(select(found, func.count()).where(*listed)).one()
    return done, everything


def list_openings(session: Session, consignment_id: int) -> list[tuple[Receipt, str]]:
    """The openings of a parcel in their order, each with who began it."""
    rows = session.execute(
        select(Receipt, Staff.name)
        .join(Staff, Staff.id == Receipt.opened_by_id)
        .where(Receipt.consignment_id == consignment_id)
        .order_by(Receipt.number)
    )
    return [(receipt, name) for receipt, name in rows]


def list_differences(session: Session, *conditions: ColumnElement[bool], limit: int = 1_000) -> list[Difference]:
    """Findings, those that nobody has settled first, then the newest first."""
    belongs = select(Authority.id, Authority.name_zh, Authority.name_en).subquery()
    rows = session.execute(
        select(
            Discrepancy,
            Consignment.number,
            Application.enterprise_name,
            belongs.c.name_zh,
            belongs.c.name_en,
            Authority.name_zh,
            Authority.name_en,
            Token.state,
        )
        .join(Consignment, Consignment.id == Discrepancy.consignment_id)
        .join(Authority, Authority.id == Discrepancy.authority_id)
        .outerjoin(belongs, belongs.c.id == Discrepancy.belongs_to_id)
        .outerjoin(Token, Token.id == Discrepancy.token_id)
        .outerjoin(Application, Application.id == Token.application_id)
        .where(*conditions)
        .order_by(Discrepancy.settled_at.is_not(None), Discrepancy.id.desc())
        .limit(limit)
    )
    return [Difference(found, DiscrepancyKind(found.kind), *rest) for found, *rest in rows]


def days_late(calendar: WorkingCalendar, due_on: date | None, today: date) -> int:
    """Working days that a parcel is past the day on which it should have come; none while it is not."""
    return calendar.working_days_between(due_on, today) if due_on is not None and due_on < today else 0


def _inward(states: Sequence[ConsignmentState]) -> tuple[ColumnElement[bool], ...]:
    return (
        Consignment.kind != ConsignmentKind.RETURN.value,
        Consignment.state.in_([each.value for each in states]),
    )


def _rows() -> Any:
    listed = (
        ConsignmentItem.consignment_id == Consignment.id,
        func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,
    )
    found = (*listed, ConsignmentItem.outcome.in_([each.value for each in _FOUND]))
    is_open = select(Receipt.id).where(Receipt.consignment_id == Consignment.id, Receipt.closed_at.is_(None)).exists()
    return select(
        Consignment,
        Carrier.name_zh,
        Carrier.name_en,
        select(func.count()).where(*listed).scalar_subquery(),
        select(func.count()).where(*found).scalar_subquery(),
        is_open,
    ).outerjoin(Carrier, Carrier.code == Consignment.carrier_code)


def _expected(session: Session, consignment_id: int) -> list[Expected]:
    rows = session.execute(
        select(Token.serial, Application.enterprise_name, ConsignmentItem.box, ConsignmentItem.outcome)
        .join(Token, Token.id == ConsignmentItem.token_id)
        .join(Application, Application.id == ConsignmentItem.application_id)
        .where(
            ConsignmentItem.consignment_id == consignment_id,
            func.coalesce(ConsignmentItem.outcome, "") != Outcome.TAKEN_OUT.value,
        )
        .order_by(ConsignmentItem.box, ConsignmentItem.id)
    )
    return [Expected(serial, name, box, Outcome(what) if what else None) for serial, name, box, what in rows]


def _scanned(session: Session, consignment_id: int) -> list[Scanned]:
    """Newest first. What the reader's fence hides has no enterprise."""
    damage = aliased(Discrepancy)
    rows = session.execute(
        select(ReceiptLine, Application.enterprise_name, Staff.name, Receipt.number, damage)
        .join(Receipt, Receipt.id == ReceiptLine.receipt_id)
        .join(Staff, Staff.id == ReceiptLine.by_id)
        .outerjoin(Token, Token.id == ReceiptLine.token_id)
        .outerjoin(Application, Application.id == Token.application_id)
        .outerjoin(
            damage,
            and_(
                damage.consignment_id == ReceiptLine.consignment_id,
                damage.serial == ReceiptLine.serial,
                damage.kind == DiscrepancyKind.DAMAGED.value,
            ),
        )
        .where(ReceiptLine.consignment_id == consignment_id)
        .order_by(ReceiptLine.id.desc())
    )
    return [_as_it_stands(line, enterprise, by, opening, late) for line, enterprise, by, opening, late in rows]


def _as_it_stands(
    line: ReceiptLine, enterprise: str | None, by: str, opening: int, damage: Discrepancy | None
) -> Scanned:
    finding = Finding(line.finding) if damage is None else Finding.DAMAGED
    remark = line.remark if damage is None else damage.remark
    return Scanned(line.serial, enterprise, finding, line.at, by, opening, remark)
