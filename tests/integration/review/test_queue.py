"""The queue: every row once, in order of urgency, whichever way it is paged; search takes any character as itself."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from tests.support.casework import Office
from workbench.cases import claims
from workbench.cases.calendar_text import due_reason
from workbench.cases.deadlines import load_calendar
from workbench.cases.models import Application
from workbench.cases.words import Category, Desk, Service, State, Verdict
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import NotAllowed
from workbench.kernel.identity import Actor, Role
from workbench.review import queue
from workbench.review.queue import Flag, QueueFilter

DESK = QueueFilter(desk=Desk.PRE_CHECK)
MONDAY = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def _walk(office: Office, actor: Actor, wanted: QueueFilter, size: int) -> tuple[list[int], str | None]:
    """Every id from the first page to the last, and the cursor that leads back from the last page."""
    seen: list[int] = []
    after = before = None
    while True:
        with office.work(actor) as session:
            page = queue.page(session, actor, wanted, after=after, size=size)
        seen += [row.id for row in page.rows]
        after, before = page.after, page.before
        if after is None:
            return seen, before


def _spread(office: Office, how_many: int) -> None:
    """Cases with due dates that repeat and some that have none, so that ties and gaps meet every page's edge."""
    for _ in range(how_many):
        office.submit()
    with office.work() as session:
        session.execute(
            text("UPDATE application SET due_at = '2026-03-05T16:00Z'::timestamptz + (id % 3) * interval '1 day'")
        )
        session.execute(
            text("UPDATE application SET due_at = NULL, due_clock = NULL, due_from = NULL WHERE id % 4 = 0")
        )


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_paging_shows_every_row_once_in_order_forwards_and_back(office: Office, size: int) -> None:
    clerk = office.clerk()
    _spread(office, 9)
    with office.work(clerk) as session:
        order = select(Application.id)
        expected = list(session.scalars(order.order_by(Application.due_at.nulls_last(), Application.id)))
        newest = list(session.scalars(order.order_by(Application.submitted_at.desc(), Application.id.desc())))
    assert _walk(office, clerk, QueueFilter(), size)[0] == newest
    seen, before = _walk(office, clerk, DESK, size)
    assert seen == expected
    backwards = expected[-(len(expected) % size or size) :]
    while before is not None:
        with office.work(clerk) as session:
            page = queue.page(session, clerk, DESK, before=before, size=size)
        backwards = [row.id for row in page.rows] + backwards
        before = page.before
    assert backwards == expected


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "bnVsbA", "WyIyMDI2IiwgMV0", "WzEsMV0", "é", "A" * 5000, "W251bGwsIDFlOTld"]
)
def test_a_cursor_nobody_gave_out_shows_the_first_page(office: Office, cursor: str) -> None:
    clerk = office.clerk()
    case = office.submit()
    with office.work(clerk) as session:
        assert [row.id for row in queue.page(session, clerk, DESK, after=cursor).rows] == [case]


