"""The token stock on screen: how many are left in which box, where each token has been, and deliveries taken in.

A list is shown with everything it says before anything is taken in: serial, model and box of a token never change.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Flask, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.datastructures import CombinedMultiDict

from workbench.kernel.blobs import BlobDamaged
from workbench.kernel.errors import Invalid
from workbench.kernel.identity import Actor
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission, permits
from workbench.keys.token_states import CUSTODIAN_NAMES, TOKEN_EVENT_NAMES, TOKEN_STATE_NAMES, TokenState
from workbench.production import stock, stock_queries
from workbench.production.stock_file import ADVICE, Delivery, Fault, read_list
from workbench.production.stock_forms import DeliveryForm, RemarkForm
from workbench.production.stock_queries import TokenFilter
from workbench.production.stock_sheet import MAX_BYTES, MIB
from workbench.shell import home, menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView, needs
from workbench.shell.http import accepts

SHOWN_PROBLEMS: Final = 200
LIST_WAITS: Final = 3600
"""Seconds in which a list that was looked at can be taken in."""
ALWAYS: Final = (TokenState.BLANK, TokenState.ALLOCATED, TokenState.PERSONALISED)
"""States that have a column even when nothing is in them; the others have one when something is."""
TONES: Final = {
    TokenState.BLANK: "active",
    TokenState.ALLOCATED: "today",
    TokenState.PERSONALISED: "done",
    TokenState.LOST: "late",
    TokenState.SPOILED: "late",
}
"""How a state is coloured; the others are idle."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screen, its line in the menu, and the card of who keeps the stock."""
    admin.add_view(StockView(name=_("Token stock"), endpoint="stock", url="/desk/production/stock"))
    menu.register(
        app,
        menu.MenuItem(
            _("Token stock"), "stock.index", Permission.PRODUCTION_READ, group=menu.Group.PRODUCTION, icon="box"
        ),
    )
    card = home.Card(_("Token stock"), Permission.STOCK_MANAGE, "production/stock_card.html", _card, order=30)
    home.register(app, card)


def _card(session: Session, actor: Actor) -> Mapping[str, Any]:
    return {"standing": stock_queries.standing(session, parts().settings.low_stock)}


