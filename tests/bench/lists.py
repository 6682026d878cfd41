"""Lists of cases: ours through the real application and sign-in, the peer's through Flask-Admin's own `ModelView`.

Each pair asks for the same thing of the same table; the two queues, which have no like in the peer, stand beside the
list it opens with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from flask import Flask, url_for

from tests.bench import stock
from tests.bench.browser import Unexpected, Visitor, find_link
from tests.bench.database import PASSWORD, Filled
from tests.bench.measure import by_turns, row
from tests.bench.render import Row

STOCK_LIST = "/admin/application/"
PAGE = 50
DEEP_PAGES = 400
NEWEST = stock.order_arguments("submitted_at", descending=True)


@dataclass(frozen=True)
class Samples:
    """How often each is asked."""

    ours: int = 60
    stock: int = 12
    keys: int = 40


@dataclass(frozen=True)
class _Pair:
    name: str
    visitor: Visitor
    path: str
    arguments: dict[str, str]
    peer: str
    peer_arguments: dict[str, str]


def rows(app: Flask, filled: Filled, samples: Samples) -> Iterator[Row]:
    """Every list, one line each. Raises Unexpected when a list answers otherwise than with rows."""
    peer = stock.make_app(filled.owner_url)
    stranger = Visitor(peer)
    for pair in _pairs(app, peer, filled):

        def ours(pair: _Pair = pair) -> None:
            _expect_rows(pair.visitor.get(pair.path, **pair.arguments), "data-open-case", pair.name)

        def theirs(pair: _Pair = pair) -> None:
            _expect_rows(stranger.get(STOCK_LIST, **pair.peer_arguments), "col-number", pair.name)

        mine, other = by_turns(ours, theirs, samples.ours, samples.stock)
        yield row(pair.name, mine, pair.peer, other)
    yield _deep_page(app, stranger, filled, samples, "stock, by date", NEWEST)
    yield _deep_page(app, stranger, filled, samples, "stock, by due date", {})


def _pairs(app: Flask, peer: Flask, filled: Filled) -> Iterator[_Pair]:
    with app.test_request_context():
        pre_check, re_check, everything = (url_for(f"{each}.index") for each in ("pre_check", "re_check", "cases"))
    clerk = Visitor.signed_in(app, "clerk1-1", PASSWORD)
    vendor = Visitor.signed_in(app, "recheck1", PASSWORD)
    authority, number, code, name = _known_case(filled)
    yield _Pair("queue, clerk", clerk, pre_check, {}, "stock, by due date", {})
    yield _Pair("queue, re-checker", vendor, re_check, {}, "stock, by due date", {})
    yield _Pair("all cases, newest", vendor, everything, {}, "stock, by date", NEWEST)
    wide = {"state": "collected", "service": "new"}
    yield _Pair(
        "filter, all cases: collected, new", vendor, everything, wide, "stock, same filter", _same(peer, **wide)
    )
    narrow = _same(peer, state="re_check", service="replacement")
    yield _Pair(
        "filter, re-check: replacements", vendor, re_check, {"service": "replacement"}, "stock, same filter", narrow
    )
    own = _same(peer, state="pre_check", authority_id=authority, service="renewal")
    yield _Pair("filter, clerk: renewals", clerk, pre_check, {"service": "renewal"}, "stock, same filter", own)
    for what, who, q in (
        ("two characters, re-checker", vendor, name[2:4]),
        ("two characters, clerk", clerk, name[2:4]),
        ("long fragment", vendor, name[2:10]),
        ("credit code", vendor, code),
        ("number", vendor, number),
    ):
        yield _Pair(f"search, {what}", who, everything, {"q": q}, "stock, same search", {"search": q})


def _deep_page(
    app: Flask, stranger: Visitor, filled: Filled, samples: Samples, peer: str, peer_order: dict[str, str]
) -> Row:
    """Pages from the 400th on, reached as people reach them: each by the link on the one before."""
    vendor = Visitor.signed_in(app, "recheck1", PASSWORD)
    with app.test_request_context():
        address = url_for("cases.index")
    depth = min(DEEP_PAGES, filled.cases // PAGE // 4)
    for _ in range(depth):
        address = _following(vendor.get(address))
    walked = depth

    def ours() -> None:
        nonlocal address
        address = _following(vendor.get(address))

    def theirs() -> None:
        nonlocal walked
        walked += 1
        _expect_rows(stranger.get(STOCK_LIST, page=str(walked), **peer_order), "col-number", "deep page")

    mine, other = by_turns(ours, theirs, min(samples.ours, depth), samples.stock)
    return row(f"deep page, {depth * PAGE} rows down ({peer})", mine, peer, other)


def _following(page: str) -> str:
    link = find_link(page, "after")
    if link is None:
        raise Unexpected("The list ends too early.")
    return link


def _expect_rows(page: str, sign: str, name: str) -> None:
    if sign not in page:
        raise Unexpected(f"{name}: a page without rows.")


def _same(peer: Flask, **equal: object) -> dict[str, str]:
    return stock.filter_arguments(peer, **equal)


def _known_case(filled: Filled) -> tuple[int, str, str, str]:
    """The first authority, and number, code and name of a closed case of it in the middle of the archive."""
    with psycopg.connect(filled.owner_url) as owner:
        found = owner.execute(
            "SELECT authority_id, number, uscc, enterprise_name "
            "FROM application JOIN authority a ON a.id = authority_id "
            "WHERE a.position = 1 AND application.id >= %s ORDER BY application.id LIMIT 1",
            [filled.cases // 2],
        ).fetchone()
    assert found is not None  # every fifth case is of the first authority
    authority, number, code, name = found
    return int(str(authority)), str(number), str(code), str(name)
