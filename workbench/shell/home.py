"""The first page of every desk, "My day": rooms add cards, each person sees the cards of their permissions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, expose
from flask_babel import LazyString
from markupsafe import Markup
from sqlalchemy.orm import Session

from workbench.kernel.clock import now
from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, permits
from workbench.shell import menu
from workbench.shell.context import current_actor, db
from workbench.shell.gate import Gate


@dataclass(frozen=True)
class Card:
    """One card of the page.

    Attributes:
        template: rendered inside the card with what `content` returned as its variables.
        content: reads what the card shows; None leaves the card out today.
        wide: takes the whole row instead of a column.
        order: lower comes first.
    """

    title: LazyString | str
    permission: Permission
    template: str
    content: Callable[[Session, Actor], Mapping[str, Any] | None]
    wide: bool = False
    order: int = 50


def _cards(app: Flask) -> list[Card]:
    cards: list[Card] = app.extensions.setdefault("workbench.home", [])
    return cards


def register(app: Flask, card: Card) -> None:
    """Add a card to everybody's first page who holds its permission."""
    _cards(app).append(card)


def install(app: Flask) -> None:
    """Put the page on everybody's rail."""
    label = menu.GROUP_LABELS[menu.Group.HOME]
    menu.register(app, menu.MenuItem(label, "home.index", Permission.DESK_ENTER, group=menu.Group.HOME, icon="home"))


class HomeView(Gate, AdminIndexView):
    """My day."""

    permission = Permission.DESK_ENTER

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The cards of this person."""
        actor = current_actor()
        shown = []
        for card in sorted(_cards(current_app), key=lambda each: each.order):
            content = card.content(db(), actor) if permits(actor, card.permission) else None
            if content is not None:
                body = Markup(render_template(card.template, **content))  # noqa: S704 - the template has escaped it
                shown.append((card, body))
        return str(self.render("desk/home.html", cards=shown, today=now()))

    @expose("/counts")
    def counts(self) -> ResponseReturnValue:
        """The live counts of the rail, by endpoint."""
        return jsonify(menu.counts_for(db(), current_actor()))
