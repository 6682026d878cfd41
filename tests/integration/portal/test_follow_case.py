"""Following a case: its timeline in every state of every service, in general words, for its own applicant alone."""

import pytest
from sqlalchemy import select

from tests.integration.portal.follow_door import CLERK, Door, door
from tests.support.casework import IDENTITY, SYSTEM
from workbench.cases.models import Application, CaseClock, CaseEvent
from workbench.cases.service import advance
from workbench.cases.states import CLOSED_STATES, Action
from workbench.cases.words import Service, State, Verdict
from workbench.kernel.errors import NotFound
from workbench.portal.door import actor_of
from workbench.portal.following import cases as following
from workbench.portal.following.timeline import HAPPENED, Place, Who, stages_after

__all__ = ["door"]

WALK = (
    ("maker", Action.PRODUCE, State.MADE),
    ("packer", Action.HAND_TO_COURIER, State.IN_TRANSIT),
    ("counter", Action.RECEIVE, State.AT_AUTHORITY),
    ("counter", Action.NOTIFY, State.AWAITING_COLLECTION),
    ("counter", Action.REFUSE_STAMPING, State.AWAITING_COLLECTION),
    ("counter", Action.COLLECT, State.COLLECTED),
)
REMARKED = (Action.COLLECT, Action.REFUSE_STAMPING)


def follow(door: Door, number: str) -> following.Followed:
    """As the applicant's page reads it: under the applicant's own scope."""
    with door.office.work(door.actor) as session:
        return following.follow(session, door.actor, number)


def check(door: Door, number: str, state: State) -> following.Followed:
    """In every state: one present step unless it ended, the past before it, the future after; valid pages."""
    found = follow(door, number)
    places = [step.place for step in found.steps]
    assert found.state is state
    assert places == sorted(places, key=list(Place).index)
    assert places.count(Place.NOW) == (0 if state in CLOSED_STATES else 1)
    assert places.count(Place.NEXT) == len(stages_after(state, Service(found.application.service)))
    assert all(step.at is not None for step in found.steps if step.place is Place.DONE)
    for language in ("zh", "en"):
        page = door.browser(language=language).open(f"/applications/{number}")
        assert IDENTITY not in page
        for person in door.staff.values():
            assert person.name not in page
        for secret in ("预审内部备注", "复核内部备注", "内部原因"):
            assert secret not in page
    return found


@pytest.mark.parametrize("service", [Service.NEW, Service.ADDITIONAL, Service.REPLACEMENT])
def test_a_key_is_followed_to_the_counter(door: Door, service: Service) -> None:
    number = door.submit(service)
    begun = check(door, number, State.PRE_CHECK)
    assert begun.due is not None
    assert (begun.due.days, begun.due.used) == (2, 0)
    assert [step.key for step in begun.steps] == [
        "submitted",
        *("pre_check", "re_check", "production", "in_transit", "at_authority", "awaiting_collection"),
    ]
    door.office.decide(door.staff[CLERK], door.case_id(number), Verdict.PASSED, "预审内部备注")
    check(door, number, State.RE_CHECK)
    door.office.decide(door.staff["checker"], door.case_id(number), Verdict.PASSED, "复核内部备注")
    check(door, number, State.PRODUCTION)
    for person, action, state in WALK:
        door.move(number, person, action, "原件与扫描件不一致" if action in REMARKED else None)
        check(door, number, state)
    shown = door.browser().words(f"/applications/{number}")
    assert "E-key collected" in shown
    assert "原件与扫描件不一致" in shown


def test_a_key_lost_on_the_way_is_made_again_without_telling_why(door: Door) -> None:
    number = door.submit()
    door.pass_both(number)
    door.move(number, "maker", Action.PRODUCE)
    door.move(number, "packer", Action.HAND_TO_COURIER)
    door.move(number, "packer", Action.RETURN_TO_PRODUCTION, "内部原因")
    found = check(door, number, State.PRODUCTION)
    assert [step.key for step in found.steps if step.place is Place.DONE][-1] == "returned_to_production"
    assert found.due is not None
    for person, action, _ in WALK[:3]:
        door.move(number, person, action)
    door.move(number, "counter", Action.FORWARD, "内部原因")
    check(door, number, State.IN_TRANSIT)


def test_an_uncollected_key_ends_the_case(door: Door) -> None:
    number = door.submit()
    door.pass_both(number)
    for person, action, _ in WALK[:4]:
        door.move(number, person, action)
    door.move(number, "counter", Action.DESTROY_KEY, "内部原因")
    assert check(door, number, State.KEY_DESTROYED).now.title == (
        "Ended: the e-key was not collected and was destroyed"
    )


def test_a_renewal_sees_neither_courier_nor_counter(door: Door) -> None:
    number = door.submit(Service.RENEWAL)
    begun = check(door, number, State.PRE_CHECK)
    assert [step.key for step in begun.steps] == ["submitted", "pre_check", "re_check", "production"]
    door.pass_both(number)
    assert check(door, number, State.PRODUCTION).now.title == "You can update your certificate now"
    shown = door.browser().open(f"/applications/{number}")
    assert f'href="/applications/{number}/update"' in shown
    with door.office.work() as session:
        advance(session, door.case_id(number), Action.UPDATE_CERTIFICATE, SYSTEM)
    check(door, number, State.UPDATED)
    shown = door.browser().words(f"/applications/{number}")
    assert "courier" not in shown.lower()
    assert "Where you collect" not in shown


