"""A key from the scan to the verified token, with a real token, a real CA and the product's own agent."""

import pytest
from sqlalchemy import select

from tests.support.bench import Agent, Workshop
from tests.support.keys import made_key
from tests.support.tokens import Bench
from workbench.cases.words import Service
from workbench.kernel.audit import AuditEntry
from workbench.kernel.crypto import open_secret
from workbench.kernel.errors import Conflict, NotAllowed, NotFound, WorkbenchError
from workbench.kernel.identity import Actor, Role
from workbench.keys.models import CustodyEntry
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.production import making
from workbench.production.bench_parts import Bench as Screen
from workbench.production.bench_state import NEXT_SHOWN, read_bench
from workbench.production.protocol import Failed, Personalise, Requested, Write
from workbench.production.tokens.driver import Fault


@pytest.fixture
def serial(workshop: Workshop, tokens: Bench) -> str:
    """A blank token that is plugged in and in stock."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    return serial


@pytest.fixture
def station(workshop: Workshop) -> int:
    """The bench the maker sits at."""
    return workshop.bench()


@pytest.fixture
def agent(workshop: Workshop, tokens: Bench, station: int) -> Agent:
    """The bench's agent."""
    return Agent(workshop.parts, station, tokens.driver)


def custody(workshop: Workshop, serial: str) -> list[str]:
    token_id = workshop.token(serial).id
    return workshop.read(
        lambda session: list(
            session.scalars(
                select(CustodyEntry.event).where(CustodyEntry.token_id == token_id).order_by(CustodyEntry.seq)
            )
        )
    )


def refused(
    workshop: Workshop,
    error: type[WorkbenchError],
    what: str,
    serial: str,
    station: int,
    who: Actor,
    case: int | None = None,
) -> None:
    with pytest.raises(error, match=what):
        workshop.scan(station, serial, who, case)


def screen(workshop: Workshop) -> Screen:
    """What the maker sees."""
    return workshop.read(lambda session: read_bench(session, workshop.maker))


def test_a_scanned_token_becomes_a_verified_key(workshop: Workshop, serial: str, station: int, agent: Agent) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    agent.work()
    found = workshop.making(made)
    assert (found.state, found.step, found.fault) == ("made", "verified", None)
    assert workshop.state(case) == "made"
    (certificate,) = workshop.certificates(case)
    token = workshop.token(serial)
    assert (certificate.state, certificate.key_number, certificate.token_id) == ("valid", serial, token.id)
    assert (token.state, token.custodian, token.application_id) == ("personalised", "vendor_stock", case)
    assert custody(workshop, serial) == ["imported", "allocated", "personalised"]


def test_the_most_urgent_case_with_a_seal_is_made_first(workshop: Workshop, serial: str, station: int) -> None:
    workshop.approved(sealed=False)
    urgent, later = workshop.approved(), workshop.approved()
    made = workshop.scan(station, serial)
    assert workshop.making(made).application_id == urgent
    assert later != urgent


def test_a_chosen_case_is_made_instead(workshop: Workshop, serial: str, station: int) -> None:
    workshop.approved()
    chosen = workshop.approved()
    assert workshop.making(workshop.scan(station, serial, case=chosen)).application_id == chosen


def test_scanning_the_token_in_work_again_changes_nothing(workshop: Workshop, serial: str, station: int) -> None:
    workshop.approved()
    workshop.approved()
    assert workshop.scan(station, serial) == workshop.scan(station, serial)
    assert custody(workshop, serial) == ["imported", "allocated"]


def test_what_can_not_be_made_is_named(workshop: Workshop, serial: str, station: int) -> None:
    who = workshop.maker
    refused(workshop, NotFound, "There is no token 4711 in stock", "4711", station, who)
    refused(workshop, NotFound, "No approved case", serial, station, who)
    workshop.approved()
    refused(workshop, Conflict, "Somebody else works at this bench", serial, station, workshop.hire_maker())
    refused(workshop, NotAllowed, "key:produce", serial, station, workshop.re_checker)


