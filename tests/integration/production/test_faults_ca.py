"""Faults of the CA: down before it issues, its answer lost, slow, refusing, issuing what nobody asked for. Nothing is
issued twice, what can't be used is ended, and the case is finished as soon as the CA does its part.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from tests.support.bench import Agent, Workshop
from tests.support.ca import a_key, an_order, issued
from tests.support.casework import SYSTEM
from tests.support.faulty_ca import FaultyCa, in_order
from tests.support.issued import certify
from tests.support.perseverance import errands, finish, retry
from tests.support.reckoning_keys import problems, unfinished
from tests.support.tokens import Bench
from workbench.kernel.clock import ago, clock_at, now
from workbench.kernel.errors import Conflict
from workbench.production import making, overdue
from workbench.production.algorithms import Algorithm
from workbench.production.batches import start_batch
from workbench.production.ca.connector import CertificationAuthority, IssueOrder, RevocationReason
from workbench.production.faults import Standstill
from workbench.production.models import Batch, Making, TrialEntry
from workbench.production.revoking import order_revocation

Wrong = Callable[[CertificationAuthority, IssueOrder], bytes]


@pytest.fixture
def ca(monkeypatch: pytest.MonkeyPatch) -> FaultyCa:
    found = FaultyCa()
    found.install(monkeypatch)
    return found


@pytest.fixture
def station(workshop: Workshop) -> int:
    return workshop.bench()


@pytest.fixture
def agent(workshop: Workshop, tokens: Bench, station: int) -> Agent:
    return Agent(workshop.parts, station, tokens.driver)


@pytest.fixture
def serial(workshop: Workshop, tokens: Bench) -> str:
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    return serial


def register(workshop: Workshop) -> list[str]:
    """The transactions in the CA's register."""
    return workshop.read(lambda session: list(session.scalars(select(TrialEntry.transaction_id))))


