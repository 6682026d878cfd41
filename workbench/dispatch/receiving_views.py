"""The authority's door on screen: scan a label, open the parcel, scan its keys one by one. What differs stands on top
by serial and name until it has been settled. Made for a scanner; every form posts without scripts too.
"""

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, flash, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from workbench.cases.calendar import local_day
from workbench.cases.deadlines import load_calendar
from workbench.dispatch import receiving, receiving_papers, receiving_queries, settling
from workbench.dispatch.carriers import list_carriers
from workbench.dispatch.consignment_views import pdf
from workbench.dispatch.consignments import get_consignment
from workbench.dispatch.discrepancies import onward_waybill
from workbench.dispatch.models import Carrier, Consignment
from workbench.dispatch.receiving import Seen
from workbench.dispatch.receiving_queries import Sheet
from workbench.dispatch.speaking import authority_name, by_language, said
from workbench.dispatch.words import (
    DISCREPANCY_NAMES,
    FINDING_NAMES,
    OUTCOME_NAMES,
    SETTLEMENT_NAMES,
    STATE_NAMES,
    ConsignmentState,
    Finding,
)
from workbench.documents import limits
from workbench.documents.rendering import renderer
from workbench.documents.slots import problem_words
from workbench.documents.uploads import IncomingFile, UploadRefused, examine
from workbench.kernel.clock import now
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.permissions import Permission
from workbench.organisation.models import Authority
from workbench.shell import failures, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView
from workbench.shell.http import accepts

PHOTO_SLOT: Final = "damage"
"""What a photograph of a damaged key is called where files are examined."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screens and their line in the menu."""
    admin.add_view(ReceivingView(name=_("Receipt"), endpoint="receiving", url="/desk/dispatch/receiving"))
    menu.register(
        app,
        menu.MenuItem(
            _("Receipt"),
            "receiving.index",
            Permission.KEY_RECEIVE,
            count=receiving_queries.count_coming,
            group=menu.Group.COUNTER,
            icon="inbox",
        ),
    )


