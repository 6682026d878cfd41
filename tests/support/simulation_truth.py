"""What physically happens to keys in the simulation, kept apart from the product: where each key is, what it looks
like, what staff have to find of it. The product is held against this and never asked for it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

from tests.support.keys import MadeKey

Place = tuple[str, str, int | None]
"""Token state, custodian and whose hands: where the records have to say a key is."""
Span = tuple[int, int]
"""When something was begun and when it was committed, in ticks of the simulation's own clock."""
STOCK: Place = ("personalised", "vendor_stock", None)
LOST: Place = ("lost", "lost", None)
SET_ASIDE: Place = ("spoiled", "spoiled", None)


@dataclass
class Key:
    """One key as it is, whatever the records say."""

    made: MadeKey
    authority_id: int
    broken: bool = False
    parcel: int | None = None
    """On which packing list it stands now."""
    place: Place = STOCK
    given_up: Span | None = None
    """When it was declared lost."""
    settled: dict[int, Span] = field(default_factory=dict)
    """By packing list: when somebody scanned it out of any parcel, or gave it up."""

    @property
    def serial(self) -> str:
        """What stands on its token."""
        return self.made.serial

    in_hand: int = 0
    """Who scans it or gives it up at this moment, and has not said yet what came of it."""


@dataclass
class Parcel:
    """A box with what really lies in it; `listed` is what was scanned into it."""

    id: int
    number: str
    waybill: str
    authority_id: int
    listed: list[Key]
    inside: list[Key] = field(default_factory=list)
    overlooked: list[Key] = field(default_factory=list)
    """Inside, under the padding: found when it is opened again."""
    strange: list[str] = field(default_factory=list)
    """Things that bear a number and are none of the house's keys."""
    vanishes: bool = False


@dataclass
class Truth:
    """Every key, and what has to be found of it. What two people do at one moment may be found either way."""

    keys: dict[str, Key] = field(default_factory=dict)
    stock: dict[int, list[Key]] = field(default_factory=lambda: defaultdict(list))
    loose: list[Key] = field(default_factory=list)
    """Keys that fell out of their boxes after the seal: on some packing list, on the table."""
    must_find: set[tuple[int, str, str]] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)
    _ticks: "count[int]" = field(default_factory=count)

    def tick(self) -> int:
        """The simulation's clock: it only counts."""
        return next(self._ticks)

    def add(self, made: list[MadeKey], authority_id: int) -> None:
        """Finished keys, in the vendor's stock."""
        with self.lock:
            for each in made:
                key = Key(each, authority_id)
                self.keys[key.serial] = key
                self.stock[authority_id].append(key)

    def draw(self, authority_id: int) -> Key | None:
        """A key out of the drawer of an authority."""
        with self.lock:
            return self.stock[authority_id].pop() if self.stock[authority_id] else None

    def drop(self, key: Key) -> None:
        """It fell out of its box."""
        with self.lock:
            self.loose.append(key)

    def pick_up(self) -> Key | None:
        """One of those that fell out, into whatever box stands open."""
        with self.lock:
            return self.loose.pop(0) if self.loose else None

    def findings(self, key: Key, parcel: Parcel, scan: Span) -> set[str]:
        """What a scan may call a key: one word, two when somebody gave it up at the same moment."""
        with self.lock:
            if key.given_up is not None and key.given_up[1] < scan[0]:
                return {"unknown"}
            if key.authority_id != parcel.authority_id:
                word = "other_authority"
            elif key.broken:
                word = "damaged"
            else:
                word = "right" if key.parcel == parcel.id else "extra"
            at_once = key.in_hand > 1 or (key.given_up is not None and key.given_up[0] < scan[1])
            return {word, "unknown"} if at_once else {word}

    def saw(self, key: Key, parcel: Parcel, finding: str, scan: Span) -> None:
        """A key was scanned out of a parcel: it is in the hands of whoever stands there."""
        with self.lock:
            if finding != "right":
                self.must_find.add((parcel.id, key.serial, finding))
            if finding != "unknown":
                key.place = ("personalised", "authority", parcel.authority_id)
                if key.parcel is not None:
                    key.settled.setdefault(key.parcel, scan)

    def missed(self, parcel: Parcel, named: list[str], close: Span) -> set[str]:
        """What a closing was wrong about: keys it named though they had been seen, or left out though they had not."""
        wrong = set(named) - {key.serial for key in parcel.listed}
        with self.lock:
            for key in parcel.listed:
                settled, said = key.settled.get(parcel.id), key.serial in named
                before = settled is not None and settled[1] < close[0]
                meanwhile = settled is not None and not before and settled[0] < close[1]
                if not meanwhile and not key.in_hand and said is before:
                    wrong.add(key.serial)
                if said:
                    self.must_find.add((parcel.id, key.serial, "missing"))
        return wrong

    def gave_up(self, parcel: Parcel, serials: list[str], span: Span) -> set[str]:
        """Keys were declared lost; returns those of them that somebody had seen before."""
        wrong = set()
        with self.lock:
            for key in (self.keys[serial] for serial in serials):
                if key.settled.setdefault(parcel.id, span) is not span:
                    wrong.add(key.serial)
                key.given_up, key.place = span, LOST
        return wrong

    def take(self, keys: Iterable[Key]) -> None:
        """Somebody is about to scan these or to give them up."""
        with self.lock:
            for key in keys:
                key.in_hand += 1

    def let_go(self, keys: Iterable[Key]) -> None:
        """What came of it has been said."""
        with self.lock:
            for key in keys:
                key.in_hand -= 1

    def put(self, key: Key, place: Place, parcel: int | None = None) -> None:
        """It is somewhere else now, and on another packing list if one is named."""
        with self.lock:
            key.place = place
            key.parcel = parcel if parcel is not None else key.parcel