@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (["down"], Standstill.CA_UNREACHABLE),
        (["down", "down", "down"], Standstill.CA_UNREACHABLE),
        (["lost"], Standstill.CA_UNREACHABLE),
        (["lost", "down", "lost"], Standstill.CA_UNREACHABLE),
        (["pending"], Standstill.CA_PENDING),
        (["pending", "pending", "down", "lost"], Standstill.CA_PENDING),
        (["misconfigured"], Standstill.CA_MISCONFIGURED),
        (["misconfigured", "lost"], Standstill.CA_MISCONFIGURED),
    ],
)
def test_a_ca_that_does_not_answer_is_asked_again_and_issues_once(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str, faults: list[str], shown: str
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing = list(faults)
    agent.work()
    assert workshop.making(made).fault == shown
    assert (workshop.state(case), workshop.token(serial).state) == ("production", "allocated")
    assert workshop.certificates(case) == []
    assert problems(workshop.parts) == []
    with pytest.raises(Conflict, match="asked"), workshop.parts.work() as session:
        making.put_back(session, workshop.maker, made)
    with pytest.raises(Conflict, match="has not answered yet"):
        _spoil(workshop, made)
    finish(workshop, agent, made)
    (order,) = workshop.orders(case)
    assert register(workshop) == [order.transaction_id]
    assert unfinished(workshop.parts, [case]) == []


def test_waiting_for_the_ca_ends_by_itself(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str
) -> None:
    """Nobody presses anything: the worker asks again, and the agent goes on."""
    case = workshop.approved()
    workshop.scan(station, serial)
    ca.issuing = ["lost", "pending"]
    for _ in range(3):
        agent.work()
        errands(workshop.parts)
    agent.work()
    assert unfinished(workshop.parts, [case]) == []


def test_what_a_lost_job_left_unasked_is_asked_for_after_a_while(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str
) -> None:
    """No job runs here at all. What comes too soon asks for nothing; one asking that fails holds up no other."""
    case, ended = workshop.approved(), certify(workshop.parts)
    made = workshop.scan(station, serial)
    ca.issuing = ["down"]
    agent.work()
    with workshop.parts.work() as session:
        order_revocation(session, workshop.parts, ended, RevocationReason.KEY_COMPROMISE, "示例遗失", SYSTEM)
    assert overdue.ask_overdue(workshop.parts) == 0
    ca.issuing, ca.wrong = ["wrong"], lambda real, order: b"no certificate"
    with clock_at(now() + timedelta(minutes=3)):
        assert overdue.ask_overdue(workshop.parts) == 1, "the end; what was issued could not be read"
        assert overdue.ask_overdue(workshop.parts) == 1
        assert overdue.ask_overdue(workshop.parts) == 0
    assert in_order(ca) == ["revoked", "issued"]
    finish(workshop, agent, made)
    assert unfinished(workshop.parts, [case]) == []


def test_a_key_that_waits_for_the_ca_is_left_and_taken_up_elsewhere(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing = ["down"]
    agent.work()
    with workshop.parts.work() as session:
        making.leave(session, workshop.maker, made)
    errands(workshop.parts)
    colleague = workshop.hire_maker()
    elsewhere = workshop.bench(colleague, "示例二号台")
    assert workshop.scan(elsewhere, serial, colleague) == made
    Agent(workshop.parts, elsewhere, tokens.driver).work()
    assert unfinished(workshop.parts, [case]) == []


def test_a_refusal_is_final_for_its_request_and_a_retry_asks_anew(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing = ["rejected"]
    agent.work()
    found = workshop.making(made)
    assert (found.fault, found.fault_detail) == (Standstill.CA_REJECTED, "示例：不予签发")
    errands(workshop.parts)
    assert register(workshop) == []
    assert problems(workshop.parts) == []
    retry(workshop, made)
    finish(workshop, agent, made)
    assert [each.state for each in workshop.orders(case)] == ["rejected", "issued"]
    assert unfinished(workshop.parts, [case]) == []


def test_after_a_refusal_the_token_is_put_back_for_another_case(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str
) -> None:
    refused, other = workshop.approved(), workshop.approved()
    made = workshop.scan(station, serial, case=refused)
    ca.issuing = ["rejected"]
    agent.work()
    with workshop.parts.work() as session:
        making.put_back(session, workshop.maker, made)
    finish(workshop, agent, workshop.scan(station, serial, case=other))
    assert unfinished(workshop.parts, [other]) == []
    assert (workshop.state(refused), workshop.certificates(refused)) == ("production", [])


def for_another_key(real: CertificationAuthority, order: IssueOrder) -> bytes:
    """A certificate of the CA's own for a key that is on no token."""
    return issued(real, an_order(_KEY, Algorithm.P_256))


def of_somebody_else(real: CertificationAuthority, order: IssueOrder) -> bytes:
    """For the right key, in another enterprise's name."""
    return _certificate(order, an_order(_KEY, Algorithm.P_256).subject, ago(minutes=1))


def of_tomorrow(real: CertificationAuthority, order: IssueOrder) -> bytes:
    """As asked for, but not valid yet."""
    return _certificate(order, order.subject, now() + timedelta(days=1))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (for_another_key, "it is for another key"),
        (of_somebody_else, "it names somebody else"),
        (of_tomorrow, "it is not valid now"),
    ],
)
def test_a_certificate_that_was_not_asked_for_is_ended_and_another_issued(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str, wrong: Wrong, why: str
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing, ca.wrong = ["wrong"], wrong
    agent.work()
    found = workshop.making(made)
    assert (found.fault, found.fault_detail) == (Standstill.CERTIFICATE_REFUSED, why)
    assert agent.turn().order is None
    assert [each.state for each in workshop.certificates(case)] == ["revoked"]
    errands(workshop.parts)
    assert problems(workshop.parts) == []
    retry(workshop, made)
    finish(workshop, agent, made)
    assert [each.state for each in workshop.orders(case)] == ["abandoned", "issued"]
    assert [each.state for each in workshop.certificates(case)] == ["revoked", "valid"]
    assert unfinished(workshop.parts, [case]) == []


def test_a_certificate_of_another_case_in_its_place_stays_that_cases(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, tokens: Bench
) -> None:
    """The CA mixes two answers up: what is another key's is neither taken nor ended."""
    one, other = tokens.add(2)
    workshop.stock(one, other)
    first, second = workshop.approved(), workshop.approved()
    finish(workshop, agent, workshop.scan(station, one, case=first))
    (taken,) = workshop.certificates(first)
    content = workshop.read(lambda session: session.merge(taken).certificate)
    made = workshop.scan(station, other, case=second)
    ca.issuing, ca.wrong = ["wrong"], lambda real, order: content or b""
    agent.work()
    assert workshop.making(made).fault == Standstill.CERTIFICATE_REFUSED
    errands(workshop.parts)
    assert [each.state for each in workshop.certificates(first)] == ["valid"]
    retry(workshop, made)
    finish(workshop, agent, made)
    assert unfinished(workshop.parts, [first, second]) == []


@pytest.mark.parametrize("fault", ["rejected", "misconfigured", "wrong"])
def test_a_batch_stops_where_the_ca_does(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, tokens: Bench, fault: str
) -> None:
    workshop.stock(*tokens.add(3))
    cases = [workshop.approved() for _ in range(3)]
    ca.issuing, ca.wrong = ["", fault], for_another_key
    with workshop.parts.work() as session:
        batch = start_batch(session, workshop.maker, station, 3).id
    agent.work()
    ended = workshop.read(lambda session: session.get_one(Batch, batch))
    (made,) = workshop.read(lambda session: session.scalars(select(Making).where(Making.state == "open")).all())
    assert (ended.state, ended.made, ended.reason) == ("stopped", 1, made.fault)
    errands(workshop.parts)
    assert problems(workshop.parts) == []
    retry(workshop, made.id)
    finish(workshop, agent, made.id)
    assert [workshop.state(each) for each in cases] == ["made", "made", "production"]
    assert unfinished(workshop.parts, cases[:2]) == []


@pytest.mark.parametrize("verb", ["retry", "spoil", "leave"])
def test_whoever_presses_something_while_the_ca_is_asked_waits_for_nobody(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str, verb: str
) -> None:
    """Who asks holds the order and then wants the making; at the screen it is the other way round."""
    asked, answer = threading.Event(), threading.Event()

    def slow(real: CertificationAuthority, order: IssueOrder) -> bytes:
        asked.set()
        assert answer.wait(30)
        return issued(real, order)

    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing = ["down"]
    agent.work()
    ca.issuing, ca.wrong = ["wrong"], slow
    worker = threading.Thread(target=errands, args=(workshop.parts,))
    worker.start()
    try:
        assert asked.wait(30)
        if verb == "retry":
            retry(workshop, made)
        elif verb == "spoil":
            with pytest.raises(Conflict):
                _spoil(workshop, made)
        else:
            with workshop.parts.work() as session:
                making.leave(session, workshop.maker, made)
            assert workshop.scan(station, serial) == made
        assert workshop.orders(case)[0].state == "stored"
    finally:
        answer.set()
        worker.join()
    finish(workshop, agent, made)
    assert unfinished(workshop.parts, [case]) == []


def test_set_aside_with_its_certificate_the_case_gets_another(
    workshop: Workshop, agent: Agent, ca: FaultyCa, station: int, serial: str, tokens: Bench
) -> None:
    """The CA does not end the first one at once, so it isn't asked for the second one until it has."""
    case = workshop.approved()
    made = workshop.scan(station, serial)
    ca.issuing = ["lost"]
    agent.work()
    errands(workshop.parts)
    ca.revoking = ["down", "pending", "lost"]
    _spoil(workshop, made)
    assert [each.state for each in workshop.certificates(case)] == ["revoked"]
    (other,) = tokens.add(1)
    workshop.stock(other)
    second = workshop.scan(station, other, case=case)
    for shown in (Standstill.CA_UNREACHABLE, Standstill.CA_PENDING, Standstill.CA_UNREACHABLE):
        agent.work()
        assert workshop.making(second).fault == shown
        assert problems(workshop.parts) == []
        retry(workshop, second)
    finish(workshop, agent, second)
    assert in_order(ca) == ["issued", "issued", "revoked", "revoked", "issued"], (
        "both lost answers were asked for again"
    )
    assert [each.state for each in workshop.certificates(case)] == ["revoked", "valid"]
    assert unfinished(workshop.parts, [case]) == []


_KEY = a_key(Algorithm.P_256, folder=None)  # type: ignore[arg-type]  # only SM2 keeps its keys in files


def _certificate(order: IssueOrder, subject: bytes, begins: datetime) -> bytes:
    """A certificate for the requested key, as a CA with other ideas would make it."""
    asked = x509.load_der_x509_csr(order.request)
    signer = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_bytes(subject)
    builder = x509.CertificateBuilder(name, name, asked.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=9))
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


def _spoil(workshop: Workshop, made: int) -> None:
    with workshop.parts.work() as session:
        making.spoil(session, workshop.parts, workshop.maker, made, "示例：介质损坏")
