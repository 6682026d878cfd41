"""The maker's bench: scan, watch, print. Rules live in the verbs; what stands here is who asked, and the answer.

Every act is a form of its own and works without scripts; a script sends the same form and is told the new state.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

from flask import Flask, Response, flash, jsonify, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.documents.file_views import fenced
from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.keys.models import Seal, Token
from workbench.production import batches, bench_state, labels, making, pins
from workbench.production.bench_parts import Bench
from workbench.production.bench_screen import Said, pieces, tell
from workbench.production.models import BenchStation, Making
from workbench.production.revoking import EndsBecause
from workbench.production.stations import find_own_station, leave_station, take_station
from workbench.shell import logs, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.failures import wants_json
from workbench.shell.gate import DeskView
from workbench.shell.http import content_security_policy, csp_nonce

F = TypeVar("F", bound=Callable[..., ResponseReturnValue])
PRINTING: Final = "frame-src blob:"
"""The page prints what it has been sent through a frame, from memory."""
PDF_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(BenchView(name=_("Production bench"), endpoint="bench", url="/desk/production/bench"))
    line = menu.MenuItem(
        _("Bench"),
        "bench.index",
        Permission.KEY_PRODUCE,
        count=bench_state.count_waiting,
        group=menu.Group.PRODUCTION,
        icon="key",
    )
    menu.register(app, line)


def told_on_the_page(view: F) -> F:
    """Let a refusal come back to the bench's page as a message; a script is told it as JSON, as everywhere."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        try:
            return view(*args, **kwargs)
        except WorkbenchError as refusal:
            if wants_json() or refusal.status >= 500:
                raise
            db.rollback()
            flash(gettext(refusal.reason, **refusal.values), "error")
            return DeskView.see_other("bench.index")

    return answer  # type: ignore[return-value]  # same arguments, same answers


