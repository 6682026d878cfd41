"""Exports of the custody log: small ones at once, large ones by the worker, for whoever asked and for one day.

What the worker writes is what the person may see when it is written: whoever lost the right meanwhile gets nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from babel.support import NullTranslations, Translations
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workbench.kernel import audit, tasks
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Invalid, NotFound, TooLarge
from workbench.kernel.identity import EVERYWHERE, Actor, Scope
from workbench.kernel.messages import N_
from workbench.kernel.parts import Parts
from workbench.kernel.permissions import Permission, demand, permits
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.reports import custody_log
from workbench.reports.board import Moment
from workbench.reports.custody_filter import Column, CustodyFilter, View
from workbench.reports.custody_log import Line
from workbench.reports.custody_names import Names, Say, cell, column_name, load_names
from workbench.reports.models import CustodyExport
from workbench.shell.exports import csv_text, xlsx_bytes

AT_ONCE: Final = 2_000
"""Rows up to which an export is made while somebody waits."""
ROW_LIMIT: Final = 500_000
"""More rows than this are refused: a sheet holds about a million, and nobody reads half of that."""
KEPT_FOR: Final = timedelta(days=1)
MOST_AT_A_TIME: Final = 3
"""Exports of one person that may wait to be made."""
TASK: Final = "export_custody"
_STEP: Final = 1_000
_WIDTHS: Final[Mapping[Column, int]] = {
    Column.AT: 20,
    Column.EVENT: 22,
    Column.SERIAL: 30,
    Column.ENTERPRISE: 36,
    Column.USCC: 22,
    Column.NUMBER: 20,
    Column.FROM: 22,
    Column.TO: 22,
    Column.CONSIGNMENT: 20,
    Column.WAYBILL: 22,
    Column.PLACE: 22,
    Column.REMARK: 40,
}
"""Columns of a workbook that need more than the usual width, in characters."""
_USUAL_WIDTH: Final = 16
_CATALOGUES: Final = Path(__file__).parents[1] / "translations"
_LOCALES: Final = {"zh": "zh_Hans_CN", "en": "en"}


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    XLSX = "xlsx"


MIMETYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@cache
def say_in(language: str) -> Say:
    """How msgids read in a language, outside a request."""
    found: NullTranslations = Translations.load(str(_CATALOGUES), [_LOCALES[language]])
    return found.gettext


def count_rows(session: Session, actor: Actor, wanted: CustodyFilter, moment: Moment) -> int:
    """How many rows an export will have.

    Raises:
        NotAllowed: the actor does not read custody.
        TooLarge: more than ROW_LIMIT.
    """
    found = custody_log.count(session, actor, wanted, moment, ROW_LIMIT)
    if found > ROW_LIMIT:
        raise TooLarge(N_("The list has more than %(limit)d rows: narrow the filters, then export."), limit=ROW_LIMIT)
    return found


def make_now(
    session: Session, actor: Actor, wanted: CustodyFilter, moment: Moment, what: Format, language: str
) -> bytes:
    """The whole file, recorded; raises as `count_rows`."""
    content, rows = _write(session, actor, wanted, moment, what, language, AT_ONCE, lambda done: None)
    _record(session, "custody.exported", actor, wanted, rows)
    return content


def ask(
    session: Session,
    actor: Actor,
    wanted: CustodyFilter,
    what: Format,
    language: str,
    rows: int,
) -> CustodyExport:
    """Let the worker write a large export; recorded when it is ready.

    Raises:
        NotAllowed: the actor does not read custody.
        Invalid: three of this person's exports are waiting already.
    """
    demand(actor, Permission.CUSTODY_READ)
    waiting = select(func.count()).where(
        CustodyExport.asked_by_id == actor.id, CustodyExport.state == "waiting", CustodyExport.expires_at > now()
    )
    if (session.scalar(waiting) or 0) >= MOST_AT_A_TIME:
        raise Invalid(N_("Your last exports are still being made. Wait for them, then ask again."))
    own = sorted(actor.scope.authority_ids)
    export = CustodyExport(
        asked_by_id=actor.id,
        asked_at=now(),
        address=actor.address,
        wanted=wanted.to_args(),
        format=what.value,
        language=language,
        rows_expected=rows,
        expires_at=now() + KEPT_FOR,
        authority_id=None if actor.scope.everything else own[0],
    )
    # The fence lets an authority's staff write rows of their own authority, and the vendor's rows of none.
    session.add(export)
    session.flush()
    tasks.enqueue(session, TASK, export_id=export.id)
    return export


def get_export(session: Session, actor: Actor, export_id: int) -> CustodyExport:
    """An export of the actor's own.

    Raises:
        NotAllowed: the actor does not read custody.
        NotFound: there is none, it is somebody else's, or it has expired.
    """
    demand(actor, Permission.CUSTODY_READ)
    export = session.get(CustodyExport, export_id)
    if export is None or export.asked_by_id != actor.id or export.expires_at <= now() or export.state == "expired":
        raise NotFound(N_("There is no such export, or it has expired."))
    return export


def fetch(session: Session, parts: Parts, actor: Actor, export_id: int) -> tuple[CustodyExport, bytes]:
    """A finished export with its bytes, recorded; raises as `get_export`, and NotFound while it is being made."""
    export = get_export(session, actor, export_id)
    if export.sha256 is None:
        raise NotFound(N_("This export is not ready yet."))
    wanted = CustodyFilter.from_args(export.wanted)
    _record(session, "custody.export_downloaded", actor, wanted, export.rows_done)
    return export, parts.blobs.get(export.sha256)


def make(parts: Parts, export_id: int) -> None:
    """Write a large export as the worker. Does nothing when it is made, expired, or its asker has lost the right."""
    with parts.work() as session:
        export = session.get(CustodyExport, export_id)
        if export is None or export.state != "waiting":
            return
        session.expunge(export)
        staff = session.get_one(Staff, export.asked_by_id)
        actor = actor_of(staff, export.address)
    if not staff.active or not permits(actor, Permission.CUSTODY_READ) or actor.scope != _scope_of(export):
        _note(parts, export_id, state="refused")
        return
    wanted = CustodyFilter.from_args(export.wanted)
    moment = Moment(export.asked_at, parts.settings.uncollected_days)
    what = Format(export.format)
    with parts.work(actor.scope) as session:
        try:
            content, rows = _write(
                session,
                actor,
                wanted,
                moment,
                what,
                export.language,
                ROW_LIMIT,
                lambda done: _note(parts, export_id, rows_done=done),
            )
        except TooLarge:
            _note(parts, export_id, state="refused")
            return
        digest = parts.blobs.put(content)
        _record(session, "custody.exported", actor, wanted, rows)
    _note(parts, export_id, state="ready", rows_done=rows, sha256=digest, byte_size=len(content))


def expire(parts: Parts) -> None:
    """Forget the files of exports whose day is over."""
    with parts.work() as session:
        over = session.scalars(
            select(CustodyExport).where(CustodyExport.expires_at <= now(), CustodyExport.state != "expired")
        )
        gone = set()
        for export in over:
            gone.add(export.sha256)
            export.state, export.sha256 = "expired", None
        session.flush()
        # Two people may have asked for the very same list: one file, named twice.
        named = set(session.scalars(select(CustodyExport.sha256).where(CustodyExport.sha256.in_(gone - {None}))))
        for digest in gone - named - {None}:
            parts.blobs.discard(str(digest))


def _write(
    session: Session,
    actor: Actor,
    wanted: CustodyFilter,
    moment: Moment,
    what: Format,
    language: str,
    limit: int,
    progress: Callable[[int], None],
) -> tuple[bytes, int]:
    say, counted = say_in(language), [0]

    def told(line: Line, column: Column, names: Names) -> str | datetime:
        if what is Format.XLSX and column is Column.AT:
            return line.at.astimezone(SHANGHAI).replace(microsecond=0, tzinfo=None)
        return cell(line, column, names, say)

    def rows() -> Iterator[Sequence[str | datetime]]:
        names: Names | None = None
        for part in _parted(custody_log.stream(session, actor, wanted, moment, limit)):
            names = load_names(session, part, english=language == "en", known=names)
            for line in part:
                counted[0] += 1
                yield [told(line, column, names) for column in wanted.shown]
            if counted[0] >= _STEP:
                progress(counted[0])

    header = [say(column_name(column, wanted.view)) for column in wanted.shown]
    if what is Format.CSV:
        return csv_text(header, rows(), limit).encode(), counted[0]
    title = say(N_("Keys, where they are now")) if wanted.view is View.KEYS else say(N_("Dispatch and collection log"))
    widths = [_WIDTHS.get(column, _USUAL_WIDTH) for column in wanted.shown]
    return xlsx_bytes(title[:31], header, rows(), limit, widths), counted[0]


def _parted(lines: Iterator[Line]) -> Iterator[list[Line]]:
    part: list[Line] = []
    for line in lines:
        part.append(line)
        if len(part) == _STEP:
            yield part
            part = []
    if part:
        yield part


def _note(parts: Parts, export_id: int, **values: object) -> None:
    """In a transaction of its own: the page that waits sees how far the worker is."""
    with parts.work() as session:
        export = session.get_one(CustodyExport, export_id)
        for name, value in values.items():
            setattr(export, name, value)


def _scope_of(export: CustodyExport) -> Scope:
    return EVERYWHERE if export.authority_id is None else Scope(frozenset({export.authority_id}))


def _record(session: Session, action: str, actor: Actor, wanted: CustodyFilter, rows: int) -> None:
    after = {**wanted.to_args(), "rows": rows}
    audit.record(session, action, actor, subject=f"custody_export:{actor.label}", after=after)
