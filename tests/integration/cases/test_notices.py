"""What an enterprise is told of each move: once by e-mail, of some by a short message too, with what comes next, until
when, and where to collect or follow; what people typed stays text.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import Environment
from sqlalchemy import select, text

from tests.support.casework import SYSTEM, Office
from workbench.cases import notices
from workbench.cases.models import Applicant, Application
from workbench.cases.service import advance
from workbench.cases.states import TRANSITIONS, Action
from workbench.cases.words import Channel, Service, State, Verdict
from workbench.kernel.clock import clock_at, now
from workbench.kernel.db import make_session_factory
from workbench.kernel.identity import Actor, Role, Scope
from workbench.kernel.outbox import OutboxMessage
from workbench.organisation.models import PickupSite

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SITE = "https://door.example.invalid"


@pytest.fixture(autouse=True)
def _at_a_known_address(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The office as an installation that people reach at an address of its own."""
    monkeypatch.setattr(Office, "factory", property(lambda self: make_session_factory(self.engine, SITE)))
    with clock_at(MONDAY):
        yield


def told(office: Office, case: int, event: str) -> OutboxMessage:
    """The one e-mail of an event."""
    with office.work() as session:
        found = select(OutboxMessage).where(OutboxMessage.case_id == case, OutboxMessage.event.endswith(f":{event}"))
        return session.scalars(found).one()


def applicant(office: Office, kind: str = "person") -> Actor:
    """Somebody who makes cases at the front door, or a registration site."""
    with office.work() as session:
        person = {"login": "example", "password_hash": "x", "uscc": "91000000EXAMPLE00X"} if kind == "person" else {}
        made = Applicant(kind=kind, name="示例企业", created_at=now(), **person)
        session.add(made)
        session.flush()
        return Actor("enterprise", made.id, made.name, scope=Scope(applicant_id=made.id))


def put(office: Office, case: int, state: State) -> None:
    with office.work() as session:
        session.execute(text("UPDATE application SET state = :state WHERE id = :id"), {"state": state, "id": case})


def site_of(office: Office, case: int, **changes: str) -> None:
    with office.work() as session:
        application = session.get_one(Application, case)
        values = {"name": "示例大厅", "address": "示例路1号2楼3窗口", "telephone": "000-00000000", **changes}
        place = PickupSite(authority_id=application.authority_id, opening_hours="工作日 9:00–11:30", **values)
        session.add(place)
        session.flush()
        application.pickup_site_id = place.id


def move(office: Office, case: int, action: Action, remark: str = "示例备注") -> None:
    role = {
        Action.PRODUCE: Role.KEY_MAKER,
        Action.HAND_TO_COURIER: Role.DISPATCHER,
        Action.RETURN_TO_PRODUCTION: Role.DISPATCHER,
    }.get(action, Role.COUNTER_STAFF)
    authority = office.authority_ids[0] if role is Role.COUNTER_STAFF else None
    of_enterprise = action in (Action.WITHDRAW, Action.UPDATE_CERTIFICATE)
    who = SYSTEM if of_enterprise else office.hire(f"{action}-{case}", role, authority_id=authority)
    with office.work(who) as session:
        advance(session, case, action, who, remark=remark)


def test_each_step_says_what_comes_next_and_until_when_in_both_languages(office: Office) -> None:
    case = office.submit()
    body = told(office, case, "submitted").body
    assert body.index("11月25日 周三") < body.index("Wed 25 Nov")
    office.decide(office.clerk(), case, Verdict.PASSED)
    passed = told(office, case, "pre_check_passed")
    assert "核验通过" in passed.subject
    assert "11月30日 周一" in passed.body
    assert "Mon 30 Nov" in passed.body
    office.decide(office.re_checker(), case, Verdict.PASSED)
    assert "制作电子钥匙" in told(office, case, "re_check_passed").body
    for action, event in ((Action.PRODUCE, "key_produced"), (Action.HAND_TO_COURIER, "handed_to_courier")):
        move(office, case, action)
        assert "收到通知后再前往" in told(office, case, event).body
        assert "11月30日" not in told(office, case, event).body


def test_a_key_that_came_back_is_made_again_by_a_day_that_is_named(office: Office) -> None:
    case = office.submit()
    office.decide(office.clerk(), case, Verdict.PASSED)
    put(office, case, State.IN_TRANSIT)
    move(office, case, Action.RETURN_TO_PRODUCTION)
    assert "11月30日 周一" in told(office, case, "returned_to_production").body


