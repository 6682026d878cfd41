"""The month-end statement of one authority: what was in its hands when the month began, what came, what went, what was
left. Opening and in less out is closing; each figure has the list of its keys. Reads only.

Holdings are counted back from the present, so a statement of last month costs as much as last month was busy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from workbench.dispatch.models import Consignment, Discrepancy
from workbench.kernel import audit
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, demand
from workbench.kernel.typesetting import typeset
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import Custodian
from workbench.organisation.models import Authority
from workbench.reports.custody_filter import midnight
from workbench.reports.custody_flows import COMES, CONDITIONS, FLOW_NAMES, GOES, INTO_HANDS, OUT_OF_HANDS, Flow, held_by
from workbench.reports.custody_names import Say

FIRST_YEAR: Final = 2000


@dataclass(frozen=True)
class Month:
    """A month in Asia/Shanghai."""

    year: int
    month: int

    @classmethod
    def parse(cls, untrusted: str) -> "Month | None":
        """The month written as 2026-11; None for anything else."""
        try:
            first = date.fromisoformat(f"{untrusted}-01")
        except ValueError:
            return None
        return cls(first.year, first.month) if FIRST_YEAR <= first.year <= 9000 else None

    @classmethod
    def of(cls, instant: datetime) -> "Month":
        """The month of an instant."""
        day = instant.astimezone(SHANGHAI)
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def following(self) -> "Month":
        """The month after."""
        day = self.first + timedelta(days=32)
        return Month(day.year, day.month)

    @property
    def preceding(self) -> "Month":
        """The month before."""
        day = self.first - timedelta(days=1)
        return Month(day.year, day.month)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.following.first - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True)
class Statement:
    """The figures of a month. `on_way` are keys with couriers when it ended."""

    authority: Authority
    month: Month
    opening: int
    flows: Mapping[Flow, int]
    closing: int
    on_way: int
    found: int
    settled: int
    unsettled: int

    @property
    def came(self) -> int:
        """Keys that got into the authority's hands."""
        return sum(self.flows[each] for each in INTO_HANDS)

    @property
    def went(self) -> int:
        """Keys that left them."""
        return sum(self.flows[each] for each in OUT_OF_HANDS)


def read_statement(session: Session, actor: Actor, authority_id: int, month: Month) -> Statement:
    """The statement of an authority; of a month that has not ended, as it stands.

    Raises:
        NotAllowed: the actor does not read custody.
        NotFound: there is no such authority within the actor's reach.
    """
    demand(actor, Permission.CUSTODY_READ)
    authority = session.get(Authority, authority_id)
    if authority is None or not actor.scope.covers(authority_id):
        raise NotFound(N_("There is no such authority."))
    start, end = midnight(month.first), midnight(month.following.first)
    own = CustodyEntry.authority_id == authority_id
    columns = [func.count().filter(condition).label(flow.value) for flow, condition in CONDITIONS.items()]
    counted = session.execute(
        select(*columns).select_from(CustodyEntry).where(own, CustodyEntry.at >= start, CustodyEntry.at < end)
    ).one()
    flows = {flow: int(getattr(counted, flow.value)) for flow in Flow}
    to_courier, from_courier = (
        and_(column == Custodian.COURIER.value, other != Custodian.COURIER.value)
        for column, other in (
            (CustodyEntry.to_custodian, CustodyEntry.from_custodian),
            (CustodyEntry.from_custodian, CustodyEntry.to_custodian),
        )
    )
    since = session.execute(
        select(*(func.count().filter(each) for each in (COMES, GOES, to_courier, from_courier)))
        .select_from(CustodyEntry)
        .where(own, CustodyEntry.at >= end)
    ).one()
    closing = _held(session, authority_id, Custodian.AUTHORITY) - since[0] + since[1]
    came, went = (sum(flows[each] for each in lines) for lines in (INTO_HANDS, OUT_OF_HANDS))
    found, settled, unsettled = _discrepancies(session, authority_id, start, end)
    return Statement(
        authority=authority,
        month=month,
        opening=closing - came + went,
        flows=flows,
        closing=closing,
        on_way=_held(session, authority_id, Custodian.COURIER) - since[2] + since[3],
        found=found,
        settled=settled,
        unsettled=unsettled,
    )


