"""The packing table of an office: two packers, the usual courier companies, keys that wait for both authorities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.casework import SYSTEM, Office
from tests.support.keys import MadeKey, made_keys
from workbench.dispatch import consignments, packing
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import CustodyEntry, Token

T = TypeVar("T")
WAYBILL = "SF1234567890123"


@dataclass
class Table:
    """The packing table; each act is one committed unit of work of whoever does it."""

    office: Office
    packer: Actor
    second: Actor

    def do(self, verb: Callable[..., T], *arguments: object, who: Actor | None = None, **named: object) -> T:
        """One verb in a unit of work of its own."""
        actor = who or self.packer
        with self.office.work(actor) as session:
            return verb(session, actor, *arguments, **named)

    def open(self, authority: int = 0, who: Actor | None = None) -> Consignment:
        """A consignment to the first or the second authority."""
        return self.do(consignments.open_consignment, self.office.authority_ids[authority], who=who)

    def packed(self, keys: list[MadeKey], authority: int = 0) -> Consignment:
        """A consignment in which these keys lie, still open."""
        consignment = self.open(authority)
        for key in keys:
            self.do(packing.pack, consignment.id, key.serial)
        return consignment

    def sealed(self, keys: list[MadeKey], authority: int = 0) -> Consignment:
        """A consignment in which these keys lie, sealed."""
        return self.do(consignments.seal, self.packed(keys, authority).id)

    def keys(self, count: int, authority: int = 0) -> list[MadeKey]:
        """Finished keys of one authority."""
        return made_keys(self.office, count, authority)

    def read(self, question: Callable[[Session], T]) -> T:
        """What the database says now."""
        with self.office.work() as session:
            return question(session)

    def token(self, key: MadeKey) -> Token:
        """The key's token as it stands."""
        return self.read(lambda session: session.scalars(select(Token).where(Token.serial == key.serial)).one())

    def hands(self, key: MadeKey) -> list[str]:
        """Whose hands the key has been in, first to last."""
        found = (
            select(CustodyEntry.to_custodian)
            .join(Token, Token.id == CustodyEntry.token_id)
            .where(Token.serial == key.serial)
            .order_by(CustodyEntry.seq)
        )
        return self.read(lambda session: list(session.scalars(found)))


@pytest.fixture
def table(office: Office) -> Table:
    """Two packers at a table, and courier companies to choose from."""
    with office.work() as session:
        seed_carriers(session, SYSTEM)
    return Table(office, office.hire("packer", Role.DISPATCHER), office.hire("second", Role.DISPATCHER))
