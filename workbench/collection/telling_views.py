"""Keys that have arrived and whose enterprises wait for word: all or some are told with one click; late ones red."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, flash, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from workbench.cases.calendar import last_day, working_days_left
from workbench.cases.calendar_text import due_reason
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.words import SERVICE_NAMES
from workbench.collection import queries
from workbench.collection.list_parts import after, frame, narrowed
from workbench.collection.speaking import said
from workbench.collection.telling import notify_many
from workbench.kernel.arguments import row_id
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.shell import home, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView, needs
from workbench.shell.i18n import language


def register(app: Flask, admin: Admin) -> None:
    """Add the list, its line in the menu, and the card of who stands at the counter."""
    admin.add_view(TellingView(name=_("To tell"), endpoint="telling", url="/desk/collection/telling"))
    menu.register(
        app,
        menu.MenuItem(
            _("To tell"),
            "telling.index",
            Permission.CUSTODY_READ,
            count=_count,
            group=menu.Group.COUNTER,
            icon="mail",
        ),
    )
    home.register(app, home.Card(_("Counter"), Permission.KEY_COLLECT, "collection/card.html", _card, order=10))


def _count(session: Session, actor: Actor) -> int:
    return queries.count_to_tell(session)


def _card(session: Session, actor: Actor) -> Mapping[str, Any]:
    days = parts().settings.uncollected_days
    return {
        "to_tell": queries.count_to_tell(session),
        "late": queries.count_to_tell(session, late=True),
        "waiting": queries.count_waiting(session),
        "uncollected": queries.count_waiting(session, "uncollected", days),
        "returned": queries.count_returned(session),
    }


class TellingView(DeskView):
    """Who has to be told."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Most urgent first, narrowed by what stands in the address."""
        wanted = narrowed()
        page = queries.to_tell(db(), wanted, after())
        shows = {
            "": (N_("All"), queries.count_to_tell(db())),
            "late": (N_("Overdue"), queries.count_to_tell(db(), late=True)),
        }
        calendar, at = load_calendar(db()), now()

        def left(case: Application) -> int | None:
            return working_days_left(at, case.due_at, calendar) if case.due_at else None

        def why(case: Application) -> str:
            locale = "en" if language() == "en" else "zh_Hans_CN"
            return due_reason(calendar, case.due_from, case.due_at, locale) if case.due_from and case.due_at else ""

        return str(
            self.render(
                "collection/telling.html",
                **frame("telling.index", page, wanted, shows),
                last_day=last_day,
                left=left,
                why=why,
                service_names=SERVICE_NAMES,
                may_tell=permits(current_actor(), Permission.KEY_RECEIVE),
            )
        )

    @expose("/notify", methods=["POST"])
    @needs(Permission.KEY_RECEIVE)
    def notify(self) -> ResponseReturnValue:
        """Tell the chosen enterprises; what cannot be told is named."""
        chosen = [case_id for value in request.form.getlist("case") if (case_id := row_id(value)) is not None]
        if not chosen:
            flash(gettext("Choose at least one case."), "error")
            return self.see_other("telling.index")
        told = notify_many(db(), current_actor(), chosen)
        if told.pickups:
            flash(ngettext("%(num)d enterprise told.", "%(num)d enterprises told.", len(told.pickups)), "success")
        for each in told.refused:
            flash(gettext("%(number)s: %(why)s", number=each.number, why=said(each.refusal)), "error")
        return self.see_other("telling.index")
