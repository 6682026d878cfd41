"""The packing table on screen: choose an authority, scan its keys into boxes, let a second person check, seal.

Made for a scanner: every step is a scan or a key, and every form posts without scripts too.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask, flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.dispatch import checking, consignments, packing, packing_queries
from workbench.dispatch.checking import Comparison
from workbench.dispatch.models import Consignment
from workbench.dispatch.packing import LONGEST_SERIAL, clean_serial
from workbench.dispatch.speaking import authority_name, said
from workbench.dispatch.words import STATE_NAMES, ConsignmentState
from workbench.kernel.errors import Invalid, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority, Staff
from workbench.shell import failures, home, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView
from workbench.shell.http import accepts

MOST_SCANNED: Final = 2 * consignments.MOST_KEYS
"""Serials of one check."""
LONGEST_NUMBER: Final = 9
"""Digits of what somebody has counted, beyond any box and any key."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screens, their line in the menu and the card of who packs."""
    admin.add_view(PackingView(name=_("Packing"), endpoint="packing", url="/desk/dispatch/packing"))
    menu.register(
        app,
        menu.MenuItem(
            _("Packing"),
            "packing.index",
            Permission.KEY_DISPATCH,
            count=packing_queries.count_waiting,
            group=menu.Group.DISPATCH,
            icon="box",
        ),
    )
    home.register(app, home.Card(_("Dispatch"), Permission.KEY_DISPATCH, "dispatch/packing_card.html", _card, order=20))


def _card(session: Session, actor: Actor) -> Mapping[str, Any]:
    lines = packing_queries.load_authorities(session)
    waiting = sorted((each for each in lines if each.waiting), key=lambda each: -each.waiting)
    return {
        "waiting": sum(each.waiting for each in lines),
        "packing": sum(len(each.packing) for each in lines),
        "sealed": sum(len(each.sealed) for each in lines),
        "most": [(authority_name(each), each) for each in waiting[:3]],
        "places": len(waiting),
    }