def print_statement(session: Session, actor: Actor, statement: Statement, printed_at: datetime, say: Say) -> bytes:
    """The statement as PDF, recorded.

    Args:
        say: how lines read on paper, which is in Chinese.
    """
    flows = statement.flows
    facts: dict[str, Any] = {
        "authority": statement.authority.name_zh,
        "month": f"{statement.month.year} 年 {statement.month.month} 月",
        "first": statement.month.first.isoformat(),
        "last": statement.month.last.isoformat(),
        "printed_at": f"{printed_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        "unfinished": printed_at < midnight(statement.month.following.first),
        "opening": statement.opening,
        "came": [[say(FLOW_NAMES[each]), flows[each]] for each in INTO_HANDS],
        "came_sum": statement.came,
        "went": [[say(FLOW_NAMES[each]), flows[each]] for each in OUT_OF_HANDS],
        "went_sum": statement.went,
        "closing": statement.closing,
        "beside": [
            [say(FLOW_NAMES[Flow.DISPATCHED]), flows[Flow.DISPATCHED]],
            [say(N_("With couriers at the end of the month")), statement.on_way],
            [say(FLOW_NAMES[Flow.LOST_ON_WAY]), flows[Flow.LOST_ON_WAY]],
            [say(N_("Discrepancies found")), statement.found],
            [say(N_("Discrepancies settled")), statement.settled],
            [say(N_("Discrepancies open at the end of the month")), statement.unsettled],
        ],
        "foot": "进出口企业电子钥匙寄送与领取",
    }
    audit.record(
        session,
        "custody.statement_printed",
        actor,
        subject=f"custody_export:{actor.label}",
        after={"authority": statement.authority.id, "month": str(statement.month)},
    )
    return typeset("statement", facts)


def _held(session: Session, authority_id: int, custodian: Custodian) -> int:
    held = select(func.count()).select_from(Token).where(Token.authority_id == authority_id, held_by(custodian))
    return session.scalar(held) or 0


def list_discrepancies(
    session: Session, actor: Actor, authority_id: int | None, month: Month | None, what: str, most: int
) -> Sequence[tuple[Discrepancy, str]]:
    """Discrepancies with their consignment's number, oldest first: those open now, or what a statement counts.

    Args:
        what: found, settled or open; of a month. Anything else, or no month, means those open now.

    Raises:
        NotAllowed: the actor does not read custody.
    """
    demand(actor, Permission.CUSTODY_READ)
    condition: ColumnElement[bool] = Discrepancy.settled_at.is_(None)
    if month is not None:
        condition = _of_month(midnight(month.first), midnight(month.following.first)).get(what, condition)
    statement = (
        select(Discrepancy, Consignment.number)
        .join(Consignment, Consignment.id == Discrepancy.consignment_id)
        .where(condition)
        .order_by(Discrepancy.found_at, Discrepancy.id)
    )
    if authority_id is not None:
        statement = statement.where(Discrepancy.authority_id == authority_id)
    return [(row[0], row[1]) for row in session.execute(statement.limit(most))]


def _of_month(start: datetime, end: datetime) -> dict[str, ColumnElement[bool]]:
    found, settled = Discrepancy.found_at, Discrepancy.settled_at
    return {
        "found": and_(found >= start, found < end),
        "settled": and_(settled >= start, settled < end),
        "open": and_(found < end, or_(settled.is_(None), settled >= end)),
    }


def _discrepancies(session: Session, authority_id: int, start: datetime, end: datetime) -> tuple[int, int, int]:
    of = _of_month(start, end)
    counts = [func.count().filter(of[each]) for each in ("found", "settled", "open")]
    counted = session.execute(
        select(*counts).select_from(Discrepancy).where(Discrepancy.authority_id == authority_id)
    ).one()
    return counted[0], counted[1], counted[2]
