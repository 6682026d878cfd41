"""Renewals that are cut short: the program killed between any two steps, the key pulled out, a wrong PIN, the CA down.
Taken up again each is finished, and no case ever has a second certificate.
"""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from tests.support.bench import Workshop
from tests.support.casework import SYSTEM
from tests.support.holder import Held, HolderAgent, approved_renewal, made_at_bench, makings
from tests.support.tokens import Bench, FaultyDriver
from tests.support.tokens_in_memory import in_memory_bench
from workbench.cases.clocks import ClockKind
from workbench.cases.models import Applicant, CaseClock
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Role
from workbench.keys.models import Certificate
from workbench.keys.service import revoke
from workbench.portal.door import actor_of
from workbench.production import issuing
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaUnreachable,
    CertificationAuthority,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
)
from workbench.production.ending import RevokedBecause, revoke_certificate
from workbench.production.models import BenchStation
from workbench.production.protocol import Personalise, Remove, Requested, Write, Written
from workbench.production.renewal_progress import Step, progress_of
from workbench.production.renewing import begin_renewal, find_case, try_again
from workbench.production.stations import find_station
from workbench.production.tokens.driver import Fault


@pytest.fixture
def bench() -> Bench:
    """Tokens in memory."""
    return in_memory_bench()


@pytest.fixture
def key(workshop: Workshop, bench: Bench) -> Held:
    """A key in its holder's hands."""
    (serial,) = bench.add(1)
    return made_at_bench(workshop, bench.driver, serial)


@pytest.fixture
def case(key: Held) -> int:
    """Its renewal, approved."""
    return approved_renewal(key)


def finished(key: Held, case: int) -> None:
    """The case is done with one certificate, on one key, and the old one is replaced."""
    assert key.workshop.state(case) == "updated"
    (certificate,) = key.workshop.certificates(case)
    assert (certificate.state, certificate.key_number) == ("valid", key.serial)
    (order,) = [each for each in key.workshop.orders(case) if each.state == "issued"]
    assert order.certificate_id == certificate.id
    assert [each.state for each in makings(key.workshop, case)] == ["made"]
    assert key.record.state == "replaced"


@pytest.mark.parametrize("turns", range(1, 5))
@pytest.mark.parametrize("reported", [False, True])
def test_a_program_that_is_killed_is_taken_up_again_with_a_new_code(
    key: Held, case: int, bench: Bench, turns: int, reported: bool
) -> None:
    """After each order, before and after its report reached the server."""
    first = key.agent(case, bench.driver)
    for _ in range(turns):
        first.turn()
    if reported:
        first.turn()
    if key.workshop.state(case) == "production":
        second = key.agent(case, bench.driver)
        assert find_station(key.workshop.parts, first.code) is None, "the earlier code opens nothing any more"
    else:
        second = HolderAgent(key.workshop.parts, first.code, bench.driver, key.pin)
    assert second.run().done
    finished(key, case)


def test_a_key_that_is_not_there_is_waited_for_and_one_that_was_pulled_out_goes_on(
    key: Held, case: int, bench: Bench
) -> None:
    bench.pull(key.serial)
    agent = key.agent(case, bench.driver)
    for _ in range(3):
        assert agent.turn().order is None
    assert makings(key.workshop, case)[0].fault is None, "nobody is blamed for a key that is not there yet"
    bench.plug(key.serial)
    assert isinstance(agent.turn().order, Personalise)
    driver = FaultyDriver(bench.driver)
    driver.fail("write_certificate", Fault.TOKEN_PULLED)
    agent = key.agent(case, driver)
    agent.run(until=lambda answer: isinstance(answer.order, Write))
    bench.pull(key.serial)
    assert agent.turn().order is None
    assert makings(key.workshop, case)[0].fault == Fault.TOKEN_PULLED
    bench.plug(key.serial)
    assert agent.turn().order is None, "not in a tight circle"
    with clock_at(now() + timedelta(seconds=4)):
        assert agent.run().done
    finished(key, case)


def test_another_key_gets_no_order(key: Held, case: int, bench: Bench, workshop: Workshop) -> None:
    (other,) = bench.add(1)
    bench.pull(key.serial)
    agent = key.agent(case, bench.driver)
    assert agent.turn().order is None
    with workshop.parts.work() as session:
        told = progress_of(session, find_case(session, key.actor, case))
    assert (told.step, told.others, told.key_number) == (Step.KEY, (other,), key.serial)


def test_a_wrong_pin_stands_still_until_it_is_tried_again(key: Held, case: int, bench: Bench) -> None:
    agent = key.agent(case, bench.driver)
    right, agent.pin = agent.pin, "000000"
    agent.turn()
    assert agent.turn().order is None
    assert makings(key.workshop, case)[0].fault == Fault.PIN_REFUSED
    assert agent.asked_for_pin == 3
    agent.pin = right
    assert agent.turn().order is None
    with key.workshop.parts.work() as session:
        try_again(session, key.actor, case)
    assert agent.run().done
    finished(key, case)


