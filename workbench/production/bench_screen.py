"""The bench in the reader's words: what each piece of the screen says, what the maker hears, what is printed next.

The pieces are HTML of their own, so that the screen changes where something has changed and nowhere else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask import render_template
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy.orm import Session

from workbench.cases.calendar import WorkingCalendar, last_day, working_days_left
from workbench.cases.calendar_text import due_reason
from workbench.cases.deadlines import load_calendar
from workbench.cases.words import SERVICE_NAMES, Service
from workbench.kernel.clock import SHANGHAI, now
from workbench.production.batches import NO_CASE, REASON_NAMES
from workbench.production.bench_parts import BatchState, Bench, BenchCase, LogLine, Work, version_of
from workbench.production.choosing import suggest_why_it_ends
from workbench.production.faults import HAPPENED, THEN, WAITING
from workbench.production.read_back import Difference
from workbench.production.revoking import EndsBecause
from workbench.shell.i18n import instant, language

_ = lazy_gettext

AGENT_COMMAND: Final = "python -m workbench bench-agent"
AT_WORK_MS: Final = 400
IDLE_MS: Final = 2000
"""How long the screen waits before it asks again."""
STEPS: Final = {
    "token": _("Token"),
    "key": _("Key pair"),
    "certificate": _("Certificate"),
    "seal": _("Seal"),
    "read_back": _("Read back"),
}
STEP_WORDS: Final = {
    "done": _("finished"),
    "active": _("at work"),
    "waiting": _("waiting"),
    "fault": _("stopped"),
    "idle": _("to come"),
}
ENDS_WORDS: Final = {
    EndsBecause.LOST: _("Lost"),
    EndsBecause.DAMAGED: _("Damaged"),
    EndsBecause.CHANGED: _("Changed"),
}
STATE_WORDS: Final = {
    "made": (_("made"), "done"),
    "open": (_("left for later"), "today"),
    "put_back": (_("put back"), "idle"),
    "spoiled": (_("spoiled"), "late"),
}
DIFFERENCE_WORDS: Final[Mapping[str, Any]] = {
    Difference.SERIAL: _("serial number"),
    Difference.CERTIFICATE: _("certificate"),
    Difference.SUBJECT: _("whose certificate it is"),
    Difference.VALIDITY: _("validity"),
    Difference.PUBLIC_KEY: _("public key"),
    Difference.SIGNATURE: _("signature over the challenge"),
    Difference.SEAL: _("seal"),
    Difference.KEY_NOT_BOUND: _("the key can leave the token"),
    Difference.ENDED: _("the certificate has ended"),
}
PIECES: Final = {
    "head": "production/bench_head.html",
    "reason": "production/bench_reason.html",
    "job": "production/bench_job.html",
    "batch": "production/bench_batch.html",
    "letters": "production/bench_letters.html",
    "next": "production/bench_next.html",
    "log": "production/bench_log.html",
}
"""What the screen is made of, and from which template."""


@dataclass(frozen=True)
class Step:
    """One of the five steps: how far it is, in colour, word and shape."""

    name: str
    state: str
    word: str


@dataclass(frozen=True)
class Said:
    """What an answer says, as `Scanner.say` shows and sounds it: tone is ok, repeat, done, refused or waiting."""

    tone: str
    word: str
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """For the script."""
        return {"tone": self.tone, "word": self.word, "detail": self.detail}


class Words:
    """What the templates ask about cases, steps and faults. One for a page: the calendar is read once."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        self._calendar = calendar
        self._at = now()

    def left(self, case: BenchCase) -> int | None:
        """Working days until the case is due: 0 today, negative when late, None when no clock runs."""
        return working_days_left(self._at, case.due_at, self._calendar) if case.due_at is not None else None

    def due_day(self, case: BenchCase) -> date | None:
        """The last day in time."""
        return last_day(case.due_at) if case.due_at is not None else None

    def why_due(self, case: BenchCase) -> str:
        """The reason of the due date."""
        if case.due_at is None or case.due_from is None:
            return ""
        return due_reason(self._calendar, case.due_from, case.due_at, "zh_Hans_CN" if language() == "zh" else "en")

    @staticmethod
    def left_word(left: int) -> str:
        """How many working days are left, in words."""
        if left == 0:
            return str(gettext("due today"))
        if left < 0:
            return str(ngettext("%(num)d working day overdue", "%(num)d working days overdue", -left))
        return str(ngettext("%(num)d working day left", "%(num)d working days left", left))

    def time(self, at: datetime) -> str:
        """The time of day of what was today, otherwise the day as well."""
        local = at.astimezone(SHANGHAI)
        return f"{local:%H:%M}" if local.date() == self._at.astimezone(SHANGHAI).date() else instant(at)

    @staticmethod
    def service(case: BenchCase) -> str:
        """What was applied for."""
        return str(gettext(SERVICE_NAMES[Service(case.service)]))

    @staticmethod
    def authority(case: BenchCase) -> str:
        """Who hands the key over."""
        return case.authority_zh if language() == "zh" or not case.authority_en else case.authority_en

    @staticmethod
    def steps(work: Work | None) -> list[Step]:
        """The five steps of a key in work, or of one that is to come."""
        names = list(STEPS)
        at = len(names) if work and work.step == "verified" else names.index(work.step) if work else -1
        return [_step(name, place, at, work) for place, name in enumerate(names)]

    @staticmethod
    def happened(work: Work) -> str:
        """Why a key stands still."""
        return fault_word(work.fault or "")

    @staticmethod
    def then(work: Work) -> str:
        """What to do about it."""
        return str(gettext(THEN[work.fault])) if work.fault is not None and work.fault in THEN else ""

    @staticmethod
    def detail(work: Work) -> str:
        """What the token, the CA or the house said besides; differences by name."""
        said = work.fault_detail or ""
        named = [str(DIFFERENCE_WORDS[each]) for each in said.split(", ") if each in DIFFERENCE_WORDS]
        return str(gettext(", ")).join(named) if named else str(gettext(said)) if said else ""

    @staticmethod
    def ends(why: str | None) -> str:
        """Why the old key ends."""
        return str(ENDS_WORDS[EndsBecause(why)]) if why else ""

    @staticmethod
    def suggested(case: BenchCase) -> str:
        """Why the old key ends, from the enterprise's words."""
        return suggest_why_it_ends(case.reason).value

    @staticmethod
    def made(batch: BatchState) -> str:
        """How many keys a batch made, and of how many; where no case was left it made all there were."""
        if batch.reason == NO_CASE:
            return str(ngettext("%(num)d key made", "%(num)d keys made", batch.made))
        return str(gettext("%(made)d of %(wanted)d made", made=batch.made, wanted=batch.wanted))

    @staticmethod
    def reason(batch: BatchState) -> str:
        """Why a batch ended early; empty when it made all it should."""
        if batch.reason is None:
            return ""
        return str(gettext(REASON_NAMES[batch.reason])) if batch.reason in REASON_NAMES else fault_word(batch.reason)


