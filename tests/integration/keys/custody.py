"""Tokens for the tests of custody, and what has to be true of every token's chain."""

from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.casework import Office
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import CustodyEntry, Token
from workbench.keys.tokens import take_in


class Stock:
    """An office with a maker and blank tokens."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.maker = office.hire("maker", Role.KEY_MAKER)
        self.taken_in = 0

    def blank(self, count: int = 1, who: Actor | None = None) -> list[int]:
        """So many new tokens; returns their ids."""
        with self.office.work() as session:
            made = []
            for _ in range(count):
                self.taken_in += 1
                token = take_in(session, who or self.maker, f"EK{self.taken_in:06d}", model="示例型号", box="B1")
                made.append(token.id)
            return made

    def chain(self, token_id: int) -> list[CustodyEntry]:
        """The entries of a token, after its chain was found whole."""
        with self.office.work() as session:
            return whole_chain(session, token_id)

    def token(self, token_id: int) -> Token:
        """The token's row as it stands."""
        with self.office.work() as session:
            return session.get_one(Token, token_id)


def whole_chain(session: Session, token_id: int) -> list[CustodyEntry]:
    """The entries of a token: each begins where and when the one before ended, and the token's row is where the last
    one ends. So at each instant since it came, the token is in exactly one pair of hands."""
    token = session.get_one(Token, token_id, populate_existing=True)
    found = list(
        session.scalars(select(CustodyEntry).where(CustodyEntry.token_id == token_id).order_by(CustodyEntry.seq))
    )
    first, last = found[0], found[-1]
    assert (first.from_custodian, first.from_ref, first.state_before) == ("supplier", None, "unknown")
    assert [each.seq for each in found] == list(range(1, len(found) + 1))
    for one, next_one in pairwise(found):
        assert (next_one.from_custodian, next_one.from_ref, next_one.state_before) == (
            one.to_custodian,
            one.to_ref,
            one.state_after,
        )
        assert next_one.at >= one.at
    assert (token.custodian, token.custodian_ref, token.state) == (last.to_custodian, last.to_ref, last.state_after)
    assert (token.custody_seq, token.moved_at) == (last.seq, last.at)
    assert (token.authority_id, token.application_id) == (last.authority_id, last.application_id)
    return found
