"""What the board sorts by, and when a tile is quiet; months and filters as they stand in addresses."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.reports.board import Figure, Tile, sum_up
from workbench.reports.board_views import SORTS
from workbench.reports.custody_filter import COLUMNS, CustodyFilter, View
from workbench.reports.custody_names import short_en
from workbench.reports.statements import Month


def tile(position: int, name: str = "示", **figures: int) -> Tile:
    """An authority with these figures."""
    beside = {each: figures.pop(each) for each in ("parcels", "discrepancies") if each in figures}
    keys = {Figure(each): count for each, count in figures.items()}
    return Tile(position, position, name, name, name, keys, **beside)


def test_what_is_lost_comes_before_what_is_late_and_that_before_what_waits() -> None:
    tiles = [tile(1), tile(2, waiting=900), tile(3, in_transit=2, late=1), tile(4, discrepancies=1), tile(5, parcels=1)]
    assert [each.position for each in sorted(tiles, key=SORTS["urgent"][1])] == [4, 3, 5, 2, 1]


def test_a_tile_is_quiet_when_every_figure_is_nought() -> None:
    assert tile(1, ready=0).quiet
    for busy in (tile(1, opened=1), tile(1, parcels=1), tile(1, discrepancies=1)):
        assert not busy.quiet


def test_all_together_is_the_sum() -> None:
    whole = sum_up([tile(1, ready=2, parcels=1), tile(2, ready=3, discrepancies=4)])
    assert (whole.keys[Figure.READY], whole.parcels, whole.discrepancies) == (5, 1, 4)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Department of Commerce of Inner Mongolia Autonomous Region", "Inner Mongolia"),
        ("Commerce Bureau of Xinjiang Production and Construction Corps", "Xinjiang Corps"),
        ("Shanghai Municipal Commission of Commerce", "Shanghai"),
        ("Example 1", "Example 1"),
    ],
)
def test_names_lose_what_they_share(name: str, short: str) -> None:
    assert short_en(name) == short


_WORDS = st.text(max_size=12) | st.sampled_from(["keys", "entries", "lost", "packed", "late", "2026-11-01", "7", "at"])
_NAMES = st.sampled_from(
    ["view", "authority", "event", "holder", "state", "since", "until", "q", "figure", "flow", "held", "columns"]
)


@given(st.dictionaries(_NAMES, _WORDS))
def test_a_filter_reads_back_what_it_writes_whatever_an_address_holds(arguments: dict[str, str]) -> None:
    wanted = CustodyFilter.from_args(arguments)
    assert CustodyFilter.from_args(wanted.to_args()) == wanted
    assert set(wanted.shown) <= set(COLUMNS[wanted.view])


def test_what_belongs_to_the_other_view_narrows_nothing() -> None:
    assert CustodyFilter.from_args({"view": "keys", "event": "lost", "flow": "received"}) == CustodyFilter(
        view=View.KEYS
    )
    assert not CustodyFilter.from_args({"figure": "late", "held": "2026-11-01"}).narrowed


@given(st.dates(date(2000, 1, 1), date(8999, 12, 31)))
def test_months_follow_one_another_without_a_gap(day: date) -> None:
    month = Month(day.year, day.month)
    assert Month.parse(str(month)) == month
    assert month.following.preceding == month
    assert (month.following.first - month.last).days == 1
    assert month.first <= day <= month.last


def test_a_month_begins_at_midnight_in_shanghai() -> None:
    assert Month.of(datetime(2026, 11, 30, 16, 30, tzinfo=UTC)) == Month(2026, 12)
    for nonsense in ("2026-13", "", "2026", "1999-12", "２０２６-11"):
        assert Month.parse(nonsense) is None
