"""The counter on one screen: find, compare, stamp, collector, scan and sign. Every form posts without scripts too; with
them, what was captured survives a line that drops and is sent once.
"""

from typing import Any, Final
from uuid import uuid4

from flask import Flask, Response, flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.claims import barred
from workbench.cases.models import Application
from workbench.cases.service import get_case
from workbench.cases.words import SERVICE_NAMES, STATE_NAMES, Desk, Service, State
from workbench.collection import hand_over_forms, queries
from workbench.collection.collectors import get_hand_over, reveal_delegate
from workbench.collection.finding import Found, find, normalise
from workbench.collection.handing import Attended, attend
from workbench.collection.models import StampingAttempt
from workbench.collection.originals import originals_of
from workbench.collection.pickups import find_pickup, token_at_authority
from workbench.collection.receipts import receipt_of
from workbench.collection.speaking import by_language, said
from workbench.collection.terms import current_terms
from workbench.collection.words import COLLECTOR_NAMES, STAMPING_NAMES, CollectorKind, Stamping
from workbench.documents.file_views import picture_answer
from workbench.documents.service import current_submission
from workbench.kernel import audit
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.keys.models import Token
from workbench.organisation.models import PickupSite, Staff
from workbench.shell import failures, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.edge import records_access
from workbench.shell.gate import DeskView, needs
from workbench.shell.http import accepts

_PICTURES: Final = {"signature": "image/png", "slip": "image/jpeg", "letter": "image/jpeg"}


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(HandOverView(name=_("Counter hand-over"), endpoint="hand_over", url="/desk/collection"))
    menu.register(
        app,
        menu.MenuItem(
            _("Counter hand-over"),
            "hand_over.index",
            Permission.KEY_COLLECT,
            count=_count_waiting,
            group=menu.Group.COUNTER,
            icon="key",
        ),
    )


def _count_waiting(session: Session, actor: Actor) -> int:
    return queries.count_waiting(session)


class HandOverView(DeskView):
    """From whoever stands at the counter to the signed receipt."""

    permission = Permission.KEY_COLLECT

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The field to find by; what names one waiting key opens it at once."""
        typed = normalise(request.args.get("q", ""))
        found = find(db(), typed)
        if len(found) == 1 and found[0].waits:
            return self.see_other("hand_over.show", application_id=found[0].application.id)
        return str(
            self.render(
                "collection/find.html", typed=typed, found=found, where=_where, state_names=STATE_NAMES, staff=_staff()
            )
        )

    @expose("/<int:application_id>")
    def show(self, application_id: int) -> ResponseReturnValue:
        """The five steps of one case; what was handed over shows its receipt instead."""
        application = get_case(db(), current_actor(), application_id)
        if application.state == State.COLLECTED:
            return self.see_other("hand_over.done", application_id=application_id)
        pickup = find_pickup(db(), application.id)
        if application.state != State.AWAITING_COLLECTION or pickup is None:
            flash(_where(Found(application, pickup)), "warning")
            return self.see_other("hand_over.index", q=application.number)
        return str(self.render("collection/hand_over.html", pickup=pickup, staff=_staff(), **_case(application)))

    @expose("/<int:application_id>/attend", methods=["POST"])
    @accepts(hand_over_forms.BODY_BYTES)
    def attend(self, application_id: int) -> ResponseReturnValue:
        """Take the finished attempt; sent again, it is answered as the first time."""
        try:
            with db().begin_nested():
                done = self._attend(application_id)
        except WorkbenchError as refusal:
            if failures.wants_json():
                # By this word the browser tells a refusal of what was captured from a page that was open too long.
                return failures.answer(refusal.status, said(refusal), {"refused": True})
            get_case(db(), current_actor(), application_id)
            flash(said(refusal), "error")
            return self.see_other("hand_over.show", application_id=application_id)
        word = gettext(STAMPING_NAMES[Stamping(done.attempt.outcome)])
        goes = "hand_over.done" if done.hand_over is not None else "hand_over.refused"
        if failures.wants_json():
            where = url_for(goes, application_id=application_id)
            return jsonify(outcome=done.attempt.outcome, word=word, repeated=done.repeated, url=where)
        return self.see_other(goes, application_id=application_id)

    def _attend(self, application_id: int) -> Attended:
        comparison = hand_over_forms.read_comparison(request.form)
        giving = None
        if comparison.stamping is Stamping.PASSED:
            giving = hand_over_forms.read_giving(parts().blobs, request.form, request.files)
        return attend(db(), parts().secrets, current_actor(), application_id, comparison, giving)

    @expose("/<int:application_id>/done")
    def done(self, application_id: int) -> ResponseReturnValue:
        """The key is in its enterprise's hands: receipt, signature, what comes next."""
        return self._done(application_id)

    @expose("/<int:application_id>/refused")
    def refused(self, application_id: int) -> ResponseReturnValue:
        """The key stays: what was refused, and that the enterprise has been told."""
        application = get_case(db(), current_actor(), application_id)
        attempts = _attempts(application.id)
        if not attempts or attempts[0][0].outcome != Stamping.REFUSED:
            return self.see_other("hand_over.show", application_id=application_id)
        return str(
            self.render(
                "collection/refused.html",
                application=application,
                attempt=attempts[0][0],
                names=_names(application),
                staff=_staff(),
            )
        )

    @expose("/<int:application_id>/receipt.pdf")
    def receipt(self, application_id: int) -> ResponseReturnValue:
        """The receipt, to be printed; the same whenever it is asked for."""
        content = receipt_of(db(), parts().blobs, current_actor(), application_id)
        answer = Response(content, mimetype="application/pdf")
        number = get_case(db(), current_actor(), application_id).number
        answer.headers["Content-Disposition"] = f'inline; filename="{number}-receipt.pdf"'
        return answer

    @expose("/<int:application_id>/pictures/<part>")
    @records_access
    def picture(self, application_id: int, part: str) -> ResponseReturnValue:
        """Signature, slip or letter of a hand-over. Looking at it is recorded before its pixels leave."""
        hand_over = get_hand_over(db(), current_actor(), application_id)
        digest = getattr(hand_over, f"{part}_sha256") if part in _PICTURES else None
        if digest is None:
            raise NotFound(N_("There is no such picture."))
        audit.record(
            db(),
            "hand_over.picture_viewed",
            current_actor(),
            subject=f"hand_over:{hand_over.id}",
            case_id=hand_over.application_id,
            authority_id=hand_over.authority_id,
            after={"kind": part},
        )
        return picture_answer(digest, _PICTURES[part])

    @expose("/<int:application_id>/reveal", methods=["POST"])
    @needs(Permission.IDENTITY_REVEAL)
    def reveal(self, application_id: int) -> ResponseReturnValue:
        """The delegate's identity number in clear, on this page only; the reason is recorded."""
        reason = request.form.get("reason", "")
        number = reveal_delegate(db(), parts().secrets, current_actor(), application_id, reason)
        return self._done(application_id, revealed=number)

    def _done(self, application_id: int, revealed: str = "") -> ResponseReturnValue:
        application = get_case(db(), current_actor(), application_id)
        hand_over = get_hand_over(db(), current_actor(), application_id)
        old = db().get(Token, hand_over.surrendered_token_id) if hand_over.surrendered_token_id else None
        return str(
            self.render(
                "collection/done.html",
                application=application,
                hand_over=hand_over,
                serial=db().get_one(Token, hand_over.token_id).serial,
                surrendered=old.serial if old is not None else "",
                collector=gettext(COLLECTOR_NAMES[CollectorKind(hand_over.collector)]),
                by=db().get_one(Staff, hand_over.staff_id).name,
                may_reveal=permits(current_actor(), Permission.IDENTITY_REVEAL),
                revealed=revealed,
                staff=_staff(),
            )
        )


