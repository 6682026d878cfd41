"""The rail, the desk switcher, the search box: each room adds what it offers, each person sees what they may enter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from flask import Flask, current_app, request, url_for
from flask_babel import LazyString, lazy_gettext
from sqlalchemy.orm import Session

from workbench.kernel.identity import Actor
from workbench.kernel.permissions import Permission, permits

Count: TypeAlias = Callable[[Session, Actor], int]


class Group(StrEnum):
    """The desks, in the order a case walks through them, then what stands beside the way."""

    HOME = "home"
    PRE_CHECK = "pre_check"
    RE_CHECK = "re_check"
    PRODUCTION = "production"
    DISPATCH = "dispatch"
    COUNTER = "counter"
    CASES = "cases"
    REPORTS = "reports"
    ADMINISTRATION = "administration"


GROUP_LABELS: Final[dict[Group, LazyString]] = {
    Group.HOME: lazy_gettext("My day"),
    Group.PRE_CHECK: lazy_gettext("Pre-check"),
    Group.RE_CHECK: lazy_gettext("Re-check"),
    Group.PRODUCTION: lazy_gettext("Production"),
    Group.DISPATCH: lazy_gettext("Dispatch"),
    Group.COUNTER: lazy_gettext("Counter"),
    Group.CASES: lazy_gettext("Cases"),
    Group.REPORTS: lazy_gettext("Reports"),
    Group.ADMINISTRATION: lazy_gettext("Administration"),
}


@dataclass(frozen=True)
class MenuItem:
    """One line of the rail.

    Attributes:
        endpoint: its page, which takes no arguments.
        permission: who sees it; the page itself is gated on its own.
        count: what stands behind the label, fetched after the page is on screen; must be cheap.
        icon: a symbol of static/icons.svg.
    """

    label: LazyString | str
    endpoint: str
    permission: Permission
    count: Count | None = None
    group: Group = Group.CASES
    icon: str = "dot"


@dataclass(frozen=True)
class Search:
    """Where the search box leads. `argument` is the query's name in the URL."""

    endpoint: str
    permission: Permission
    argument: str = "q"
    placeholder: LazyString | str = ""


@dataclass(frozen=True)
class PersonLink:
    """A line of the person menu, such as one's password. For everybody signed in."""

    label: LazyString | str
    endpoint: str


@dataclass
class Menu:
    """What the rooms of one application offer."""

    items: list[MenuItem] = field(default_factory=list)
    search: Search | None = None
    person_links: list[PersonLink] = field(default_factory=list)


def of(app: Flask) -> Menu:
    """The application's menu."""
    menu = app.extensions.setdefault("workbench.menu", Menu())
    assert isinstance(menu, Menu)
    return menu


def register(app: Flask, item: MenuItem) -> None:
    """Add a line to the rail; within its group lines keep the order in which rooms register."""
    of(app).items.append(item)


def register_search(app: Flask, search: Search) -> None:
    """Say where the search box of the top bar leads."""
    of(app).search = search


def register_person_link(app: Flask, link: PersonLink) -> None:
    """Add a line to the person menu."""
    of(app).person_links.append(link)


def person_links() -> list[PersonLink]:
    """The person menu's own lines."""
    return of(current_app).person_links


@dataclass(frozen=True)
class Line:
    """A line of the rail as the template shows it."""

    label: str
    url: str
    endpoint: str
    icon: str
    counted: bool
    current: bool


@dataclass(frozen=True)
class Desk:
    """A group of lines under its name."""

    key: Group
    label: str
    lines: Sequence[Line]

    @property
    def current(self) -> bool:
        """Whether the page on screen belongs to this desk."""
        return any(line.current for line in self.lines)


def desks_for(actor: Actor) -> list[Desk]:
    """The desks this person may enter, each with its lines."""
    allowed = [item for item in of(current_app).items if permits(actor, item.permission)]
    shown = []
    for group in Group:
        lines = [_line(item) for item in allowed if item.group is group]
        if lines:
            shown.append(Desk(group, str(GROUP_LABELS[group]), lines))
    return shown


def search_for(actor: Actor) -> Search | None:
    """The search this person may use, or None."""
    search = of(current_app).search
    return search if search is not None and permits(actor, search.permission) else None


def counts_for(session: Session, actor: Actor) -> dict[str, int]:
    """The live counts of this person's lines, by endpoint."""
    return {
        item.endpoint: item.count(session, actor)
        for item in of(current_app).items
        if item.count is not None and permits(actor, item.permission)
    }


def _line(item: MenuItem) -> Line:
    here = request.endpoint or ""
    view = here.rpartition(".")[0]
    lines = [each.endpoint for each in of(current_app).items if each.endpoint.rpartition(".")[0] == view]
    # A page without a line of its own belongs to the first line of its view.
    first_of_view = here not in lines and lines[:1] == [item.endpoint]
    return Line(
        label=str(item.label),
        url=url_for(item.endpoint),
        endpoint=item.endpoint,
        icon=item.icon,
        counted=item.count is not None,
        current=here == item.endpoint or first_of_view,
    )