def test_a_returned_case_waits_for_its_applicant_without_a_clock(door: Door) -> None:
    number = door.submit()
    door.fail(number, "business_licence")
    found = check(door, number, State.RETURNED)
    assert found.due is None
    now = next(step for step in found.steps if step.place is Place.NOW)
    assert now.who is Who.YOU
    assert [step.period.days for step in found.steps if step.period is not None] == [2, 5, 3]


def test_the_day_of_making_is_the_one_the_clock_will_show(door: Door) -> None:
    number = door.submit()
    told = next(step for step in follow(door, number).steps if step.key == "production").period
    assert told is not None
    with door.office.work() as session:
        application = session.get_one(Application, door.case_id(number))
        pre_check = session.scalars(select(CaseClock).where(CaseClock.application_id == application.id)).one()
        assert told.latest is not None
        assert pre_check.due_at is not None
        assert told.latest > pre_check.due_at
        assert told.days == 5
    door.office.decide(door.staff[CLERK], door.case_id(number), Verdict.PASSED)
    after = next(step for step in follow(door, number).steps if step.key == "production").period
    assert after is not None
    assert after.latest == follow(door, number).application.due_at
    assert after.latest is not None
    assert after.latest <= told.latest


def test_every_event_has_words_for_the_applicant(door: Door) -> None:
    number = door.submit()
    door.pass_both(number)
    for person, action, _ in WALK:
        door.move(number, person, action, "示例" if action in REMARKED else None)
    with door.office.work() as session:
        events = session.scalars(select(CaseEvent.event)).all()
    assert set(events) <= set(HAPPENED)
    steps = follow(door, number).steps
    assert [step.key for step in steps if step.place is Place.DONE] == list(events)


def test_where_to_collect_and_what_to_bring_stand_on_the_page(door: Door) -> None:
    number = door.submit()
    page = door.browser(language="zh").open(f"/applications/{number}")
    for told in ("示例服务大厅", "示例路 1 号", "000-0000", "9:00–17:00", "请走&lt;东&gt;门", "纸质原件"):
        assert told in page
    assert "请在收到领取通知后再前往" in page
    assert [each.code for each in follow(door, number).originals] == [
        "application_form",
        "business_licence",
        "user_id_card",
    ]


def test_a_case_without_a_site_says_so(door: Door) -> None:
    number = door.submit(pickup_site_id=None)
    assert "The pick-up site has not been entered yet" in door.browser().words(f"/applications/{number}")


def test_what_a_clerk_typed_at_the_counter_is_said_to_be_the_authoritys(door: Door) -> None:
    number = door.submit()
    door.fail(number, "business_licence")
    case_id = door.case_id(number)
    with door.office.work(door.actor) as session:
        uscc = session.get_one(Application, case_id).uscc
    facts = door.office.facts(uscc=uscc, pickup_site_id=door.site())
    door.office.submit_again(case_id, facts, who=door.staff[CLERK])
    sent = next(step for step in follow(door, number).steps if step.key == "resubmitted")
    assert sent.who is Who.AUTHORITY
    assert sent.round == 2


@pytest.mark.parametrize("place", ["", "/withdraw", "/receipt.pdf", "/pages/{page}/image", "/pages/{page}/thumbnail"])
def test_another_applicants_case_is_not_found(door: Door, place: str) -> None:
    """Not even one of the same enterprise: anybody may register with a public code."""
    number = door.submit()
    address = f"/applications/{number}{place}".format(page=door.page_id(number))
    assert door.browser().client.get(address).status_code == 200
    for stranger in (door.another(), door.another(1)):
        assert door.browser(stranger).client.get(address).status_code == 404


@pytest.mark.parametrize("place", ["/withdraw", "/correct", "/answer"])
def test_nobody_else_changes_a_case(door: Door, place: str) -> None:
    number = door.submit()
    door.fail(number, "business_licence")
    for stranger in (door.another(), door.another(1)):
        assert door.browser(stranger).post(f"/applications/{number}{place}").status_code == 404
    assert door.state(number) == State.RETURNED


def test_a_page_of_another_case_is_not_found_under_ones_own_number(door: Door) -> None:
    stranger = door.another()
    own, foreign = door.submit(), door.submit(who=actor_of(stranger, ""))
    client = door.browser().client
    for page in (door.page_id(foreign), 0, 2**63, 2**80):
        assert client.get(f"/applications/{own}/pages/{page}/image").status_code == 404


@pytest.mark.parametrize(
    "number", ["x", "EK2026%000001", "EK20260000000", "ek20260000001", "EK２０２６００００００１", "%00"]
)
def test_a_number_that_is_none_is_not_found(door: Door, number: str) -> None:
    assert door.browser().client.get(f"/applications/{number}").status_code == 404


def test_staff_and_strangers_are_led_to_the_entrance(door: Door) -> None:
    number = door.submit()
    answer = door.app.test_client().get(f"/applications/{number}", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.location.startswith("/entrance")


def test_the_verb_itself_finds_own_cases_only(door: Door) -> None:
    number = door.submit()
    stranger = actor_of(door.another(1), "")
    with door.office.work(stranger) as session, pytest.raises(NotFound):
        following.follow(session, stranger, number)
    with door.office.work() as session, pytest.raises(NotFound):
        following.get_own(session, stranger, number)
