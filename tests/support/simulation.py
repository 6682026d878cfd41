"""A simulated year of parcels: packers, counters and a vendor's desk at work at once, through real verbs and commits,
while keys fall out of boxes, slip into wrong ones, break, vanish and are scanned twice.

What they should find is known from `simulation_truth`; `simulation_check` holds the database against it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, Queue
from random import Random
from threading import Lock, Thread
from typing import Any, Final, TypeVar

from psycopg.errors import DeadlockDetected
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.support.casework import SYSTEM, Office
from tests.support.keys import bulk_keys
from tests.support.simulation_truth import SET_ASIDE, Key, Parcel, Truth
from workbench.dispatch import consignments, packing, receiving, settling
from workbench.dispatch.carriers import seed_carriers
from workbench.dispatch.models import Discrepancy
from workbench.kernel.errors import Conflict
from workbench.kernel.identity import Actor, Role

T = TypeVar("T")
Task = Callable[[Actor, Random], None]
PACKERS: Final = 3
VENDORS: Final = 2
AUTHORITIES: Final = 4
CLERKS: Final = 2
"""Counter staff of each authority."""
CHANCES: Final = {
    "vanishes": 0.04,
    "falls out": 0.08,
    "is put in": 0.6,
    "extra": 0.05,
    "misrouted": 0.05,
    "broken": 0.04,
    "overlooked": 0.04,
    "strange": 0.03,
    "scanned twice": 0.15,
    "two openings": 0.15,
    "claimed by another": 0.05,
}
"""How often what goes wrong goes wrong, per parcel or key."""
GAP: Final = 0.005
PATIENCE: Final = 20
"""How often somebody tries again after a refusal that time will lift."""


@dataclass
class Simulation:
    """The house at work. `play` returns when every parcel has come to its end."""

    office: Office
    seed: int
    most_keys: int = 4
    truth: Truth = field(default_factory=Truth)
    happened: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._queues: dict[object, Queue[Task]] = {}
        self._open, self._lock, self._numbers = 0, Lock(), count(1)
        self._stopped = False
        self.authorities = self._open_office()
        hire, counter = self.office.hire, Role.COUNTER_STAFF
        self._people: list[tuple[object, Actor]] = [
            *(("packing", hire(f"packer{n}", Role.DISPATCHER)) for n in range(PACKERS)),
            *(("vendor", hire(f"vendor{n}", Role.DISPATCHER)) for n in range(VENDORS)),
            *(
                (each, hire(f"clerk{each}-{n}", counter, authority_id=each))
                for each in self.authorities
                for n in range(CLERKS)
            ),
        ]
        for desk, _ in self._people:
            self._queues.setdefault(desk, Queue())

    def _open_office(self) -> list[int]:
        with self.office.work() as session:
            seed_carriers(session, SYSTEM)
        for _ in range(AUTHORITIES - len(self.office.authority_ids)):
            self.office.open_authority()
        return list(self.office.authority_ids)

    def play(self, parcels: int) -> None:
        """So many parcels, from the packing table to their ends."""
        draw = Random(f"{self.seed}:{next(self._numbers)}")
        for authority_id in self.authorities:
            with self.office.work() as session:
                wanted = parcels * (self.most_keys + 2) // (2 * len(self.authorities)) + 2 * self.most_keys
                made = bulk_keys(session, self.office.secrets, authority_id, wanted)
            self.truth.add(made, authority_id)
        for _ in range(parcels):
            # What happens to a parcel is drawn with its number, whoever packs it and when.
            self._give("packing", self._packs(draw.choice(self.authorities), Random(draw.random())))
        workers = [Thread(target=self._work, args=(desk, who), daemon=True) for desk, who in self._people]
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    @property
    def is_over(self) -> bool:
        """Nobody has anything left to do."""
        return self._stopped or self._open == 0

    def _give(self, desk: object, task: Task) -> None:
        with self._lock:
            self._open += 1
        self._queues[desk].put(task)

    def _work(self, desk: object, who: Actor) -> None:
        while not self.is_over:
            try:
                task = self._queues[desk].get(timeout=0.02)
            except Empty:
                continue
            try:
                task(who, Random(f"{self.seed}:{next(self._numbers)}"))
            except Exception as error:  # every surprise stops the house and is told
                self.problems.append(f"{who.name}: {type(error).__name__}: {error}"[:600])
                self._stopped = True
            with self._lock:
                self._open -= 1

    def _do(self, who: Actor, verb: Callable[..., T], *arguments: object, **named: Any) -> T:
        """One verb in a transaction of its own. A deadlock, a failure at a real desk, is counted."""
        for _ in range(PATIENCE):
            try:
                with self.office.work(who) as session:
                    return verb(session, who, *arguments, **named)
            except OperationalError as error:
                if not isinstance(error.orig, DeadlockDetected):
                    raise
                self.happened["deadlock"] += 1
        raise AssertionError("the same deadlock again and again")

    @contextmanager
    def _timed(self) -> Iterator[list[int]]:
        span = [self.truth.tick()]
        yield span
        span.append(self.truth.tick())

    def _chance(self, draw: Random, what: str) -> bool:
        if draw.random() >= CHANCES[what]:
            return False
        self.happened[what] += 1
        return True

    def _packs(self, authority_id: int, draw: Random) -> Task:
        def task(who: Actor, _draw: Random) -> None:
            wanted = draw.randint(1, self.most_keys)
            keys = [key for key in (self.truth.draw(authority_id) for _ in range(wanted)) if key is not None]
            if not keys:
                return
            keys.sort(key=lambda key: key.serial)
            scans = [key for key in keys for _ in range(1 + self._chance(draw, "scanned twice"))]

            def pack(session: Session, who: Actor) -> tuple[int, str]:
                parcel = consignments.open_consignment(session, who, authority_id)
                for key in scans:
                    packing.pack(session, who, parcel.id, key.serial)
                consignments.seal(session, who, parcel.id)
                return parcel.id, parcel.number

            parcel_id, number = self._do(who, pack)
            parcel = Parcel(parcel_id, number, self._waybill(), authority_id, keys)
            for key in keys:
                self.truth.put(key, ("personalised", "packer", who.id), parcel_id)
            if self._chance(draw, "claimed by another"):
                self._claim(who, draw.choice(keys), draw)
            self._close_box(parcel, draw)
            self._hand_over(who, parcel)
            self._travel(parcel, draw)

        return task

    def _claim(self, who: Actor, key: Key, draw: Random) -> None:
        """Somebody scans into another parcel what lies packed already."""
        authority_id = draw.choice(self.authorities)
        other = self._do(who, consignments.open_consignment, authority_id)
        try:
            self._do(who, packing.pack, other.id, key.serial)
            self.problems.append(f"{key.serial} was packed twice")
        except Conflict:
            self._do(who, consignments.cancel, other.id)

    def _close_box(self, parcel: Parcel, draw: Random) -> None:
        """What goes wrong between the last scan and the tape. What vanishes takes nothing along that no list names:
        no scanner could ever tell where that went."""
        parcel.vanishes = self._chance(draw, "vanishes")
        for key in parcel.listed:
            if self._chance(draw, "falls out"):
                self.truth.drop(key)
            else:
                parcel.inside.append(key)
        if self._chance(draw, "is put in") and (found := self.truth.pick_up()) is not None:
            parcel.inside.append(found)
        if not parcel.vanishes:
            others = [each for each in self.authorities if each != parcel.authority_id]
            for what, whose in (("extra", parcel.authority_id), ("misrouted", draw.choice(others))):
                slipped = self.truth.draw(whose) if self._chance(draw, what) else None
                if slipped is not None:
                    parcel.inside.append(slipped)
            if self._chance(draw, "strange"):
                parcel.strange.append(f"USB-{parcel.number}")
        for key in parcel.inside:
            key.broken = key.broken or self._chance(draw, "broken")

    def _hand_over(self, who: Actor, parcel: Parcel) -> None:
        for _ in range(PATIENCE):
            try:
                self._do(who, consignments.hand_over, parcel.id, "sf", parcel.waybill)
                return
            except Conflict:  # a key of it has just been scanned elsewhere: look again
                time.sleep(GAP)
        raise AssertionError(f"parcel {parcel.number} could not be handed over")

    def _travel(self, parcel: Parcel, draw: Random) -> None:
        self.happened["parcels"] += 1
        if parcel.vanishes:
            self._give("vendor", self._gives_up(parcel))
            return
        for key in tuple(parcel.inside):
            if key.given_up is None and self._chance(draw, "overlooked"):
                parcel.inside.remove(key)
                parcel.overlooked.append(key)
        self._give(parcel.authority_id, self._receives(parcel))

    def _receives(self, parcel: Parcel) -> Task:
        def task(who: Actor, draw: Random) -> None:
            found = self._do(who, receiving.find_parcel, draw.choice([parcel.number, parcel.waybill]))
            if found.id != parcel.id:
                self.problems.append(f"{parcel.number} was taken for {found.number}")
            self._do(who, receiving.open_parcel, parcel.id)
            hand: list[Key | str] = [*parcel.inside, *parcel.strange]
            draw.shuffle(hand)
            half = len(hand) // 2 if self._chance(draw, "two openings") else 0
            for place, thing in enumerate(hand):
                if half and place == half:
                    self._do(who, receiving.close_parcel, parcel.id, complete=False)
                    self._do(who, receiving.open_parcel, parcel.id)
                self._scan(who, parcel, thing, draw)
            self._close(who, parcel)
            self._give(parcel.authority_id, self._looks_again(parcel))

        return task

    def _looks_again(self, parcel: Parcel) -> Task:
        """The box is lifted once more before it is thrown away; then what is missing is the vendor's to ask about."""

        def task(who: Actor, draw: Random) -> None:
            if parcel.overlooked:
                self._do(who, receiving.open_parcel, parcel.id)
                for key in parcel.overlooked:
                    self._scan(who, parcel, key, draw)
                self._close(who, parcel)
            self._give("vendor", self._gives_up(parcel))

        return task

    def _close(self, who: Actor, parcel: Parcel) -> None:
        with self._timed() as span:
            named = self._do(who, receiving.close_parcel, parcel.id, complete=True)
        wrong = self.truth.missed(parcel, named, (span[0], span[1]))
        if wrong:
            self.problems.append(f"{parcel.number}: missing {named}, wrong about {sorted(wrong)}")

    def _scan(self, who: Actor, parcel: Parcel, thing: Key | str, draw: Random) -> None:
        serial = thing if isinstance(thing, str) else thing.serial
        how: dict[str, Any] = {}
        if isinstance(thing, Key) and thing.broken:
            how = {"damaged": True, "remark": "示例断裂"}
        known = [] if isinstance(thing, str) else [thing]
        self.truth.take(known)
        with self._timed() as span:
            seen = self._do(who, receiving.scan_key, parcel.id, serial, **how)
        expected = {"unknown"} if isinstance(thing, str) else self.truth.findings(thing, parcel, (span[0], span[1]))
        if seen.finding.value not in expected or seen.repeated:
            self.problems.append(f"{parcel.number}: {serial} was called {seen.finding}, not {sorted(expected)}")
        self.happened[seen.finding.value] += 1
        if isinstance(thing, str):
            self.truth.must_find.add((parcel.id, serial, "unknown"))
        else:
            self.truth.saw(thing, parcel, seen.finding.value, (span[0], span[1]))
        self.truth.let_go(known)
        if self._chance(draw, "scanned twice"):
            again = self._do(who, receiving.scan_key, parcel.id, serial, **how)
            if not again.repeated or again.finding is not seen.finding:
                self.problems.append(f"{parcel.number}: {serial} scanned twice was {again.finding}")
        self._settle(who, parcel, thing, seen.finding.value, draw)

    def _settle(self, who: Actor, parcel: Parcel, thing: Key | str, finding: str, draw: Random) -> None:
        if finding == "right":
            return
        serial = thing if isinstance(thing, str) else thing.serial
        found = self._do(who, _find, parcel.id, serial, finding)
        if finding == "extra":
            self._do(who, settling.keep_extra, found)
        elif isinstance(thing, str):
            self._do(who, settling.settle_in_words, found, "示例退回")
        elif finding == "other_authority":
            self._send_on(who, thing, found, draw)
        else:
            self._give("vendor", self._makes_anew(thing, found, finding))

    def _send_on(self, who: Actor, key: Key, found: int, draw: Random) -> None:
        waybill = self._waybill()
        onward = self._do(who, settling.send_on, found, "sf", waybill)
        forward = Parcel(onward.id, onward.number, waybill, key.authority_id, [key], [key])
        self.truth.put(key, ("personalised", "courier", onward.id), onward.id)
        forward.vanishes = self._chance(draw, "vanishes")
        self.happened["sent on"] += 1
        self._travel(forward, draw)

    def _makes_anew(self, key: Key, found: int, finding: str) -> Task:
        def task(who: Actor, _draw: Random) -> None:
            if finding == "damaged":
                self._do(who, settling.make_anew, found, "示例断裂")
            else:
                self._do(who, settling.settle_in_words, found, "示例：已作丢失")
                self._do(who, settling.find_again, key.serial, "示例：又出现了")
                self.happened["lost and found"] += 1
            self.truth.put(key, SET_ASIDE)

        return task

    def _gives_up(self, parcel: Parcel) -> Task:
        """What has not come is inquired after and given up, if anything is missing by then."""

        def task(who: Actor, _draw: Random) -> None:
            self.truth.take(parcel.listed)
            try:
                give_up(who)
            except Conflict:  # nothing is missing, or what was has just been found
                return
            finally:
                self.truth.let_go(parcel.listed)

        def give_up(who: Actor) -> None:
            self._do(who, settling.open_inquiry, parcel.id, "示例查询")
            with self._timed() as span:
                serials = self._do(who, settling.declare_lost, parcel.id, "示例丢失")
            wrong = self.truth.gave_up(parcel, serials, (span[0], span[1]))
            if wrong:
                self.problems.append(f"{parcel.number}: {sorted(wrong)} were given up though they had been seen")
            self.happened["lost"] += len(serials)

        return task

    def _waybill(self) -> str:
        return f"SF{next(self._numbers):013d}"


def _find(session: Session, _who: Actor, parcel_id: int, serial: str, kind: str) -> int:
    return session.scalars(
        select(Discrepancy.id).where(
            Discrepancy.consignment_id == parcel_id, Discrepancy.serial == serial, Discrepancy.kind == kind
        )
    ).one()
