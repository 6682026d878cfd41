"""Telling that a key can be collected: code, site and what to bring; several at once; reminders, three and no more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from tests.integration.collection.conftest import Counter, comparison, giving
from workbench.cases.clocks import ClockKind
from workbench.cases.models import Application, CaseClock
from workbench.cases.service import advance
from workbench.cases.states import Action
from workbench.collection import pickups
from workbench.collection.models import Pickup
from workbench.collection.telling import notify, notify_many, remind_due
from workbench.config import Settings
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.outbox import OutboxMessage
from workbench.kernel.parts import Parts, make_parts
from workbench.organisation.models import PickupSite


def _site(counter: Counter) -> int:
    with counter.office.work() as session:
        site = PickupSite(
            authority_id=counter.office.authority_ids[0],
            name="示例大厅",
            address="示例路1号",
            telephone="000-00000000",
            opening_hours="工作日 9:00-16:00",
        )
        session.add(site)
        session.flush()
        return site.id


def _mails(counter: Counter, event: str) -> list[tuple[str, str]]:
    statement = select(OutboxMessage.channel, OutboxMessage.body).where(OutboxMessage.event.contains(event))
    return counter.read(lambda session: [(row.channel, row.body) for row in session.execute(statement)])


def test_telling_gives_a_code_stops_the_clock_and_says_where_and_what_to_bring(counter: Counter) -> None:
    key = counter.arrived(pickup_site_id=_site(counter))
    pickup = counter.do(notify, key.application_id)
    mails = dict(_mails(counter, "enterprise_notified"))
    clock = counter.read(
        lambda session: session.scalars(
            select(CaseClock).where(
                CaseClock.application_id == key.application_id, CaseClock.kind == ClockKind.NOTICE.value
            )
        ).one()
    )
    assert pickup.code.isdecimal()
    assert len(pickup.code) == 8
    assert counter.state(key) == "awaiting_collection"
    assert clock.stopped_at is not None
    assert (clock.days, pickup.received_at) == (3, counter.token(key).moved_at)
    for words in (f"{pickup.code[:4]} {pickup.code[4:]}", "示例路1号", "000-00000000", "9:00-16:00"):
        assert words in mails["email"]
    assert "示例business_licence" in mails["email"]
    assert pickup.code in mails["sms"]


def test_the_code_stays_out_of_the_audit_log(counter: Counter) -> None:
    pickup = counter.pickup(counter.waiting())
    told = counter.read(lambda session: [str(each.after) for each in session.scalars(select(AuditEntry))])
    assert not any(pickup.code in each for each in told)


def test_several_are_told_and_what_cannot_be_is_named(counter: Counter) -> None:
    first, second, done, far = counter.arrived(), counter.arrived(), counter.waiting(), counter.arrived(1)
    told = counter.do(notify_many, [key.application_id for key in (first, second, done, far)])
    assert [each.application_id for each in told.pickups] == [first.application_id, second.application_id]
    assert [type(each.refusal) for each in told.refused] == [Conflict, NotFound]
    # Another authority's case is not even named.
    number = counter.read(lambda session: session.get_one(Application, far.application_id).number)
    assert number not in [each.number for each in told.refused]
    assert counter.state(far) == "at_authority"


def test_one_is_told_once_by_two_people_at_once(counter: Counter) -> None:
    key, barrier = counter.arrived(), Barrier(2)

    def tell(who: object) -> bool:
        barrier.wait()
        try:
            counter.do(notify, key.application_id, who=who)  # type: ignore[arg-type]  # an actor
        except WorkbenchError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tell, (counter.clerk, counter.second))) == [False, True]
    assert len(_mails(counter, "enterprise_notified")) == 2  # one e-mail, one short message


def test_only_the_own_authoritys_counter_tells(counter: Counter) -> None:
    key = counter.arrived()
    with pytest.raises(NotFound):
        counter.do(notify, key.application_id, who=counter.stranger)
    with pytest.raises(NotAllowed):
        counter.do(notify, key.application_id, who=counter.office.clerk())


def test_a_code_in_use_elsewhere_is_not_given_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter(["00000001", "00000001", "00000002"])
    monkeypatch.setattr(pickups, "new_code", lambda: next(codes))
    here, there = counter.waiting(), counter.waiting(1)
    assert (counter.pickup(here).code, counter.pickup(there).code) == ("00000001", "00000002")


def test_a_wait_that_production_ended_is_closed_when_the_case_is_told_again(counter: Counter) -> None:
    key = counter.waiting()
    with counter.office.work(counter.clerk) as session:
        advance(session, key.application_id, Action.RETURN_TO_PRODUCTION, counter.clerk, remark="示例损坏")
    assert counter.pickup(key).ended_at is None
    with counter.office.work() as session:
        # As if it had been made and sent again.
        application = session.get_one(Application, key.application_id)
        application.state = "at_authority"
    counter.do(notify, key.application_id)
    waits = counter.read(lambda session: session.scalars(select(Pickup).order_by(Pickup.id)).all())
    assert [each.ended_because for each in waits] == ["gone", None]


@pytest.fixture
def parts(counter: Counter, tmp_path: Path) -> Parts:
    """The worker's parts over the office's database."""
    url = counter.office.engine.url.render_as_string(hide_password=False)
    return make_parts(Settings(var_dir=tmp_path / "var", reminder_days=10), url)


def test_reminders_are_three_and_end_with_the_wait(counter: Counter, parts: Parts) -> None:
    key, fetched = counter.waiting(), counter.waiting()
    counter.attend(fetched, comparison(), giving(fetched.serial))
    at, counted = now(), []
    for days in (9, 11, 11, 22, 33, 44, 400):
        with clock_at(at + timedelta(days=days)):
            counted.append(remind_due(parts))
    mails = [body for channel, body in _mails(counter, ":reminder:") if channel == "email"]
    assert counted == [0, 1, 0, 1, 1, 0, 0]
    assert len(mails) == 3
    assert ["最后一次提醒" in each for each in sorted(mails, key=len)] == [False, False, True]
    assert counter.pickup(key).code[:4] in mails[0]
    assert counter.pickup(fetched).reminders == 0
    parts.engine.dispose()


def test_two_workers_remind_once(counter: Counter, parts: Parts) -> None:
    for _ in range(3):
        counter.waiting()
    at, barrier = now() + timedelta(days=11), Barrier(2)

    def run(_: int) -> int:
        barrier.wait()
        with clock_at(at):
            return remind_due(parts)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 3
    reminded = counter.read(lambda session: session.scalar(select(func.sum(Pickup.reminders))))
    assert reminded == 3
    parts.engine.dispose()
