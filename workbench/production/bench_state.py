"""What a maker's screen shows of the bench, read in few statements because it is asked for several times a second.

`bench_screen` puts it into the reader's language, and only when something has changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.identity import Actor
from workbench.keys.models import Seal, Token
from workbench.keys.token_states import TokenState
from workbench.organisation.models import Authority
from workbench.production.batches import MOST
from workbench.production.bench_parts import BatchState, Bench, BenchCase, LogLine, Work
from workbench.production.choosing import holds_enough, ready_cases
from workbench.production.issuing import ALIVE
from workbench.production.models import Batch, CertificateOrder, Making
from workbench.production.pins import read_letters
from workbench.production.station_queries import StationState, list_stations, station_state
from workbench.production.stations import find_own_station

NEXT_SHOWN: Final = 8
"""Cases of the list beside the job; the rest is a number."""
LOG_SHOWN: Final = 12
COUNTED: Final = 1000
"""Waiting cases are counted so far: a person needs "17" or "1000+"."""
BATCH_SHOWN: Final = 30
"""Names of a batch that are listed, the newest first."""


def read_bench(
    session: Session,
    actor: Actor,
    *,
    case_id: int | None = None,
    shown_id: int | None = None,
    whole: bool = False,
) -> Bench:
    """The bench as this maker sees it. Nothing is written.

    Args:
        case_id: the case the maker has chosen; one that can't be made any more counts as none.
        shown_id: a finished key to show, by its making.
        whole: read what waits even while a token is in work and nobody can begin with it.
    """
    own = find_own_station(session, actor)
    if own is None:
        return Bench(station=None, offered=tuple(list_stations(session)))
    station = station_state(session, own.id)
    work = _find_work(session, Making.station_id == own.id, Making.state == "open")
    batch = _find_batch(session, own.id, actor)
    log, made_today = _read_log(session, actor, work.id if work else None)
    bench = Bench(station, work=work, batch=batch, log=log, made_today=made_today)
    if work is not None and not whole:
        return bench
    waiting = tuple(BenchCase(*row) for row in session.execute(_cases(ready_cases(actor)).limit(NEXT_SHOWN)))
    is_all = len(waiting) < NEXT_SHOWN
    choice = _find_choice(session, actor, waiting, case_id)
    letters, letters_printed = read_letters(session, actor)
    return replace(
        bench,
        shown=_find_work(session, Making.id == shown_id, Making.state == "made") if shown_id else None,
        chosen=choice or _find_next(session, actor, waiting),
        is_choice=choice is not None,
        waiting=waiting,
        waiting_count=len(waiting) if is_all else count_waiting(session, actor),
        letters=letters,
        letters_printed=letters_printed,
        plugged_blank=_count_blank(session, station),
        makeable=sum(not each.full for each in waiting) if is_all else _count_makeable(session, actor),
    )


def count_waiting(session: Session, actor: Actor) -> int:
    """How many cases this person could make now, at most COUNTED + 1."""
    some = ready_cases(actor).with_only_columns(Application.id).order_by(None).limit(COUNTED + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def find_finished(session: Session, serial: str) -> int | None:
    """The making that finished the key of this serial number."""
    return session.scalars(
        select(Making.id)
        .join(Token, Token.id == Making.token_id)
        .where(Token.serial == serial.strip(), Making.state == "made")
        .order_by(Making.id.desc())
        .limit(1)
    ).first()


_CASE: Final = (
    Application.id,
    Application.number,
    Application.enterprise_name,
    Application.uscc,
    Application.service,
    Application.reason,
    Application.prior_key,
    Application.due_at,
    Application.due_from,
    Application.due_provisional,
    Authority.short_zh,
    Authority.name_en,
    select(Seal.id)
    .where(Seal.application_id == Application.id, Seal.superseded_at.is_(None))
    .correlate(Application)
    .scalar_subquery(),
)
_WORK: Final = (
    Making.id,
    Token.serial,
    Making.state,
    Making.step,
    Making.fault,
    Making.fault_detail,
    Making.faulted_at,
    Making.started_at,
    Making.ended_at,
    Making.ends_because,
    Making.batch_id,
    Making.maker_id,
    Making.label_printed_at,
    Making.pin_ciphertext.is_not(None),
    Making.pin_printed_at,
    Making.pin_delivered_at,
    select(CertificateOrder.state)
    .where(CertificateOrder.application_id == Making.application_id, CertificateOrder.state.in_(ALIVE))
    .correlate(Making)
    .scalar_subquery(),
)
_LINE: Final = (
    Making.id,
    Token.serial,
    Application.enterprise_name,
    Making.state,
    Making.started_at,
    Making.ended_at,
    Making.label_printed_at.is_not(None),
    Making.pin_ciphertext.is_not(None),
    Making.pin_printed_at.is_not(None),
    Making.batch_id,
)


def _cases(wanted: Select[Application]) -> "Select[Any]":
    return wanted.with_only_columns(*_CASE, holds_enough()).join(Authority, Authority.id == Application.authority_id)


def _find_work(session: Session, *conditions: Any) -> Work | None:
    row = session.execute(
        select(*_WORK, *_CASE)
        .select_from(Making)
        .join(Token, Token.id == Making.token_id)
        .join(Application, Application.id == Making.application_id)
        .join(Authority, Authority.id == Application.authority_id)
        .where(*conditions)
    ).one_or_none()
    return _work(row) if row is not None else None


def _work(row: Any) -> Work:
    found, case = row[: len(_WORK)], row[len(_WORK) :]
    return Work(BenchCase(*case), *found)


def _find_next(session: Session, actor: Actor, waiting: Sequence[BenchCase]) -> BenchCase | None:
    """What a scan takes when nothing was chosen: among those listed, or behind them when none of them can be made."""
    listed = next((each for each in waiting if not each.full), None)
    if listed is not None or len(waiting) < NEXT_SHOWN:
        return listed
    row = session.execute(_cases(ready_cases(actor)).where(~holds_enough()).limit(1)).one_or_none()
    return BenchCase(*row) if row is not None else None


def _find_choice(session: Session, actor: Actor, waiting: Sequence[BenchCase], case_id: int | None) -> BenchCase | None:
    if case_id is None:
        return None
    listed = next((each for each in waiting if each.id == case_id), None)
    if listed is not None:
        return listed
    row = session.execute(_cases(ready_cases(actor)).where(Application.id == case_id)).one_or_none()
    return BenchCase(*row) if row is not None else None


def _read_log(session: Session, actor: Actor, open_id: int | None) -> tuple[tuple[LogLine, ...], int]:
    """The last keys of a maker, those left for later on top, and how many were finished today."""
    today = now().astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    finished = (
        select(func.count())
        .select_from(Making)
        .where(Making.maker_id == actor.id, Making.ended_at >= today, Making.state == "made")
        .scalar_subquery()
    )
    rows = session.execute(
        select(*_LINE, finished)
        .select_from(Making)
        .join(Token, Token.id == Making.token_id)
        .join(Application, Application.id == Making.application_id)
        .where(Making.maker_id == actor.id, Making.id != (open_id or 0))
        .order_by(Making.ended_at.desc().nulls_first(), Making.id.desc())
        .limit(LOG_SHOWN)
    ).all()
    return tuple(_line(row) for row in rows), (rows[0][-1] or 0) if rows else 0


def _line(row: Any) -> LogLine:
    making_id, serial, enterprise, state, started_at, ended_at, *rest, _finished = row
    seconds = ((ended_at or started_at) - started_at).total_seconds()
    label_printed, pin_kept, pin_printed, batch_id = rest
    return LogLine(
        making_id, serial, enterprise, state, seconds, ended_at, label_printed, pin_kept, pin_printed, batch_id
    )


def _find_batch(session: Session, station_id: int, actor: Actor) -> BatchState | None:
    """The maker's newest batch here: the one that runs, or one of today."""
    batch = session.scalars(
        select(Batch)
        .where(Batch.station_id == station_id, Batch.maker_id == actor.id)
        .order_by(Batch.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    today = now().astimezone(SHANGHAI).date()
    if batch is None or (batch.ended_at is not None and batch.ended_at.astimezone(SHANGHAI).date() != today):
        return None
    unlabelled = func.count().filter(Making.label_printed_at.is_(None)).over()
    rows = session.execute(
        select(Application.enterprise_name, unlabelled)
        .join(Making, Making.application_id == Application.id)
        .where(Making.batch_id == batch.id, Making.state == "made")
        .order_by(Making.ended_at.desc(), Making.id.desc())
        .limit(BATCH_SHOWN)
    ).all()
    return BatchState(
        batch.id,
        batch.wanted,
        batch.made,
        batch.state,
        batch.reason,
        batch.started_at,
        batch.ended_at,
        tuple(name for name, _ in rows),
        int(rows[0][1]) if rows else 0,
    )


def _count_makeable(session: Session, actor: Actor) -> int:
    """How many of the waiting cases a key can be made for, at most as many as a batch makes."""
    some = ready_cases(actor).where(~holds_enough()).with_only_columns(Application.id).order_by(None).limit(MOST)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _count_blank(session: Session, station: StationState) -> int:
    serials = [each.serial for each in station.plugged if each.blank]
    if not serials:
        return 0
    blank = select(func.count()).select_from(Token)
    return session.scalar(blank.where(Token.serial.in_(serials), Token.state == TokenState.BLANK)) or 0
