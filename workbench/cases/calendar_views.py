"""The calendar's screens: every desk may look, the administrator loads notices and sets deadlines."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from workbench.cases import calendar_page, deadlines
from workbench.cases.calendar import CalendarDay, DayKind, local_day
from workbench.cases.calendar_text import describe_notes
from workbench.cases.clocks import ClockKind
from workbench.cases.notice_entry import KIND_WORDS, TypedNotice, parse_notice, write_notice
from workbench.cases.words import SERVICE_NAMES, Service
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, permits
from workbench.shell.alerts import Alert
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView, needs
from workbench.shell.i18n import language

EARLIEST, LATEST = 2004, 2100
"""Years the page speaks of: the notices in this form begin with 2004."""
SHOWN_CHANGES = 20


class CalendarView(DeskView):
    """Working days and deadlines."""

    permission = Permission.DESK_ENTER

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """A year's months, the days its notice names, and the deadlines."""
        year = request.args.get("year", local_day(now()).year, type=int)
        _refuse_strange(year)
        days = calendar_page.list_days(db(), year)
        page: str = self.render(
            "cases/calendar.html",
            year=year,
            years=calendar_page.list_years(db()),
            missing=deadlines.years_to_load(db()),
            loaded=calendar_page.find_year(db(), year),
            months=calendar_page.months_of(year, days),
            runs=_runs(year, days),
            deadlines=calendar_page.list_deadlines(db()),
            service_names=SERVICE_NAMES,
            clock_names=calendar_page.CLOCK_NAMES,
            most_days=deadlines.MOST_DAYS,
            may_change=permits(current_actor(), Permission.CALENDAR_MANAGE),
            month_name=_month_name,
        )
        return page

    @expose("/<int:year>", methods=["GET", "POST"])
    @needs(Permission.CALENDAR_MANAGE)
    def notice(self, year: int) -> ResponseReturnValue:
        """Type or check the notice of a year, see what it changes, then load it."""
        _refuse_strange(year)
        if request.method == "GET":
            known = calendar_page.list_days(db(), year) or calendar_page.bundled_days(year) or ()
            return self._form(year, write_notice(known), "")
        untrusted_text = request.form.get("notice", "")[:20_000]
        source = request.form.get("source", "").strip()[:200]
        typed = parse_notice(untrusted_text, year)
        if typed.problems or not source:
            return self._form(year, untrusted_text, source, typed), 400
        if request.form.get("step") != "load":
            return self._form(year, untrusted_text, source, typed, preview=True)
        moved = deadlines.load_year(db(), year, current_actor(), days=typed.days, source=source)
        flash(
            gettext("The calendar of %(year)d is loaded.", year=year)
            + " "
            + ngettext("%(num)d due date moved.", "%(num)d due dates moved.", moved),
            "success",
        )
        return self.see_other("calendar.index", year=year)

    @expose("/deadlines", methods=["POST"])
    @needs(Permission.CALENDAR_MANAGE)
    def deadlines(self) -> ResponseReturnValue:
        """Set how many working days clocks run that start from now on."""
        changed = 0
        for each in calendar_page.list_deadlines(db()):
            sent = request.form.get(f"{each.service.value}.{each.clock.value}", "")
            changed += _set(each.service, each.clock, sent)
        flash(
            ngettext("%(num)d deadline changed.", "%(num)d deadlines changed.", changed)
            if changed
            else gettext("Nothing was changed."),
            "success" if changed else "info",
        )
        return self.see_other("calendar.index")

    def _form(
        self, year: int, text: str, source: str, typed: TypedNotice | None = None, *, preview: bool = False
    ) -> str:
        values: dict[str, Any] = {}
        if preview and typed is not None:
            changes = deadlines.preview_year(db(), year, typed.days)
            values = {
                "changes": changes[:SHOWN_CHANGES],
                "change_count": len(changes),
                "months": calendar_page.months_of(year, typed.days),
                "runs": _runs(year, typed.days),
                "month_name": _month_name,
            }
        page: str = self.render(
            "cases/calendar_notice.html",
            year=year,
            text=text,
            source=source,
            loaded=calendar_page.find_year(db(), year),
            bundled=calendar_page.bundled_days(year) is not None,
            problems=[(each.line, gettext(each.reason, **each.values)) for each in typed.problems] if typed else [],
            source_missing=typed is not None and not source,
            preview=preview,
            off_word=KIND_WORDS[DayKind.HOLIDAY],
            works_word=KIND_WORDS[DayKind.MAKE_UP_WORKDAY],
            **values,
        )
        return page


def calendar_alert(session: Session, actor: Actor) -> Alert | None:
    """Names the years that deadlines may soon touch and whose notice is missing."""
    years = deadlines.years_to_load(session)
    if not years:
        return None
    may_change = permits(actor, Permission.CALENDAR_MANAGE)
    return Alert(
        message=gettext(
            "The official calendar of %(years)s is not loaded: due dates that touch it are provisional.",
            years="、".join(str(year) for year in years) if language() == "zh" else ", ".join(map(str, years)),
        ),
        tone="today",
        url=url_for("calendar.notice", year=years[0]) if may_change else url_for("calendar.index", year=years[0]),
        action=gettext("Load the notice") if may_change else gettext("Show the calendar"),
    )


def _refuse_strange(year: int) -> None:
    if not EARLIEST <= year <= LATEST:
        raise NotFound("There is no calendar of that year.")


def _set(service: Service, clock: ClockKind, sent: str) -> bool:
    try:
        days = int(sent)
    except ValueError:
        raise Invalid("A deadline is a number of working days.") from None
    return deadlines.set_days(db(), service, clock, days, current_actor())


def _runs(year: int, days: Sequence[CalendarDay]) -> list[tuple[str, str]]:
    return [
        ("off" if run.kind.value == "holiday" else "works", describe_notes([run], language()))
        for run in calendar_page.runs_of(year, days)
    ]


def _month_name(first: date) -> str:
    return f"{first.month}月" if language() == "zh" else f"{first:%B}"