def test_who_re_checked_a_case_does_not_make_its_key(workshop: Workshop, serial: str) -> None:
    """The re-checker of one case got the role of a maker besides: another's cases may be made, this one may not."""
    both = workshop.office.hire("both", Role.RE_CHECKER, Role.KEY_MAKER)
    other, workshop.re_checker = workshop.re_checker, both
    own = workshop.approved()
    workshop.re_checker = other
    station = workshop.bench(both, "示例二号台")
    refused(workshop, NotFound, "No approved case", serial, station, both)
    with pytest.raises(NotAllowed, match="a second person has to make its key"):
        workshop.scan(station, serial, both, case=own)
    anothers = workshop.approved()
    assert workshop.making(workshop.scan(station, serial, both)).application_id == anothers


def test_reports_that_come_twice_ask_the_ca_once(
    workshop: Workshop, serial: str, station: int, agent: Agent, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    order = agent.turn().order
    assert isinstance(order, Personalise)
    driver, pin = tokens.driver, order.user_pin or ""
    driver.personalise(serial, label=order.label, user_pin=pin)
    driver.make_key(serial, pin, bytes.fromhex(order.key_id), order.algorithm)
    request = driver.sign_request(serial, pin, bytes.fromhex(order.key_id), order.algorithm, order.subject)
    report = Requested(making=made, serial=serial, request=request, token_seconds=0.1)
    first, second = agent.turn(report).order, agent.turn(report).order
    assert isinstance(first, Write)
    assert first == second
    assert len(workshop.orders(case)) == len(workshop.certificates(case)) == 1


def test_a_lost_order_is_given_again_and_the_key_finished(
    workshop: Workshop, serial: str, station: int, agent: Agent
) -> None:
    case = workshop.approved()
    workshop.scan(station, serial)
    assert agent.turn().order == agent.turn().order is not None
    agent.work()
    assert workshop.state(case) == "made"


def test_a_fault_leaves_case_and_token_where_they_were(
    workshop: Workshop, serial: str, station: int, agent: Agent, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    tokens.pull(serial)
    assert agent.work()[-1].order is None
    assert workshop.making(made).fault == Fault.TOKEN_MISSING
    assert (workshop.state(case), workshop.token(serial).state) == ("production", "allocated")
    assert workshop.orders(case) == []
    tokens.plug(serial)
    assert agent.work()[-1].order is None, "nothing happens before the maker says so"
    with workshop.parts.work() as session:
        making.retry(session, workshop.maker, made)
    agent.work()
    assert workshop.making(made).state == "made"


def test_a_token_is_put_back_while_nothing_was_asked_for(workshop: Workshop, serial: str, station: int) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    with workshop.parts.work() as session:
        making.put_back(session, workshop.maker, made)
    token = workshop.token(serial)
    assert (token.state, token.custodian, token.application_id) == ("blank", "vendor_stock", None)
    assert workshop.making(made).pin_ciphertext is None
    assert workshop.making(workshop.scan(station, serial)).application_id == case


def test_a_token_with_a_certificate_is_not_put_back_but_set_aside(
    workshop: Workshop, serial: str, station: int, agent: Agent, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    order = agent.turn().order
    assert isinstance(order, Personalise)
    pin, key_id = order.user_pin or "", bytes.fromhex(order.key_id)
    tokens.driver.personalise(serial, label=order.label, user_pin=pin)
    tokens.driver.make_key(serial, pin, key_id, order.algorithm)
    request = tokens.driver.sign_request(serial, pin, key_id, order.algorithm, order.subject)
    agent.turn(Requested(making=made, serial=serial, request=request, token_seconds=0.1))
    agent.turn(Failed(making=made, fault=Fault.TOKEN_FAILED, detail="示例"))
    with workshop.parts.work() as session, pytest.raises(Conflict, match="set the token aside"):
        making.put_back(session, workshop.maker, made)
    with workshop.parts.work() as session:
        making.spoil(session, workshop.parts, workshop.maker, made, "示例：介质损坏")
    (first,) = workshop.certificates(case)
    assert (first.state, workshop.token(serial).state, workshop.state(case)) == ("revoked", "spoiled", "production")
    (another,) = tokens.add(1)
    workshop.stock(another)
    workshop.scan(station, another)
    agent.work()
    states = [each.state for each in workshop.certificates(case)]
    assert (states, workshop.state(case)) == (["revoked", "valid"], "made")


def test_a_key_left_for_later_is_taken_up_by_another_maker(
    workshop: Workshop, serial: str, station: int, agent: Agent, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    with workshop.parts.work() as session:
        making.leave(session, workshop.maker, made)
    colleague = workshop.hire_maker()
    elsewhere = workshop.bench(colleague, "示例二号台")
    assert workshop.scan(elsewhere, serial, colleague) == made
    assert agent.turn().order is None
    Agent(workshop.parts, elsewhere, tokens.driver).work()
    assert workshop.state(case) == "made"
    assert custody(workshop, serial) == ["imported", "allocated", "taken_over", "personalised"]


def test_another_token_than_the_scanned_one_gets_no_certificate(
    workshop: Workshop, serial: str, station: int, agent: Agent, tokens: Bench
) -> None:
    case = workshop.approved()
    made = workshop.scan(station, serial)
    order = agent.turn().order
    assert isinstance(order, Personalise)
    agent.turn(Requested(making=made, serial="4711", request=b"nothing", token_seconds=0.1))
    assert workshop.making(made).fault == "wrong_token"
    assert workshop.orders(case) == []


def test_an_enterprise_gets_no_fourth_certificate(workshop: Workshop, tokens: Bench, station: int) -> None:
    facts = workshop.office.facts()
    serials = tokens.add(4)
    workshop.stock(*serials)
    agent = Agent(workshop.parts, station, tokens.driver)
    for number, serial in enumerate(serials):
        service = Service.ADDITIONAL if number else Service.NEW
        workshop.approved(service, uscc=facts.uscc, enterprise_name=facts.enterprise_name)
        if number == 3:
            refused(workshop, Conflict, "as many as an enterprise may", serial, station, workshop.maker)
        else:
            workshop.scan(station, serial)
            agent.work()
    assert workshop.token(serials[3]).state == "blank"
    # Nor does the case, the most urgent of all, stand in the way of others.
    full = screen(workshop).waiting[0]
    other = workshop.approved()
    bench = screen(workshop)
    assert ([(each.id, each.full) for each in bench.waiting], full.full) == ([(full.id, True), (other, False)], True)
    assert bench.chosen is not None
    assert bench.chosen.id == other
    refused(workshop, Conflict, "as many as it may", serials[3], station, workshop.maker, full.id)
    workshop.scan(station, serials[3])
    agent.work()
    assert workshop.state(other) == "made"


def test_the_next_case_is_named_though_it_stands_behind_all_that_are_listed(workshop: Workshop, station: int) -> None:
    facts = workshop.office.facts()
    for number in range(LIMIT_OF_KEYS):
        service = Service.ADDITIONAL if number else Service.NEW
        made_key(workshop.office, service=service, uscc=facts.uscc, enterprise_name=facts.enterprise_name)
    for _ in range(NEXT_SHOWN):
        workshop.approved(Service.ADDITIONAL, uscc=facts.uscc, enterprise_name=facts.enterprise_name)
    other = workshop.approved()
    bench = screen(workshop)
    assert [each.full for each in bench.waiting] == [True] * NEXT_SHOWN
    assert bench.chosen is not None
    assert (bench.chosen.id, bench.is_choice) == (other, False)


def test_pins_are_nowhere_in_clear(workshop: Workshop, serial: str, station: int, agent: Agent) -> None:
    workshop.approved()
    made = workshop.scan(station, serial)
    agent.work()
    sealed = workshop.making(made).pin_ciphertext
    assert sealed is not None
    pin = open_secret(workshop.parts.secrets, sealed)
    entries = workshop.read(lambda session: [str(each.after) for each in session.scalars(select(AuditEntry))])
    assert len(pin) == making.PIN_DIGITS
    assert not [each for each in entries if pin in each]