def test_pins_are_nowhere_on_record(key: Held, case: int, bench: Bench) -> None:
    agent = key.agent(case, bench.driver)
    agent.run()
    assert all(each.pin_ciphertext is None for each in makings(key.workshop, case))
    entries = key.workshop.read(
        lambda session: session.scalars(select(AuditEntry).where(AuditEntry.case_id == case)).all()
    )
    assert entries
    for entry in entries:
        assert agent.code not in str((entry.before, entry.after)), entry.action
        assert key.pin not in str((entry.before, entry.after)), entry.action


class Ca:
    """Stands before the CA: unreachable, slow, unwilling, or losing its answer once it has issued."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[object]) -> None:
        self.answers = answers
        self.issued: list[bytes] = []
        monkeypatch.setattr(issuing, "load_authority", self._load)

    def _load(self, parts: object) -> "Ca":
        self.real: CertificationAuthority = load_authority(parts)  # type: ignore[arg-type]
        return self

    def issue(self, order: IssueOrder) -> object:
        said = self.answers.pop(0) if self.answers else None
        if isinstance(said, CaUnreachable) and str(said) == "before":
            raise said
        if isinstance(said, Pending | Rejected):
            return said
        answer = self.real.issue(order)
        assert isinstance(answer, Issued)
        self.issued.append(answer.certificate)
        if isinstance(said, CaUnreachable):
            raise said
        return answer


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_ca_that_is_down_is_asked_again_by_itself(
    key: Held, case: int, bench: Bench, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    ca = Ca(monkeypatch, [CaUnreachable(when)])
    agent = key.agent(case, bench.driver)
    agent.run(until=lambda answer: answer.order is None)
    (making,) = makings(key.workshop, case)
    assert making.fault == "ca_unreachable"
    with key.workshop.parts.work() as session:
        told = progress_of(session, find_case(session, key.actor, case))
    assert (told.step, told.waits) == (Step.CERTIFICATE, True)
    (order,) = key.workshop.orders(case)
    with clock_at(now() + timedelta(minutes=2)):
        issuing.ask(key.workshop.parts, order.id)
    assert agent.run().done
    finished(key, case)
    assert len(set(ca.issued)) == 1


def test_a_ca_that_decides_later_lets_the_program_wait(
    key: Held, case: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ca(monkeypatch, [Pending(timedelta(seconds=30))])
    agent = key.agent(case, bench.driver)
    agent.run(until=lambda answer: answer.order is None)
    assert key.record.state == "valid", "the old one counts until the new one is there"
    (order,) = key.workshop.orders(case)
    with clock_at(now() + timedelta(minutes=2)):
        issuing.ask(key.workshop.parts, order.id)
    agent = key.agent(case, bench.driver)
    assert agent.run().done
    finished(key, case)


def test_a_request_that_was_refused_is_asked_anew_with_a_new_code(
    key: Held, case: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ca(monkeypatch, [Rejected("示例：名称有误")])
    agent = key.agent(case, bench.driver)
    agent.run(until=lambda answer: answer.order is None)
    assert makings(key.workshop, case)[0].fault == "ca_rejected"
    assert key.workshop.certificates(case) == []
    assert key.agent(case, bench.driver).run().done
    finished(key, case)


def test_an_agent_that_lies_moves_nothing(key: Held, case: int, bench: Bench) -> None:
    agent = key.agent(case, bench.driver)
    agent.run(until=lambda answer: isinstance(answer.order, Write))
    told = agent.outcome
    assert isinstance(told, Written)
    agent.outcome = told.model_copy(update={"signature": bytes(64)})
    assert agent.turn().order is None
    assert makings(key.workshop, case)[0].fault == "mismatch"
    assert key.workshop.state(case) == "production"
    assert key.agent(case, bench.driver).run().done


def test_a_request_by_another_key_is_not_sent_to_the_ca(key: Held, case: int, bench: Bench) -> None:
    (foreign,) = bench.add(1)
    bench.driver.personalise(foreign, label="示例", user_pin="123456")
    agent = key.agent(case, bench.driver)
    agent.turn()
    told = agent.outcome
    assert isinstance(told, Requested)
    agent.outcome = told.model_copy(update={"serial": foreign})
    agent.turn()
    assert makings(key.workshop, case)[0].fault == "wrong_token"
    assert key.workshop.orders(case) == []


def test_a_pair_that_can_t_be_taken_off_ends_the_program_all_the_same(key: Held, case: int, bench: Bench) -> None:
    driver = FaultyDriver(bench.driver)
    driver.fail("remove_key", Fault.TOKEN_FAILED)
    agent = key.agent(case, driver)
    answer = agent.run()
    assert answer.done
    assert [type(each.order) for each in agent.answers].count(Remove) == 1
    finished(key, case)
    (making,) = makings(key.workshop, case)
    assert (making.old_key_removed_at, making.fault) == (None, Fault.TOKEN_FAILED)


def test_nobody_else_gets_a_code(key: Held, case: int, workshop: Workshop, bench: Bench) -> None:
    (serial,) = bench.add(1)
    stranger = made_at_bench(workshop, bench.driver, serial)
    with workshop.parts.work() as session:
        namesake = Applicant(
            kind="person",
            name="示例",
            uscc=key.record.uscc,
            login="namesake",
            password_hash="x",
            created_at=now(),
        )
        session.add(namesake)
        session.flush()
        actors = [stranger.actor, actor_of(namesake, ""), workshop.maker, workshop.clerk]
    for actor in actors:
        with workshop.parts.work() as session, pytest.raises(NotFound):
            begin_renewal(session, workshop.parts, actor, case)
    assert makings(workshop, case) == []


def test_a_case_that_is_not_approved_gets_no_code(key: Held, case: int, bench: Bench) -> None:
    key.agent(case, bench.driver).run()
    with pytest.raises(Conflict, match="not waiting"):
        key.code(case)


def test_two_windows_at_once_begin_one_renewal(key: Held, case: int, workshop: Workshop) -> None:
    ready = Barrier(4)
    codes: list[str] = []

    def begin() -> None:
        ready.wait(20)
        with suppress(Conflict):
            codes.append(key.code(case))

    threads = [Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert codes
    assert [each.state for each in makings(workshop, case)] == ["open"]
    alive = select(BenchStation).where(BenchStation.application_id == case, BenchStation.revoked_at.is_(None))
    (station,) = workshop.read(lambda session: session.scalars(alive).all())
    assert [code for code in codes if find_station(workshop.parts, code) is not None]
    assert makings(workshop, case)[0].station_id == station.id


def test_a_code_opens_the_door_for_two_hours(key: Held, case: int, workshop: Workshop) -> None:
    code = key.code(case)
    with clock_at(now() + timedelta(minutes=119)):
        assert find_station(workshop.parts, code) is not None
    with clock_at(now() + timedelta(minutes=121)):
        assert find_station(workshop.parts, code) is None


def test_a_certificate_revoked_amid_its_renewal_gets_no_successor(key: Held, case: int, bench: Bench) -> None:
    agent = key.agent(case, bench.driver)
    agent.turn()
    with key.workshop.parts.work() as session:
        revoke(session, key.certificate_id, "示例：遗失", SYSTEM)
    agent.turn()
    assert [each.state for each in makings(key.workshop, case)] == ["spoiled"]
    standing = select(Certificate.state).where(Certificate.application_id == case)
    assert key.workshop.read(lambda session: session.scalars(standing).all()) == ["revoked"]
    assert key.workshop.state(case) == "withdrawn"


def test_a_renewal_is_not_ended_while_somebody_asks_the_ca_for_it(
    key: Held, case: int, bench: Bench, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks holds the order: the certificate ends at once, the renewal when the answer has come."""
    supervisor = workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    states: list[str] = []

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(load_authority(workshop.parts), name)

        def issue(self, order: IssueOrder) -> object:
            with workshop.parts.work() as session:
                revoke_certificate(
                    session, workshop.parts, supervisor, key.certificate_id, RevokedBecause.LOST, "示例：遗失"
                )
            states.append(workshop.state(case))
            return load_authority(workshop.parts).issue(order)

    monkeypatch.setattr(issuing, "load_authority", lambda parts: Slow())
    agent = key.agent(case, bench.driver)
    agent.turn()
    agent.turn()
    assert states == ["production"]
    assert key.record.state == "revoked"
    assert workshop.state(case) == "withdrawn"
    assert [each.state for each in makings(workshop, case)] == ["spoiled"]
    standing = select(Certificate.state).where(Certificate.application_id == case)
    assert workshop.read(lambda session: session.scalars(standing).all()) == ["revoked"]