def test_a_row_tells_what_the_desk_needs(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    facts = office.facts(Service.REPLACEMENT)
    with clock_at(MONDAY):
        case = office.submit(facts)
        office.decide(clerk, case, Verdict.FAILED)
        office.submit_again(case, facts)
        with office.work(other) as session:
            claims.claim(session, other, case, minutes=20)
        with office.work(clerk) as session:
            (row,) = queue.page(session, clerk, DESK).rows
    assert row.enterprise_name == facts.enterprise_name
    assert (row.service, row.round, row.state) == (Service.REPLACEMENT, 2, State.PRE_CHECK)
    assert (row.working_days_left, row.due_clock) == (2, "pre_check")
    assert row.claimed_by_name == "示例other"
    assert row.flags == (Flag.REPLACEMENT, Flag.RETURNED_BEFORE, Flag.OTHERS_WORK_ON_IT)
    with clock_at(MONDAY + timedelta(days=7)), office.work(clerk) as session:
        (late,) = queue.page(session, clerk, DESK).rows
    assert late.working_days_left == -3
    assert late.claimed_by_id is None


def test_counts_and_filters_follow_the_clock_and_the_claims(office: Office) -> None:
    clerk, other = office.clerk(), office.clerk("other")
    with clock_at(MONDAY):
        late = office.submit()
    with clock_at(MONDAY + timedelta(days=3)):
        today = office.submit(office.facts(Service.RENEWAL, category=Category.AGRICULTURAL_QUOTA))
    with clock_at(MONDAY + timedelta(days=4)):
        ahead = office.submit()
    with clock_at(MONDAY + timedelta(days=7)):
        with office.work(clerk) as session:
            claims.claim(session, clerk, ahead, minutes=20)
        with office.work(other) as session:
            claims.claim(session, other, late, minutes=20)
        with office.work(clerk) as session:
            found = queue.counts(session, clerk, Desk.PRE_CHECK)
            assert [each.n for each in (found.waiting, found.mine, found.due_today, found.overdue)] == [3, 1, 1, 1]

            def ids(**wanted: object) -> list[int]:
                narrowed = QueueFilter.from_args({key: str(value) for key, value in wanted.items()}, Desk.PRE_CHECK)
                return [row.id for row in queue.page(session, clerk, narrowed).rows]

            assert ids(due="overdue") == [late]
            assert ids(due="today") == [today]
            assert ids(due="soon") == [today, ahead]
            assert (ids(holder="mine"), ids(holder="free"), ids(holder="others")) == ([ahead], [today], [late])
            assert (ids(service="renewal"), ids(category="agricultural_quota")) == ([today], [today])
            assert (ids(round="again"), ids(round="first")) == ([], [late, today, ahead])
            assert ids(authority=office.authority_ids[1]) == []


def test_a_filter_comes_back_from_its_url_and_nonsense_is_left_out() -> None:
    full = QueueFilter(
        desk=Desk.RE_CHECK,
        service=Service.NEW,
        category=Category.OTHER,
        authority_id=7,
        round="again",
        due="today",
        holder="free",
        q="100%_示例",
    )
    assert QueueFilter.from_args(full.to_args(), Desk.RE_CHECK) == full
    nonsense = {
        "service": "x",
        "authority": "٣",
        "round": "2",
        "due": "",
        "holder": "me",
        "q": " \x00 ",
        "state": "re_check",
    }
    assert QueueFilter.from_args(nonsense, Desk.RE_CHECK) == QueueFilter(desk=Desk.RE_CHECK)


@pytest.mark.parametrize(
    "fragment", ["50%", "_", "\\", "'", '"; DROP', "/", ".", "😀", "远", "有限", "A公司b", "　全角"]
)
def test_any_character_is_searched_as_itself(office: Office, fragment: str) -> None:
    clerk = office.clerk()
    plain = office.submit(office.facts(enterprise_name="示例无关商行"))
    wanted = office.submit(office.facts(enterprise_name=f"示例x{fragment}y商行"))
    with office.work(clerk) as session:
        rows = queue.page(session, clerk, QueueFilter(desk=Desk.PRE_CHECK, q=fragment)).rows
        assert [row.id for row in rows] == [wanted]
        assert plain not in [row.id for row in queue.page(session, clerk, QueueFilter(q=fragment)).rows]


def test_numbers_and_codes_are_found_whole_and_in_part(office: Office) -> None:
    clerk = office.clerk()
    office.submit()
    case = office.submit()
    with office.work(clerk) as session:
        application = session.get_one(Application, case)
        number, code = application.number, application.uscc
        for q in (number, number.lower(), code, f" {code[:4]} {code[4:].lower()}", number[-3:], code[-5:]):
            assert case in [row.id for row in queue.page(session, clerk, QueueFilter(q=q)).rows], q
        assert [row.id for row in queue.page(session, clerk, QueueFilter(q=code)).rows] == [case]


def test_a_fragment_that_everything_holds_still_pages_in_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk = office.clerk()
    _spread(office, 6)
    by_index, _ = _walk(office, clerk, QueueFilter(desk=Desk.PRE_CHECK, q="示例"), 2)
    monkeypatch.setattr("workbench.review.search.COMMON", 1)
    by_walking, _ = _walk(office, clerk, QueueFilter(desk=Desk.PRE_CHECK, q="示例"), 2)
    monkeypatch.setattr("workbench.review.search.COMMON", 10**9)
    monkeypatch.setattr("workbench.review.search.FEW", 3)
    by_many_hits, _ = _walk(office, clerk, QueueFilter(desk=Desk.PRE_CHECK, q="示例"), 2)
    assert len(by_index) == 6
    assert by_index == by_walking == by_many_hits


def test_counting_stops_at_the_bound(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk = office.clerk()
    for _ in range(3):
        office.submit()
    monkeypatch.setattr(queue, "BOUND", 2)
    with office.work(clerk) as session:
        assert str(queue.page(session, clerk, DESK).total) == "2+"


def test_who_reads_no_cases_sees_no_queue(office: Office) -> None:
    administrator = office.hire("admin", Role.ADMINISTRATOR)
    with pytest.raises(NotAllowed), office.work(administrator) as session:
        queue.page(session, administrator, DESK)
    with pytest.raises(NotAllowed), office.work(administrator) as session:
        queue.counts(session, administrator, Desk.PRE_CHECK)


def test_the_reason_of_a_due_date_names_the_holiday(office: Office) -> None:
    clerk = office.clerk()
    with clock_at(datetime(2026, 9, 30, 2, 0, tzinfo=UTC)):
        office.submit()
        with office.work(clerk) as session:
            (row,) = queue.page(session, clerk, DESK).rows
            calendar = load_calendar(session)
    assert row.due_from is not None
    assert row.due_at is not None
    assert due_reason(calendar, row.due_from, row.due_at, "en").startswith("Fri 9 Oct: 1–7 Oct")
    assert "放假" in due_reason(calendar, row.due_from, row.due_at, "zh_Hans_CN")
