"""Findings on screen: what did not agree with a packing list, seen by the vendor the moment a counter finds it, each
with what can be done about it.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.dispatch import settling, transit_queries
from workbench.dispatch.discrepancies import onward_waybill
from workbench.dispatch.models import Discrepancy
from workbench.dispatch.speaking import by_language, said
from workbench.dispatch.transit_queries import PAGE_SIZE
from workbench.dispatch.words import DISCREPANCY_NAMES, SETTLEMENT_NAMES, DiscrepancyKind
from workbench.documents.file_views import picture_answer
from workbench.kernel.arguments import row_id
from workbench.kernel.errors import NotAllowed, NotFound, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.organisation.queries import list_authorities
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import DeskView, needs


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their line in the menu."""
    admin.add_view(FindingsView(name=_("Differences"), endpoint="discrepancies", url="/desk/dispatch/differences"))
    menu.register(
        app,
        menu.MenuItem(
            _("Differences"),
            "discrepancies.index",
            Permission.CUSTODY_READ,
            count=transit_queries.count_open_findings,
            group=menu.Group.DISPATCH,
            icon="alert",
        ),
    )


class FindingsView(DeskView):
    """What differed, inside the reader's authority."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Those that nobody has settled, newest first; settled ones when asked for."""
        kind, authority = request.args.get("kind", ""), request.args.get("authority", "")
        settled = "settled" in request.args
        before = row_id(request.args.get("before"))
        found = transit_queries.list_findings(db(), kind, authority, settled=settled, before=before)
        beyond, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        stated = {"kind": kind, "authority": authority, "settled": "1" if settled else ""}
        kept: dict[str, Any] = {name: value for name, value in stated.items() if value}
        actor = current_actor()
        return str(
            self.render(
                "dispatch/findings.html",
                found=found,
                settled=settled,
                chips=_chips(kind, settled),
                kind=kind,
                authority=authority,
                authorities=list_authorities(db()) if actor.scope.everything else [],
                next_url=url_for("discrepancies.index", **kept, before=found[-1].found.id) if beyond else None,
                names=DISCREPANCY_NAMES,
                settlement_names=SETTLEMENT_NAMES,
                by_language=by_language,
                onward=lambda kept: onward_waybill(db(), kept),
                may_dispatch=permits(actor, Permission.KEY_DISPATCH),
                may_receive=permits(actor, Permission.KEY_RECEIVE),
            )
        )

    @expose("/<int:discrepancy_id>/photo")
    def photo(self, discrepancy_id: int) -> ResponseReturnValue:
        """The picture of a damaged key, as it was drawn in the sandbox."""
        found = _get(discrepancy_id)
        if found.photo_sha256 is None:
            raise NotFound(N_("There is no photo."))
        return picture_answer(found.photo_sha256, "image/jpeg")

    @expose("/<int:discrepancy_id>/make-anew", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def make_anew(self, discrepancy_id: int) -> ResponseReturnValue:
        """A damaged key is set aside and made anew."""
        remark = request.form.get("remark", "")
        return self._do(
            lambda: settling.make_anew(db(), current_actor(), discrepancy_id, remark),
            gettext("The certificate has ended; the key is made anew and the enterprise is told."),
        )

    @expose("/<int:discrepancy_id>/use", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def use(self, discrepancy_id: int) -> ResponseReturnValue:
        """A key that was called damaged can be handed over after all."""
        remark = request.form.get("remark", "")
        return self._do(
            lambda: settling.use_all_the_same(db(), current_actor(), discrepancy_id, remark), gettext("Written down.")
        )

    @expose("/<int:discrepancy_id>/explain", methods=["POST"])
    def explain(self, discrepancy_id: int) -> ResponseReturnValue:
        """What was done about a thing that is none of our keys."""
        words = request.form.get("remark", "")
        return self._do(
            lambda: settling.settle_in_words(db(), current_actor(), discrepancy_id, words), gettext("Written down.")
        )

    @expose("/<int:discrepancy_id>/found-again", methods=["POST"])
    @needs(Permission.KEY_DISPATCH)
    def find_again(self, discrepancy_id: int) -> ResponseReturnValue:
        """A key that was declared lost lay in a parcel: it is set aside to be destroyed."""
        found, remark = _get(discrepancy_id), request.form.get("remark", "")

        def act() -> None:
            settling.find_again(db(), current_actor(), found.serial, remark)
            settling.settle_in_words(db(), current_actor(), discrepancy_id, remark)

        return self._do(act, gettext("The key is set aside; two people can have it destroyed."))

    def _do(self, verb: Callable[[], object], done: str) -> ResponseReturnValue:
        try:
            with db().begin_nested():
                verb()
            flash(done, "success")
        except WorkbenchError as refusal:
            if isinstance(refusal, NotFound | NotAllowed):
                raise
            flash(said(refusal), "error")
        return self.see_other("discrepancies.index")


def _get(discrepancy_id: int) -> Discrepancy:
    found = db().get(Discrepancy, discrepancy_id)
    if found is None or not current_actor().scope.covers(found.authority_id):
        raise NotFound(N_("There is no such finding."))
    return found


def _chips(kind: str, settled: bool) -> list[dict[str, Any]]:
    counts = transit_queries.count_findings(db())
    chips: list[dict[str, Any]] = [
        {
            "label": gettext("All open"),
            "url": url_for("discrepancies.index"),
            "current": not kind and not settled,
            "count": sum(counts.values()),
        }
    ]
    for each in DiscrepancyKind:
        chips.append(
            {
                "label": gettext(DISCREPANCY_NAMES[each]),
                "url": url_for("discrepancies.index", kind=each.value),
                "current": kind == each and not settled,
                "count": counts.get(each, 0),
            }
        )
    settled_url = url_for("discrepancies.index", settled="1")
    chips.append({"label": gettext("Settled"), "url": settled_url, "current": settled, "count": None})
    return chips