def fault_word(fault: str) -> str:
    """A fault by its code."""
    return str(gettext(HAPPENED[fault])) if fault in HAPPENED else fault


def _step(name: str, place: int, at: int, work: Work | None) -> Step:
    state = "done" if place < at else "idle"
    if place == at and work is not None:
        state = "active" if work.fault is None else "waiting" if work.fault in WAITING else "fault"
    return Step(str(STEPS[name]), state, str(STEP_WORDS[state]))


def tell(session: Session, bench: Bench, seen: str | None = None, *, whole: bool = False) -> dict[str, Any] | None:
    """What the script is told of the bench; None when it has seen just this before.

    Args:
        whole: what waits was read too, whatever is in work.
    """
    version = version_of(bench, language())
    if version == seen:
        return None
    if bench.station is None:
        return {"version": version, "away": True, "wait": IDLE_MS}
    said = said_of(bench)
    return {
        "version": version,
        "wait": AT_WORK_MS if bench.in_work else IDLE_MS,
        "pieces": pieces(session, bench, PIECES if whole else _changing(bench)),
        "pulse": pulse_of(bench),
        "said": said.as_json() if said is not None else None,
        "labels": labels_to_print(bench),
        "fault": bench.work is not None and not bench.work.is_running,
    }


def pieces(session: Session, bench: Bench, names: Iterable[str] = PIECES) -> dict[str, str]:
    """The pieces of the screen, by name."""
    values = {
        "bench": bench,
        "words": Words(load_calendar(session)),
        "state_words": STATE_WORDS,
        "ends_words": ENDS_WORDS,
        "agent_command": AGENT_COMMAND,
    }
    return {name: render_template(PIECES[name], **values) for name in names}


def _changing(bench: Bench) -> Iterable[str]:
    """What a token in work leaves as it was: the lists of what could be begun are not read meanwhile."""
    if bench.work is None:
        return PIECES
    kept = ("next", "letters") if bench.is_in_batch else ("next", "letters", "batch")
    return [name for name in PIECES if name not in kept]


def pulse_of(bench: Bench) -> str:
    """Changes whenever something happened that the maker shall see and hear; empty while nothing has."""
    if bench.work is not None:
        return f"work:{bench.work.id}:{_stamp(bench.work.faulted_at)}"
    if bench.batch is not None and (bench.is_in_batch or _is_of(bench.newest, bench.batch)):
        return f"batch:{bench.batch.id}:{bench.batch.state}:{bench.batch.made}"
    return f"made:{bench.newest.id}" if bench.newest is not None else ""


def said_of(bench: Bench) -> Said | None:
    """What is said when the pulse has changed to this."""
    if bench.work is not None:
        return _said_of_work(bench.work)
    if bench.batch is not None and (bench.is_in_batch or _is_of(bench.newest, bench.batch)):
        return _said_of_batch(bench.batch)
    newest = bench.newest
    if newest is None:
        return None
    return Said("done", gettext("%(serial)s is made and verified", serial=newest.serial), newest.enterprise_name)


def _said_of_work(work: Work) -> Said:
    if work.fault is None:
        return Said("ok", gettext("%(serial)s is being made", serial=work.serial), work.case.enterprise_name)
    tone = "waiting" if work.fault in WAITING else "refused"
    return Said(tone, Words.happened(work), Words.then(work))


def _said_of_batch(batch: BatchState) -> Said:
    count = Words.made(batch)
    if batch.state == "running":
        return Said("ok", count, batch.names[0] if batch.names else "")
    return Said("done" if batch.state == "done" else "refused", count, Words.reason(batch))


def labels_to_print(bench: Bench) -> list[int]:
    """Verified keys of the log without a label, the oldest first; those of a running batch wait for its end."""
    running = bench.batch.id if bench.is_in_batch and bench.batch else None
    found = [each for each in bench.log if each.state == "made" and not each.label_printed]
    return [each.id for each in reversed(found) if running is None or each.batch_id != running]


def _is_of(line: LogLine | None, batch: BatchState) -> bool:
    return line is not None and line.batch_id == batch.id


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
