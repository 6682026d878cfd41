"""Consignments on screen: the list with its filters, one with contents, papers and history, and undoing what can be
undone before the courier has it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from flask import Flask, Response, flash, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from workbench.dispatch import carriers, consignment_queries, consignments, packing_queries, papers
from workbench.dispatch.consignment_queries import ConsignmentFilter
from workbench.dispatch.forms import RemarkForm, WaybillForm
from workbench.dispatch.models import Carrier, Consignment
from workbench.dispatch.speaking import authority_name, by_language, said
from workbench.dispatch.words import HISTORY_NAMES, KIND_NAMES, OUTCOME_NAMES, STATE_NAMES, ConsignmentState
from workbench.kernel.arguments import day, row_id
from workbench.kernel.errors import Invalid, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.organisation.models import Authority, Staff
from workbench.organisation.queries import list_authorities
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView, needs

TONES: Final = {
    ConsignmentState.PACKING: "active",
    ConsignmentState.SEALED: "today",
    ConsignmentState.IN_TRANSIT: "active",
    ConsignmentState.ARRIVED: "today",
    ConsignmentState.OPENED: "today",
    ConsignmentState.CLOSED: "done",
    ConsignmentState.LOST: "late",
}
"""How a state is coloured; the others are idle."""
SHAPES: Final = {
    ConsignmentState.PACKING: "box",
    ConsignmentState.SEALED: "lock",
    ConsignmentState.IN_TRANSIT: "truck",
    ConsignmentState.ARRIVED: "inbox",
    ConsignmentState.CANCELLED: "cross",
}
_IN_HOUSE: Final = (ConsignmentState.PACKING, ConsignmentState.SEALED)
MOVING: Final = (*_IN_HOUSE, ConsignmentState.IN_TRANSIT, ConsignmentState.ARRIVED, ConsignmentState.OPENED)
"""States in which something is still to be done; each has a chip of its own with its count."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their line in the menu."""
    admin.add_view(ConsignmentsView(name=_("Consignments"), endpoint="consignments", url="/desk/dispatch/consignments"))
    menu.register(
        app,
        menu.MenuItem(
            _("Parcels"),
            "consignments.index",
            Permission.CUSTODY_READ,
            count=_count_moving,
            group=menu.Group.DISPATCH,
            icon="list",
        ),
    )


def _count_moving(session: Session, actor: Actor) -> int:
    return packing_queries.count_in(session, *MOVING)


