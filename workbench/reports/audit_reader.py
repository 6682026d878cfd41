"""Reading the audit log: by case, actor, action and day, newest first, paged by key. Reading is itself recorded."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel import audit
from workbench.kernel.audit import AuditEntry, AuditHead
from workbench.kernel.checkpoints import AuditCheckpoint
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, demand
from workbench.organisation.models import Staff

PAGE_SIZE: Final = 50
SAME_READING: Final = timedelta(minutes=15)
"""Opening the same filter again within this time is one reading, recorded once."""
SIGNED_WITHIN: Final = timedelta(minutes=10)
"""Heads are signed every minute; what is older than this and unsigned shows that the worker does not work."""
_KEY: Final = (AuditEntry.at, AuditEntry.chain, AuditEntry.seq)


@dataclass(frozen=True)
class AuditFilter:
    """What the address narrows the log to; None leaves it open. Days are whole, in Asia/Shanghai, both inclusive."""

    case: str | None = None
    actor: str | None = None
    action: str | None = None
    since: date | None = None
    until: date | None = None

    def as_json(self) -> dict[str, str]:
        """What the record of a reading keeps."""
        return {name: str(value) for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Reading:
    """One page, newest first, with the cursors of the pages around it."""

    entries: list[AuditEntry]
    numbers: Mapping[int, str]
    older: str | None
    newer: str | None


@dataclass(frozen=True)
class Signed:
    """How far the log is signed. `late` when heads have waited longer than a working worker lets them."""

    number: int | None
    at: datetime | None
    waiting: int
    late: bool


def read(session: Session, wanted: AuditFilter, older: str | None = None, newer: str | None = None) -> Reading:
    """One page of the log; a cursor that nobody gave out is taken for none."""
    below, above = _decode(older), _decode(newer)
    statement = _narrowed(session, wanted)
    if above is not None and below is None:
        rows = session.scalars(
            statement.where(tuple_(*_KEY) > tuple_(*above)).order_by(*_KEY).limit(PAGE_SIZE + 1)
        ).all()
        more_newer, more_older = len(rows) > PAGE_SIZE, True
        entries = list(reversed(rows[:PAGE_SIZE]))
    else:
        if below is not None:
            statement = statement.where(tuple_(*_KEY) < tuple_(*below))
        rows = session.scalars(statement.order_by(*(column.desc() for column in _KEY)).limit(PAGE_SIZE + 1)).all()
        more_newer, more_older = below is not None, len(rows) > PAGE_SIZE
        entries = list(rows[:PAGE_SIZE])
    return Reading(
        entries,
        _case_numbers(session, entries),
        older=_encode(entries[-1]) if entries and more_older else None,
        newer=_encode(entries[0]) if entries and more_newer else None,
    )


def stream(session: Session, wanted: AuditFilter, most: int) -> Iterator[tuple[AuditEntry, str]]:
    """Up to `most` + 1 entries with their case's number, newest first, for an export that notices what is too long."""
    statement = _narrowed(session, wanted).add_columns(Application.number)
    statement = statement.outerjoin(Application, Application.id == AuditEntry.case_id)
    ordered = statement.order_by(*(column.desc() for column in _KEY)).limit(most + 1)
    for entry, number in session.execute(ordered.execution_options(yield_per=1000)):
        yield entry, number or ""


def _narrowed(session: Session, wanted: AuditFilter) -> Select[Any]:
    statement = select(AuditEntry)
    if wanted.case:
        case_id = session.scalar(select(Application.id).where(Application.number == wanted.case))
        statement = statement.where(AuditEntry.case_id == (case_id if case_id is not None else 0))
    if wanted.actor:
        statement = statement.where(AuditEntry.actor.in_(_labels(session, wanted.actor)))
    if wanted.action:
        statement = statement.where(AuditEntry.action == wanted.action)
    if wanted.since:
        statement = statement.where(AuditEntry.at >= _midnight(wanted.since))
    if wanted.until:
        statement = statement.where(AuditEntry.at < _midnight(wanted.until + timedelta(days=1)))
    return statement


def _labels(session: Session, typed: str) -> list[str]:
    """The actors a name, login or label may mean: looked up first, so that the log is searched by its index."""
    fragment = func.strpos(func.lower(Staff.name), typed.lower()) > 0
    ids = session.scalars(select(Staff.id).where(or_(Staff.login == typed.lower(), fragment)).limit(200))
    return [typed, f"system:{typed}", *(f"staff:{each}" for each in ids)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI)


def _case_numbers(session: Session, entries: list[AuditEntry]) -> dict[int, str]:
    ids = {entry.case_id for entry in entries if entry.case_id is not None}
    rows = session.execute(select(Application.id, Application.number).where(Application.id.in_(ids))) if ids else ()
    return {case_id: number for case_id, number in rows}


def _encode(entry: AuditEntry) -> str:
    value = json.dumps([entry.at.isoformat(), entry.chain, entry.seq])
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _decode(untrusted: str | None) -> tuple[datetime, str, int] | None:
    if not untrusted or len(untrusted) > 300:
        return None
    try:
        at, chain, seq = json.loads(base64.urlsafe_b64decode(untrusted + "=" * (-len(untrusted) % 4)))
        instant = datetime.fromisoformat(at)
    except (binascii.Error, ValueError, TypeError):
        return None
    names_a_chain = isinstance(chain, str) and chain.isascii() and "\x00" not in chain
    usable = instant.tzinfo is not None and names_a_chain and type(seq) is int and 0 <= seq < 2**62
    return (instant, chain, seq) if usable else None


def record_reading(session: Session, actor: Actor, wanted: AuditFilter) -> None:
    """Write down that the auditor opened this filter, once for readings shortly after one another.

    Raises:
        NotAllowed: the actor does not audit.
    """
    demand(actor, Permission.AUDIT_READ)
    chain = f"audit_reading:{actor.label}"
    last = session.execute(
        select(AuditEntry.at, AuditEntry.action, AuditEntry.after)
        .where(AuditEntry.chain == chain)
        .order_by(AuditEntry.seq.desc())
        .limit(1)
    ).one_or_none()
    reading = ("audit.read", wanted.as_json())
    if last is None or (last.action, last.after) != reading or last.at < now() - SAME_READING:
        audit.record(session, "audit.read", actor, subject=chain, after=wanted.as_json())


def record_export(session: Session, actor: Actor, wanted: AuditFilter, rows: int) -> None:
    """Write down what left the house.

    Raises:
        NotAllowed: the actor does not audit.
    """
    demand(actor, Permission.AUDIT_READ)
    after = {**wanted.as_json(), "rows": rows}
    audit.record(session, "audit.exported", actor, subject=f"audit_reading:{actor.label}", after=after)


def signed_so_far(session: Session) -> Signed:
    """The last checkpoint, and how many chains have grown since they were signed."""
    last = session.execute(
        select(AuditCheckpoint.n, AuditCheckpoint.at).order_by(AuditCheckpoint.n.desc()).limit(1)
    ).one_or_none()
    unsigned = select(AuditHead.chain, AuditHead.seq).where(text("seq > checkpointed_seq")).limit(1000).subquery()
    oldest = select(func.count(), func.min(AuditEntry.at)).select_from(unsigned)
    join = (AuditEntry.chain == unsigned.c.chain) & (AuditEntry.seq == unsigned.c.seq)
    waiting, since = session.execute(oldest.join(AuditEntry, join)).one()
    return Signed(
        number=last.n if last else None,
        at=last.at if last else None,
        waiting=waiting,
        late=waiting > 0 and since < now() - SIGNED_WITHIN,
    )
