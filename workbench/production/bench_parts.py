"""What the bench's screen is made of at one moment: facts only, no words, no dates that depend on the calendar."""

from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256

from workbench.kernel.clock import SHANGHAI, now
from workbench.production.faults import WAITING
from workbench.production.station_queries import StationState


@dataclass(frozen=True)
class BenchCase:
    """A case as the bench needs it. `prior_key` and `reason` are the enterprise's words on a key that is replaced; of
    one that waits, `full` says that its enterprise holds as many keys as it may."""

    id: int
    number: str
    enterprise_name: str
    uscc: str
    service: str
    reason: str | None
    prior_key: str | None
    due_at: datetime | None
    due_from: datetime | None
    due_provisional: bool
    authority_zh: str
    authority_en: str
    seal_id: int | None
    full: bool = False


@dataclass(frozen=True)
class Work:
    """A token and its case, in work or finished.

    Attributes:
        order: how the asking for a certificate stands; None before and after.
        pin_kept: the PIN waits, sealed, for its letter.
    """

    case: BenchCase
    id: int
    serial: str
    state: str
    step: str
    fault: str | None
    fault_detail: str | None
    faulted_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    ends_because: str | None
    batch_id: int | None
    maker_id: int | None
    label_printed_at: datetime | None
    pin_kept: bool
    pin_printed_at: datetime | None
    pin_delivered_at: datetime | None
    order: str | None

    @property
    def is_running(self) -> bool:
        """Whether something goes on that the maker only has to wait for."""
        return self.state == "open" and (self.fault is None or self.fault in WAITING)


@dataclass(frozen=True)
class LogLine:
    """One of the last keys. `seconds` from the scan to the end."""

    id: int
    serial: str
    enterprise_name: str
    state: str
    seconds: float
    ended_at: datetime | None
    label_printed: bool
    pin_kept: bool
    pin_printed: bool
    batch_id: int | None


@dataclass(frozen=True)
class BatchState:
    """The newest batch of the maker at this bench; `names` are those of its keys, the newest first."""

    id: int
    wanted: int
    made: int
    state: str
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    names: tuple[str, ...]
    unlabelled: int


@dataclass(frozen=True)
class Bench:
    """Everything the screen shows at one moment.

    Attributes:
        station: where the maker sits; None while at none.
        offered: the benches there are, read only for who sits at none.
        shown: a key that was asked for by its serial number.
        chosen: the case that the next token will be for; the most urgent unless the maker chose another.
        letters: PIN letters that wait, printed or not.
        letters_printed: the keys whose letters have been printed and can be closed.
        plugged_blank: blank tokens of the stock that are plugged in.
        makeable: waiting cases for which a key can be made, counted as far as a batch goes.
    """

    station: StationState | None
    offered: tuple[StationState, ...] = ()
    work: Work | None = None
    shown: Work | None = None
    chosen: BenchCase | None = None
    is_choice: bool = False
    waiting: tuple[BenchCase, ...] = ()
    waiting_count: int = 0
    log: tuple[LogLine, ...] = ()
    batch: BatchState | None = None
    made_today: int = 0
    letters: int = 0
    letters_printed: tuple[int, ...] = ()
    plugged_blank: int = 0
    makeable: int = 0

    @property
    def proposed(self) -> int:
        """Keys of the batch that could be begun now: there is a case and a token for each."""
        return min(self.plugged_blank, self.makeable)

    @property
    def in_work(self) -> bool:
        """Whether the screen has to be asked for more often."""
        return (self.work is not None and self.work.is_running) or self.is_in_batch

    @property
    def is_in_batch(self) -> bool:
        """Whether a batch runs."""
        return self.batch is not None and self.batch.state == "running"

    @property
    def newest(self) -> LogLine | None:
        """The key that was finished last, if nothing else ended after it."""
        ended = next((each for each in self.log if each.ended_at is not None), None)
        return ended if ended is not None and ended.state == "made" and self.work is None else None


def version_of(bench: Bench, language: str) -> str:
    """The same for the same facts on the same day: what the screen compares to know that nothing has changed."""
    station = bench.station
    seen = (station.online, station.agent_version, station.plugged, station.name) if station else ()
    offered = [(each.id, each.name, each.online, each.maker_name) for each in bench.offered]
    rest = [getattr(bench, each.name) for each in fields(bench) if each.name not in ("station", "offered")]
    day = now().astimezone(SHANGHAI).date()
    return sha256(repr((language, day, seen, offered, rest)).encode()).hexdigest()[:16]
