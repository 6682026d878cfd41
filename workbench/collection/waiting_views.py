"""Keys that wait for their enterprise, and what two people do with those that nobody collects."""

from collections.abc import Callable

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.collection import queries
from workbench.collection.disposing import propose_disposal, sign_disposal, withdraw_disposal
from workbench.collection.list_parts import after, carry_out, frame, narrowed
from workbench.collection.telling import MOST_REMINDERS
from workbench.collection.words import DISPOSAL_NAMES, Disposal
from workbench.kernel.errors import Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.organisation.models import Staff
from workbench.shell import menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView, needs


def register(app: Flask, admin: Admin) -> None:
    """Add the list and its line in the menu."""
    admin.add_view(WaitingView(name=_("Waiting keys"), endpoint="waiting_keys", url="/desk/collection/waiting"))
    menu.register(
        app,
        menu.MenuItem(
            _("Waiting keys"),
            "waiting_keys.index",
            Permission.CUSTODY_READ,
            count=_count,
            group=menu.Group.COUNTER,
            icon="clock",
        ),
    )


def _count(session: Session, actor: Actor) -> int:
    return queries.count_waiting(session)


def names_of(ids: set[int]) -> dict[int, str]:
    """People by id."""
    return {number: name for number, name in db().execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))}


class WaitingView(DeskView):
    """Who has been told and has not come."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Those that wait longest first, narrowed by what stands in the address."""
        wanted, days = narrowed(), parts().settings.uncollected_days
        page = queries.waiting(db(), wanted, after(), days)
        shows = {
            "": (N_("All"), queries.count_waiting(db())),
            "uncollected": (N_("Uncollected"), queries.count_waiting(db(), "uncollected", days)),
            "proposed": (N_("To be signed"), queries.count_waiting(db(), "proposed")),
        }
        actor = current_actor()
        return str(
            self.render(
                "collection/waiting.html",
                **frame("waiting_keys.index", page, wanted, shows),
                names=names_of({row.pickup.proposed_by_id for row in page.rows if row.pickup.proposed_by_id}),
                uncollected_days=days,
                most_reminders=MOST_REMINDERS,
                disposal_names=DISPOSAL_NAMES,
                me=actor.id,
                may_dispose=permits(actor, Permission.KEY_DISPOSE),
                may_collect=permits(actor, Permission.KEY_COLLECT),
            )
        )

    @expose("/<int:pickup_id>/propose", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def propose(self, pickup_id: int) -> ResponseReturnValue:
        """Propose to destroy or to return an uncollected key."""
        try:
            disposal = Disposal(request.form.get("disposal", ""))
        except ValueError as error:
            raise Invalid(N_("Choose what is done with the key.")) from error
        remark, days = request.form.get("remark", ""), parts().settings.uncollected_days
        return self._act(
            lambda: propose_disposal(db(), current_actor(), pickup_id, disposal, remark, uncollected_days=days),
            N_("Proposed. A second person has to sign."),
        )

    @expose("/<int:pickup_id>/sign", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def sign(self, pickup_id: int) -> ResponseReturnValue:
        """Sign what another person proposed."""
        return self._act(
            lambda: sign_disposal(db(), current_actor(), pickup_id),
            N_("Signed: the key is withdrawn, the case is closed."),
        )

    @expose("/<int:pickup_id>/withdraw", methods=["POST"])
    @needs(Permission.KEY_DISPOSE)
    def withdraw(self, pickup_id: int) -> ResponseReturnValue:
        """Take a proposal back."""
        return self._act(
            lambda: withdraw_disposal(db(), current_actor(), pickup_id), N_("Taken back: the key goes on waiting.")
        )

    def _act(self, verb: Callable[[], object], done: str) -> ResponseReturnValue:
        carry_out(verb, done)
        return self.see_other("waiting_keys.index", show=narrowed().show or None)
