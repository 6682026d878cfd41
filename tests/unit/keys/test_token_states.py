"""The token's transition table against production's own list of moves, and rules that hold whatever a desk adds."""

import itertools

import pytest

from workbench.keys.token_states import (
    CUSTODIAN_NAMES,
    CUSTODIANS,
    NAMELESS,
    REFUSALS,
    TOKEN_EVENT_NAMES,
    TOKEN_STATE_NAMES,
    TOKEN_STATES,
    TOKEN_TRANSITIONS,
    Custodian,
    TokenMove,
    TokenState,
    find_token_transition,
)

PRODUCTION = """
    unknown       import       blank         vendor_stock
    unknown       recognise    handed_over   enterprise
    blank         allocate     allocated     maker
    allocated     allocate     allocated     maker
    allocated     put_back     blank         vendor_stock
    allocated     personalise  personalised  vendor_stock
    blank         spoil        spoiled       spoiled        remark
    allocated     spoil        spoiled       spoiled        remark
    personalised  spoil        spoiled       spoiled        remark
    spoiled       destroy      destroyed     destroyed      remark
"""
ROWS = [line.split() for line in PRODUCTION.strip().splitlines()]
MOVES = {"import", "recognise", "allocate", "put_back", "personalise", "spoil"}
"""Moves of this desk alone; others may be made by later desks from states of theirs."""
OWN_STATES = {"unknown", "blank", "allocated"}
"""States in which nobody but this desk has the token."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:2]))
def test_each_move_of_production_leads_where_the_list_says(row: list[str]) -> None:
    state, move, after, to, *remark = row
    found = find_token_transition(TokenState(state), TokenMove(move))
    assert found is not None
    assert (found.after, found.to, found.needs_remark) == (after, to, bool(remark))


def test_no_other_move_of_production_leads_anywhere() -> None:
    allowed = {(state, move) for state, move, *_ in ROWS}
    strange = {
        (state, move)
        for state, move in itertools.product(TokenState, TokenMove)
        if find_token_transition(state, move) is not None
        and (move in MOVES or state in OWN_STATES)
        and (state, move) not in allowed
    }
    assert strange == set()


def test_a_token_comes_into_being_once_and_never_comes_back_from_the_shredder() -> None:
    assert {state for state, move in TOKEN_TRANSITIONS if move is TokenMove.IMPORT} == {TokenState.UNKNOWN}
    begin = {TokenMove.IMPORT, TokenMove.RECOGNISE}
    assert {move for state, move in TOKEN_TRANSITIONS if state is TokenState.UNKNOWN} == begin
    assert {state for state, move in TOKEN_TRANSITIONS if move in begin} == {TokenState.UNKNOWN}
    assert not [each for each in TOKEN_TRANSITIONS.values() if each.after is TokenState.UNKNOWN]
    assert not [move for state, move in TOKEN_TRANSITIONS if state is TokenState.DESTROYED]


def test_a_used_token_never_becomes_blank_again() -> None:
    """Whatever was written on it stays on it."""
    reached = {TokenState.PERSONALISED}
    while True:
        more = {each.after for (state, _), each in TOKEN_TRANSITIONS.items() if state in reached} - reached
        if not more:
            break
        reached |= more
    assert not reached & {TokenState.BLANK, TokenState.ALLOCATED, TokenState.UNKNOWN}


def test_every_state_is_reached_from_the_supplier_and_leads_to_the_shredder() -> None:
    forth, back = {TokenState.UNKNOWN}, {TokenState.DESTROYED}
    for _ in TokenState:
        forth |= {each.after for (state, _), each in TOKEN_TRANSITIONS.items() if state in forth}
        back |= {state for (state, _), each in TOKEN_TRANSITIONS.items() if each.after in back}
    assert forth == back == set(TokenState)


def test_where_a_token_ends_it_is_in_nobodys_hands_and_that_is_explained() -> None:
    for each in TOKEN_TRANSITIONS.values():
        if each.after in (TokenState.SPOILED, TokenState.DESTROYED):
            assert each.to == each.after.value
            assert each.to in NAMELESS
            assert each.needs_remark


def test_a_blank_token_lies_in_stock_and_an_allocated_one_is_with_its_maker() -> None:
    where = {TokenState.BLANK: Custodian.VENDOR_STOCK, TokenState.ALLOCATED: Custodian.MAKER}
    for each in TOKEN_TRANSITIONS.values():
        assert where.get(each.after, each.to) is each.to


def test_everything_has_words() -> None:
    assert set(TOKEN_STATE_NAMES) == set(REFUSALS) == set(TokenState)
    assert set(CUSTODIAN_NAMES) == set(Custodian)
    assert set(TOKEN_EVENT_NAMES) == {each.event for each in TOKEN_TRANSITIONS.values()}
    assert set(TOKEN_STATES) == {each.value for each in TokenState}
    assert set(CUSTODIANS) == {each.value for each in Custodian} > set(NAMELESS)
    assert all("%(serial)s" in words for words in REFUSALS.values())
