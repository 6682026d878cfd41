"""Faults of the server: killed before and after each of its commits, from the scan to the verified key, and its disk
full or damaged. Whatever was lost is done again, and nothing twice.
"""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import select

from tests.support.bench import ADDRESS, Agent, Workshop
from tests.support.killed import When, dies
from tests.support.perseverance import finish, retry
from tests.support.reckoning_keys import problems, unfinished
from tests.support.tokens import Bench
from workbench.kernel.parts import Parts
from workbench.keys.models import Seal
from workbench.production import making
from workbench.production.agent.performing import Performer
from workbench.production.batches import start_batch
from workbench.production.faults import Standstill
from workbench.production.models import Making
from workbench.production.protocol import Outcome
from workbench.production.seals.signing import load_seal_maker
from workbench.production.turn import take_turn

pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]
WHEN: tuple[When, ...] = ("before", "after")
COMMITS = {"scan": 1, "first": 1, "requested": 4, "written": 1}
"""How many transactions each takes: stored; looked up by the CA, and issued; recorded, with the order to write it."""


@pytest.fixture
def station(workshop: Workshop) -> int:
    return workshop.bench()


@pytest.fixture
def agent(workshop: Workshop, tokens: Bench, station: int) -> Agent:
    return Agent(workshop.parts, station, tokens.driver)


class Hand:
    """An agent led step by step: it can report to a server that dies, and report again to the next one."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._performer = Performer(agent.driver, ask_pin=None, stopped=lambda: False)

    def outcome_of_next(self, outcome: Outcome | None) -> Outcome:
        """Report, and do what is ordered then."""
        order = self.agent.turn(outcome).order
        assert order is not None
        return self._performer.perform(order).outcome

    def before(self, step: str) -> Outcome | None:
        """The report that this step begins with."""
        outcome = None
        for _ in range({"first": 0, "requested": 1, "written": 2}[step]):
            outcome = self.outcome_of_next(outcome)
        return outcome

    def report(self, outcome: Outcome | None) -> Callable[[Parts], object]:
        """A turn with this report, for whichever server takes it."""
        turn = self.agent.say(outcome)
        return lambda parts: take_turn(parts, self.agent.station_id, turn, ADDRESS)

    def go_on(self, outcome: Outcome | None) -> None:
        """As an agent that has outlived the server: the same report again, until nothing is ordered any more."""
        while (order := self.agent.turn(outcome).order) is not None:
            outcome = self._performer.perform(order).outcome


@pytest.mark.parametrize("outlives", [True, False], ids=["the agent lives on", "the agent dies too"])
@pytest.mark.parametrize("step", ["first", "requested", "written"])
def test_killed_at_any_commit_of_a_turn_the_key_is_made_all_the_same(
    workshop: Workshop, agent: Agent, station: int, tokens: Bench, step: str, outlives: bool
) -> None:
    hand, died, cases = Hand(agent), 0, []
    for commit in count(1):
        for when in WHEN:
            (serial,) = tokens.add(1)
            workshop.stock(serial)
            cases.append(workshop.approved())
            made = workshop.scan(station, serial)
            outcome = hand.before(step)
            survived = not dies(workshop.parts, hand.report(outcome), commit, when)
            assert problems(workshop.parts) == []
            if outlives:
                hand.go_on(outcome)
            finish(workshop, agent, made)
            assert unfinished(workshop.parts, cases) == []
            tokens.pull(serial)
            if survived:
                assert died == 2 * COMMITS[step], "each commit was tried, and nothing was left to kill"
                return
            died += 1


@pytest.mark.parametrize("when", WHEN)
def test_killed_at_the_scan_token_and_case_meet_or_do_not(
    workshop: Workshop, agent: Agent, station: int, tokens: Bench, when: When
) -> None:
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case = workshop.approved()

    def scan(parts: Parts) -> None:
        with parts.work() as session:
            making.scan(session, parts, workshop.maker, station, serial)

    assert dies(workshop.parts, scan, COMMITS["scan"], when)
    assert workshop.token(serial).state == ("blank" if when == "before" else "allocated")
    assert problems(workshop.parts) == []
    finish(workshop, agent, workshop.scan(station, serial))
    assert unfinished(workshop.parts, [case]) == []


@pytest.mark.parametrize("when", WHEN)
def test_killed_between_two_keys_of_a_batch_both_are_made_once(
    workshop: Workshop, agent: Agent, station: int, tokens: Bench, when: When
) -> None:
    """One transaction ends the first key and begins the second: it happened, or it did not."""
    workshop.stock(*tokens.add(2))
    cases = [workshop.approved() for _ in range(2)]
    with workshop.parts.work() as session:
        start_batch(session, workshop.maker, station, 2)
    hand = Hand(agent)
    outcome = hand.before("written")
    assert dies(workshop.parts, hand.report(outcome), COMMITS["written"], when)
    assert problems(workshop.parts) == []
    in_work = workshop.read(
        lambda session: session.scalars(select(Making.application_id).where(Making.state == "open")).all()
    )
    assert in_work == [cases[0 if when == "before" else 1]]
    hand.go_on(outcome)
    assert unfinished(workshop.parts, cases) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel takes no file of this process beyond some bytes; the database is another process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_of_the_server_stands_until_there_is_room(
    workshop: Workshop, agent: Agent, station: int, tokens: Bench
) -> None:
    """The certificate is issued, its seal can't be kept; after a retry both are on the token, and none issued anew."""
    load_seal_maker(workshop.parts.settings)
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case = workshop.approved()
    made = workshop.scan(station, serial)
    hand = Hand(agent)
    outcome = hand.before("requested")
    with full_disk():
        assert agent.turn(outcome).order is None
    assert workshop.making(made).fault == Standstill.STORE_FAILED
    (certificate,) = workshop.certificates(case)
    assert agent.turn().order is None
    assert problems(workshop.parts) == []
    retry(workshop, made)
    finish(workshop, agent, made)
    assert [each.id for each in workshop.certificates(case)] == [certificate.id]
    assert unfinished(workshop.parts, [case]) == []


@pytest.mark.parametrize("what", ["image_sha256", "structure_sha256"])
def test_a_damaged_seal_stops_its_key_until_it_is_whole_again(
    workshop: Workshop, agent: Agent, station: int, tokens: Bench, what: str
) -> None:
    """Its picture before it is signed, or the signed seal before the key is held against it."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case = workshop.approved()
    made = workshop.scan(station, serial)
    hand = Hand(agent)
    outcome = hand.before("requested" if what == "image_sha256" else "written")
    digest = workshop.read(
        lambda session: getattr(session.scalars(select(Seal).where(Seal.application_id == case)).one(), what)
    )
    blob = workshop.parts.settings.blob_dir / digest[:2] / digest[2:4] / digest
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1])
    assert agent.turn(outcome).order is None
    assert workshop.making(made).fault == Standstill.STORE_FAILED
    assert problems(workshop.parts) == []
    blob.write_bytes(whole)
    retry(workshop, made)
    finish(workshop, agent, made)
    assert unfinished(workshop.parts, [case]) == []
