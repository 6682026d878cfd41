"""Returns on screen: the counter packs what goes back by scan and gives it to the courier; the vendor takes each key in
by scan, and two people have it destroyed. Every form posts without scripts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, flash, jsonify, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.dispatch import consignment_queries, returning, returning_queries
from workbench.dispatch.carriers import LONGEST_WAYBILL, list_carriers
from workbench.dispatch.packing import Packed, clean_serial
from workbench.dispatch.speaking import by_language, said
from workbench.dispatch.words import STATE_NAMES
from workbench.kernel.errors import Invalid, NotFound, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.keys.destroying import propose_destruction, sign_destruction, withdraw_proposal
from workbench.keys.token_states import TOKEN_STATE_NAMES
from workbench.shell import failures, menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView, needs


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(ReturnsView(name=_("Returns"), endpoint="returns", url="/desk/dispatch/returns"))
    menu.register(
        app,
        menu.MenuItem(
            _("Returns"),
            "returns.index",
            Permission.CUSTODY_READ,
            count=returning_queries.count_at_work,
            group=menu.Group.DISPATCH,
            icon="rotate",
        ),
    )


@dataclass(frozen=True)
class Scanned:
    """A key that was scanned, what became of it, and how many there are now."""

    found: Packed
    became: str
    count: str

    @property
    def words(self) -> tuple[str, str]:
        """Word and detail of the answer."""
        word = gettext("Scanned before") if self.found.repeated else self.became
        return word, f"{self.found.serial} · {self.found.enterprise_name} · {self.count}"


class ReturnsView(DeskView):
    """From the authority back to the vendor, and to the shredder."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What the reader can do about keys that go back."""
        actor = current_actor()
        may_pack = permits(actor, Permission.KEY_RECEIVE)
        packing = returning_queries.find_packing(db()) if may_pack else None
        return str(
            self.render(
                "dispatch/returns.html",
                may_pack=may_pack,
                may_take_in=permits(actor, Permission.KEY_DISPATCH),
                may_dispose=returning_queries.may_dispose(actor),
                packing=packing,
                packed=returning_queries.list_keys(db(), packing.id) if packing is not None else [],
                waiting=returning_queries.count_waiting(db()) if may_pack else 0,
                parcels=returning_queries.list_returns(db()),
                to_destroy=returning_queries.list_to_destroy(db()) if actor.scope.everything else [],
                me=actor.id,
                carriers=list_carriers(db()),
                carrier=request.args.get("carrier") or (consignment_queries.last_carrier(db()) if may_pack else None),
                waybill=request.args.get("waybill", ""),
                state_names=STATE_NAMES,
                token_state_names=TOKEN_STATE_NAMES,
                by_language=by_language,
            )
        )

    @expose("/pack", methods=["POST"])
    @needs(Permission.KEY_RECEIVE)
    def pack(self) -> ResponseReturnValue:
        """Put the scanned key into the return that lies open, or into a new one."""

        def act() -> Scanned:
            consignment = returning.open_return(db(), current_actor())
            found = returning.pack_return(db(), current_actor(), consignment.id, request.form.get("serial", ""))
            count = ngettext("%(num)d key packed", "%(num)d keys packed", found.count)
            return Scanned(found, gettext("Packed"), count)

        return self._scan(act)

    @expose("/<int:consignment_id>/take-out", methods=["POST"])
    @needs(Permission.KEY_RECEIVE)
    def take_out(self, consignment_id: int) -> ResponseReturnValue:
        """Take a key out again."""
        serial = request.form.get("serial", "")

        def act() -> str:
            returning.unpack_return(db(), current_actor(), consignment_id, serial)
            return str(gettext("Taken out"))

        return self._do(act)

    @expose("/<int:consignment_id>/send", methods=["POST"])
    @needs(Permission.KEY_RECEIVE)
    def send(self, consignment_id: int) -> ResponseReturnValue:
        """Give the return to the courier."""
        carrier, waybill = request.form.get("carrier", ""), request.form.get("waybill", "")

        def act() -> str:
            sent = returning.send_return(db(), current_actor(), consignment_id, carrier, waybill)
            return str(gettext("Handed over: %(number)s", number=sent.number))

        return self._do(act, carrier=carrier[:40], waybill=waybill[:LONGEST_WAYBILL])

    @expose("/take-in", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def take_in(self) -> ResponseReturnValue:
        """A key that came back is in the vendor's stock again."""

        def act() -> Scanned:
            found = returning.take_in(db(), current_actor(), request.form.get("serial", ""))
            left = ngettext("%(num)d key to come", "%(num)d keys to come", found.count)
            return Scanned(found, gettext("Taken in"), left)

        return self._scan(act)

    @expose("/<int:consignment_id>/close", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def close(self, consignment_id: int) -> ResponseReturnValue:
        """The box is empty: what has not come is missing."""

        def act() -> str:
            missing = returning.close_return(db(), current_actor(), consignment_id)
            words: str = ngettext("%(num)d key is missing", "%(num)d keys are missing", len(missing))
            return words

        return self._do(act)

    @expose("/propose", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def propose(self) -> ResponseReturnValue:
        """Propose that keys be destroyed; a second person has to sign each."""
        serials, remark = request.form.getlist("serial"), request.form.get("remark", "")

        def act() -> str:
            if not serials:
                raise Invalid(N_("Select at least one key."))
            for serial in sorted(serials):
                propose_destruction(db(), current_actor(), serial, remark)
            return str(gettext("Proposed. A second person has to sign."))

        return self._do(act)

    @expose("/<int:destruction_id>/sign", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def sign(self, destruction_id: int) -> ResponseReturnValue:
        """Sign what another person proposed: the key is destroyed."""

        def act() -> str:
            sign_destruction(db(), current_actor(), destruction_id)
            return str(gettext("Signed: the key is destroyed."))

        return self._do(act)

    @expose("/<int:destruction_id>/withdraw", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def withdraw(self, destruction_id: int) -> ResponseReturnValue:
        """Take a proposal back."""

        def act() -> str:
            withdraw_proposal(db(), current_actor(), destruction_id)
            return str(gettext("Taken back."))

        return self._do(act)

    def _scan(self, verb: Callable[[], Scanned]) -> ResponseReturnValue:
        """What a scan came to, refusals too: for the script as it shows scans, else at the top of the page."""
        try:
            with db().begin_nested():
                scanned = verb()
        except WorkbenchError as refusal:
            if failures.wants_json():
                serial = clean_serial(request.form.get("serial", ""))
                return jsonify(tone="refused", word=serial, detail=said(refusal))
            return self._refused(refusal)
        word, detail = scanned.words
        if failures.wants_json():
            return jsonify(tone="repeat" if scanned.found.repeated else "ok", word=word, detail=detail)
        flash(f"{word} · {detail}", "success")
        return self.see_other("returns.index")

    def _do(self, verb: Callable[[], str], **written: str) -> ResponseReturnValue:
        """Do it and say so; what was written into the form stands there again when it was refused."""
        try:
            with db().begin_nested():
                words = verb()
            flash(words, "success")
        except WorkbenchError as refusal:
            return self._refused(refusal, **written)
        return self.see_other("returns.index")

    def _refused(self, refusal: WorkbenchError, **written: str) -> ResponseReturnValue:
        if isinstance(refusal, NotFound) and "serial" not in refusal.values:
            raise refusal
        flash(said(refusal), "error")
        return self.see_other("returns.index", **written)
