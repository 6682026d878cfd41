"""What is told of the stock: counts that agree with each other, pages without gaps, days left at the pace of late."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from tests.support.bench import Workshop
from workbench.kernel.arguments import LARGEST_ID
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import NotFound
from workbench.kernel.identity import Role
from workbench.keys.token_states import TokenMove, TokenState
from workbench.keys.tokens import get_token, move, take_in, take_in_many
from workbench.production import stock_queries
from workbench.production.stock import spoil
from workbench.production.stock_queries import PAGE_SIZE, Standing, TokenFilter

NOTHING = TokenFilter()


@pytest.fixture
def session(workshop: Workshop) -> Iterator[Session]:
    """Three boxes of 60: one untouched, one in use, one used up."""
    with workshop.parts.work() as session:
        rows = [
            (f"EK{box}{n:03d}", "示例-A" if box < 3 else "示例-B", f"B{box}") for box in (1, 2, 3) for n in range(60)
        ]
        take_in_many(session, workshop.maker, rows)
        for serial in [f"EK2{n:03d}" for n in range(10)] + [f"EK3{n:03d}" for n in range(60)]:
            use(session, workshop, serial)
        for n in range(10, 13):
            move(session, get_token(session, f"EK2{n:03d}").id, TokenMove.ALLOCATE, workshop.maker, to_ref=1)
        spoil(session, workshop.maker, "EK2020", "示例")
        yield session


def use(session: Session, workshop: Workshop, serial: str) -> None:
    token = get_token(session, serial)
    move(session, token.id, TokenMove.ALLOCATE, workshop.maker, to_ref=workshop.maker.id)
    move(session, token.id, TokenMove.PERSONALISE, workshop.maker)


def test_boxes_and_counts_agree(session: Session) -> None:
    found = stock_queries.counts(session, NOTHING)
    assert found == {
        TokenState.BLANK: 106,
        TokenState.ALLOCATED: 3,
        TokenState.PERSONALISED: 70,
        TokenState.SPOILED: 1,
    }
    boxes = stock_queries.boxes(session, everything=True)
    assert [(each.name, each.model, each.total) for each in boxes] == [
        ("B1", "示例-A", 60),
        ("B2", "示例-A", 60),
        ("B3", "示例-B", 60),
    ]
    for state, count in found.items():
        assert sum(each.counts.get(state, 0) for each in boxes) == count
    assert [each.name for each in stock_queries.boxes(session)] == ["B1", "B2"]
    assert stock_queries.counts(session, TokenFilter(box="B3")) == {TokenState.PERSONALISED: 60}
    assert stock_queries.counts(session, TokenFilter(q="k202")) == {TokenState.BLANK: 9, TokenState.SPOILED: 1}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (NOTHING, 180),
        (TokenFilter(state="personalised"), 70),
        (TokenFilter(box="B2", state="blank"), 46),
        (TokenFilter(model="示例-B"), 60),
        (TokenFilter(q="2020"), 1),
        (TokenFilter(q="%"), 0),
    ],
    ids=str,
)
def test_pages_follow_each_other_without_gap_there_and_back(session: Session, wanted: TokenFilter, count: int) -> None:
    there: list[str] = []
    page = stock_queries.page(session, wanted)
    assert page.before is None
    while True:
        assert page.total == count
        there += [row.token.serial for row in page.rows]
        if page.after is None:
            break
        assert len(page.rows) == PAGE_SIZE
        page = stock_queries.page(session, wanted, after=page.after)
    assert there == sorted(set(there))
    assert len(there) == count
    back = [row.token.serial for row in page.rows]
    while page.before is not None:
        page = stock_queries.page(session, wanted, before=page.before)
        back = [*(row.token.serial for row in page.rows), *back]
    assert back == there


def test_each_holder_has_the_name_it_goes_by(session: Session, workshop: Workshop) -> None:
    (row,) = stock_queries.page(session, TokenFilter(q="EK2010")).rows
    assert row.held_by is not None
    names = stock_queries.holder_names(
        session, [("maker", workshop.maker.id), ("authority", workshop.office.authority_ids[0]), ("vendor_stock", None)]
    )
    assert names == {
        ("maker", workshop.maker.id): (workshop.maker.name, workshop.maker.name),
        ("packer", workshop.maker.id): (workshop.maker.name, workshop.maker.name),
        ("authority", workshop.office.authority_ids[0]): ("示1", "Example 1"),
    }
    made = get_token(session, "EK2000")
    steps = stock_queries.history(session, made.id)
    assert [each.entry.event for each in steps] == ["personalised", "allocated", "imported"]
    assert [each.to_name and each.to_name.zh for each in steps] == [None, workshop.maker.name, None]
    assert [each.from_name and each.from_name.zh for each in steps] == [workshop.maker.name, None, None]


def test_a_token_that_is_not_there_is_not_found(session: Session) -> None:
    assert stock_queries.find_by_serial(session, "EK1000") is not None
    assert stock_queries.find_by_serial(session, "ek1000") is None
    for nobodys in (0, 999_999, LARGEST_ID, 10**30):
        with pytest.raises(NotFound):
            stock_queries.get_by_id(session, nobodys)


def test_a_filter_reads_its_own_address_and_no_nonsense(session: Session) -> None:
    wanted = TokenFilter(state="blank", model="示例-A", box="B1", q="EK")
    assert TokenFilter.from_args(wanted.to_args()) == wanted
    assert TokenFilter.from_args({"state": "golden", "q": " \x00EK\x00 ", "box": "x" * 99}) == TokenFilter(
        q="EK", box="x" * 64
    )


@contextmanager
def on(day: str) -> Iterator[None]:
    """Noon of a day in Asia/Shanghai."""
    with clock_at(datetime.fromisoformat(f"{day}T04:00").replace(tzinfo=UTC)):
        yield


def test_days_left_are_counted_at_the_pace_of_the_last_ten_working_days(workshop: Workshop) -> None:
    """1 to 7 October 2026 are off and 10 October is worked, so the ten working days before the 13th begin on
    22 September."""
    with workshop.parts.work() as session:
        with on("2026-09-01"):
            for n in range(60):
                take_in(session, workshop.maker, f"EK{n:03d}", model="示例-A", box="B1")
        assert stock_queries.standing(session, 60) == Standing(60, 60, None)
        for day, used in (
            ("2026-09-21", 4),
            ("2026-09-22", 6),
            ("2026-10-05", 3),
            ("2026-10-12", 5),
            ("2026-10-13", 7),
        ):
            with on(day):
                for _ in range(used):
                    (row, *_) = stock_queries.page(session, TokenFilter(state="blank")).rows
                    use(session, workshop, row.token.serial)
        with on("2026-10-12"):
            (row, *_) = stock_queries.page(session, TokenFilter(state="blank")).rows
            spoil(session, workshop.maker, row.token.serial, "示例")
            for _ in range(3):  # put back: not used
                (row, *_) = stock_queries.page(session, TokenFilter(state="blank")).rows
                move(session, row.token.id, TokenMove.ALLOCATE, workshop.maker, to_ref=1)
                move(session, row.token.id, TokenMove.PUT_BACK, workshop.maker)
        with on("2026-10-13"):
            found = stock_queries.standing(session, 34)
        assert found == Standing(34, 34, 34 * 10 // (6 + 3 + 5 + 1))
        assert not found.low
        assert stock_queries.standing(session, 35).low


def test_what_is_left_counts_for_whoever_keeps_the_stock(workshop: Workshop) -> None:
    """Blank tokens belong to no authority: who sees but one, sees none."""
    workshop.stock("EK001")
    clerk = workshop.office.hire("other", Role.PRE_CHECKER, authority_id=workshop.office.authority_ids[1])
    with workshop.parts.work(clerk.scope) as session:
        assert stock_queries.counts(session, NOTHING) == {}
        assert stock_queries.standing(session, 1).blank == 0