def test_a_key_that_is_ready_names_its_own_place_and_what_to_bring(office: Office) -> None:
    case = office.submit()
    site_of(office, case)
    put(office, case, State.AT_AUTHORITY)
    move(office, case, Action.NOTIFY)
    body = told(office, case, "enterprise_notified").body
    for expected in (
        "示例大厅",
        "示例路1号2楼3窗口",
        "000-00000000",
        "工作日 9:00–11:30",
        "纸质原件",
        "paper originals",
    ):
        assert expected in body
    short = told(office, case, "enterprise_notified:sms")
    assert (short.recipient, short.channel, short.subject) == ("10000000000", "sms", "")
    assert "示例路1号2楼3窗口" in short.body
    assert "\n" not in short.body


def test_without_a_place_the_enterprise_is_told_to_call_first(office: Office) -> None:
    case = office.submit()
    put(office, case, State.AT_AUTHORITY)
    move(office, case, Action.NOTIFY)
    assert "请先致电" in told(office, case, "enterprise_notified").body
    assert "请先致电" in told(office, case, "enterprise_notified:sms").body


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.COLLECT, Action.DESTROY_KEY, Action.REFUSE_STAMPING])
def test_what_ends_or_halts_a_case_is_told(office: Office, action: Action) -> None:
    case = office.submit()
    ((state, _),) = [key for key in TRANSITIONS if key[1] is action][:1]
    assert state is not None
    put(office, case, state)
    move(office, case, action)
    mail = told(office, case, TRANSITIONS[state, action].event)
    assert "【电子钥匙】申请 EK2026" in mail.subject
    assert ("示例备注" in mail.body) == (action in (Action.DESTROY_KEY, Action.REFUSE_STAMPING))


def test_a_renewal_is_told_by_short_message_when_it_is_done(office: Office) -> None:
    case = office.submit(office.facts(Service.RENEWAL))
    put(office, case, State.PRODUCTION)
    move(office, case, Action.UPDATE_CERTIFICATE)
    assert "无需领取" in told(office, case, "certificate_updated").body
    assert "无需领取" in told(office, case, "certificate_updated:sms").body


def test_only_cases_made_at_the_front_door_link_to_it(office: Office) -> None:
    own, other = applicant(office), applicant(office, "site")
    at_the_door, by_interface, at_the_counter = office.submit(who=own), office.submit(who=other), office.submit()
    with office.work() as session:
        session.get_one(Application, by_interface).channel = Channel.API
        number = session.get_one(Application, at_the_door).number
    for case in (at_the_door, by_interface, at_the_counter):
        office.decide(office.clerk(f"clerk{case}"), case, Verdict.PASSED)
    mail = told(office, at_the_door, "pre_check_passed")
    assert mail.body.count(f"{SITE}/applications/{number}") == 2
    assert "://" not in told(office, by_interface, "pre_check_passed").body
    assert "://" not in told(office, at_the_counter, "pre_check_passed").body


def test_what_people_typed_stays_text_and_out_of_the_subject(office: Office) -> None:
    typed = "{{ 7 * 7 }} {% raw %}\r\nBcc: somebody@example.invalid"
    case = office.submit(office.facts(enterprise_name="{{ 7 * 7 }} <b>示例</b>", name="{% include 'x' %}"))
    office.decide(office.clerk(), case, Verdict.FAILED, typed)
    mail = told(office, case, "pre_check_failed")
    assert "{{ 7 * 7 }} {% raw %}" in mail.body
    assert "{{ 7 * 7 }} <b>示例</b>" in mail.body
    assert "{% include 'x' %}，您好" in mail.body
    assert "Bcc" not in mail.subject
    assert "\n" not in mail.subject


def test_each_notice_has_its_text_and_no_text_is_left_over() -> None:
    folder = Path(notices.__file__).parents[2] / "templates" / "emails"
    # A reminder is told while a case stands still.
    named = {move.notice for move in TRANSITIONS.values() if move.notice} | {"collect_reminder"}
    extending = {path.stem for path in folder.glob("*.txt") if 'extends "notice.txt"' in path.read_text("utf-8")}
    assert extending == named
    assert {path.stem for path in (folder / "sms").glob("*.txt")} == notices.SHORT_MESSAGES <= named
    for path in folder.rglob("*.txt"):
        Environment(autoescape=False).parse(path.read_text("utf-8"))


def test_nothing_is_told_of_a_move_that_was_undone(office: Office) -> None:
    case = office.submit()
    with office.work() as session:
        advance(session, case, Action.WITHDRAW, SYSTEM)
        session.rollback()
    with office.work() as session:
        events = session.scalars(select(OutboxMessage.event).where(OutboxMessage.case_id == case)).all()
    assert events == [f"case:{case}:version:1:submitted"]
