"""The whole way of a key, one step a line: from papers that two desks pass, over bench, parcel and counter, into hands.

Everything is the product's own: its verbs in transactions of their own, its agent's performer on keys really made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.support.bench import Agent, Workshop
from tests.support.casework import DOCUMENTS, SYSTEM
from tests.support.tokens import Bench
from workbench.cases.models import Application
from workbench.cases.words import Service, Verdict
from workbench.collection import disposing
from workbench.collection.collectors import Collector
from workbench.collection.handing import Attended, Comparison, Giving, attend
from workbench.collection.models import Pickup
from workbench.collection.originals import Tick
from workbench.collection.telling import notify
from workbench.collection.terms import seed_terms
from workbench.collection.words import CollectorKind, Disposal, Stamping
from workbench.dispatch import consignments, packing, receiving
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Consignment, Discrepancy
from workbench.kernel.clock import clock_at, now
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import Certificate, CustodyEntry
from workbench.keys.service import END_TASK
from workbench.keys.tokens import get_token
from workbench.production import revoking

T = TypeVar("T")


@dataclass
class EKey:
    """A case, the authority where its key is collected, and the token it is on now."""

    case: int
    place: int
    serial: str = ""


class Walk:
    """An office of several authorities, its vendor's bench and packing table, and two people at each counter."""

    def __init__(self, workshop: Workshop, bench: Bench, authorities: int = 3) -> None:
        self.workshop, self.office, self.bench = workshop, workshop.office, bench
        while len(self.office.authority_ids) < authorities:
            self.office.open_authority()
        places = range(authorities)
        self.clerks = [self.office.clerk(f"clerk-of-{place}", place) for place in places]
        self.counters = [(self._counter(place, "first"), self._counter(place, "second")) for place in places]
        self.packer = self.office.hire("packer", Role.DISPATCHER)
        self.station = workshop.bench()
        self.agent = Agent(workshop.parts, self.station, bench.driver)
        self._waybills = count(1)
        with self.office.work() as session:
            seed_carriers(session, SYSTEM)
            seed_terms(session, SYSTEM)

    def _counter(self, place: int, name: str) -> Actor:
        ids = self.office.authority_ids
        return self.office.hire(f"{name}-at-{place}", Role.COUNTER_STAFF, authority_id=ids[place])

    def do(self, who: Actor, verb: Callable[..., T], *arguments: object, **named: Any) -> T:
        """One verb of one person, committed."""
        with self.office.work(who) as session:
            return verb(session, who, *arguments, **named)

    def waybill(self) -> str:
        """The next number of a courier's roll."""
        return f"SF{next(self._waybills):013d}"

    # The desks and the bench

    def approved(self, place: int = 0, service: Service = Service.NEW, **facts: Any) -> EKey:
        """A case that both desks have passed, its seal prepared."""
        case = self.office.submit(self.office.facts(service, place, **facts))
        self.office.decide(self.clerks[place], case, Verdict.PASSED)
        self.office.decide(self.workshop.re_checker, case, Verdict.PASSED)
        self.workshop.prepare_seal(case)
        return EKey(case, place)

    def make(self, key: EKey) -> EKey:
        """The key on a new token, by agent and CA."""
        self._work_off()
        (key.serial,) = self.bench.add(1)
        self.workshop.stock(key.serial)
        making = self.workshop.scan(self.station, key.serial, case=key.case)
        self.agent.work()
        self.bench.pull(key.serial)
        assert self.state(key) == "made", self.workshop.making(making).fault
        return key

    def _work_off(self) -> None:
        """What the worker does meanwhile: the CA ends what ended on our records, before anything new is asked of it."""
        statement = text("SELECT args FROM procrastinate_jobs WHERE task_name = :task AND status = 'todo' ORDER BY id")
        with self.office.work() as session:
            waiting = session.scalars(statement, {"task": END_TASK}).all()
        for each in waiting:
            revoking.end_at_ca(self.workshop.parts, each["certificate_id"])

    # The parcel

    def send(self, *keys: EKey, place: int | None = None) -> Consignment:
        """Packed, sealed and given to the courier, all for one authority."""
        authority_id = self.office.authority_ids[keys[0].place if place is None else place]
        parcel = self.do(self.packer, consignments.open_consignment, authority_id)
        for key in keys:
            self.do(self.packer, packing.pack, parcel.id, key.serial)
        self.do(self.packer, consignments.seal, parcel.id)
        return self.do(self.packer, consignments.hand_over, parcel.id, "sf", self.waybill())

    def receive(self, parcel: Consignment, *keys: EKey, place: int, damaged: bool = False) -> list[str]:
        """Opened at an authority, these keys scanned out of it; the serials that are missing."""
        clerk, _ = self.counters[place]
        how = {"damaged": True, "remark": "示例断裂"} if damaged else {}
        self.do(clerk, receiving.open_parcel, parcel.id)
        for key in keys:
            self.do(clerk, receiving.scan_key, parcel.id, key.serial, **how)
        return self.do(clerk, receiving.close_parcel, parcel.id, complete=True)

    def bring(self, *keys: EKey) -> None:
        """From the bench to the counter of their authority, whose enterprises are told."""
        place = keys[0].place
        assert self.receive(self.send(*keys), *keys, place=place) == []
        for key in keys:
            self.do(self.counters[place][0], notify, key.case)

    # The counter

    def refuse(self, key: EKey, differs: str) -> Attended:
        """One original is another than the desks saw."""
        ticks = tuple(Tick(code, code != differs, "示例不符" if code == differs else "") for code in DOCUMENTS)
        return self._attend(key, Comparison(uuid4(), now(), ticks, Stamping.REFUSED, "示例：请带原件"))

    def collect(self, key: EKey, surrendered: str = "", delegate: str = "") -> Attended:
        """Everything agrees: the key goes to its holder, or to a delegate with this identity number."""
        ticks = tuple(Tick(code, True) for code in DOCUMENTS)
        collector = Collector(CollectorKind.HOLDER)
        if delegate:
            collector = Collector(CollectorKind.DELEGATE, "示例乙", delegate, letter_sha256=self._picture())
        giving = Giving(key.serial, collector, 1, signature_sha256=self._picture(), surrendered=surrendered)
        return self._attend(key, Comparison(uuid4(), now(), ticks, Stamping.PASSED, "示例通过"), giving)

    def _attend(self, key: EKey, comparison: Comparison, giving: Giving | None = None) -> Attended:
        clerk, _ = self.counters[key.place]
        with self.office.work(clerk) as session:
            return attend(session, self.office.secrets, clerk, key.case, comparison, giving)

    def _picture(self) -> str:
        return self.workshop.parts.blobs.put(b"as if it had been drawn")

    def dispose(self, key: EKey, disposal: Disposal) -> None:
        """Nobody came for it: one person proposes, another signs, when the time is over."""
        first, second = self.counters[key.place]
        days = self.workshop.parts.settings.uncollected_days
        pickup = self.workshop.read(lambda session: session.scalars(open_wait(key)).one())
        with clock_at(now() + timedelta(days=days, minutes=1)):
            self.do(first, disposing.propose_disposal, pickup.id, disposal, "示例逾期", uncollected_days=days)
            self.do(second, disposing.sign_disposal, pickup.id)

    # What the records say

    def state(self, key: EKey) -> str:
        """Where the case stands."""
        return self.workshop.state(key.case)

    def hands(self, serial: str) -> list[str]:
        """Whose hands a token has been in, first to last."""

        def question(session: Session) -> list[str]:
            token = get_token(session, serial)
            entries = select(CustodyEntry.to_custodian).where(CustodyEntry.token_id == token.id)
            return list(session.scalars(entries.order_by(CustodyEntry.seq)))

        return self.workshop.read(question)

    def certificates(self, serial: str) -> list[str]:
        """The states of every certificate that was ever on a token."""
        statement = select(Certificate.state).where(Certificate.key_number == serial).order_by(Certificate.id)
        return self.workshop.read(lambda session: list(session.scalars(statement)))

    def enterprise(self, key: EKey) -> dict[str, str]:
        """What a later application of the same enterprise states."""
        case = self.workshop.read(lambda session: session.get_one(Application, key.case))
        return {"uscc": case.uscc, "enterprise_name": case.enterprise_name}

    def finding(self, parcel: Consignment, key: EKey) -> Discrepancy:
        """What a parcel's opening found of a key."""
        statement = select(Discrepancy).where(Discrepancy.consignment_id == parcel.id, Discrepancy.serial == key.serial)
        return self.workshop.read(lambda session: session.scalars(statement).one())


def open_wait(key: EKey) -> Any:
    """The statement that finds a key's wait at the counter."""
    return select(Pickup).where(Pickup.application_id == key.case, Pickup.ended_at.is_(None))