class PackingView(DeskView):
    """From the shelf of finished keys to the sealed box."""

    permission = Permission.KEY_DISPATCH

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What waits for which authority; typing finds one, Enter opens its boxes."""
        wanted = request.args.get("q", "").strip()[:40]
        lines = packing_queries.load_authorities(db())
        shown = [each for each in lines if each.is_meant_by(wanted)]
        return str(
            self.render(
                "dispatch/packing_home.html",
                lines=shown,
                wanted=wanted,
                waiting=sum(each.waiting for each in lines),
                name_of=authority_name,
                everything="all" in request.args or bool(wanted),
            )
        )

    @expose("/open", methods=["POST"])
    def open(self) -> ResponseReturnValue:
        """Go on with the authority's newest open consignment, or begin one; `another` always begins one."""
        authority_id = request.form.get("authority", type=int)
        if authority_id is None:
            raise Invalid(N_("Choose an authority."))
        found = next((each for each in packing_queries.load_authorities(db()) if each.id == authority_id), None)
        if found is not None and found.packing and "another" not in request.form:
            return self.see_other("packing.pack", consignment_id=found.packing[0].id)
        consignment = consignments.open_consignment(db(), current_actor(), authority_id)
        return self.see_other("packing.pack", consignment_id=consignment.id)

    @expose("/<int:consignment_id>")
    def pack(self, consignment_id: int) -> ResponseReturnValue:
        """What should go in, the scanner's field, what lies in it."""
        consignment = consignments.get_consignment(db(), current_actor(), consignment_id)
        if consignment.state != ConsignmentState.PACKING:
            return self.see_other("consignments.show", consignment_id=consignment.id)
        return str(
            self.render(
                "dispatch/packing.html",
                **_frame(consignment),
                waiting=packing_queries.waiting_for(db(), consignment.authority_id),
                packed=list(reversed(packing_queries.contents(db(), consignment))),
                must_be_checked=parts().settings.second_packing_check,
            )
        )

    @expose("/<int:consignment_id>/scan", methods=["POST"])
    def scan(self, consignment_id: int) -> ResponseReturnValue:
        """Put the scanned key into a box."""
        actor, serial = current_actor(), request.form.get("serial", "")
        try:
            with db().begin_nested():
                found = packing.pack(db(), actor, consignment_id, serial, request.form.get("box", type=int))
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id)
        words = (
            gettext("Already in box %(box)d", box=found.item.box)
            if found.repeated
            else gettext("In box %(box)d", box=found.item.box)
        )
        if not failures.wants_json():
            flash(f"{found.serial} · {words}", "info" if found.repeated else "success")
            return self.see_other("packing.pack", consignment_id=consignment_id)
        answer = {
            "tone": "repeat" if found.repeated else "ok",
            "word": words,
            "detail": f"{found.serial} · {found.enterprise_name}",
            "serial": found.serial,
            "enterprise": found.enterprise_name,
            "box": found.item.box,
            "packed_by": actor.name,
        }
        return jsonify({**answer, **self._counts(consignment_id)})

    @expose("/<int:consignment_id>/take-out", methods=["POST"])
    def take_out(self, consignment_id: int) -> ResponseReturnValue:
        """Take a key out of its box."""
        serial = clean_serial(request.form.get("serial", ""))
        try:
            with db().begin_nested():
                packing.unpack(db(), current_actor(), consignment_id, serial)
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id)
        if not failures.wants_json():
            flash(gettext("Key %(serial)s is out of its box and back in stock.", serial=serial), "success")
            return self.see_other("packing.pack", consignment_id=consignment_id)
        answer = {"tone": "repeat", "word": gettext("Taken out"), "detail": serial, "serial": serial, "box": 0}
        return jsonify({**answer, **self._counts(consignment_id)})

    @expose("/<int:consignment_id>/boxes/add", methods=["POST"])
    def add_box(self, consignment_id: int) -> ResponseReturnValue:
        """Begin another box."""
        return self._box(packing.add_box, consignment_id)

    @expose("/<int:consignment_id>/boxes/drop", methods=["POST"])
    def drop_box(self, consignment_id: int) -> ResponseReturnValue:
        """Take the last box away."""
        return self._box(packing.drop_box, consignment_id)

    @expose("/<int:consignment_id>/seal", methods=["POST"])
    def seal(self, consignment_id: int) -> ResponseReturnValue:
        """Freeze the contents; the papers can be printed then."""
        try:
            with db().begin_nested():
                consignment = consignments.seal(
                    db(),
                    current_actor(),
                    consignment_id,
                    seen_version=request.form.get("version", type=int),
                    must_be_checked=parts().settings.second_packing_check,
                )
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id)
        flash(gettext("Consignment %(number)s is sealed. Print its papers.", number=consignment.number), "success")
        return self.see_other("consignments.show", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/check", methods=["GET", "POST"])
    @accepts(MOST_SCANNED * (LONGEST_SERIAL + 10))
    def check(self, consignment_id: int) -> ResponseReturnValue:
        """A second person scans every key again; what differs is named."""
        consignment = consignments.get_consignment(db(), current_actor(), consignment_id)
        if request.method == "GET":
            try:
                checking.refuse_packer(db(), current_actor(), consignment)
            except WorkbenchError as refusal:
                return self._refused(refusal, consignment_id)
            return self._check(consignment)
        scanned = [each for line in request.form.getlist("serials") for each in line.splitlines()][:MOST_SCANNED]
        try:
            with db().begin_nested():
                found = checking.check_pack(db(), current_actor(), consignment_id, scanned)
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id, "packing.check")
        if not found.agrees:
            return self._check(consignment, found, scanned)
        flash(
            ngettext(
                "%(num)d key checked: everything agrees.", "%(num)d keys checked: everything agrees.", len(scanned)
            ),
            "success",
        )
        return self.see_other("packing.pack", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/count", methods=["POST"])
    def count(self, consignment_id: int) -> ResponseReturnValue:
        """A second person has counted the keys of each box."""
        numbers = {
            int(name[4:]): int(value)
            for name, value in request.form.items()
            if name.startswith("box-") and _is_number(name[4:]) and _is_number(value)
        }
        try:
            with db().begin_nested():
                checking.check_counts(db(), current_actor(), consignment_id, numbers)
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id, "packing.check")
        flash(gettext("The counts agree: the pack is checked."), "success")
        return self.see_other("packing.pack", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/why")
    def why(self, consignment_id: int) -> ResponseReturnValue:
        """What speaks against a key that is not on the packing list, for the person who checks."""
        serial = clean_serial(request.args.get("serial", ""))
        against = checking.why_extra(db(), current_actor(), consignment_id, serial)
        return jsonify({"detail": said(against) if against else gettext("Not scanned when it was packed.")})

    def _box(self, verb: Callable[[Session, Actor, int], Consignment], consignment_id: int) -> ResponseReturnValue:
        try:
            with db().begin_nested():
                verb(db(), current_actor(), consignment_id)
        except WorkbenchError as refusal:
            return self._refused(refusal, consignment_id)
        return self.see_other("packing.pack", consignment_id=consignment_id)

    def _check(
        self, consignment: Consignment, found: Comparison | None = None, scanned: list[str] | None = None
    ) -> ResponseReturnValue:
        if consignment.state != ConsignmentState.PACKING:
            return self.see_other("consignments.show", consignment_id=consignment.id)
        return str(
            self.render(
                "dispatch/packing_check.html",
                **_frame(consignment),
                packed=packing_queries.contents(db(), consignment),
                found=found,
                scanned=scanned or [],
                extra=[(each.serial, said(each.against) if each.against else "") for each in found.extra]
                if found
                else [],
            )
        )

    def _refused(self, refusal: WorkbenchError, consignment_id: int, page: str = "packing.pack") -> ResponseReturnValue:
        """A refusal where the packer looks: to a scan an answer like others, with its own colour and sound; without
        scripts at the top of the same page."""
        if failures.wants_json():
            counts = self._counts(consignment_id)
            return jsonify({"tone": "refused", "word": _scanned(), "detail": said(refusal), **counts})
        consignments.get_consignment(db(), current_actor(), consignment_id)
        flash(said(refusal), "error")
        return self.see_other(page, consignment_id=consignment_id)

    @staticmethod
    def _counts(consignment_id: int) -> dict[str, Any]:
        consignment = consignments.get_consignment(db(), current_actor(), consignment_id)
        counts = packing_queries.count_pack(db(), consignment)
        is_open = consignment.state == ConsignmentState.PACKING
        return {"counts": counts.to_json(), "version": consignment.version, "aside": is_open}


def _is_number(typed: str) -> bool:
    """Whether somebody may have counted this."""
    return typed.isascii() and typed.isdecimal() and len(typed) <= LONGEST_NUMBER


def _scanned() -> str:
    """What the scanner typed, as far as it can be shown."""
    return clean_serial(request.form.get("serial", ""))


def _frame(consignment: Consignment) -> dict[str, Any]:
    """What the packing and the checking screen have in common."""
    checker = db().get(Staff, consignment.checked_by_id) if consignment.checked_by_id else None
    return {
        "consignment": consignment,
        "authority": authority_name(db().get_one(Authority, consignment.authority_id)),
        "state": gettext(STATE_NAMES[ConsignmentState(consignment.state)]),
        "packer": db().get_one(Staff, consignment.packer_id).name,
        "checker": checker.name if checker else None,
        "counts": packing_queries.count_pack(db(), consignment),
        "page_url": url_for("packing.pack", consignment_id=consignment.id),
    }
