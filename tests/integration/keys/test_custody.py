"""Custody of tokens: one pair of hands at each instant, whatever moves are made in whatever order, by many at once."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import DBAPIError

from tests.integration.keys.custody import Stock, whole_chain
from tests.support.casework import Office
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Scope
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.token_states import NAMELESS, Custodian, TokenMove, TokenState, find_token_transition
from workbench.keys.tokens import get_token, move, take_in, take_in_many

AT_ONCE = 20
REMARK = "示例说明"
MOVES = [each for each in TokenMove if each is not TokenMove.IMPORT]


@pytest.fixture
def stock(office: Office) -> Stock:
    return Stock(office)


def at_once(count: int, act: Callable[[int], None]) -> list[Exception | None]:
    """What came of `count` threads that act at the same moment; None where it went well."""
    start = Barrier(count)
    outcomes: list[Exception | None] = [None] * count

    def run(place: int) -> None:
        start.wait()
        try:
            act(place)
        except Exception as error:
            outcomes[place] = error

    threads = [Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def columns(token: Token) -> dict[str, Any]:
    """What a token's row says."""
    return {each.key: getattr(token, each.key) for each in inspect(Token).column_attrs}


def may(token: Token, what: TokenMove) -> bool:
    """Whether the table allows the move."""
    found = find_token_transition(TokenState(token.state), what)
    return found is not None and (found.held_by is None or Custodian(token.custodian) in found.held_by)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(1, 4)), max_size=15))
def test_any_sequence_of_moves_leaves_every_chain_whole(stock: Stock, moves: list[tuple[int, int, int]]) -> None:
    tokens = stock.blank(3)
    made: Counter[int] = Counter()
    for place, pick, ref in moves:
        token = stock.token(tokens[place])
        fitting = [each for each in MOVES if may(token, each)]
        offered = fitting if fitting and pick % 4 else MOVES  # at random alone hardly any move would fit
        what = offered[pick % len(offered)]
        allowed = what in fitting
        try:
            with stock.office.work() as session:
                answered = move(session, token.id, what, stock.maker, to_ref=ref, remark=REMARK)
        except Conflict:
            assert not allowed
        else:
            assert allowed
            made[place] += 1
            moved = stock.token(token.id)
            assert moved.custodian_ref == (None if moved.custodian in NAMELESS else ref)
            assert columns(answered) == columns(moved)
        for each in tokens:
            stock.chain(each)
    assert [len(stock.chain(each)) for each in tokens] == [1 + made[place] for place in range(3)]


def test_many_people_moving_the_same_tokens_leave_every_chain_whole(stock: Stock) -> None:
    tokens = stock.blank(3)
    made: list[int] = []

    def shuffle(place: int) -> None:
        draw = random.Random(place)
        for _ in range(12):
            token = draw.choice(tokens)
            what = draw.choice([TokenMove.ALLOCATE, TokenMove.ALLOCATE, TokenMove.PUT_BACK, TokenMove.PERSONALISE])
            try:
                with stock.office.work() as session:
                    move(session, token, what, stock.maker, to_ref=place + 1, remark=REMARK)
            except Conflict:
                continue
            made.append(token)

    assert at_once(8, shuffle) == [None] * 8
    assert {each: len(stock.chain(each)) - 1 for each in tokens} == {each: made.count(each) for each in tokens}
    assert len(made) > len(tokens)


def test_of_twenty_who_saw_a_blank_token_one_gets_it(stock: Stock) -> None:
    """Each has read it as blank before anybody writes: the database lets one write what follows from that."""
    (token_id,) = stock.blank()
    seen = Barrier(AT_ONCE)

    def take(place: int) -> None:
        with stock.office.work() as session:
            token = session.get_one(Token, token_id)
            assert (token.state, token.custody_seq) == ("blank", 1)
            seen.wait()
            session.add(
                CustodyEntry(
                    token_id=token_id,
                    seq=2,
                    at=now(),
                    event="allocated",
                    from_custodian="vendor_stock",
                    to_custodian="maker",
                    to_ref=place + 1,
                    state_before="blank",
                    state_after="allocated",
                    actor="staff:1",
                    actor_name="x",
                    address="",
                )
            )

    outcomes = at_once(AT_ONCE, take)
    (winner,) = [place for place, outcome in enumerate(outcomes) if outcome is None]
    assert all("gap or an overlap" in str(each) for each in outcomes if each is not None)
    assert stock.token(token_id).custodian_ref == winner + 1
    assert len(stock.chain(token_id)) == 2


