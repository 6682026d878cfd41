"""The board's figures over random histories of custody: each equals a slow recount that follows every key by hand, and
each equals the list behind it; a statement's opening and in less out is its closing.
"""

import random
from collections import Counter
from datetime import timedelta
from itertools import count as counting

import pytest
from sqlalchemy import select

from tests.integration.dispatch.conftest import Table
from tests.integration.dispatch.conftest import table as table
from tests.support.casework import Office
from tests.support.keys import MadeKey
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.collection.models import Pickup
from workbench.dispatch import consignments, receiving, settling
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.kernel.clock import now
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import hand_on
from workbench.reports.board import Figure, Moment, read_board
from workbench.reports.custody_filter import CustodyFilter, View
from workbench.reports.custody_flows import INTO_HANDS, OUT_OF_HANDS
from workbench.reports.custody_log import read_page
from workbench.reports.statements import Month, read_statement

DAYS = 30


class Story:
    """Keys of two authorities on random ways; each step is one committed act of whoever does it."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table, self.office, self.dice = table, table.office, random.Random(seed)
        self.counters = [
            self.office.hire(f"counter-{place}", Role.COUNTER_STAFF, authority_id=authority_id)
            for place, authority_id in enumerate(self.office.authority_ids)
        ]
        self.waybills = counting(1)

    def run(self) -> None:
        """Several parcels to each authority, each as far as chance has it."""
        for place in (0, 1):
            self.table.keys(self.dice.randint(1, 2), place)
            for _ in range(4):
                self._parcel(place)
        self._age()

    def _parcel(self, place: int) -> None:
        keys = self.table.keys(self.dice.randint(2, 4), place)
        parcel, stop = self.table.packed(keys, place), self.dice.randint(0, 7)
        if stop == 0:
            return
        self.table.do(consignments.seal, parcel.id)
        waybill = f"SF{next(self.waybills):013d}"
        if stop == 1:
            return
        self.table.do(consignments.hand_over, parcel.id, "sf", waybill)
        if stop == 2:
            return
        if stop == 3:
            self._inquire(parcel.id)
            return
        self._receive(parcel.id, keys, stop, self.counters[place])

    def _inquire(self, parcel_id: int) -> None:
        self.table.do(settling.open_inquiry, parcel_id, "示例：查询")
        if self.dice.random() < 0.5:
            self.table.do(settling.declare_lost, parcel_id, "示例：遗失")

    def _receive(self, parcel_id: int, keys: list[MadeKey], stop: int, who: Actor) -> None:
        self.table.do(receiving.arrive, parcel_id, who=who)
        if stop == 4:
            return
        self.table.do(receiving.open_parcel, parcel_id, who=who)
        for key in keys[1:] if stop == 5 else keys:
            damaged = self.dice.random() < 0.1
            self.table.do(receiving.scan_key, parcel_id, key.serial, who=who, damaged=damaged, remark="示例：破损")
        if self.dice.random() < 0.7:
            self.table.do(receiving.close_parcel, parcel_id, who=who, complete=True)
        if stop >= 6:
            for key in keys:
                self._onwards(key.application_id, key.serial, who)

    def _onwards(self, application_id: int, serial: str, who: Actor) -> None:
        """Told, and perhaps in the enterprise's hands; a damaged key stays where it is."""
        with self.office.work(who) as session:
            try:
                advance(session, application_id, Action.NOTIFY, who, details={"pickup_code": "00000000"})
            except WorkbenchError:
                return
            token = session.scalars(select(Token).where(Token.serial == serial)).one()
            application = session.get_one(Application, application_id)
            if self.dice.random() < 0.3:
                hand_on(session, token, TokenMove.HAND_OVER, who, to_ref=application.enterprise_id)
                advance(session, application_id, Action.COLLECT, who, remark="示例：相符")
                return
            waited = timedelta(days=self.dice.choice((1, 2 * DAYS)))
            session.add(
                Pickup(
                    application_id=application_id,
                    authority_id=application.authority_id,
                    token_id=token.id,
                    code=f"{token.id:08d}",
                    received_at=now() - waited,
                )
            )

    def _age(self) -> None:
        """Some parcels have been under way for long, some notices are overdue."""
        with self.office.work() as session:
            for parcel in session.scalars(select(Consignment).order_by(Consignment.id)):
                if parcel.due_on is not None and self.dice.random() < 0.5:
                    parcel.due_on -= timedelta(days=30)
            for case in session.scalars(select(Application).order_by(Application.id)):
                if case.due_at is not None and self.dice.random() < 0.5:
                    case.due_at -= timedelta(days=60)


def recount(office: Office, moment: Moment) -> dict[int, Counter[Figure]]:
    """What the figures ought to be, key by key, read from the ledger and not from the tokens' own rows."""
    found: dict[int, Counter[Figure]] = {each: Counter() for each in office.authority_ids}
    with office.work() as session:
        for token in session.scalars(select(Token)).all():
            entry = session.scalars(
                select(CustodyEntry).where(CustodyEntry.token_id == token.id).order_by(CustodyEntry.seq.desc()).limit(1)
            ).one()
            if entry.authority_id is None:
                continue
            case = session.get_one(Application, entry.application_id)
            parcel = session.get(Consignment, entry.to_ref) if entry.to_custodian == "courier" else None
            pickup = session.scalars(
                select(Pickup).where(Pickup.token_id == token.id, Pickup.ended_at.is_(None))
            ).one_or_none()
            found[entry.authority_id].update(_figures(entry, case, parcel, pickup, moment))
    return found


