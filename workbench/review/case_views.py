"""The case screen of the review desks: looking, marking, drafting, deciding. Rules live in the services."""

from collections.abc import Mapping
from typing import Any

from flask import Response, flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_babel import gettext

from workbench.cases import claims
from workbench.cases.service import get_case, reveal_identity
from workbench.cases.states import REVIEW_PERMISSIONS
from workbench.cases.words import Desk, Verdict
from workbench.documents.access import TURNERS
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.permissions import Permission, permits
from workbench.review import case_file, marking, presenting, queue, remarks, screen, service
from workbench.review.case_parts import CaseFile
from workbench.review.hand import Stale
from workbench.review.marks import MarkValue
from workbench.shell.context import current_actor, db, parts
from workbench.shell.failures import wants_json
from workbench.shell.gate import DeskView, needs

QUEUES = {
    Desk.PRE_CHECK: ("pre_check.index", Permission.PRE_CHECK_READ),
    Desk.RE_CHECK: ("re_check.index", Permission.RE_CHECK_READ),
}
NEXT = {Desk.PRE_CHECK: "pre_check.next", Desk.RE_CHECK: "re_check.next"}
MARKS_AT_ONCE = 100


class CaseView(DeskView):
    """One case, for deciding by whoever has it in hand and for reading by everybody else."""

    permission = Permission.CASE_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The list of cases is elsewhere."""
        return self.see_other("cases.index")

    @expose("/<int:case_id>")
    def show(self, case_id: int) -> ResponseReturnValue:
        """The screen."""
        return self._page(case_id)

    @expose("/<int:case_id>/claim", methods=["POST"])
    def claim(self, case_id: int) -> ResponseReturnValue:
        """Take the case in hand and open its review, with what carries over from the round before."""
        application = claims.claim(db(), current_actor(), case_id, minutes=parts().settings.claim_minutes)
        desk = claims.desk_of(application)
        assert desk is not None  # a claim is only given at a review desk
        service.open_review(db(), current_actor(), case_id, desk)
        return self.see_other("review_case.show", case_id=case_id)

    @expose("/<int:case_id>/release", methods=["POST"])
    def release(self, case_id: int) -> ResponseReturnValue:
        """Let go of the case and return to the queue."""
        application = claims.release(db(), current_actor(), case_id)
        flash(gettext("%(number)s is free again.", number=application.number), "success")
        return self.see_other(queue_of(claims.desk_of(application)))

    @expose("/<int:case_id>/keep", methods=["POST"])
    def keep(self, case_id: int) -> ResponseReturnValue:
        """Extend the claim, because somebody is at work."""
        until = claims.keep(db(), current_actor(), case_id, minutes=parts().settings.claim_minutes)
        return jsonify(until=until.isoformat())

    @expose("/<int:case_id>/marks", methods=["POST"])
    def marks(self, case_id: int) -> ResponseReturnValue:
        """Save marks as they are made; answers what now stands in the way of each verdict."""
        body = json_body()
        marks = body.get("marks")
        if not isinstance(marks, list) or not all(isinstance(each, dict) for each in marks[: MARKS_AT_ONCE + 1]):
            raise Invalid("The marks could not be understood.")
        if len(marks) > MARKS_AT_ONCE:
            raise Invalid("The marks could not be understood.")
        try:
            findings = [finding(each) for each in marks]
            marking.mark(db(), current_actor(), case_id, findings, seen_version=whole_number(body.get("version")))
        except Conflict as conflict:
            return stale_answer(conflict)
        return jsonify(screen.judgement(db(), self._load(case_id)))

    @expose("/<int:case_id>/draft", methods=["POST"])
    def draft(self, case_id: int) -> ResponseReturnValue:
        """Keep a remark that is still being written."""
        body = json_body()
        version = get_case(db(), current_actor(), case_id).version
        service.save_draft(db(), current_actor(), case_id, str(body.get("remark", "")), seen_version=version)
        return jsonify(kept=True)

    @expose("/<int:case_id>/decide", methods=["POST"])
    def decide(self, case_id: int) -> ResponseReturnValue:
        """Pass or fail, then the next case at once."""
        sent: Any = json_body() if request.is_json else request.form
        verdict = next((each for each in Verdict if each.value == sent.get("verdict")), None)
        if verdict is None:
            raise Invalid("Choose pass or fail.")
        remark, seen = str(sent.get("remark", "")), whole_number(sent.get("version"))
        try:
            if not request.is_json:
                self._marks_of_form(case_id, seen)
            service.decide(db(), current_actor(), case_id, verdict, remark, seen_version=seen)
        except service.NotYet as refusal:
            return self._not_yet(case_id, refusal, remark, seen)
        except Conflict as conflict:
            return stale_answer(conflict) if wants_json() else self._page(case_id, remark=remark, conflict=conflict)
        return self._onward(own_desk(), verdict)

    @expose("/<int:case_id>/identity", methods=["POST"])
    @needs(Permission.IDENTITY_REVEAL)
    def identity(self, case_id: int) -> ResponseReturnValue:
        """The identity number in clear, for a reason that is recorded."""
        reason = str(json_body().get("reason", ""))[:500]
        return jsonify(number=reveal_identity(db(), parts().secrets, case_id, current_actor(), reason))

    def _load(self, case_id: int) -> CaseFile:
        actor = current_actor()
        desk = claims.desk_of(get_case(db(), actor, case_id))
        return case_file.load(db(), actor, case_id, desk, presenting.locale_name())

    def _page(self, case_id: int, remark: str | None = None, conflict: Conflict | None = None) -> ResponseReturnValue:
        actor, loaded = current_actor(), self._load(case_id)
        mine = loaded.desk is not None and loaded.bar is None and loaded.claim is not None and loaded.claim.mine
        may_mark = mine and loaded.review_id is not None
        start = starting_place(loaded)
        may_turn = any(permits(actor, permission) for permission in TURNERS)
        judged = screen.judgement(db(), loaded)
        page = self.render(
            "review/case.html",
            file=loaded,
            case=loaded.application,
            may_mark=may_mark,
            may_claim=loaded.desk is not None and loaded.bar is None and not may_mark and (mine or not loaded.claim),
            may_release=loaded.claim is not None and (mine or permits(actor, Permission.CASE_REASSIGN)),
            may_reveal=permits(actor, Permission.IDENTITY_REVEAL),
            data=screen.script_data(
                loaded, judged, screen.earlier_pages(db(), loaded), start, may_mark=may_mark, may_turn=may_turn
            ),
            start=start,
            templates=[(each, remarks.templates(db(), loaded.desk, each)) for each in Verdict] if loaded.desk else [],
            counts=queue.counts(db(), actor, loaded.desk) if loaded.desk else None,
            queue_url=url_for(queue_of(loaded.desk)),
            next_url=url_for(NEXT[loaded.desk]) if loaded.desk and not loaded.bar else None,
            remark=loaded.draft_remark if remark is None else remark,
            happened=happened(conflict) if conflict is not None else None,
            names={document.code: document.name for document in loaded.documents},
            words=presenting,
        )
        return str(page), 200 if conflict is None else 409

    def _marks_of_form(self, case_id: int, seen: int) -> None:
        """Marks of a form sent without scripts: only those that differ from what is saved."""
        changed = []
        for document in self._load(case_id).documents:
            for item in document.items:
                value = request.form.get(f"mark-{item.id}")
                note = request.form.get(f"note-{item.id}", "").strip()
                saved = (item.mark.value.value, item.mark.note or "") if item.mark else (None, "")
                if value is not None and (value, note) != saved:
                    region = dict(item.mark.region) if item.mark and item.mark.region else None
                    changed.append(finding({"item": item.id, "value": value, "note": note, "region": region}))
        if changed:
            marking.mark(db(), current_actor(), case_id, changed, seen_version=seen)

    def _not_yet(self, case_id: int, refusal: service.NotYet, remark: str, seen: int) -> ResponseReturnValue:
        loaded = self._load(case_id)
        if wants_json():
            response = jsonify(detail=gettext(refusal.reason), status=400, blockers=screen.blockers(loaded))
            response.status_code = 400
            return response
        service.save_draft(db(), current_actor(), case_id, remark, seen_version=seen)
        for line in screen.blocker_lines(loaded, refusal.blockers):
            flash(line["text"], "error")
        return self.see_other("review_case.show", case_id=case_id)

    def _onward(self, desk: Desk, verdict: Verdict) -> ResponseReturnValue:
        """To a case this person already has in hand, else to the next one waiting, else to the queue."""
        actor = current_actor()
        said = str(presenting.VERDICT_WORDS[desk, verdict.value])
        following = claims.find_held(db(), actor, desk) or open_next(desk)
        if following is None:
            flash(gettext("%(verdict)s · nothing else is waiting", verdict=said), "success")
            target = url_for(queue_of(desk))
        else:
            flash(gettext("%(verdict)s · next case", verdict=said), "success")
            target = url_for("review_case.show", case_id=following)
        return jsonify(next=target) if wants_json() else (Response(status=303, headers={"Location": target}))


def open_next(desk: Desk) -> int | None:
    """Claim the most urgent case this person may decide and open its review; its id, or None when none is left."""
    found = claims.claim_next(db(), current_actor(), desk, minutes=parts().settings.claim_minutes)
    if found is None:
        return None
    service.open_review(db(), current_actor(), found.id, desk)
    return found.id


def json_body() -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        Invalid: there is none.
    """
    try:
        body = storable(request.get_json(silent=True))
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise Invalid("The request holds no JSON object.")
    return body


