"""What the counter's three lists share: their filter, their pages, and refusals where the reader looks."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import flash, request, url_for
from flask_babel import gettext

from workbench.collection.queries import BOUND, Narrowed, Page
from workbench.collection.speaking import by_language, said
from workbench.kernel.arguments import row_id
from workbench.kernel.errors import NotFound, WorkbenchError
from workbench.organisation.queries import list_authorities
from workbench.shell.context import current_actor, db

R = TypeVar("R")


def narrowed() -> Narrowed:
    """The filter in the address."""
    return Narrowed.from_args(request.args)


def after() -> int | None:
    """The row the page begins behind."""
    return row_id(request.args.get("after"))


def frame(
    endpoint: str, page: Page[R], wanted: Narrowed, shows: Mapping[str, tuple[str, int | None]]
) -> dict[str, Any]:
    """What every list shows around its rows. `shows` are the chips: word and count by `show`."""
    arguments = wanted.to_args()
    everywhere = current_actor().scope.everything
    return {
        "page": page,
        "wanted": wanted,
        "total": min(page.total, BOUND),
        "more": page.total > BOUND,
        "list_url": url_for(endpoint),
        "next_url": url_for(endpoint, **arguments, after=page.after) if page.after else None,
        "first_url": url_for(endpoint, **arguments) if after() else None,
        "authorities": list_authorities(db()) if everywhere else [],
        "by_language": by_language,
        "chips": [_chip(endpoint, arguments, show, word, count) for show, (word, count) in shows.items()],
    }


def carry_out(verb: Callable[[], object], done: str, *, typed: bool = False) -> None:
    """Run a verb; say what was done, or why it was refused, at the top of the page that follows.

    Raises:
        NotFound: what the address names is not there. What somebody typed is told like any refusal.
    """
    try:
        with db().begin_nested():
            verb()
    except WorkbenchError as refusal:
        if isinstance(refusal, NotFound) and not typed:
            raise
        flash(said(refusal), "error")
    else:
        flash(gettext(done), "success")


def _chip(endpoint: str, arguments: Mapping[str, Any], show: str, word: str, count: int | None) -> dict[str, Any]:
    kept = {**arguments, "show": show}
    return {
        "label": gettext(word),
        "url": url_for(endpoint, **{name: value for name, value in kept.items() if value}),
        "current": arguments.get("show", "") == show,
        "count": count,
    }
