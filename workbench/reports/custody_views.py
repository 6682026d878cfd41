"""The dispatch and collection log on screen: hand-overs or keys, its exports, open discrepancies, the statement."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Flask, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.dispatch.words import DISCREPANCY_NAMES, DiscrepancyKind
from workbench.kernel.clock import now
from workbench.kernel.errors import Invalid, NotFound
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.keys.token_states import CUSTODIAN_NAMES, TOKEN_EVENT_NAMES, TOKEN_STATE_NAMES, Custodian, TokenState
from workbench.organisation.queries import list_authorities
from workbench.reports import custody_exports, custody_log, statements
from workbench.reports.board import Moment
from workbench.reports.board_views import FIGURE_NAMES
from workbench.reports.custody_exports import MIMETYPES, Format, say_in
from workbench.reports.custody_filter import COLUMNS, CustodyFilter, View, midnight
from workbench.reports.custody_flows import FLOW_NAMES, INTO_HANDS, OUT_OF_HANDS, Flow
from workbench.reports.custody_names import cell, column_name, load_names
from workbench.reports.statements import Month
from workbench.shell import menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access
from workbench.shell.gate import DeskView
from workbench.shell.i18n import language

VIEW_NAMES: Final = {View.ENTRIES: N_("Hand-overs"), View.KEYS: N_("Keys, where they are now")}
MOST_DISCREPANCIES: Final = 500
DISCREPANCY_LISTS: Final = {
    "": N_("Open discrepancies"),
    "found": N_("Discrepancies found"),
    "settled": N_("Discrepancies settled"),
    "open": N_("Discrepancies open at the end of the month"),
}


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their lines in the menu."""
    log = _("Dispatch and collection log")
    admin.add_view(CustodyView(name=log, endpoint="custody_log", url="/desk/custody"))
    admin.add_view(StatementView(name=_("Monthly statement"), endpoint="custody_statement", url="/desk/statement"))
    for label, endpoint, icon in (
        (log, "custody_log.index", "history"),
        (_("Monthly statement"), "custody_statement.index", "file"),
    ):
        menu.register(app, menu.MenuItem(label, endpoint, Permission.CUSTODY_READ, group=menu.Group.REPORTS, icon=icon))


class CustodyView(DeskView):
    """Who had which key, since when, from whom."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """One page, narrowed by what stands in the address."""
        wanted = _wanted()
        page = custody_log.read_page(
            db(),
            current_actor(),
            wanted,
            _moment(),
            after=request.args.get("after"),
            before=request.args.get("before"),
        )
        names = load_names(db(), page.lines, english=language() == "en")
        arguments = wanted.to_args()
        return str(
            self.render(
                "reports/custody.html",
                page=page,
                wanted=wanted,
                rows=[
                    (line, [(column.value, cell(line, column, names, gettext)) for column in wanted.shown])
                    for line in page.lines
                ],
                heads=[(column.value, gettext(column_name(column, wanted.view))) for column in wanted.shown],
                choices=[(each.value, gettext(column_name(each, wanted.view))) for each in COLUMNS[wanted.view]],
                arguments=arguments,
                views=_view_chips(wanted),
                special=_special(wanted, names.authority(wanted.authority)),
                authorities=list_authorities(db()) if current_actor().scope.everything else [],
                events=[(each, gettext(name)) for each, name in TOKEN_EVENT_NAMES.items()],
                holders=[(each.value, gettext(CUSTODIAN_NAMES[each])) for each in Custodian],
                states=[(each.value, gettext(TOKEN_STATE_NAMES[each])) for each in TokenState],
                this_year=f"{_moment().today.year}",
                next_url=_address(arguments, after=page.after),
                previous_url=_address(arguments, before=page.before),
            )
        )

    @expose("/export", methods=["POST"])
    def export(self) -> ResponseReturnValue:
        """Everything the filter finds: at once when it is little, otherwise by the worker."""
        wanted, actor = _wanted(), current_actor()
        if request.form.get("format") not in set(Format):
            raise Invalid(N_("Choose CSV or XLSX."))
        what, moment = Format(request.form["format"]), _moment()
        rows = custody_exports.count_rows(db(), actor, wanted, moment)
        if rows > custody_exports.AT_ONCE:
            asked = custody_exports.ask(db(), actor, wanted, what, language(), rows)
            return self.see_other("custody_log.export_page", export_id=asked.id)
        return _download(custody_exports.make_now(db(), actor, wanted, moment, what, language()), what)

    @expose("/exports/<int:export_id>")
    def export_page(self, export_id: int) -> ResponseReturnValue:
        """How far an export is; when it is made, its download."""
        export = custody_exports.get_export(db(), current_actor(), export_id)
        wanted = CustodyFilter.from_args(export.wanted)
        return str(
            self.render("reports/custody_export.html", export=export, back=_address(wanted.to_args(), view=wanted.view))
        )

    @expose("/exports/<int:export_id>/state")
    def export_state(self, export_id: int) -> ResponseReturnValue:
        """The same for the page's script."""
        export = custody_exports.get_export(db(), current_actor(), export_id)
        return jsonify(state=export.state, done=export.rows_done, of=export.rows_expected)

    @expose("/exports/<int:export_id>/file")
    @records_access
    def export_file(self, export_id: int) -> ResponseReturnValue:
        """The file, for whoever asked for it, until its day is over."""
        export, content = custody_exports.fetch(db(), parts(), current_actor(), export_id)
        return _download(content, Format(export.format))

    @expose("/discrepancies")
    def discrepancies(self) -> ResponseReturnValue:
        """What differs from a packing list and nobody has settled yet; or what a statement counts."""
        authority, what = _wanted().authority, request.args.get("what", "")
        month = Month.parse(request.args.get("month", ""))
        found = statements.list_discrepancies(db(), current_actor(), authority, month, what, MOST_DISCREPANCIES)
        names = load_names(db(), (), english=language() == "en")
        return str(
            self.render(
                "reports/custody_discrepancies.html",
                rows=[(each, number, names.authority(each.authority_id)) for each, number in found],
                month=month,
                heading=gettext(DISCREPANCY_LISTS.get(what if month else "", DISCREPANCY_LISTS[""])),
                kinds={kind.value: gettext(DISCREPANCY_NAMES[kind]) for kind in DiscrepancyKind},
                authority=names.authority(authority),
                most=MOST_DISCREPANCIES,
            )
        )