class StockView(DeskView):
    """Tokens from the maker's list to the shredder."""

    permission = Permission.PRODUCTION_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What is left: by state, by box, and for how many days."""
        everything = "all" in request.args
        found = stock_queries.boxes(db(), everything=everything)
        return str(
            self.render(
                "production/stock.html",
                **_frame(TokenFilter()),
                standing=stock_queries.standing(db(), parts().settings.low_stock),
                pace_days=stock_queries.PACE_DAYS,
                boxes=found,
                columns=[
                    state for state in TokenState if state in ALWAYS or any(state in each.counts for each in found)
                ],
                everything=everything,
                cut=len(found) == stock_queries.MOST_BOXES,
            )
        )

    @expose("/tokens")
    def tokens(self) -> ResponseReturnValue:
        """Tokens by serial number, narrowed by what stands in the address."""
        wanted = TokenFilter.from_args(request.args)
        found = stock_queries.page(db(), wanted, _serial_in("after"), _serial_in("before"))
        arguments = wanted.to_args()
        may_destroy = wanted.state == TokenState.SPOILED and permits(current_actor(), Permission.STOCK_MANAGE)
        return str(
            self.render(
                "production/stock_tokens.html",
                **_frame(wanted),
                page=found,
                form=RemarkForm() if may_destroy and found.rows else None,
                next_url=url_for("stock.tokens", **arguments, after=found.after) if found.after else None,
                previous_url=url_for("stock.tokens", **arguments, before=found.before) if found.before else None,
            )
        )

    @expose("/find")
    def find(self) -> ResponseReturnValue:
        """Where a scanned or typed serial leads: to its token, or to those whose serials hold what was typed."""
        serial = _serial_in("serial") or ""
        token = stock_queries.find_by_serial(db(), serial)
        if token is not None:
            return self.see_other("stock.token", token_id=token.id)
        return self.see_other("stock.tokens", **TokenFilter(q=serial).to_args())

    @expose("/tokens/<int:token_id>")
    def token(self, token_id: int) -> ResponseReturnValue:
        """One token: what it is, what is on it, and whose hands it has been in."""
        return self._token(token_id, RemarkForm())

    @expose("/tokens/<int:token_id>/spoil", methods=["POST"])
    @needs(Permission.STOCK_MANAGE)
    def spoil(self, token_id: int) -> ResponseReturnValue:
        """Set it aside for good."""
        form = RemarkForm(request.form)
        if not form.validate():
            return self._token(token_id, form), 400
        token = stock_queries.get_by_id(db(), token_id)
        stock.spoil(db(), current_actor(), token.serial, form.remark.data)
        flash(gettext("Token %(serial)s is set aside as spoiled.", serial=token.serial), "success")
        return self.see_other("stock.token", token_id=token_id)

    @expose("/destroy", methods=["POST"])
    @needs(Permission.STOCK_MANAGE)
    def destroy(self) -> ResponseReturnValue:
        """Destroy the selected ones of those that were set aside."""
        form = RemarkForm(request.form)
        chosen = request.form.getlist("token")
        if not chosen:
            flash(gettext("Select at least one token."), "error")
        elif not form.validate():
            flash(gettext("Say why; it is recorded."), "error")
        else:
            count = stock.destroy(db(), current_actor(), chosen, form.remark.data)
            flash(ngettext("%(num)d token destroyed.", "%(num)d tokens destroyed.", count), "success")
        return self.see_other("stock.tokens", state=TokenState.SPOILED.value)

    @expose("/delivery", methods=["GET", "POST"])
    @needs(Permission.STOCK_MANAGE)
    @accepts(MAX_BYTES + MIB)
    def delivery(self) -> ResponseReturnValue:
        """Look at a maker's list; nothing is taken in yet."""
        if request.method == "GET":
            return self._delivery(DeliveryForm())
        form = DeliveryForm(CombinedMultiDict([request.files, request.form]))
        sent = request.files.get("file")
        if not form.validate() or sent is None:
            return self._delivery(form), 400
        content = sent.stream.read()
        told: dict[str, Any] = {"model": form.model.data, "box": form.box.data, "alike": form.alike.data}
        found = stock.checked(db(), read_list(sent.filename or "", content, **told))
        if found.problems:
            return self._delivery(form, found), 400
        word = _signer().dumps({"sha256": parts().blobs.put(content), "name": found.name, **told})
        return self._delivery(form, found, word)

    @expose("/delivery/take-in", methods=["POST"])
    @needs(Permission.STOCK_MANAGE)
    def take_in(self) -> ResponseReturnValue:
        """Take in the list that was looked at."""
        try:
            told: dict[str, Any] = _signer().loads(request.form.get("list", ""), max_age=LIST_WAITS)
            content = parts().blobs.get(told.pop("sha256"))
        except (BadData, BlobDamaged) as error:
            raise Invalid(N_("The list waited too long. Please choose it again.")) from error
        try:
            count = stock.take_in_delivery(db(), current_actor(), read_list(content=content, **told))
        except stock.DeliveryRefused as refused:
            return self._delivery(DeliveryForm(), refused.delivery), refused.status
        flash(ngettext("%(num)d token taken in.", "%(num)d tokens taken in.", count), "success")
        return self.see_other("stock.index")

    def _token(self, token_id: int, form: RemarkForm) -> str:
        token = stock_queries.get_by_id(db(), token_id)
        page: str = self.render(
            "production/stock_token.html",
            **_words(),
            token=token,
            case=stock_queries.case_of(db(), token),
            steps=stock_queries.history(db(), token.id),
            certificates=stock_queries.certificates_on(db(), token.id),
            against=stock.why_not_spoiled(db(), token),
            form=form,
        )
        return page

    def _delivery(self, form: DeliveryForm, found: Delivery | None = None, word: str = "") -> str:
        faults = dict.fromkeys(each.fault for each in found.problems) if found is not None else {}
        page: str = self.render(
            "production/stock_delivery.html",
            form=form,
            delivery=found,
            word=word,
            boxes=found.boxes() if found is not None and word else (),
            shown=SHOWN_PROBLEMS,
            advice=[ADVICE[each] for each in faults if each is not Fault.NOT_A_LIST],
        )
        return page


def _serial_in(name: str) -> str | None:
    """A serial number in the address; no token has one with a NUL or of such length."""
    return request.args.get(name, "").replace("\x00", "").strip()[:80] or None


def _signer() -> URLSafeTimedSerializer:
    """Signs the word that stands for a list between looking at it and taking it in, good for its reader alone."""
    return URLSafeTimedSerializer(parts().secrets.session_key, salt=f"delivery:{current_actor().label}")


def _words() -> dict[str, Any]:
    return {
        "state_names": TOKEN_STATE_NAMES,
        "custodian_names": CUSTODIAN_NAMES,
        "event_names": TOKEN_EVENT_NAMES,
        "tones": TONES,
        "may_manage": permits(current_actor(), Permission.STOCK_MANAGE),
    }


def _frame(wanted: TokenFilter) -> dict[str, Any]:
    """What the overview and the lists have in common: the words, the search and a chip for each state."""
    everywhere = replace(wanted, state="")
    found = stock_queries.counts(db(), everywhere)
    total = sum(found.values())

    def chip(label: str, state: str, count: int) -> dict[str, Any]:
        address = url_for("stock.tokens", **replace(wanted, state=state).to_args())
        listed = request.endpoint == "stock.tokens" and wanted.state == state
        return {"label": label, "url": address, "current": listed, "count": count}

    chips = [chip(gettext("All"), "", total)]
    chips += [chip(gettext(TOKEN_STATE_NAMES[state]), state.value, count) for state, count in found.items()]
    return {**_words(), "wanted": wanted, "chips": chips, "total": total}