def storable(value: Any) -> Any:
    """A JSON value without what no text in the database can hold: NUL and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {key: storable(each) for key, each in value.items()}
    return [storable(each) for each in value] if isinstance(value, list) else value


def finding(sent: Mapping[str, Any]) -> marking.Finding:
    """One mark as a script or a form sends it."""
    region = sent.get("region")
    return marking.Finding(
        check_item_id=whole_number(sent.get("item")),
        value=next((each for each in MarkValue if each.value == sent.get("value")), None),
        note=str(sent.get("note") or ""),
        region=region if isinstance(region, dict) else None,
    )


def whole_number(value: Any) -> int:
    """A number as a script or a form sent it.

    Raises:
        NotFound: it is none, so there is nothing it could name.
    """
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotFound("There is no such case.") from error
    if not 0 <= number < 2**63:
        raise NotFound("There is no such case.")
    return number


def happened(conflict: Conflict) -> str:
    """What happened meanwhile, in words."""
    if not isinstance(conflict, Stale) or not conflict.events:
        return str(gettext(conflict.reason, **conflict.values))
    return str(gettext("; ")).join(
        f"{presenting.instant_word(each.at)} {each.actor_name} {presenting.event_word(each.event)}"
        for each in conflict.events
    )


def stale_answer(conflict: Conflict) -> Response:
    """409 with what happened meanwhile, for scripts."""
    reason = gettext(conflict.reason, **conflict.values)
    response = jsonify(status=409, detail=reason, happened=happened(conflict))
    response.status_code = 409
    return response


def queue_of(desk: Desk | None) -> str:
    """The endpoint of the list a case belongs to, or of all cases for whoever may not see that one."""
    endpoint, permission = QUEUES.get(desk, ("", None)) if desk is not None else ("", None)
    return endpoint if permission is not None and permits(current_actor(), permission) else "cases.index"


def own_desk() -> Desk:
    """The desk at which this person decides; roles of two desks belong to different employers, so there is one."""
    actor = current_actor()
    return next(desk for desk, permission in REVIEW_PERMISSIONS.items() if permits(actor, permission))


def starting_place(loaded: CaseFile) -> dict[str, int]:
    """Which document and page come first: those of the address, else the first document with something open."""
    codes = [document.code for document in loaded.documents]
    wanted = request.args.get("document")
    if wanted in codes:
        index = codes.index(wanted)
    else:
        unfinished = (
            place
            for place, document in enumerate(loaded.documents)
            if any(item.required and item.mark is None for item in document.items)
        )
        index = next(unfinished, 0) if loaded.desk else 0
    pages = sum(len(each.pages) for each in loaded.documents[index].attachments) if codes else 0
    page = request.args.get("page", default=1, type=int)
    return {"document": index, "page": max(0, min(page, pages) - 1)}
