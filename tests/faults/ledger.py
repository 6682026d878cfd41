"""What the people were promised: every decision and every upload they tried, and which of them were acknowledged.

Kept by the test, outside the installation, so that it can be held against it afterwards.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Decision:
    """One verdict somebody tried to give. Its remark is unlike any other."""

    case_id: int
    desk: str
    verdict: str
    remark: str
    acknowledged: bool = False


@dataclass
class Entry:
    """One application somebody tried to enter. `files` are digests by document."""

    uscc: str
    files: Mapping[str, str]
    acknowledged: bool = False


@dataclass
class Ledger:
    """Filled by all people at once; `lost` counts answers that did not come, `surprises` are answers nobody may get."""

    decisions: list[Decision] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    examined: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    lost: int = 0
    signed_in: int = 0
    acknowledged: int = 0
    """How many decisions and applications were."""
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def try_decision(self, decision: Decision) -> Decision:
        """Note a verdict before it is sent."""
        with self._moved:
            self.decisions.append(decision)
        return decision

    def try_entry(self, entry: Entry) -> Entry:
        """Note an application before it is sent."""
        with self._moved:
            self.entries.append(entry)
        return entry

    def acknowledge(self, promise: Decision | Entry) -> None:
        """The installation said that it is done."""
        with self._moved:
            promise.acknowledged = True
            self.acknowledged += 1
            self._moved.notify_all()

    def acknowledge_file(self, digest: str) -> None:
        """The installation said that it has examined and kept a file."""
        with self._moved:
            self.examined.append(digest)

    def count_lost(self) -> None:
        """An answer did not come."""
        with self._moved:
            self.lost += 1

    def count_signed_in(self) -> None:
        """One more person is at work."""
        with self._moved:
            self.signed_in += 1
            self._moved.notify_all()

    def note_surprise(self, what: str) -> None:
        """Something came back that should not."""
        with self._moved:
            self.surprises.append(what)
            self._moved.notify_all()

    def wait_for_work(self, after: int, seconds: float) -> int:
        """Until more than `after` promises were kept, something went wrong, or the time is up; returns how many."""
        with self._moved:
            self._moved.wait_for(lambda: self.surprises or self.acknowledged > after, seconds)
            return self.acknowledged

    def wait_for_people(self, count: int, seconds: float) -> bool:
        """Until so many people are at work; False when something went wrong or the time is up."""
        with self._moved:
            self._moved.wait_for(lambda: self.surprises or self.signed_in >= count, seconds)
            return self.signed_in >= count
