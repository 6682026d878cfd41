"""The counter of an office: two people behind it, one at the other authority, keys that lie there to be collected."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.casework import DOCUMENTS, SYSTEM, Office
from tests.support.keys import MadeKey, made_key
from workbench.cases.models import Application
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.collection.collectors import Collector
from workbench.collection.handing import Attended, Comparison, Giving, attend
from workbench.collection.models import Pickup
from workbench.collection.originals import Tick
from workbench.collection.telling import notify
from workbench.collection.terms import seed_terms
from workbench.collection.words import CollectorKind, Stamping
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import get_token, hand_on

T = TypeVar("T")
SIGNATURE = "a" * 64
"""As if a signature had been stored under this digest."""


def ticks(**differ: str) -> tuple[Tick, ...]:
    """Every original matches, but those that are named differ by the remark given."""
    return tuple(Tick(code, code not in differ, differ.get(code, "")) for code in DOCUMENTS)


def comparison(client_id: UUID | None = None, **differ: str) -> Comparison:
    """A pass, or a refusal when something differs."""
    stamping = Stamping.REFUSED if differ else Stamping.PASSED
    return Comparison(client_id or uuid4(), now(), ticks(**differ), stamping, "示例结论")


def giving(serial: str, **more: Any) -> Giving:
    """The key into its holder's hands, signed for on the screen."""
    stated: dict[str, Any] = {
        "collector": Collector(CollectorKind.HOLDER),
        "terms_version": 1,
        "signature_sha256": SIGNATURE,
        **more,
    }
    return Giving(serial, **stated)


@dataclass
class Counter:
    """The counter; each act is one committed unit of work of whoever does it."""

    office: Office
    clerk: Actor
    second: Actor
    stranger: Actor

    def do(self, verb: Callable[..., T], *arguments: object, who: Actor | None = None, **named: object) -> T:
        """One verb in a unit of work of its own."""
        actor = who or self.clerk
        with self.office.work(actor) as session:
            return verb(session, actor, *arguments, **named)

    def arrived(self, authority: int = 0, **stated: Any) -> MadeKey:
        """A key that its authority has received and told nobody of."""
        key = made_key(self.office, authority, **stated)
        with self.office.work() as session:
            token = get_token(session, key.serial)
            authority_id = self.office.authority_ids[authority]
            hand_on(session, token, TokenMove.RECEIVE, SYSTEM, to_ref=authority_id)
            advance(session, key.application_id, Action.HAND_TO_COURIER, SYSTEM)
            advance(session, key.application_id, Action.RECEIVE, SYSTEM)
        return key

    def waiting(self, authority: int = 0, **stated: Any) -> MadeKey:
        """A key whose enterprise has been told."""
        key = self.arrived(authority, **stated)
        self.do(notify, key.application_id, who=self.clerk if authority == 0 else self.stranger)
        return key

    def attend(self, key: MadeKey, what: Comparison, given: Giving | None = None, who: Actor | None = None) -> Attended:
        """One attempt at the counter."""
        actor = who or self.clerk
        with self.office.work(actor) as session:
            return attend(session, self.office.secrets, actor, key.application_id, what, given)

    def collected(self, **stated: Any) -> MadeKey:
        """A key that its holder has taken home."""
        key = self.waiting(**stated)
        self.attend(key, comparison(), giving(key.serial))
        return key

    def read(self, question: Callable[[Session], T]) -> T:
        """What the database says now."""
        with self.office.work() as session:
            return question(session)

    def state(self, key: MadeKey) -> str:
        """Where the key's case stands."""
        return self.read(lambda session: session.get_one(Application, key.application_id).state)

    def token(self, key: MadeKey) -> Token:
        """The key's token as it stands."""
        return self.read(lambda session: session.scalars(select(Token).where(Token.serial == key.serial)).one())

    def pickup(self, key: MadeKey) -> Pickup:
        """The key's newest wait."""
        newest = select(Pickup).where(Pickup.application_id == key.application_id).order_by(Pickup.id.desc()).limit(1)
        return self.read(lambda session: session.scalars(newest).one())


@pytest.fixture
def counter(office: Office) -> Counter:
    """Two people at the first authority's counter, one at the second's, and terms to sign under."""
    here, there = office.authority_ids
    with office.work() as session:
        seed_terms(session, SYSTEM)
    return Counter(
        office,
        office.hire("counter", Role.COUNTER_STAFF, authority_id=here),
        office.hire("second", Role.COUNTER_STAFF, authority_id=here),
        office.hire("stranger", Role.COUNTER_STAFF, authority_id=there),
    )