def _figures(
    entry: CustodyEntry, case: Application, parcel: Consignment | None, pickup: Pickup | None, moment: Moment
) -> list[Figure]:
    if entry.state_after == "lost":
        return [Figure.MISSING] if case.state == "production" else []
    if entry.state_after != "personalised":
        return []
    if entry.to_custodian == "vendor_stock":
        return [Figure.READY] if case.state == "made" else []
    if entry.to_custodian == "packer":
        return [Figure.PACKED]
    if parcel is not None:
        return _on_the_way(parcel, moment)
    if entry.to_ref != entry.authority_id:
        return [Figure.MISSING]
    if case.state == "at_authority":
        late = case.due_at is not None and case.due_at <= moment.at
        return [Figure.TO_TELL, Figure.OVERDUE] if late else [Figure.TO_TELL]
    if case.state == "awaiting_collection":
        stale = pickup is not None and moment.at - pickup.received_at >= timedelta(days=moment.uncollected_days)
        return [Figure.WAITING, Figure.UNCOLLECTED] if stale else [Figure.WAITING]
    return []


def _on_the_way(parcel: Consignment, moment: Moment) -> list[Figure]:
    if parcel.state == "arrived":
        return [Figure.UNOPENED]
    if parcel.state in ("opened", "closed"):
        return [Figure.OPENED]
    if parcel.inquiry_at is not None:
        return [Figure.MISSING]
    late = parcel.due_on is not None and parcel.due_on < moment.today
    return [Figure.IN_TRANSIT, Figure.LATE] if late else [Figure.IN_TRANSIT]


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_equal_a_slow_recount_and_the_lists_behind_them(table: Table, seed: int) -> None:
    Story(table, seed).run()
    office, moment = table.office, Moment(now(), DAYS)
    reader = office.hire("reader", Role.AUDITOR)
    expected = recount(office, moment)
    assert sum(expected.values(), Counter()).total() > 10
    with office.work(reader) as session:
        tiles = {each.authority_id: each for each in read_board(session, reader, moment, load_calendar(session))}
        open_ones = Counter(session.scalars(select(Discrepancy.authority_id).where(Discrepancy.settled_at.is_(None))))
        for authority_id, figures in expected.items():
            tile = tiles[authority_id]
            assert {figure: n for figure, n in tile.keys.items() if n} == dict(figures)
            assert tile.discrepancies == open_ones[authority_id]
            for figure in Figure:
                behind = CustodyFilter(view=View.KEYS, authority=authority_id, figure=figure)
                assert read_page(session, reader, behind, moment).total == figures[figure], figure


@pytest.mark.parametrize("seed", [3])
def test_a_statement_adds_up_and_its_figures_are_its_keys(table: Table, seed: int) -> None:
    Story(table, seed).run()
    office, moment, month = table.office, Moment(now(), DAYS), Month.of(now())
    reader = office.hire("reader", Role.AUDITOR)
    with office.work(reader) as session:
        held = Counter(
            authority_id
            for authority_id, custodian, ref in session.execute(
                select(Token.authority_id, Token.custodian, Token.custodian_ref)
            )
            if custodian == "authority" and ref == authority_id
        )
        for authority_id in office.authority_ids:
            statement = read_statement(session, reader, authority_id, month)
            came = sum(statement.flows[each] for each in INTO_HANDS)
            went = sum(statement.flows[each] for each in OUT_OF_HANDS)
            assert statement.opening == 0
            assert statement.opening + came - went == statement.closing == held[authority_id]
            for flow, figure in statement.flows.items():
                rows = CustodyFilter(authority=authority_id, flow=flow, since=month.first, until=month.last)
                assert read_page(session, reader, rows, moment).total == figure, flow
            at_end = CustodyFilter(view=View.KEYS, authority=authority_id, held=month.following.first)
            assert read_page(session, reader, at_end, moment).total == statement.closing
            earlier = read_statement(session, reader, authority_id, month.preceding)
            assert (earlier.opening, earlier.closing, earlier.on_way) == (0, 0, 0)


def test_each_fence_alone_keeps_another_authoritys_keys_out(table: Table) -> None:
    """The view's own question, the ORM's narrowing, the database's row policy."""
    Story(table, 4).run()
    office, moment = table.office, Moment(now(), DAYS)
    own, other = office.authority_ids
    reader = office.hire("keeper", Role.COUNTER_STAFF, authority_id=own)
    theirs = CustodyFilter(authority=other)
    with office.work(reader) as session:
        assert [each.authority_id for each in read_board(session, reader, moment, load_calendar(session))] == [own]
        assert read_page(session, reader, theirs, moment).total == 0
        for line in read_page(session, reader, CustodyFilter(), moment).lines:
            assert line.authority_id == own
        with pytest.raises(WorkbenchError):
            read_statement(session, reader, other, Month.of(now()))
        raw = session.connection().exec_driver_sql("SELECT DISTINCT authority_id FROM custody_entry").scalars()
        assert list(raw) == [own]
        raw = session.connection().exec_driver_sql("SELECT DISTINCT authority_id FROM token").scalars()
        assert list(raw) == [own]


def test_who_may_not_read_custody_is_refused(table: Table) -> None:
    clerk = table.office.clerk()
    with table.office.work(clerk) as session, pytest.raises(WorkbenchError):
        read_board(session, clerk, Moment(now(), DAYS), load_calendar(session))