class ConsignmentsView(DeskView):
    """Parcels of keys, inside the reader's authority."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Newest first, narrowed by what stands in the address."""
        wanted = ConsignmentFilter.from_args(request.args)
        found = consignment_queries.page(
            db(), wanted, row_id(request.args.get("after")), row_id(request.args.get("before"))
        )
        arguments = wanted.to_args()
        everywhere = current_actor().scope.everything
        return str(
            self.render(
                "dispatch/consignments.html",
                **_words(),
                page=found,
                wanted=wanted,
                chips=_chips(wanted),
                authorities=list_authorities(db()) if everywhere else [],
                carriers=carriers.list_carriers(db()),
                next_url=url_for("consignments.index", **arguments, after=found.after) if found.after else None,
                previous_url=url_for("consignments.index", **arguments, before=found.before) if found.before else None,
            )
        )

    @expose("/<int:consignment_id>")
    def show(self, consignment_id: int) -> ResponseReturnValue:
        """One consignment: what lies in it, its papers, whose hands it is in, what happened to it."""
        return self._show(consignment_id)

    @expose("/<int:consignment_id>/unseal", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def unseal(self, consignment_id: int) -> ResponseReturnValue:
        """Open the boxes again."""
        form = RemarkForm(request.form)
        if not form.validate():
            return self._show(consignment_id, unseal=form), 400
        consignments.unseal(db(), current_actor(), consignment_id, form.remark.data)
        flash(gettext("The consignment is unsealed: its contents can be changed again."), "success")
        return self.see_other("packing.pack", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/cancel", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def cancel(self, consignment_id: int) -> ResponseReturnValue:
        """Undo it: the keys go back into stock."""
        found = consignments.cancel(db(), current_actor(), consignment_id, request.form.get("remark", ""))
        flash(
            gettext("Consignment %(number)s is cancelled; its keys are back in stock.", number=found.number), "success"
        )
        return self.see_other("consignments.show", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/waybill", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def waybill(self, consignment_id: int) -> ResponseReturnValue:
        """Put the right waybill number on a parcel under way."""
        form = _with_carriers(WaybillForm(request.form))
        if not form.validate():
            return self._show(consignment_id, waybill=form), 400
        try:
            with db().begin_nested():
                consignments.correct_waybill(
                    db(), current_actor(), consignment_id, form.carrier.data, form.waybill.data, form.remark.data
                )
        except WorkbenchError as refusal:
            form.waybill.errors = [*form.waybill.errors, said(refusal)]
            return self._show(consignment_id, waybill=form), refusal.status
        flash(gettext("The waybill number is corrected."), "success")
        return self.see_other("consignments.show", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/packing-list.pdf")
    def packing_list(self, consignment_id: int) -> ResponseReturnValue:
        """The packing list, a page or more for each box."""
        return pdf(papers.packing_list(db(), current_actor(), consignment_id), f"packing-list-{consignment_id}")

    @expose("/<int:consignment_id>/labels.pdf")
    @needs(Permission.KEY_DISPATCH)
    def labels(self, consignment_id: int) -> ResponseReturnValue:
        """The address labels, one a box."""
        content = papers.address_labels(db(), current_actor(), consignment_id, request.args.get("site", type=int))
        return pdf(content, f"labels-{consignment_id}")

    def _show(self, consignment_id: int, **forms: RemarkForm) -> str:
        actor = current_actor()
        consignment = consignments.get_consignment(db(), actor, consignment_id)
        state = ConsignmentState(consignment.state)
        may_dispatch = permits(actor, Permission.KEY_DISPATCH)
        correction = forms.get("waybill") or WaybillForm(
            data={"carrier": consignment.carrier_code, "waybill": consignment.waybill}
        )
        page: str = self.render(
            "dispatch/consignment.html",
            **_words(),
            consignment=consignment,
            authority=authority_name(db().get_one(Authority, consignment.authority_id)),
            people=_people(consignment),
            carrier=_carrier_name(consignment),
            keys=packing_queries.contents(db(), consignment),
            history=consignment_queries.history(db(), consignment),
            sites=papers.sites_for(db(), consignment) if may_dispatch else [],
            has_papers=state not in (ConsignmentState.PACKING, ConsignmentState.CANCELLED),
            may_undo=may_dispatch and state in _IN_HOUSE,
            may_hand_over=may_dispatch and state is ConsignmentState.SEALED,
            may_correct=may_dispatch and state is ConsignmentState.IN_TRANSIT,
            may_dispatch=may_dispatch,
            unseal_form=forms.get("unseal") or RemarkForm(),
            waybill_form=_with_carriers(correction),
        )
        return page


def pdf(content: bytes, name: str) -> Response:
    """A PDF shown in the browser, from where it is printed."""
    response = make_response(content)
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


def day_in(untrusted: str) -> date:
    """A day of an address.

    Raises:
        Invalid: it is none.
    """
    found = day(untrusted)
    if found is None:
        raise Invalid(N_("A day is written like 2026-11-24."))
    return found


def _words() -> dict[str, Any]:
    return {
        "state_names": STATE_NAMES,
        "kind_names": KIND_NAMES,
        "outcome_names": OUTCOME_NAMES,
        "history_names": HISTORY_NAMES,
        "tones": TONES,
        "shapes": SHAPES,
        "by_language": by_language,
    }


def _chips(wanted: ConsignmentFilter) -> list[dict[str, Any]]:
    """A chip for each state; those in which there is something to do say how many."""

    def chip(label: str, state: str, count: int | None) -> dict[str, Any]:
        arguments = {**wanted.to_args(), "state": state}
        address = url_for("consignments.index", **{name: value for name, value in arguments.items() if value})
        return {"label": label, "url": address, "current": wanted.state == state, "count": count}

    counted = {state: packing_queries.count_in(db(), state) for state in MOVING}
    return [
        chip(gettext("All"), "", None),
        *(chip(gettext(name), state.value, counted.get(state)) for state, name in STATE_NAMES.items()),
    ]


def _people(consignment: Consignment) -> Mapping[str, str]:
    """Who packed, checked and handed over, by name."""
    ids = {
        "packer": consignment.packer_id,
        "checker": consignment.checked_by_id,
        "giver": consignment.handed_over_by_id,
    }
    return {part: db().get_one(Staff, person).name for part, person in ids.items() if person is not None}


def _carrier_name(consignment: Consignment) -> str:
    carrier = db().get(Carrier, consignment.carrier_code) if consignment.carrier_code else None
    return by_language(carrier.name_zh, carrier.name_en) if carrier else ""


def _with_carriers(form: WaybillForm) -> WaybillForm:
    form.carrier.choices = [
        SelectChoice(each.code, by_language(each.name_zh, each.name_en)) for each in carriers.list_carriers(db())
    ]
    return form