def test_of_twenty_who_set_a_token_aside_one_does(stock: Stock) -> None:
    (token_id,) = stock.blank()

    def spoil(place: int) -> None:
        with stock.office.work() as session:
            move(session, token_id, TokenMove.SPOIL, stock.maker, remark=REMARK)

    outcomes = at_once(AT_ONCE, spoil)
    assert outcomes.count(None) == 1
    assert all(isinstance(each, Conflict) for each in outcomes if each is not None)
    assert [each.event for each in stock.chain(token_id)] == ["imported", "spoiled"]


def test_a_token_is_taken_in_once(stock: Stock) -> None:
    def bring(place: int) -> None:
        with stock.office.work() as session:
            if place % 2:
                take_in(session, stock.maker, "EK-X", model="示例型号", box="B1")
            else:
                take_in_many(session, stock.maker, [("EK-X", "示例型号", "B1"), (f"EK-{place}", "示例型号", "B1")])

    outcomes = at_once(8, bring)
    assert outcomes.count(None) == 1
    assert all(isinstance(each, DBAPIError) for each in outcomes if each is not None)
    with stock.office.work() as session:
        whole_chain(session, get_token(session, " EK-X\n").id)


def test_many_taken_in_at_once_begin_as_one_does(stock: Stock) -> None:
    with stock.office.work() as session:
        take_in_many(session, stock.maker, [(f"EK-{n:04d}", "示例型号", f"B{n % 3}") for n in range(2_500)])
        one = take_in(session, stock.maker, "EK-one", model="示例型号", box="B1")
    with stock.office.work() as session:
        many = session.scalars(select(Token.id).where(Token.serial.startswith("EK-")).order_by(Token.id)).all()
        assert len(many) == 2_501
        (pattern,), (first,) = (whole_chain(session, each) for each in (one.id, many[0]))
        alike = ("event", "from_custodian", "to_custodian", "state_before", "state_after", "actor", "remark", "place")
        assert [getattr(first, each) for each in alike] == [getattr(pattern, each) for each in alike]
        assert session.scalar(select(func.count()).select_from(CustodyEntry)) == 2_501


def test_what_has_to_be_explained_is_and_the_audit_log_tells_of_each_move(stock: Stock) -> None:
    (token_id,) = stock.blank()
    for remark in (None, "", "  ", "x" * 501):
        with pytest.raises(Invalid), stock.office.work() as session:
            move(session, token_id, TokenMove.SPOIL, stock.maker, remark=remark)
    with stock.office.work() as session:
        move(session, token_id, TokenMove.SPOIL, stock.maker, remark=f" {REMARK} ")
    assert stock.chain(token_id)[-1].remark == REMARK
    with stock.office.work() as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.subject == f"token:{token_id}")).all()
    assert [(each.action, each.actor) for each in told] == [("token.spoiled", stock.maker.label)]
    assert told[0].after is not None
    assert told[0].after["remark"] == REMARK


def test_a_clock_that_ran_back_leaves_no_overlap(stock: Stock) -> None:
    (token_id,) = stock.blank()
    with clock_at(now() - timedelta(hours=1)), stock.office.work() as session:
        move(session, token_id, TokenMove.ALLOCATE, stock.maker, to_ref=1)
    taken_in, allocated = stock.chain(token_id)
    assert allocated.at == taken_in.at


def test_another_authoritys_token_is_as_absent_as_none(stock: Stock) -> None:
    mine, theirs = (Scope(frozenset({each})) for each in stock.office.authority_ids)
    (token_id, blank) = stock.blank(2)
    case = stock.office.submit()
    with stock.office.work() as session:
        move(
            session,
            token_id,
            TokenMove.ALLOCATE,
            stock.maker,
            to_ref=stock.maker.id,
            authority_id=stock.office.authority_ids[0],
            application_id=case,
        )
    for scope, tokens in ((mine, [token_id]), (theirs, []), (Scope(), []), (Scope(applicant_id=1), [])):
        with stock.office.work(scope) as session:
            assert session.scalars(select(Token.id)).all() == tokens
            assert session.scalars(select(CustodyEntry.token_id)).all() == tokens
    for scope, token in ((theirs, token_id), (mine, blank), (Scope(applicant_id=1), token_id)):
        with pytest.raises(NotFound), stock.office.work(scope) as session:
            move(session, token, TokenMove.SPOIL, stock.maker, remark=REMARK)