def _staff() -> int:
    """Whose captures a browser may send."""
    return current_actor().id or 0


def _case(application: Application) -> dict[str, Any]:
    """Everything the five steps show."""
    holder = current_submission(db(), application).holder
    site = db().get(PickupSite, application.pickup_site_id) if application.pickup_site_id is not None else None
    terms = current_terms(db())
    return {
        "application": application,
        "holder": holder,
        "site": site,
        "originals": originals_of(db(), application),
        "serial": token_at_authority(db(), application).serial,
        "service": gettext(SERVICE_NAMES[Service(application.service)]),
        "gives_back": application.service == Service.REPLACEMENT,
        "terms": terms,
        "terms_text": by_language(terms.text_zh, terms.text_en),
        "client_id": uuid4(),
        "barred": barred(db(), application.id, Desk.COUNTER, current_actor().id),
        "attempts": _attempts(application.id),
        "names": _names(application),
        "by_language": by_language,
    }


def _attempts(application_id: int) -> list[tuple[StampingAttempt, str]]:
    """Earlier attempts, newest first, with who made them."""
    rows = db().execute(
        select(StampingAttempt, Staff.name)
        .join(Staff, Staff.id == StampingAttempt.staff_id)
        .where(StampingAttempt.application_id == application_id)
        .order_by(StampingAttempt.id.desc())
    )
    return [(attempt, name) for attempt, name in rows]


def _names(application: Application) -> dict[str, str]:
    return {
        each.document.code: by_language(each.document.name_zh, each.document.name_en)
        for each in originals_of(db(), application)
    }


def _where(found: Found) -> str:
    """Why a key that was found cannot be handed over, and what to do."""
    application = found.application
    if application.state == State.AT_AUTHORITY:
        return str(gettext("The key is here, but the enterprise has not been told yet: tell it first."))
    if application.state == State.COLLECTED:
        return str(gettext("This key has been collected."))
    return str(gettext("Its key is not here: %(state)s.", state=gettext(STATE_NAMES[State(application.state)])))
