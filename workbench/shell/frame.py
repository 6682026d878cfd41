"""What surrounds a page: the top bar and rail of the person looking at it, and the fallback font."""

from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn
from flask import Blueprint, Flask, g, request, send_file
from flask.typing import ResponseReturnValue

from workbench.kernel.identity import Actor
from workbench.shell import alerts, menu
from workbench.shell.context import db, find_actor
from workbench.shell.http import FOR_EVER
from workbench.shell.i18n import safe_return

FONT: Final = Path(pylopdf_fonts_zh_cn.sans_path())

pages = Blueprint("frame", __name__)


class Frame:
    """What the frame templates ask about the person and the page on screen."""

    @cached_property
    def actor(self) -> Actor | None:
        """Who is signed in."""
        return find_actor()

    @cached_property
    def desks(self) -> list[menu.Desk]:
        """The rail."""
        return menu.desks_for(self.actor) if self.actor else []

    @property
    def desk(self) -> menu.Desk | None:
        """The desk the page on screen belongs to."""
        return next((desk for desk in self.desks if desk.current), None)

    @cached_property
    def search(self) -> menu.Search | None:
        """The search box, for those who may search."""
        return menu.search_for(self.actor) if self.actor else None

    @cached_property
    def alerts(self) -> list[alerts.Alert]:
        """What everybody should see on every page."""
        return alerts.current(db(), self.actor) if self.actor else []

    @property
    def title(self) -> str:
        """What the person is here: authority and role."""
        return str(g.get("actor_title", ""))

    @cached_property
    def person_links(self) -> list[menu.PersonLink]:
        """What the person menu offers besides signing out."""
        return menu.person_links()

    @property
    def return_path(self) -> str:
        """Where the language switch comes back to: only what a GET may open."""
        return safe_return(request.full_path.rstrip("?")) if request.method == "GET" and request.endpoint else "/"


@pages.get("/static-fonts/v1/NotoSansSC-Regular.otf")
def font() -> ResponseReturnValue:
    """The font for machines without any Chinese one, from the installed font package; a new one gets a new address."""
    response = send_file(FONT, mimetype="font/otf", conditional=True)
    response.headers["Cache-Control"] = FOR_EVER
    return response


def install(app: Flask) -> None:
    """Offer the frame to every template."""
    app.register_blueprint(pages)

    @app.context_processor
    def _frame() -> dict[str, Any]:
        return {"frame": Frame()}