class ReceivingView(DeskView):
    """From the courier's hands into the authority's."""

    permission = Permission.KEY_RECEIVE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What is on the counter, what has arrived, what is under way; the field for a label."""
        states = (*reversed(receiving_queries.COMING), ConsignmentState.CLOSED)
        found = {state: receiving_queries.list_parcels(db(), state) for state in states}
        calendar, today = load_calendar(db()), local_day(now())
        late = {
            row.consignment.id: receiving_queries.days_late(calendar, row.consignment.due_on, today)
            for row in found[ConsignmentState.IN_TRANSIT]
        }
        return str(
            self.render(
                "dispatch/receiving_home.html",
                found=found,
                late=late,
                coming=sum(len(found[state]) for state in receiving_queries.COMING),
                state_names=STATE_NAMES,
                by_language=by_language,
            )
        )

    @expose("/find", methods=["POST"])
    def find(self) -> ResponseReturnValue:
        """The label's number is scanned: the parcel is here."""
        scanned = request.form.get("number", "")
        try:
            with db().begin_nested():
                consignment = receiving.find_parcel(db(), current_actor(), scanned)
                receiving.arrive(db(), current_actor(), consignment.id)
        except WorkbenchError as refusal:
            flash(said(refusal), "error")
            return self.see_other("receiving.index")
        return self.see_other("receiving.parcel", consignment_id=consignment.id)

    @expose("/<int:consignment_id>")
    def parcel(self, consignment_id: int) -> ResponseReturnValue:
        """One parcel: what should be in it, the scanner's field, what was scanned; what differs on top."""
        consignment = self._get(consignment_id)
        sheet = receiving_queries.load_sheet(db(), consignment)
        carrier = db().get(Carrier, consignment.carrier_code)
        return str(
            self.render(
                "dispatch/receiving.html",
                **_words(),
                **self._differing(consignment, sheet),
                authority=authority_name(db().get_one(Authority, consignment.authority_id)),
                carrier=by_language(carrier.name_zh, carrier.name_en) if carrier else "",
                state=ConsignmentState(consignment.state),
                receipt=receiving.find_open_receipt(db(), consignment.id),
                openings=receiving_queries.list_openings(db(), consignment.id),
                unconfirmed=self._question(sheet),
            )
        )

    @expose("/<int:consignment_id>/open", methods=["POST"])
    def open(self, consignment_id: int) -> ResponseReturnValue:
        """Open it, go on with it, or open it again."""
        try:
            with db().begin_nested():
                receiving.open_parcel(db(), current_actor(), consignment_id)
        except WorkbenchError as refusal:
            return self._refused(refusal.status, said(refusal), consignment_id)
        return self.see_other("receiving.parcel", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/scan", methods=["POST"])
    @accepts(limits.MAX_FILE_BYTES + limits.MIB)
    def scan(self, consignment_id: int) -> ResponseReturnValue:
        """Take a key out: right, or named for what it is."""
        damaged = request.form.get("damaged") == "yes"
        try:
            with db().begin_nested():
                seen = receiving.scan_key(
                    db(),
                    current_actor(),
                    consignment_id,
                    request.form.get("serial", ""),
                    damaged=damaged,
                    remark=request.form.get("remark", ""),
                    photo_sha256=self._photo() if damaged else None,
                )
        except UploadRefused as refused:
            return self._refused(422, " ".join(problem_words(each) for each in refused.problems), consignment_id)
        except WorkbenchError as refusal:
            return self._refused(refusal.status, said(refusal), consignment_id)
        done, everything = receiving_queries.count_done(db(), consignment_id)
        tone, word, detail = _answer(seen, done == everything)
        if not failures.wants_json():
            flash(f"{detail} · {word}", {"ok": "success", "done": "success", "repeat": "info"}.get(tone, "error"))
            return self.see_other("receiving.parcel", consignment_id=consignment_id)
        return jsonify(self._told(consignment_id, seen, tone=tone, word=word, detail=detail))

    @expose("/<int:consignment_id>/close", methods=["POST"])
    def close(self, consignment_id: int) -> ResponseReturnValue:
        """Pause, or say that everything has been taken out: what did not come is missing from then on."""
        complete = request.form.get("complete") == "yes"
        try:
            with db().begin_nested():
                missing = receiving.close_parcel(db(), current_actor(), consignment_id, complete=complete)
        except WorkbenchError as refusal:
            return self._refused(refusal.status, said(refusal), consignment_id)
        if missing:
            words = ngettext(
                "%(num)d key is missing; the vendor sees it now.",
                "%(num)d keys are missing; the vendor sees them now.",
                len(missing),
            )
            flash(words, "warning")
        else:
            flash(
                gettext("Everything has come.") if complete else gettext("Paused: go on whenever you like."), "success"
            )
        return self.see_other("receiving.parcel", consignment_id=consignment_id)

    @expose("/<int:consignment_id>/findings/<int:discrepancy_id>/send-on", methods=["POST"])
    def send_on(self, consignment_id: int, discrepancy_id: int) -> ResponseReturnValue:
        """Another authority's key goes on to it, under a waybill of its own."""
        carrier, waybill = request.form.get("carrier", ""), request.form.get("waybill", "")
        return self._settle(
            consignment_id,
            lambda: settling.send_on(db(), current_actor(), discrepancy_id, carrier, waybill),
            gettext("Sent on. Print the address label and give the key to the courier."),
        )

    @expose("/<int:consignment_id>/findings/<int:discrepancy_id>/keep", methods=["POST"])
    def keep(self, consignment_id: int, discrepancy_id: int) -> ResponseReturnValue:
        """A key of this authority that stood on no list stays here."""
        return self._settle(
            consignment_id,
            lambda: settling.keep_extra(db(), current_actor(), discrepancy_id),
            gettext("Kept: the key goes the way of the others."),
        )

    @expose("/<int:consignment_id>/findings/<int:discrepancy_id>/explain", methods=["POST"])
    def explain(self, consignment_id: int, discrepancy_id: int) -> ResponseReturnValue:
        """What was done about a thing that is none of our keys."""
        words = request.form.get("words", "")
        return self._settle(
            consignment_id,
            lambda: settling.settle_in_words(db(), current_actor(), discrepancy_id, words),
            gettext("Written down."),
        )

    @expose("/<int:consignment_id>/findings/<int:discrepancy_id>/label.pdf")
    def label(self, consignment_id: int, discrepancy_id: int) -> ResponseReturnValue:
        """The address label of a key that was sent on."""
        content = receiving_papers.onward_label(db(), current_actor(), discrepancy_id)
        return pdf(content, f"onward-{consignment_id}-{discrepancy_id}")

    @expose("/<int:consignment_id>/note.pdf")
    def note(self, consignment_id: int) -> ResponseReturnValue:
        """The goods-received note of the parcel, or of one opening of it."""
        opening = request.args.get("opening", type=int)
        content = receiving_papers.goods_received(db(), current_actor(), consignment_id, opening)
        return pdf(content, f"goods-received-{consignment_id}" + (f"-{opening}" if opening else ""))

    def _get(self, consignment_id: int) -> Consignment:
        return receiving.get_inward(db(), current_actor(), consignment_id)

    def _photo(self) -> str | None:
        """The picture of a photograph that was sent along, drawn in the sandbox; none when none was."""
        sent = request.files.get("photo")
        if sent is None or not sent.filename:
            return None
        untrusted = IncomingFile(PHOTO_SLOT, sent.filename, sent.stream.read())
        return examine(parts().blobs, renderer(), untrusted, shows_identity=False).image_sha256

    def _settle(self, consignment_id: int, verb: Callable[[], object], done: str) -> ResponseReturnValue:
        """Settle a difference; the script stays on the page, so that no scan meets one that is on its way."""
        try:
            with db().begin_nested():
                verb()
        except WorkbenchError as refusal:
            return self._refused(refusal.status, said(refusal), consignment_id)
        if failures.wants_json():
            return jsonify(
                tone="ok", word=gettext("Settled"), detail=done, differences=self._differences(consignment_id)
            )
        flash(done, "success")
        return self.see_other("receiving.parcel", consignment_id=consignment_id)

    def _refused(self, status: int, words: str, consignment_id: int) -> ResponseReturnValue:
        """A refusal where the clerk looks: as a problem for the script, on top of the same page without one."""
        if failures.wants_json():
            return failures.answer(status, words)
        self._get(consignment_id)
        flash(words, "error")
        return self.see_other("receiving.parcel", consignment_id=consignment_id)

    def _told(self, consignment_id: int, seen: Seen, **answer: Any) -> dict[str, Any]:
        """What the script shows: the answer, the counts, and the differences when there is a new one."""
        done, everything = receiving_queries.count_done(db(), consignment_id)
        told = {
            **answer,
            "serial": seen.serial,
            "enterprise": seen.enterprise or "",
            "finding": gettext(FINDING_NAMES[seen.finding]),
            "right": seen.finding is Finding.RIGHT,
            "repeated": seen.repeated,
            "done": done,
            "all": everything,
        }
        if seen.finding is not Finding.RIGHT and not seen.repeated:
            told["differences"] = self._differences(consignment_id)
        return told

    def _differences(self, consignment_id: int) -> str:
        """The part of the page that names what differs."""
        consignment = get_consignment(db(), current_actor(), consignment_id)
        sheet = receiving_queries.load_sheet(db(), consignment)
        return render_template("dispatch/receiving_differences.html", **_words(), **self._differing(consignment, sheet))

    @staticmethod
    def _differing(consignment: Consignment, sheet: Sheet) -> dict[str, Any]:
        return {
            "consignment": consignment,
            "sheet": sheet,
            "carriers": list_carriers(db()),
            "onward": lambda kept: onward_waybill(db(), kept),
        }

    @staticmethod
    def _question(sheet: Sheet) -> str:
        """What is asked before a parcel is called complete; nothing when nothing is missing."""
        missing = sheet.missing
        if not missing:
            return ""
        question: str = ngettext(
            "%(num)d key has not been scanned. Is everything out of the boxes? It then counts as missing.",
            "%(num)d keys have not been scanned. Is everything out of the boxes? They then count as missing.",
            len(missing),
        )
        return question


def _words() -> dict[str, Any]:
    return {
        "discrepancy_names": DISCREPANCY_NAMES,
        "finding_names": FINDING_NAMES,
        "outcome_names": OUTCOME_NAMES,
        "settlement_names": SETTLEMENT_NAMES,
        "state_names": STATE_NAMES,
        "by_language": by_language,
    }


def _answer(seen: Seen, complete: bool) -> tuple[str, str, str]:
    """Tone, word and detail of a scan."""
    detail = " · ".join(part for part in (seen.serial, seen.enterprise) if part)
    name = gettext(FINDING_NAMES[seen.finding])
    if seen.belongs_to_id is not None:
        belongs = authority_name(db().get_one(Authority, seen.belongs_to_id))
        detail = gettext("%(serial)s belongs to %(authority)s: send it on.", serial=seen.serial, authority=belongs)
    if seen.why is not None:
        detail = gettext(seen.why, serial=seen.serial)
    if seen.repeated:
        return "repeat", gettext("Scanned before") if seen.finding is Finding.RIGHT else name, detail
    if seen.finding is not Finding.RIGHT:
        return "refused", name, detail
    return ("done", gettext("All here"), detail) if complete else ("ok", name, detail)