class StatementView(DeskView):
    """The month-end statement: on screen with the way to every key, and as PDF to be signed."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The statement of an authority and a month; the first authority and this month unless chosen."""
        authorities = [each for each in list_authorities(db()) if current_actor().scope.covers(each.id)]
        month = _month()
        chosen = _wanted().authority or (authorities[0].id if authorities else 0)
        statement = statements.read_statement(db(), current_actor(), chosen, month)
        return str(
            self.render(
                "reports/custody_statement.html",
                statement=statement,
                authorities=authorities,
                came=[(flow, gettext(FLOW_NAMES[flow])) for flow in INTO_HANDS],
                went=[(flow, gettext(FLOW_NAMES[flow])) for flow in OUT_OF_HANDS],
                flow_names=FLOW_NAMES,
                flows=Flow,
                flow_url=lambda flow: _flow_url(statement, flow),
                held_url=lambda day, holder=None: url_for(
                    "custody_log.index", view="keys", authority=chosen, held=day, holder=holder
                ),
                this_month=Month.of(now()),
                unfinished=now() < midnight(month.following.first),
            )
        )

    @expose("/statement.pdf")
    @records_access
    def pdf(self) -> ResponseReturnValue:
        """The same on paper."""
        authority = _wanted().authority
        if authority is None:
            raise NotFound(N_("There is no such authority."))
        statement = statements.read_statement(db(), current_actor(), authority, _month())
        content = statements.print_statement(db(), current_actor(), statement, now(), say_in("zh"))
        response = Response(content, mimetype="application/pdf")
        name = f"statement-{statement.authority.code}-{statement.month}.pdf"
        response.headers["Content-Disposition"] = f'inline; filename="{name}"'
        return response


def _wanted() -> CustodyFilter:
    """The filter in the address; a form sends each chosen column by itself."""
    arguments: dict[str, str] = request.args.to_dict()
    arguments["columns"] = ",".join(request.args.getlist("columns"))
    return CustodyFilter.from_args(arguments)


def _moment() -> Moment:
    return Moment(now(), parts().settings.uncollected_days)


def _month() -> Month:
    return Month.parse(request.args.get("month", "")) or Month.of(now())


def _address(arguments: Mapping[str, str], **changed: str | None) -> str | None:
    """An address of the log with something changed; None when what would change is nothing."""
    if None in changed.values():
        return None
    values: dict[str, Any] = {**arguments, **changed}
    return url_for("custody_log.index", **values)


def _flow_url(statement: statements.Statement, flow: Flow) -> str:
    month = statement.month
    return url_for(
        "custody_log.index", authority=statement.authority.id, flow=flow.value, since=month.first, until=month.last
    )


def _view_chips(wanted: CustodyFilter) -> Sequence[dict[str, object]]:
    kept: dict[str, Any] = {
        name: value for name, value in wanted.to_args().items() if name in ("authority", "q", "holder", "state")
    }
    return [
        {
            "label": gettext(name),
            "url": url_for("custody_log.index", **kept, view=None if view is View.ENTRIES else view.value),
            "current": wanted.view is view,
        }
        for view, name in VIEW_NAMES.items()
    ]


def _special(wanted: CustodyFilter, authority: str) -> dict[str, Any] | None:
    """What the list is narrowed to by a link from the board or a statement, and how to take that away."""
    if wanted.figure is not None:
        said = gettext(FIGURE_NAMES[wanted.figure])
    elif wanted.flow is not None:
        said = gettext(FLOW_NAMES[wanted.flow])
    elif wanted.held is not None:
        said = gettext("In these hands when %(day)s began", day=wanted.held.isoformat())
    else:
        return None
    rest: dict[str, Any] = {
        name: value for name, value in wanted.to_args().items() if name not in ("figure", "flow", "held")
    }
    return {"label": f"{said} · {authority}" if authority else said, "url": url_for("custody_log.index", **rest)}


def _download(content: bytes, what: Format) -> Response:
    response = Response(content, mimetype=MIMETYPES[what])
    response.headers["Content-Disposition"] = f'attachment; filename="custody-{now():%Y%m%d-%H%M}.{what.value}"'
    return response
