"""The auditor's reader: sentences instead of JSON, filters in the address, a CSV of what was found."""

import json
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext

from workbench.kernel.arguments import day
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.permissions import Permission
from workbench.reports import audit_reader
from workbench.reports.audit_lines import action_in_words, line_of
from workbench.reports.audit_names import load_names
from workbench.reports.audit_reader import AuditFilter
from workbench.reports.audit_words import ACTION_WORDS
from workbench.shell.context import current_actor, db
from workbench.shell.edge import records_access
from workbench.shell.exports import ROW_LIMIT, csv_download
from workbench.shell.gate import DeskView


class AuditView(DeskView):
    """The audit log, to be read and never changed."""

    permission = Permission.AUDIT_READ

    @expose("/")
    @records_access
    def index(self) -> ResponseReturnValue:
        """A page of entries; opening a filter is itself recorded, turning its pages is not."""
        wanted, problem = filter_of_address()
        older, newer = request.args.get("older"), request.args.get("newer")
        reading = audit_reader.read(db(), wanted, older, newer)
        if not older and not newer:
            audit_reader.record_reading(db(), current_actor(), wanted)
        names = load_names(db(), reading.entries, reading.numbers)
        page: str = self.render(
            "reports/audit.html",
            lines=[line_of(entry, names) for entry in reading.entries],
            wanted=wanted,
            problem=problem,
            narrowed=bool(wanted.as_json()),
            older=self._address(wanted, older=reading.older) if reading.older else None,
            newer=self._address(wanted, newer=reading.newer) if reading.newer else None,
            signed=audit_reader.signed_so_far(db()),
            actions=sorted(((key, action_in_words(key)) for key in ACTION_WORDS), key=lambda each: each[0]),
            row_limit=ROW_LIMIT,
        )
        return page

    @expose("/csv", methods=["POST"])
    def csv(self) -> ResponseReturnValue:
        """What the filter finds, all of it or a refusal, as CSV; recorded with its number of rows."""
        wanted, _problem = filter_of_address()
        rows = [_row(entry, number) for entry, number in audit_reader.stream(db(), wanted, ROW_LIMIT)]
        download: Response = csv_download("audit.csv", _header(), rows, ROW_LIMIT)
        audit_reader.record_export(db(), current_actor(), wanted, len(rows))
        return download

    @staticmethod
    def _address(wanted: AuditFilter, **cursor: str) -> str:
        arguments: dict[str, Any] = {**wanted.as_json(), **cursor}
        return url_for("audit.index", **arguments)


def filter_of_address() -> tuple[AuditFilter, str]:
    """The filter in the address, and what of it cannot be used, in words."""
    problems: list[str] = []
    values: dict[str, Any] = {
        name: request.args.get(name, "").replace("\x00", "").strip()[:100] or None
        for name in ("case", "actor", "action")
    }
    for name in ("since", "until"):
        typed = request.args.get(name, "").strip()
        values[name] = day(typed)
        if typed and values[name] is None:
            problems.append(gettext("%(text)s is not a day: write it as 2026-11-24.", text=typed[:20]))
    return AuditFilter(**values), " ".join(problems)


def _header() -> list[str]:
    return [
        gettext("Time"),
        gettext("Actor"),
        gettext("Actor's label"),
        gettext("Address"),
        gettext("Action"),
        gettext("Recorded action"),
        gettext("Case"),
        gettext("Subject"),
        gettext("Before"),
        gettext("After"),
        gettext("Request id"),
        gettext("Chain"),
        gettext("Entry"),
        gettext("Hash"),
    ]


def _row(entry: AuditEntry, number: str) -> list[Any]:
    return [
        entry.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        entry.actor_name,
        entry.actor,
        entry.address,
        action_in_words(entry.action),
        entry.action,
        number,
        entry.subject,
        _json(entry.before),
        _json(entry.after),
        entry.request_id,
        entry.chain,
        entry.seq,
        entry.hash,
    ]


def _json(value: dict[str, Any] | None) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
