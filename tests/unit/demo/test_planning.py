"""The plan of the demo: whatever the day, its stories lie in the past, in order, and hold together."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cases.calendar import WorkingCalendar, days_from_chinesecalendar
from workbench.demo.accounts import ACCOUNTS
from workbench.demo.faults import ITEM_OF, place_of
from workbench.demo.papers import Document, Fault
from workbench.demo.planning import FULL, in_order, plan_stories
from workbench.demo.story import Ending, Story, steps_of
from workbench.demo.worktime import WorkTime
from workbench.kernel.clock import SHANGHAI
from workbench.kernel.identity import Role

YEARS = (2024, 2025, 2026)
CALENDAR = WorkingCalendar(
    [day for year in YEARS for day in days_from_chinesecalendar(year)], set(YEARS), allow_provisional=True
)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NIGHT_BEFORE_MONDAY = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)


def stories_at(anchor: datetime) -> list[Story]:
    return plan_stories(FULL, WorkTime(CALENDAR, anchor))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 400 * 24 * 60))
def test_every_step_lies_in_office_hours_before_the_anchor_and_in_order(minutes: int) -> None:
    anchor = NEW_YEAR + timedelta(minutes=minutes)
    stories = stories_at(anchor)
    for story in stories:
        steps = steps_of(story)
        assert all(earlier.at < later.at for earlier, later in pairwise(steps))
        assert [step.number for step in steps] == list(range(len(steps)))
        assert all(step.at < anchor for step in steps)
        assert all(9 <= step.at.astimezone(SHANGHAI).hour < 17 for step in steps)
        assert all(CALENDAR.is_working(step.at.astimezone(SHANGHAI).date()) for step in steps)
    assert len({story.key for story in stories}) == len(stories)
    everything = in_order(stories)
    assert all(earlier.at <= later.at for earlier, later in pairwise(everything))


def test_the_same_day_gives_the_same_stories() -> None:
    assert stories_at(NIGHT_BEFORE_MONDAY) == stories_at(NIGHT_BEFORE_MONDAY)


def test_faults_are_found_where_they_are_and_nowhere_else() -> None:
    for story in stories_at(NIGHT_BEFORE_MONDAY):
        for this in story.rounds:
            faulty = {document: plan.faults for document, plan in this.papers.items() if plan.faults}
            assert all((document, fault) in ITEM_OF for document, faults in faulty.items() for fault in faults)
            assert set(faulty) <= set(this.sent)
            for decision in this.decisions:
                assert decision.passed or decision.found == faulty
        assert [bool(each.decisions) for each in story.rounds[:-1]] == [True] * (len(story.rounds) - 1)
        assert not any(each.decisions[-1].passed for each in story.rounds[:-1])
        last = story.rounds[-1].decisions
        if story.ending in (Ending.RE_CHECK, Ending.PRODUCTION):
            assert all(decision.passed for decision in last)
            assert len(last) == (1 if story.ending is Ending.RE_CHECK else 2)


def test_later_rounds_keep_what_was_good_and_one_sends_the_same_file_again() -> None:
    identical = 0
    for story in stories_at(NIGHT_BEFORE_MONDAY):
        for earlier, later in pairwise(story.rounds):
            assert all(
                later.papers[document] == plan
                for document, plan in earlier.papers.items()
                if document not in later.sent
            )
            assert later.answer
            identical += any(later.papers[document] == earlier.papers[document] for document in later.sent)
    assert identical >= 1


def test_the_full_demo_has_something_for_every_screen() -> None:
    stories = stories_at(NIGHT_BEFORE_MONDAY)
    assert len(stories) >= 120
    assert len({story.authority for story in stories}) >= 8
    waiting = Counter(story.authority for story in stories if story.ending is Ending.PRE_CHECK)
    assert waiting["110000"] >= 20
    assert min(waiting.values()) >= 5
    assert sum(story.ending is Ending.RE_CHECK for story in stories) >= 20
    for name in ("service", "category", "channel"):
        assert len({getattr(story, name) for story in stories}) >= 3
    assert {len(story.rounds) for story in stories} == {1, 2, 3}
    undetected = [
        story
        for story in stories
        if story.ending is Ending.PRE_CHECK and any(plan.faults for plan in story.rounds[-1].papers.values())
    ]
    assert len(undetected) >= 10


def test_every_role_has_somebody_and_no_login_is_given_twice() -> None:
    assert {account.role for account in ACCOUNTS} == set(Role)
    assert len({account.login for account in ACCOUNTS}) == len(ACCOUNTS)
    assert all(account.name.startswith("示例") for account in ACCOUNTS)


@pytest.mark.parametrize("document", Document)
@pytest.mark.parametrize("fault", Fault)
def test_a_place_lies_on_its_page(document: Document, fault: Fault) -> None:
    place = place_of(document, fault)
    if place is not None:
        assert place.x >= 0
        assert place.y >= 0
        assert place.w > 0.05
        assert place.h > 0.03
        assert place.x + place.w <= 1
        assert place.y + place.h <= 1
