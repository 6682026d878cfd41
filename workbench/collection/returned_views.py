"""Keys that were handed back or withdrawn: listed where they lie, destroyed by two people."""

from collections.abc import Callable

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.collection import queries
from workbench.collection.list_parts import after, carry_out, frame, narrowed
from workbench.collection.waiting_views import names_of
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.keys.destroying import propose_destruction, sign_destruction, withdraw_proposal
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView, needs


def register(app: Flask, admin: Admin) -> None:
    """Add the list and its line in the menu."""
    admin.add_view(ReturnedView(name=_("Keys handed back"), endpoint="returned_keys", url="/desk/collection/returned"))
    menu.register(
        app,
        menu.MenuItem(
            _("Keys handed back"),
            "returned_keys.index",
            Permission.CUSTODY_READ,
            count=_count,
            group=menu.Group.COUNTER,
            icon="trash",
        ),
    )


def _count(session: Session, actor: Actor) -> int:
    return queries.count_returned(session)


class ReturnedView(DeskView):
    """What came back and lies at an authority."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Oldest token first, narrowed by what stands in the address."""
        wanted, actor = narrowed(), current_actor()
        page = queries.returned(db(), wanted, after())
        shows: dict[str, tuple[str, int | None]] = {
            "": (N_("All"), queries.count_returned(db())),
            "proposed": (N_("To be signed"), None),
        }
        return str(
            self.render(
                "collection/returned.html",
                **frame("returned_keys.index", page, wanted, shows),
                names=names_of({row.proposal.proposed_by_id for row in page.rows if row.proposal is not None}),
                me=actor.id,
                may_dispose=permits(actor, Permission.KEY_DISPOSE),
            )
        )

    @expose("/propose", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def propose(self) -> ResponseReturnValue:
        """Propose to destroy a key; its serial number is scanned."""
        serial, remark = request.form.get("serial", ""), request.form.get("remark", "")
        return self._act(
            lambda: propose_destruction(db(), current_actor(), serial, remark),
            N_("Proposed. A second person has to sign."),
            typed=True,
        )

    @expose("/<int:destruction_id>/sign", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def sign(self, destruction_id: int) -> ResponseReturnValue:
        """Sign what another person proposed: the key is destroyed."""
        return self._act(
            lambda: sign_destruction(db(), current_actor(), destruction_id), N_("Signed: the key is destroyed.")
        )

    @expose("/<int:destruction_id>/withdraw", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def withdraw(self, destruction_id: int) -> ResponseReturnValue:
        """Take a proposal back."""
        return self._act(lambda: withdraw_proposal(db(), current_actor(), destruction_id), N_("Taken back."))

    def _act(self, verb: Callable[[], object], done: str, *, typed: bool = False) -> ResponseReturnValue:
        carry_out(verb, done, typed=typed)
        return self.see_other("returned_keys.index")