class BenchView(DeskView):
    """One screen, made for a scanner."""

    permission = Permission.KEY_PRODUCE

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The screen; without a bench, the choice of one."""
        bench = self._read(whole=True)
        values: dict[str, Any] = {"bench": bench, "data": self._script_data(bench)}
        if bench.station is not None:
            values["pieces"] = pieces(db(), bench)
        page = self.render("production/bench.html" if bench.station else "production/bench_choice.html", **values)
        response = make_response(page)
        response.headers["Content-Security-Policy"] = f"{content_security_policy(csp_nonce())}; {PRINTING}"
        return response

    @expose("/state")
    @logs.asked_every_second
    def state(self) -> ResponseReturnValue:
        """What has changed since the version `seen`; nothing (204) when nothing has."""
        told = tell(db(), self._read(), request.args.get("seen"))
        return ("", 204) if told is None else jsonify(told)

    @expose("/seals/<int:seal_id>.png")
    def seal(self, seal_id: int) -> ResponseReturnValue:
        """The impression of a case's seal, for comparing."""
        found = db().get(Seal, min(seal_id, LARGEST_ID))
        if found is None:
            raise NotFound(N_("There is no such seal."))
        return fenced(Response(parts().blobs.get(found.image_sha256), mimetype="image/png"))

    @expose("/take/<int:station_id>", methods=["POST"])
    @told_on_the_page
    def take(self, station_id: int) -> ResponseReturnValue:
        """Sit down at a bench."""
        take_station(db(), current_actor(), min(station_id, LARGEST_ID))
        return self.see_other(".index")

    @expose("/leave-station", methods=["POST"])
    @told_on_the_page
    def leave_station(self) -> ResponseReturnValue:
        """Get up from the bench."""
        leave_station(db(), current_actor())
        return self.see_other(".index")

    @expose("/scan", methods=["POST"])
    @told_on_the_page
    def scan(self) -> ResponseReturnValue:
        """A token's serial number: a blank one meets a case, one in work is taken up, a finished one is shown."""
        serial = request.form.get("serial", "").strip()
        before = making.find_open(db(), self._own().id)
        try:
            found = self._meet(serial)
        except (Conflict, NotAllowed, NotFound) as refusal:
            db.rollback()
            said = Said("refused", serial, gettext(refusal.reason, **refusal.values))
            return self._answer(said, shown=bench_state.find_finished(db(), serial))
        if before is not None and before.id == found.id:
            return self._answer(Said("repeat", serial, gettext("This token is in work already.")))
        return self._answer(Said("ok", serial, gettext("Allocated: the bench begins.")))

    @expose("/makings/<int:making_id>/retry", methods=["POST"])
    @told_on_the_page
    def retry(self, making_id: int) -> ResponseReturnValue:
        """Once more from where it stands."""
        found = making.retry(db(), current_actor(), min(making_id, LARGEST_ID))
        return self._answer(Said("ok", _serial_of(found), gettext("Tried again.")))

    @expose("/makings/<int:making_id>/leave", methods=["POST"])
    @told_on_the_page
    def leave(self, making_id: int) -> ResponseReturnValue:
        """Leave token and case together for later."""
        found = making.leave(db(), current_actor(), min(making_id, LARGEST_ID))
        return self._answer(Said("ok", _serial_of(found), gettext("Left for later: scan it again to go on.")))

    @expose("/makings/<int:making_id>/put-back", methods=["POST"])
    @told_on_the_page
    def put_back(self, making_id: int) -> ResponseReturnValue:
        """Part token and case."""
        found = making.put_back(db(), current_actor(), min(making_id, LARGEST_ID))
        return self._answer(Said("ok", _serial_of(found), gettext("Put back into stock; the case waits.")))

    @expose("/makings/<int:making_id>/spoil", methods=["POST"])
    @told_on_the_page
    def spoil(self, making_id: int) -> ResponseReturnValue:
        """Set the token aside."""
        remark = request.form.get("remark", "")
        found = making.spoil(db(), parts(), current_actor(), min(making_id, LARGEST_ID), remark)
        return self._answer(
            Said("ok", _serial_of(found), gettext("Set aside as spoiled; the case waits for another token."))
        )

    @expose("/batches", methods=["POST"])
    @told_on_the_page
    def start_batch(self) -> ResponseReturnValue:
        """Make many keys in a row from the blank tokens that are plugged in."""
        wanted = request.form.get("wanted", default=0, type=int)
        batch = batches.start_batch(db(), current_actor(), self._own().id, wanted)
        return self._answer(Said("ok", gettext("Batch of %(count)s begun", count=batch.wanted)))

    @expose("/batches/<int:batch_id>/stop", methods=["POST"])
    @told_on_the_page
    def stop_batch(self, batch_id: int) -> ResponseReturnValue:
        """Begin no further key of the batch."""
        batches.stop_batch(db(), current_actor(), min(batch_id, LARGEST_ID))
        return self._answer(Said("ok", gettext("Batch stopped"), gettext("The key in work is finished.")))

    @expose("/labels", methods=["POST"])
    @told_on_the_page
    def labels(self) -> ResponseReturnValue:
        """The labels of verified keys as one PDF; that they are printed is recorded here."""
        return _pdf("labels", labels.print_labels(db(), current_actor(), _wanted()))

    @expose("/letters", methods=["POST"])
    @told_on_the_page
    def letters(self) -> ResponseReturnValue:
        """The PIN letters of these keys, of all that wait, or of the rest that was never printed, as one PDF; the PINs
        stand in it and nowhere else."""
        wanted = self._letters_wanted(printed=False if "rest" in request.form else None)
        return _pdf("letters", pins.print_letters(db(), parts(), current_actor(), wanted))

    @expose("/letters/sealed", methods=["POST"])
    @told_on_the_page
    def sealed(self) -> ResponseReturnValue:
        """The letters are closed: their PINs are erased. One that was not printed keeps its PIN."""
        wanted = self._letters_wanted(printed=True)
        pins.confirm_sealed(db(), current_actor(), wanted)
        return self._answer(
            Said("ok", gettext("Letters closed"), gettext("The PINs are erased: nobody can print them again.")),
            shown=request.form.get("key", type=int),
        )

    def _meet(self, serial: str) -> Making:
        """The scan itself. Why the old key ends was said of one case and counts for that case alone."""
        actor, station_id = current_actor(), self._own().id
        chosen = _known_id("case")
        because = next((each for each in EndsBecause if each.value == request.form.get("because")), None)
        if chosen is None and because is not None and (preview := _known_id("preview")) is not None:
            try:
                with db().begin_nested():
                    return making.scan(
                        db(), parts(), actor, station_id, serial, application_id=preview, ends_because=because
                    )
            except NotFound:
                because = None
        reason = because if chosen is not None else None
        return making.scan(db(), parts(), actor, station_id, serial, application_id=chosen, ends_because=reason)

    def _answer(self, said: Said, shown: int | None = None) -> ResponseReturnValue:
        """What an act came to, with the screen's new state; without scripts, the page anew."""
        db().flush()
        if not wants_json():
            flash(f"{said.word} · {said.detail}" if said.detail else said.word, _CATEGORIES[said.tone])
            return self.see_other(".index", key=shown) if shown else self.see_other(".index")
        bench = bench_state.read_bench(db(), current_actor(), shown_id=shown, whole=True)
        return jsonify(said.as_json() | {"state": tell(db(), bench, whole=True), "shown": shown})

    @staticmethod
    def _read(*, whole: bool = False) -> Bench:
        return bench_state.read_bench(
            db(), current_actor(), case_id=_known_id("case"), shown_id=_known_id("key"), whole=whole
        )

    def _script_data(self, bench: Bench) -> dict[str, Any]:
        told = tell(db(), bench)
        assert told is not None
        return {name: value for name, value in told.items() if name != "pieces"} | {
            "url": url_for(".state"),
            "print": url_for(".labels"),
            "chosen": bench.chosen.id if bench.chosen and bench.is_choice else None,
            "shown": bench.shown.id if bench.shown else None,
        }

    @staticmethod
    def _own() -> BenchStation:
        station = find_own_station(db(), current_actor())
        if station is None:
            raise Conflict(N_("You sit at no bench: take one first."))
        return station

    @staticmethod
    def _letters_wanted(*, printed: bool | None) -> list[int]:
        """The keys named in the form; without any, all whose letters wait, or those that were or were not printed."""
        wanted = _wanted()
        if wanted or not {"all", "rest"} & set(request.form):
            return wanted
        waiting = pins.waiting_letters(current_actor(), printed=printed).limit(pins.MOST_LETTERS)
        return [each.id for each in db().scalars(waiting)]


_CATEGORIES: Final = {"ok": "success", "done": "success", "repeat": "warning", "waiting": "warning", "refused": "error"}


def _known_id(name: str) -> int | None:
    """A number that names something, of the address or the form; None for anything else people may type there."""
    value = request.values.get(name, type=int)
    return min(value, LARGEST_ID) if value is not None and value > 0 else None


def _wanted() -> list[int]:
    """The keys a form names, one by one or by their batch."""
    batch_id = _known_id("batch")
    if batch_id is not None:
        return list(labels.labels_of_batch(db(), batch_id))
    return [min(each, LARGEST_ID) for each in request.form.getlist("making", type=int) if each > 0]


def _serial_of(found: Making) -> str:
    return db().get_one(Token, found.token_id).serial


def _pdf(name: str, content: bytes) -> Response:
    response = Response(content, mimetype="application/pdf")
    stamp = f"{now().astimezone(SHANGHAI):%Y%m%d-%H%M%S}"
    response.headers["Content-Disposition"] = f'inline; filename="{name}-{stamp}.pdf"'
    response.headers["Content-Security-Policy"] = PDF_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
