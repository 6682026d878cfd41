"""The board and the custody log on a million keys, beside Flask-Admin's own list of the same tables.

The board has no like in the peer: it stands beside the list of tokens, which is where one would have to look.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from tests.bench import stock
from tests.bench.browser import Unexpected, Visitor, find_link
from tests.bench.database import PASSWORD, Filled
from tests.bench.lists import DEEP_PAGES, PAGE, Samples
from tests.bench.measure import by_turns, row
from tests.bench.render import Row
from workbench.organisation.queries import list_authorities

LOG, BOARD, STATEMENT = "/desk/custody/", "/desk/board/", "/desk/statement/"
STOCK_ENTRIES, STOCK_TOKENS = "/admin/custody/", "/admin/token/"


@dataclass(frozen=True)
class _Pair:
    name: str
    visitor: Visitor
    path: str
    arguments: dict[str, str]
    sign: str
    peer: str
    peer_path: str
    peer_arguments: dict[str, str]


def rows(app: Flask, filled: Filled, samples: Samples) -> Iterator[Row]:
    """Every screen, one line each. Raises Unexpected when one answers otherwise than it should."""
    peer = stock.make_app(filled.owner_url)
    stranger = Visitor(peer)
    for pair in _pairs(app, peer, filled):

        def ours(pair: _Pair = pair) -> None:
            if pair.sign not in pair.visitor.get(pair.path, **pair.arguments):
                raise Unexpected(f"{pair.name}: a page without what it is for.")

        def theirs(pair: _Pair = pair) -> None:
            stranger.get(pair.peer_path, **pair.peer_arguments)

        mine, other = by_turns(ours, theirs, samples.ours, samples.stock)
        yield row(pair.name, mine, pair.peer, other)
    yield _deep_page(app, stranger, filled, samples)


def _pairs(app: Flask, peer: Flask, filled: Filled) -> Iterator[_Pair]:
    packer = Visitor.signed_in(app, "packer1", PASSWORD)
    counter = Visitor.signed_in(app, "counter1-1", PASSWORD)
    line, authority = "of-serial", str(_first_authority(filled))
    entries = ("stock, entries", STOCK_ENTRIES)
    tokens = ("stock, tokens", STOCK_TOKENS)

    def same(**equal: object) -> dict[str, str]:
        return stock.filter_arguments(peer, stock.CustodyEntryView, **equal)

    held = stock.filter_arguments(peer, stock.TokenView, state="personalised", custodian="authority")
    yield _Pair("board of 37, dispatcher", packer, BOARD, {}, "tile whole", *tokens, {})
    yield _Pair("board, counter staff", counter, BOARD, {}, "board alone", *tokens, {})
    yield _Pair("custody log, newest", packer, LOG, {}, line, *entries, {})
    yield _Pair(
        "custody log, one authority",
        packer,
        LOG,
        {"authority": authority},
        line,
        *entries,
        same(authority_id=authority),
    )
    yield _Pair("custody log, counter staff", counter, LOG, {}, line, *entries, same(authority_id=authority))
    yield _Pair("custody log, destroyed", packer, LOG, {"event": "destroyed"}, line, *entries, same(event="destroyed"))
    yield _Pair(
        "custody log, into the authority's hands",
        packer,
        LOG,
        {"holder": "authority"},
        line,
        *entries,
        same(to_custodian="authority"),
    )
    yield _Pair(
        "custody log, search: serial", packer, LOG, {"q": "TK0000000777"}, line, *tokens, {"search": "TK0000000777"}
    )
    yield _Pair(
        "custody log, search: part of a name", packer, LOG, {"q": "远航世纪"}, line, *tokens, {"search": "0000777"}
    )
    yield _Pair(
        "keys that wait for collection", packer, LOG, {"view": "keys", "figure": "waiting"}, line, *tokens, held
    )
    yield _Pair("keys, newest", packer, LOG, {"view": "keys"}, line, *tokens, {})
    yield _Pair(
        "monthly statement, largest authority",
        packer,
        STATEMENT,
        {"authority": authority},
        "statement-rows",
        *entries,
        same(authority_id=authority),
    )


def _deep_page(app: Flask, stranger: Visitor, filled: Filled, samples: Samples) -> Row:
    """Pages from the 400th on, each by the link on the one before."""
    packer = Visitor.signed_in(app, "packer1", PASSWORD)
    depth = min(DEEP_PAGES, filled.cases // PAGE // 4)
    address = LOG
    for _ in range(depth):
        address = _following(packer.get(address))
    walked = depth

    def ours() -> None:
        nonlocal address
        address = _following(packer.get(address))

    def theirs() -> None:
        nonlocal walked
        walked += 1
        stranger.get(STOCK_ENTRIES, page=str(walked))

    mine, other = by_turns(ours, theirs, min(samples.ours, depth), samples.stock)
    return row(f"custody log, {depth * PAGE} rows down", mine, "stock, entries", other)


def _following(page: str) -> str:
    link = find_link(page, "after")
    if link is None:
        raise Unexpected("The log ends too early.")
    return link


def _first_authority(filled: Filled) -> int:
    with filled.parts.work() as session:
        return list_authorities(session)[0].id
