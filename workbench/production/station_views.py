"""The administrator's screen of the benches: which there are, when each was last seen, its credential shown once."""

from flask import Flask, flash, make_response, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Form, StringField

from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.db import set_scope
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import EVERYWHERE
from workbench.kernel.permissions import Permission
from workbench.production import station_queries, stations
from workbench.production.models import BenchStation
from workbench.shell import menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.fields import NEEDED
from workbench.shell.gate import DeskView


class StationForm(Form):
    """A bench's name."""

    name = StringField(
        _("Name of the bench"), [NEEDED], render_kw={"autocomplete": "off", "maxlength": stations.MAX_NAME}
    )


class StationsView(DeskView):
    """Benches: machines with an agent on them that makes keys."""

    permission = Permission.STATION_MANAGE

    @expose("/", methods=["GET", "POST"])
    def index(self) -> ResponseReturnValue:
        """The benches, and the form for another one; what was made is shown on the answer, once."""
        set_scope(db(), EVERYWHERE)
        form = StationForm(request.form if request.method == "POST" else None)
        refusal = ""
        if request.method == "POST" and form.validate():
            try:
                return self._shown_once(*stations.create_station(db(), current_actor(), form.name.data))
            except WorkbenchError as error:
                refusal = gettext(error.reason, **error.values)
        found = station_queries.list_kept(db())
        page = str(self.render("production/stations.html", stations=found, form=form, refusal=refusal))
        return (page, 400) if request.method == "POST" else page

    @expose("/<int:station_id>/credential", methods=["POST"])
    def renew_credential(self, station_id: int) -> ResponseReturnValue:
        """Make another credential in the place of the one in use, and show it on the answer, once."""
        set_scope(db(), EVERYWHERE)
        return self._shown_once(*stations.renew_credential(db(), current_actor(), min(station_id, LARGEST_ID)))

    @expose("/<int:station_id>/revoke", methods=["POST"])
    def revoke(self, station_id: int) -> ResponseReturnValue:
        """End a bench at once."""
        set_scope(db(), EVERYWHERE)
        station = stations.revoke_station(db(), current_actor(), min(station_id, LARGEST_ID))
        flash(gettext("The bench %(name)s is good no more.", name=station.name), "success")
        return self.see_other("stations.index")

    def _shown_once(self, station: BenchStation, value: str) -> ResponseReturnValue:
        """The credential is kept nowhere, so no redirect can carry it."""
        where = parts().settings.site_url
        command = f"python -m workbench bench-agent --server {where} --credential-file station.credential"
        page = self.render("production/stations_once.html", station=station, value=value, command=command)
        answer = make_response(page)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def register(app: Flask, admin: Admin) -> None:
    """Add the administrator's screen."""
    admin.add_view(StationsView(name=_("Benches"), endpoint="stations", url="/desk/stations"))
    menu.register(
        app,
        menu.MenuItem(
            _("Benches"), "stations.index", Permission.STATION_MANAGE, group=menu.Group.ADMINISTRATION, icon="keyboard"
        ),
    )
