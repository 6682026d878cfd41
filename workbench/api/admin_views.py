"""The administrator's screens of the interface: registration sites, their keys, and what they were told."""

from datetime import UTC, date, datetime, time
from typing import Any, Final

from flask import flash, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext
from sqlalchemy import func, select
from wtforms.fields.choices import SelectChoice

from workbench.api import queries, service
from workbench.api.forms import KeyForm, SiteForm
from workbench.api.models import ApiKey
from workbench.api.tasks import MAX_ATTEMPTS
from workbench.api.words import DELIVERY_NAMES, SCOPE_NAMES, KeyScope
from workbench.cases.models import Applicant
from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.db import set_scope
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import EVERYWHERE
from workbench.kernel.permissions import Permission
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView

PAGE_SIZE: Final = 50


class SitesView(DeskView):
    """Registration sites that send applications through the interface."""

    permission = Permission.API_KEY_MANAGE

    @expose("/", methods=["GET", "POST"])
    def index(self) -> ResponseReturnValue:
        """The sites with how many keys of each are good, and the form for another one."""
        form = SiteForm(request.form if request.method == "POST" else None)
        refusal = ""
        if request.method == "POST" and form.validate():
            try:
                site = service.create_site(db(), current_actor(), form.name.data)
            except WorkbenchError as error:
                refusal = gettext(error.reason, **error.values)
            else:
                flash(gettext("Added: %(name)s. Now make its first key.", name=site.name), "success")
                return self.see_other("api_sites.site", site_id=site.id)
        page = str(self.render("api/sites.html", sites=_sites(), form=form, refusal=refusal))
        return (page, 400) if request.method == "POST" else page

    @expose("/<int:site_id>")
    def site(self, site_id: int) -> ResponseReturnValue:
        """One site: its keys, where it is told, what it was told."""
        return self._site(_get_site(site_id), _key_form(), "")

    @expose("/<int:site_id>/keys", methods=["POST"])
    def create_key(self, site_id: int) -> ResponseReturnValue:
        """Make a key and show it on the answer, once: it is kept nowhere, so no redirect can carry it."""
        site = _get_site(site_id)
        form = _key_form()
        if not form.validate():
            return self._site(site, form, ""), 400
        scopes = [KeyScope(each) for each in form.scopes.data]
        try:
            key, value = service.create_key(db(), current_actor(), site.id, scopes, _end_of(form.expires_on.data))
        except WorkbenchError as error:
            return self._site(site, form, gettext(error.reason, **error.values)), error.status
        page = self.render("api/key_once.html", site=site, key=key, value=value, scope_names=_scope_names())
        answer = make_response(page)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/<int:site_id>/keys/<int:key_id>/revoke", methods=["POST"])
    def revoke_key(self, site_id: int, key_id: int) -> ResponseReturnValue:
        """End a key at once."""
        key = service.revoke_key(db(), current_actor(), min(key_id, LARGEST_ID))
        flash(gettext("The key %(hint)s… is good no more.", hint=key.hint), "success")
        return self.see_other("api_sites.site", site_id=key.applicant_id)

    @expose("/<int:site_id>/webhook/remove", methods=["POST"])
    def remove_webhook(self, site_id: int) -> ResponseReturnValue:
        """Tell the site nothing more until it sets an address again."""
        site = _get_site(site_id)
        service.remove_webhook(db(), current_actor(), site.id)
        flash(gettext("%(name)s is told nothing more.", name=site.name), "success")
        return self.see_other("api_sites.site", site_id=site.id)

    @expose("/<int:site_id>/deliveries/<int:delivery_id>/again", methods=["POST"])
    def send_again(self, site_id: int, delivery_id: int) -> ResponseReturnValue:
        """Give a delivery that was given up another round of attempts."""
        site = _get_site(site_id)
        service.send_again(db(), current_actor(), min(delivery_id, LARGEST_ID))
        flash(gettext("The message is sent again."), "success")
        return self.see_other("api_sites.site", site_id=site.id)

    def _site(self, site: Applicant, form: KeyForm, refusal: str) -> str:
        found = queries.list_deliveries(db(), site.id, PAGE_SIZE + 1, request.args.get("below", type=_number))
        more = len(found) > PAGE_SIZE
        page: str = self.render(
            "api/site.html",
            site=site,
            keys=db.scalars(select(ApiKey).where(ApiKey.applicant_id == site.id).order_by(ApiKey.id.desc())).all(),
            webhook=service.find_webhook(db(), site.id),
            deliveries=found[:PAGE_SIZE],
            older=url_for("api_sites.site", site_id=site.id, below=found[PAGE_SIZE - 1][0].id) if more else None,
            form=form,
            refusal=refusal,
            now=now(),
            most_attempts=MAX_ATTEMPTS,
            scope_names=_scope_names(),
            delivery_names=DELIVERY_NAMES,
        )
        return page


def _sites() -> list[dict[str, Any]]:
    good = ApiKey.revoked_at.is_(None) & (ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now()))
    rows = db.execute(
        select(Applicant, func.count(ApiKey.id).filter(good), func.max(ApiKey.last_used_at))
        .outerjoin(ApiKey, ApiKey.applicant_id == Applicant.id)
        .where(Applicant.kind == "site")
        .group_by(Applicant.id)
        .order_by(Applicant.name)
    )
    return [{"site": site, "keys": keys, "last_used_at": used} for site, keys, used in rows]


def _get_site(site_id: int) -> Applicant:
    """The site, with what is fenced to it open to whoever keeps the sites."""
    set_scope(db(), EVERYWHERE)
    return service.get_site(db(), min(site_id, LARGEST_ID))


def _key_form() -> KeyForm:
    form = KeyForm(request.form if request.method == "POST" else None)
    form.scopes.choices = [SelectChoice(scope.value, gettext(SCOPE_NAMES[scope])) for scope in KeyScope]
    if request.method != "POST":
        form.scopes.data = [KeyScope.WRITE.value, KeyScope.READ.value]
    return form


def _scope_names() -> dict[str, str]:
    return {scope.value: SCOPE_NAMES[scope] for scope in KeyScope}


def _end_of(day: date | None) -> datetime | None:
    """The last second of a day in Asia/Shanghai."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=SHANGHAI).astimezone(UTC) if day is not None else None


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < LARGEST_ID:
        raise ValueError("not a number that was given out")
    return number
