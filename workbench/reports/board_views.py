"""The board of 37 on screen: tiles or a table, in the order one likes, each figure the way to its keys."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from flask import Flask, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from workbench.cases.deadlines import load_calendar
from workbench.kernel.clock import now
from workbench.kernel.messages import N_
from workbench.kernel.permissions import Permission
from workbench.reports.board import Figure, Moment, Tile, read_board, sum_up
from workbench.reports.custody_names import short_en
from workbench.shell import menu
from workbench.shell.context import current_actor, db, parts
from workbench.shell.gate import DeskView

FIGURE_NAMES: Final = {
    Figure.READY: N_("Ready to ship"),
    Figure.PACKED: N_("Packed"),
    Figure.IN_TRANSIT: N_("In transit"),
    Figure.LATE: N_("Late"),
    Figure.UNOPENED: N_("In unopened parcels"),
    Figure.OPENED: N_("Being checked in or missing"),
    Figure.TO_TELL: N_("Enterprise to be told"),
    Figure.OVERDUE: N_("Notice overdue"),
    Figure.WAITING: N_("Waiting for collection"),
    Figure.UNCOLLECTED: N_("Uncollected"),
    Figure.MISSING: N_("Lost or under inquiry"),
}
SORTS: Final[dict[str, tuple[str, Callable[[Tile], Any]]]] = {
    "official": (N_("Official order"), lambda tile: tile.position),
    "urgent": (N_("Most urgent first"), lambda tile: (*(-each for each in tile.urgency), tile.position)),
    "name": (N_("By name"), lambda tile: short_en(tile.name_en)),
}
"""Chinese names sort by how they are read: the English name begins with that."""


def register(app: Flask, admin: Admin) -> None:
    """Add the screen and its line in the menu."""
    admin.add_view(BoardView(name=_("Board of authorities"), endpoint="board", url="/desk/board"))
    item = menu.MenuItem(
        _("Board of authorities"), "board.index", Permission.CUSTODY_READ, group=menu.Group.REPORTS, icon="chart"
    )
    menu.register(app, item)


class BoardView(DeskView):
    """Where keys wait, by authority."""

    permission = Permission.CUSTODY_READ

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All authorities, or the reader's own."""
        moment = Moment(now(), parts().settings.uncollected_days)
        tiles = read_board(db(), current_actor(), moment, load_calendar(db()))
        sort = request.args.get("sort", "")
        sort = sort if sort in SORTS else "official"
        as_table = request.args.get("as") == "table"
        return str(
            self.render(
                "reports/board.html",
                tiles=sorted(tiles, key=SORTS[sort][1]),
                whole=sum_up(tiles),
                busy=sum(not tile.quiet for tile in tiles),
                as_table=as_table,
                sorts=_chips(sort, as_table),
                shapes=_shapes(sort, as_table),
                moment=moment,
                figure_names=FIGURE_NAMES,
                keys_url=keys_url,
                short_en=short_en,
            )
        )


def keys_url(figure: Figure | str, authority_id: int) -> str:
    """The keys that a figure counts, of an authority or, with 0, of all."""
    return url_for("custody_log.index", view="keys", figure=Figure(figure).value, authority=authority_id or None)


def _address(sort: str | None, shape: str | None) -> str:
    arguments: dict[str, Any] = {"sort": sort, "as": shape}
    return url_for("board.index", **arguments)


def _chips(sort: str, as_table: bool) -> Sequence[dict[str, object]]:
    shape = "table" if as_table else None
    return [
        {
            "label": gettext(name),
            "url": _address(None if key == "official" else key, shape),
            "current": key == sort,
        }
        for key, (name, _key) in SORTS.items()
    ]


def _shapes(sort: str, as_table: bool) -> Sequence[dict[str, object]]:
    order = None if sort == "official" else sort
    return [
        {
            "label": label,
            "url": _address(order, shape),
            "current": as_table is (shape == "table"),
        }
        for label, shape in ((gettext("Tiles"), None), (gettext("Table"), "table"))
    ]
