"""Parcels under way on screen: the latest first, what their couriers say, a courier's list, an inquiry, and giving up
what does not come.
"""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.dispatch import settling, tracking_file, transit, transit_queries
from workbench.dispatch.carriers import list_carriers
from workbench.dispatch.consignment_views import TONES
from workbench.dispatch.consignments import get_consignment, live_items
from workbench.dispatch.fitness import NAMED
from workbench.dispatch.models import Carrier, Consignment
from workbench.dispatch.speaking import authority_name, by_language, said
from workbench.dispatch.tracking_file import LineProblem, ListRefused, parse_time
from workbench.dispatch.transit_forms import InquiryForm, LossForm, TrackingForm
from workbench.dispatch.transit_queries import TransitFilter
from workbench.dispatch.words import KIND_NAMES, STATE_NAMES, TRACKING_NAMES, ConsignmentState, TrackingStatus
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.keys.models import Token
from workbench.organisation.models import Authority
from workbench.organisation.queries import list_authorities
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView
from workbench.shell.http import accepts

T = TypeVar("T")

_CHIPS = {
    "": N_("All under way"),
    "late": N_("Late"),
    "unconfirmed": N_("Delivered, not confirmed"),
    "problem": N_("The courier has a problem"),
    "inquiry": N_("Asked after"),
}


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their line in the menu."""
    admin.add_view(TransitView(name=_("In transit"), endpoint="transit", url="/desk/dispatch/transit"))
    menu.register(
        app,
        menu.MenuItem(
            _("In transit"),
            "transit.index",
            Permission.KEY_DISPATCH,
            count=transit_queries.count_late,
            group=menu.Group.DISPATCH,
            icon="clock",
        ),
    )


class TransitView(DeskView):
    """From the courier's hands to the authority's door."""

    permission = Permission.KEY_DISPATCH

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Parcels under way, those longest due first."""
        return self._list()

    @expose("/import", methods=["POST"])
    @accepts(tracking_file.MAX_BYTES + tracking_file.MIB)
    def take_list(self) -> ResponseReturnValue:
        """A courier's list of events, all of it or nothing."""
        sent = request.files.get("list")
        content = sent.stream.read(tracking_file.MAX_BYTES + 1) if sent is not None else b""
        try:
            with db().begin_nested():
                found = transit.import_list(db(), current_actor(), content)
        except ListRefused as refused:
            return self._list(problems=[_spoken(each) for each in refused.problems], reason=said(refused)), 400
        except WorkbenchError as refusal:
            return self._list(reason=said(refusal)), refusal.status
        added = ngettext("%(num)d event is new", "%(num)d events are new", found.added)
        known = ngettext("%(num)d was known", "%(num)d were known", found.known)
        flash(f"{added} · {known} · " + ngettext("%(num)d parcel", "%(num)d parcels", found.parcels), "success")
        return self.see_other("transit.index")

    @expose("/<int:consignment_id>")
    def show(self, consignment_id: int) -> ResponseReturnValue:
        """One parcel: its way so far, and what to do when it does not come."""
        return self._show(consignment_id)

    @expose("/<int:consignment_id>/events", methods=["POST"])
    def note(self, consignment_id: int) -> ResponseReturnValue:
        """Write down what the courier says."""
        form = TrackingForm(request.form).with_choices()
        valid = form.validate()
        at = parse_time((form.at.data or "").replace("T", " "))
        if form.at.data and at is None:
            form.at.errors = [*form.at.errors, gettext("This is no time: write 2026-11-24 15:04.")]
        if not valid or at is None:
            return self._show(consignment_id, tracking=form), 400
        try:
            with db().begin_nested():
                transit.note_by_hand(
                    db(),
                    current_actor(),
                    consignment_id,
                    at=at,
                    status=TrackingStatus(form.status.data),
                    place=form.place.data or "",
                    words=form.words.data,
                    ref=form.ref.data or "",
                )
        except WorkbenchError as refusal:
            form.words.errors = [*form.words.errors, said(refusal)]
            return self._show(consignment_id, tracking=form), refusal.status
        flash(gettext("Written down."), "success")
        return self.see_other("transit.show", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/inquiry", methods=["POST"])
    def inquire(self, consignment_id: int) -> ResponseReturnValue:
        """Say that the courier was asked where the parcel is."""
        form = InquiryForm(request.form)
        remark = form.remark.data or ""
        return self._with_remark(
            consignment_id,
            "inquiry",
            form,
            lambda: settling.open_inquiry(db(), current_actor(), consignment_id, remark),
            lambda _: gettext("The inquiry is open."),
        )

    @expose("/<int:consignment_id>/lost", methods=["POST"])
    def lose(self, consignment_id: int) -> ResponseReturnValue:
        """Give up what has not come: certificates end, the keys are made anew, everybody is told."""
        form = LossForm(request.form)
        remark = form.remark.data or ""
        return self._with_remark(
            consignment_id,
            "loss",
            form,
            lambda: settling.declare_lost(db(), current_actor(), consignment_id, remark),
            lambda serials: (
                gettext("Declared lost. The certificates have ended; the keys are made anew and everybody is told.")
                if serials
                else gettext("Declared lost. None of its keys was missing any more.")
            ),
        )

    def _with_remark(
        self,
        consignment_id: int,
        name: str,
        form: InquiryForm | LossForm,
        verb: Callable[[], T],
        done: Callable[[T], str],
    ) -> ResponseReturnValue:
        if not form.validate():
            return self._show(consignment_id, **{name: form}), 400
        try:
            with db().begin_nested():
                outcome = verb()
        except WorkbenchError as refusal:
            if isinstance(refusal, NotFound):
                raise
            form.remark.errors = [*form.remark.errors, said(refusal)]
            return self._show(consignment_id, **{name: form}), refusal.status
        flash(done(outcome), "success")
        return self.see_other("transit.show", consignment_id=consignment_id)

    def _list(self, problems: list[str] | None = None, reason: str = "") -> str:
        wanted = TransitFilter.from_args(request.args)
        found = transit_queries.load_page(db(), wanted, request.args.get("after", "")[:40])
        page: str = self.render(
            "dispatch/transit.html",
            page=found,
            wanted=wanted,
            chips=[_chip(wanted, view, name) for view, name in _CHIPS.items()],
            authorities=list_authorities(db()),
            carriers=list_carriers(db()),
            tracking_names=TRACKING_NAMES,
            kind_names=KIND_NAMES,
            problems=problems or [],
            reason=reason,
            by_language=by_language,
            next_url=url_for("transit.index", **wanted.to_args(), after=found.after) if found.after else None,
        )
        return page

    def _show(self, consignment_id: int, **forms: Any) -> str:
        consignment = _sent(consignment_id)
        events = transit_queries.timeline(db(), consignment.id)
        carrier = db().get(Carrier, consignment.carrier_code)
        waiting = live_items(db(), consignment)
        empty = TrackingForm(data={"at": f"{now().astimezone(SHANGHAI):%Y-%m-%d %H:%M}", "ref": str(uuid.uuid4())})
        page: str = self.render(
            "dispatch/transit_parcel.html",
            consignment=consignment,
            authority=authority_name(db().get_one(Authority, consignment.authority_id)),
            carrier=by_language(carrier.name_zh, carrier.name_en) if carrier else "",
            state=ConsignmentState(consignment.state),
            state_names=STATE_NAMES,
            tones=TONES,
            tracking_names=TRACKING_NAMES,
            events=events,
            late=transit_queries.lateness(db(), consignment),
            unconfirmed=transit_queries.is_unconfirmed(consignment, events[0] if events else None),
            missing=settling.is_missing(db(), consignment),
            lost=transit_queries.load_loss(db(), consignment),
            asks="ask" in request.args,
            waiting=[db().get_one(Token, each.token_id).serial for each in waiting],
            tracking=forms.get("tracking") or empty.with_choices(),
            inquiry=forms.get("inquiry") or InquiryForm(),
            loss=forms.get("loss") or LossForm(),
            most_named=NAMED,
        )
        return page


def _sent(consignment_id: int) -> Consignment:
    consignment = get_consignment(db(), current_actor(), consignment_id)
    if consignment.handed_over_at is None:
        raise NotFound(N_("There is no such consignment."))
    return consignment


def _chip(wanted: TransitFilter, view: str, name: str) -> dict[str, Any]:
    arguments = {key: value for key, value in {**wanted.to_args(), "view": view}.items() if value}
    return {
        "label": gettext(name),
        "url": url_for("transit.index", **arguments),
        "current": wanted.view == view,
        "count": transit_queries.count_view(db(), view),
    }


def _spoken(problem: LineProblem) -> str:
    reason = gettext(problem.reason, **problem.values) if problem.values else gettext(problem.reason)
    return str(gettext("Line %(line)d: %(reason)s", line=problem.line, reason=reason))