@pytest.mark.parametrize("turns", [None, 0, 1, 2])
def test_a_renewal_ends_when_its_key_is_broken_and_its_certificate_revoked(
    key: Held, case: int, bench: Bench, workshop: Workshop, turns: int | None
) -> None:
    """Not begun, begun, key made, issued: what is valid then is revoked, and nothing is left to renew."""
    agent = key.agent(case, bench.driver) if turns is not None else None
    for _ in range(turns or 0):
        assert agent is not None
        agent.turn()
    supervisor = workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    holder = [Certificate.uscc == key.record.uscc, Certificate.state == "valid"]
    (valid,) = workshop.read(lambda session: session.scalars(select(Certificate).where(*holder)).all())
    with workshop.parts.work() as session:
        because, parts = RevokedBecause.DAMAGED, workshop.parts
        revoke_certificate(session, parts, supervisor, valid.id, because, "示例：插头断裂")
    assert workshop.state(case) == "withdrawn"
    assert workshop.read(lambda session: session.scalars(select(Certificate.id).where(*holder)).all()) == []
    assert [each.state for each in makings(workshop, case)] == (["spoiled"] if turns is not None else [])
    assert [each.state for each in workshop.orders(case)] == (["abandoned"] if workshop.orders(case) else [])
    clocks = select(CaseClock.stopped_at).where(CaseClock.application_id == case, CaseClock.kind == ClockKind.RENEWAL)
    assert workshop.read(lambda session: session.scalars(clocks).one()) is not None
    if agent is not None:
        assert find_station(workshop.parts, agent.code) is None
    with pytest.raises((Conflict, NotFound)):
        key.agent(case, bench.driver)
