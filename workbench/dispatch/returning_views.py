"""Returns on screen: the counter packs what goes back by scan and gives it to the courier; the vendor takes each key in
by scan, and two people have it destroyed. Every form posts without scripts.
"""

from collections.abc import Callable

from flask import Flask, flash, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.dispatch import returning, returning_queries
from workbench.dispatch.carriers import list_carriers
from workbench.dispatch.speaking import by_language, said
from workbench.dispatch.words import STATE_NAMES
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.kernel.permissions import Permission, permits
from workbench.keys.destroying import propose_destruction, sign_destruction, withdraw_proposal
from workbench.keys.token_states import TOKEN_STATE_NAMES
from workbench.shell import menu
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
            count=returning_queries.count_under_way,
            group=menu.Group.DISPATCH,
            icon="rotate",
        ),
    )


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
                may_dispose=permits(actor, Permission.KEY_DISPOSE) and actor.scope.everything,
                packing=packing,
                packed=returning_queries.list_keys(db(), packing.id) if packing is not None else [],
                waiting=returning_queries.count_waiting(db()) if may_pack else 0,
                parcels=returning_queries.list_returns(db()),
                to_destroy=returning_queries.list_to_destroy(db()) if actor.scope.everything else [],
                me=actor.id,
                carriers=list_carriers(db()),
                state_names=STATE_NAMES,
                token_state_names=TOKEN_STATE_NAMES,
                by_language=by_language,
            )
        )

    @expose("/pack", methods=["POST"])
    @needs(Permission.KEY_RECEIVE)
    def pack(self) -> ResponseReturnValue:
        """Put the scanned key into the return that lies open, or into a new one."""

        def act() -> str:
            consignment = returning.open_return(db(), current_actor())
            found = returning.pack_return(db(), current_actor(), consignment.id, request.form.get("serial", ""))
            word = gettext("Scanned before") if found.repeated else gettext("Packed")
            return f"{found.serial} · {found.enterprise_name} · {word} · {found.count}"

        return self._do(act)

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

        return self._do(act)

    @expose("/take-in", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def take_in(self) -> ResponseReturnValue:
        """A key that came back is in the vendor's stock again."""

        def act() -> str:
            found = returning.take_in(db(), current_actor(), request.form.get("serial", ""))
            word = gettext("Scanned before") if found.repeated else gettext("Taken in")
            left = ngettext("%(num)d key to come", "%(num)d keys to come", found.count)
            return f"{found.serial} · {found.enterprise_name} · {word} · {left}"

        return self._do(act)

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

    def _do(self, verb: Callable[[], str]) -> ResponseReturnValue:
        try:
            with db().begin_nested():
                words = verb()
            flash(words, "success")
        except WorkbenchError as refusal:
            if isinstance(refusal, NotFound) and "serial" not in refusal.values:
                raise
            flash(said(refusal), "error")
        return self.see_other("returns.index")
