"""The courier's hatch: sealed parcels are scanned one after the other, each with its waybill, and the manifest is
printed for the courier to sign.
"""

from typing import Any

from flask import Flask, flash, jsonify, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.cases.calendar import local_day
from workbench.dispatch import carriers, consignment_queries, consignments, packing_queries, papers
from workbench.dispatch.consignment_views import day_in, pdf
from workbench.dispatch.models import Carrier, Consignment
from workbench.dispatch.speaking import authority_name, by_language, said
from workbench.dispatch.words import ConsignmentState
from workbench.kernel.clock import now
from workbench.kernel.errors import Conflict, NotFound, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority
from workbench.shell import failures, menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(CourierView(name=_("Hand to the courier"), endpoint="courier", url="/desk/dispatch/courier"))
    menu.register(
        app,
        menu.MenuItem(
            _("To the courier"),
            "courier.index",
            Permission.KEY_DISPATCH,
            count=packing_queries.count_sealed,
            group=menu.Group.DISPATCH,
            icon="truck",
        ),
    )


class CourierView(DeskView):
    """From the sealed box to the courier's hands."""

    permission = Permission.KEY_DISPATCH

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What waits for the courier, the field for parcel and waybill, what was handed over on the day."""
        today = local_day(now())
        day = day_in(request.args["day"]) if request.args.get("day") else today
        taken = consignment_queries.list_handed_over(db(), day)
        known = carriers.list_carriers(db())
        return str(
            self.render(
                "dispatch/courier.html",
                sealed=consignment_queries.list_sealed(db()),
                taken=taken,
                manifests=_manifests(taken),
                carriers=known,
                chosen=_chosen(known),
                number=request.args.get("number", "")[:40],
                day=day,
                today=today,
                by_language=by_language,
            )
        )

    @expose("/find")
    def find(self) -> ResponseReturnValue:
        """The sealed parcel of a scanned number, before its waybill is scanned."""
        try:
            consignment = _find(request.args.get("number", ""))
            _refuse_unsealed(consignment)
        except WorkbenchError as refusal:
            return _refused(refusal)
        number = consignment.number
        return jsonify({"tone": "ok", "word": number, "detail": _described(consignment), "number": number})

    @expose("/hand-over", methods=["POST"])
    def hand_over(self) -> ResponseReturnValue:
        """Parcel, company and waybill number: the courier has it."""
        try:
            with db().begin_nested():
                found = _find(request.form.get("number", ""))
                consignment = consignments.hand_over(
                    db(), current_actor(), found.id, request.form.get("carrier", ""), request.form.get("waybill", "")
                )
        except WorkbenchError as refusal:
            if failures.wants_json():
                return _refused(refusal)
            flash(said(refusal), "error")
            return self.see_other("courier.index", number=request.form.get("number", "")[:40])
        words = gettext("Handed over: %(number)s", number=consignment.number)
        detail = f"{_described(consignment)} · {consignment.waybill}"
        if not failures.wants_json():
            flash(f"{words} · {detail}", "success")
            return self.see_other("courier.index")
        return jsonify({"tone": "done", "word": words, "detail": detail, "number": consignment.number})

    @expose("/manifest.pdf")
    def manifest(self) -> ResponseReturnValue:
        """What one company took on a day, for both to sign."""
        carrier = db().get(Carrier, request.args.get("carrier", ""))
        if carrier is None:
            raise NotFound(N_("There is no such courier company."))
        day = day_in(request.args.get("day", ""))
        taken = consignment_queries.list_handed_over(db(), day, carrier.code)
        content = papers.manifest(db(), carrier, day, [each.consignment for each in taken])
        return pdf(content, f"manifest-{carrier.code}-{day.isoformat()}")


def _refused(refusal: WorkbenchError) -> ResponseReturnValue:
    """To a scan a refusal is an answer like others, with its own colour and sound."""
    return jsonify({"tone": "refused", "word": gettext("Refused"), "detail": said(refusal)})


def _find(number: str) -> Consignment:
    found = consignment_queries.find_by_number(db(), number)
    if found is None:
        raise NotFound(N_("“%(number)s” is no consignment: scan the barcode of the address label."), number=number[:40])
    return found


def _refuse_unsealed(consignment: Consignment) -> None:
    if consignment.state == ConsignmentState.SEALED:
        return
    if consignment.handed_over_at is not None:
        raise Conflict(N_("The courier has consignment %(number)s already."), number=consignment.number)
    raise Conflict(
        N_("Consignment %(number)s is not sealed: seal it before it is handed over."), number=consignment.number
    )


def _described(consignment: Consignment) -> str:
    authority = authority_name(db().get_one(Authority, consignment.authority_id))
    boxes = ngettext("%(num)d box", "%(num)d boxes", consignment.boxes)
    keys = packing_queries.count_keys(db(), consignment)
    return f"{authority} · {boxes} · {ngettext('%(num)d key', '%(num)d keys', keys)}"


def _manifests(taken: list[consignment_queries.Row]) -> list[dict[str, Any]]:
    """One a company: how many parcels it took."""
    found: dict[str, dict[str, Any]] = {}
    for row in taken:
        code = row.consignment.carrier_code or ""
        name = by_language(row.carrier_zh or "", row.carrier_en or "")
        found.setdefault(code, {"code": code, "name": name, "parcels": 0})["parcels"] += 1
    return list(found.values())


def _chosen(known: list[Carrier]) -> str:
    """The company that took the last parcel: most houses have one."""
    last = consignment_queries.last_carrier(db())
    if last is not None and any(each.code == last for each in known):
        return last
    return known[0].code if known else ""
