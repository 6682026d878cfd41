"""Twenty makers at once, one stock and one queue: no token and no case is used twice, nobody stands empty-handed while
there is work, and no enterprise gets more certificates than it may. Tokens, CA and database are real; so is the race.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import Select, func, select, text

from tests.support.bench import Agent, Workshop
from tests.support.perseverance import errands
from tests.support.reckoning_keys import problems, unfinished
from tests.support.tokens import Bench
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.kernel.errors import Conflict, NotFound
from workbench.kernel.identity import Actor
from workbench.keys.models import Certificate, Token
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.production import choosing, making
from workbench.production.agent.performing import Performer
from workbench.production.batches import NO_CASE, start_batch
from workbench.production.faults import Standstill
from workbench.production.models import Batch, Making
from workbench.production.protocol import Answer, Order, Outcome
from workbench.production.tokens.driver import TokenDriver

MAKERS = 20
CASES = 30
TOKENS = 36
PATIENCE = 90.0
pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]


@dataclass
class Seat:
    """A maker at a bench of their own, with its agent."""

    workshop: Workshop
    maker: Actor
    station: int
    driver: TokenDriver

    def __post_init__(self) -> None:
        self.agent = Agent(self.workshop.parts, self.station, self.driver)
        self._performer = Performer(self.driver, ask_pin=None, stopped=lambda: False)

    def make(self, serial: str, case: int | None = None) -> Making:
        """Scan a token, and let the agent go on until the key is made or stands still.

        Raises:
            WorkbenchError: the scan was refused.
        """
        made = self.workshop.scan(self.station, serial, self.maker, case)
        self.go_on(lambda: self._is_over(made))
        return self.workshop.making(made)

    def perform(self, order: Order) -> Outcome:
        """What comes of an order."""
        return self._performer.perform(order).outcome

    def go_on(self, is_over: Callable[[], bool]) -> None:
        """Take turns as the agent does, waiting as long as it is told to."""
        deadline, outcome = time.monotonic() + PATIENCE, None
        while time.monotonic() < deadline:
            answer = self.agent.turn(outcome)
            outcome = self.perform(answer.order) if answer.order is not None else None
            if answer.order is None:
                if is_over():
                    return
                time.sleep(answer.wait_seconds)
        raise AssertionError(f"bench {self.station} is not done after {PATIENCE} s")

    def _is_over(self, made: int) -> bool:
        found = self.workshop.making(made)
        return found.state != "open" or found.fault is not None


def seats(workshop: Workshop, driver: TokenDriver, count: int) -> list[Seat]:
    """So many makers, each at a bench."""
    makers = [workshop.hire_maker() for _ in range(count)]
    return [Seat(workshop, each, workshop.bench(each, f"{place}号台"), driver) for place, each in enumerate(makers)]


def at_once(people: Sequence[Seat], work: Callable[[Seat], object]) -> list[object]:
    """What came of everybody's work, begun at the same moment; an exception is what came of it too."""
    start = threading.Barrier(len(people))
    came: list[object] = [None] * len(people)

    def run(place: int) -> None:
        start.wait()
        try:
            came[place] = work(people[place])
        except Exception as error:
            came[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def counted(workshop: Workshop, *conditions: object) -> int:
    """How many makings there are."""
    return workshop.read(lambda session: session.scalar(select(func.count()).where(*conditions)) or 0)  # type: ignore[arg-type]


def test_twenty_makers_use_no_token_and_no_case_twice_and_leave_none(workshop: Workshop, tokens: Bench) -> None:
    """Each reaches for whatever token lies on top; whoever is too late takes the next, until no case is left."""
    drawer = tokens.add(TOKENS)
    workshop.stock(*drawer)
    cases = [workshop.approved() for _ in range(CASES)]
    people = seats(workshop, tokens.driver, MAKERS)
    too_late: Counter[str] = Counter()

    def work(seat: Seat) -> int:
        """How many keys this maker made before nothing was left."""
        dice, made = random.Random(seat.station), 0
        while True:
            left = _blank(workshop)
            try:
                made += seat.make(dice.choice(left[:4])).state == "made"
            except Conflict as refusal:
                too_late[refusal.reason] += 1
            except NotFound:
                return made

    came = at_once(people, work)
    assert not [each for each in came if not isinstance(each, int)], came
    made = [each for each in came if isinstance(each, int)]
    assert sum(made) == CASES
    assert unfinished(workshop.parts, cases) == []
    assert counted(workshop, Making.id.is_not(None)) == CASES, "none was begun in vain"
    assert sorted(Counter(_custodians(workshop)).items()) == [("vendor_stock", TOKENS)]
    assert too_late, "nobody reached for the same token: this was no race"


def test_of_twenty_who_scan_one_token_one_makes_it(workshop: Workshop, tokens: Bench) -> None:
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    cases = [workshop.approved() for _ in range(MAKERS)]
    people = seats(workshop, tokens.driver, MAKERS)
    came = at_once(people, lambda seat: workshop.scan(seat.station, serial, seat.maker))
    (made,) = [each for each in came if isinstance(each, int)]
    refused = [each for each in came if isinstance(each, Conflict)]
    assert len(refused) == MAKERS - 1, came
    winner = next(each for each in people if each.station == workshop.making(made).station_id)
    winner.go_on(lambda: workshop.making(made).state == "made")
    assert [workshop.state(each) for each in cases].count("made") == 1
    assert problems(workshop.parts) == []


def test_of_twenty_who_choose_one_case_one_makes_it(workshop: Workshop, tokens: Bench) -> None:
    """Each with a token of their own: all others lie in stock as before."""
    drawer = tokens.add(MAKERS)
    workshop.stock(*drawer)
    case = workshop.approved()
    people = seats(workshop, tokens.driver, MAKERS)
    came = at_once(people, lambda seat: workshop.scan(seat.station, drawer[people.index(seat)], seat.maker, case))
    assert len([each for each in came if isinstance(each, int)]) == 1
    assert len([each for each in came if isinstance(each, NotFound)]) == MAKERS - 1, came
    assert len(_blank(workshop)) == MAKERS - 1
    assert problems(workshop.parts) == []


def test_a_case_that_was_begun_while_another_looked_for_one_is_not_begun_again(
    workshop: Workshop, tokens: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one's statement began before the quick one's key, and reaches the case after it was let go of."""
    quick, slow = seats(workshop, tokens.driver, 2)
    drawer = tokens.add(2)
    workshop.stock(*drawer)
    cases = [workshop.approved() for _ in range(2)]
    really = choosing.ready_cases

    def slowly(actor: Actor) -> Select[Application]:
        found = really(actor)
        return found.where(text("pg_sleep(0.5) IS NOT NULL")) if actor.id == slow.maker.id else found

    monkeypatch.setattr(choosing, "ready_cases", slowly)

    def work(seat: Seat) -> int:
        if seat is quick:
            time.sleep(0.25)
        made = workshop.scan(seat.station, drawer[seat is slow], seat.maker)
        return workshop.making(made).application_id

    assert at_once([quick, slow], work) == cases
    assert problems(workshop.parts) == []


def test_one_maker_who_scans_twice_in_a_breath_begins_once(workshop: Workshop, tokens: Bench) -> None:
    """A scanner that sends its line twice: both are answered with the same key in work."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    workshop.approved()
    workshop.approved()
    (seat,) = seats(workshop, tokens.driver, 1)
    came = at_once([seat] * 6, lambda seat: workshop.scan(seat.station, serial, seat.maker))
    assert came == [came[0]] * 6, came
    assert isinstance(came[0], int)
    assert problems(workshop.parts) == []


def test_a_token_that_is_put_back_and_scanned_at_one_moment_is_in_one_hand(workshop: Workshop, tokens: Bench) -> None:
    """Neither waits for the other in a circle: the scan is refused, or finds the token in stock again."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    workshop.approved()
    first, second = seats(workshop, tokens.driver, 2)
    for _ in range(12):
        made = workshop.scan(first.station, serial, first.maker)

        def work(seat: Seat, made: int = made) -> int:
            if seat is first:
                with workshop.parts.work() as session:
                    making.put_back(session, seat.maker, made)
                return 0
            return workshop.scan(seat.station, serial, seat.maker)

        put_back, scanned = at_once([first, second], work)
        assert put_back == 0
        assert isinstance(scanned, int | Conflict), scanned
        assert problems(workshop.parts) == []
        if isinstance(scanned, int):
            with workshop.parts.work() as session:
                making.put_back(session, second.maker, scanned)


def test_a_report_that_comes_twice_at_once_counts_once(workshop: Workshop, tokens: Bench) -> None:
    """An agent whose connection broke repeats its report while the server is still at the first."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case = workshop.approved()
    (seat,) = seats(workshop, tokens.driver, 1)
    made = workshop.scan(seat.station, serial, seat.maker)
    outcome = None
    while workshop.making(made).state == "open":
        answers = at_once([seat] * 4, lambda seat, said=outcome: seat.agent.turn(said))  # type: ignore[misc]
        assert not [each for each in answers if isinstance(each, Exception)], answers
        order = next((each.order for each in answers if isinstance(each, Answer) and each.order), None)
        outcome = seat.perform(order) if order is not None else None
    assert len(workshop.orders(case)) == len(workshop.certificates(case)) == 1
    assert unfinished(workshop.parts, [case]) == []


def test_two_batches_over_one_drawer_share_tokens_and_cases(workshop: Workshop, tokens: Bench) -> None:
    """Their agents see the same tokens; neither batch ends before all cases are made."""
    workshop.stock(*tokens.add(16))
    cases = [workshop.approved() for _ in range(12)]
    people = seats(workshop, tokens.driver, 2)
    batches = []
    for seat in people:
        with workshop.parts.work() as session:
            batches.append(start_batch(session, seat.maker, seat.station, 16).id)

    def work(seat: Seat) -> str:
        batch = batches[people.index(seat)]
        seat.go_on(lambda: workshop.read(lambda session: session.get_one(Batch, batch).state) != "running")
        return "done"

    assert at_once(people, work) == ["done", "done"]
    ended = [workshop.read(lambda session, batch=each: session.get_one(Batch, batch)) for each in batches]  # type: ignore[misc]
    assert [(each.state, each.reason) for each in ended] == [("done", NO_CASE)] * 2
    assert sum(each.made for each in ended) == len(cases)
    assert min(each.made for each in ended) > 0, "one of them did everything: this was no race"
    assert unfinished(workshop.parts, cases) == []


@pytest.mark.parametrize("held", [0, 1, 2])
def test_of_six_additional_keys_made_at_once_no_more_than_allowed_are_certified(
    workshop: Workshop, tokens: Bench, held: int
) -> None:
    drawer = tokens.add(6 + held)
    workshop.stock(*drawer)
    people = seats(workshop, tokens.driver, 6)
    stated = workshop.office.facts()

    def submitted(service: Service) -> int:
        return workshop.approved(service, uscc=stated.uscc, enterprise_name=stated.enterprise_name)

    before = [submitted(Service.ADDITIONAL if place else Service.NEW) for place in range(held)]
    for place, case in enumerate(before):
        assert people[0].make(drawer[6 + place], case).state == "made"
    cases = [submitted(Service.ADDITIONAL) for _ in range(6)]

    def work(seat: Seat) -> str:
        place = people.index(seat)
        try:
            made = seat.make(drawer[place], cases[place])
        except Conflict:
            return "refused at the scan"
        return made.fault or made.state

    came = Counter(str(each) for each in at_once(people, work))
    assert came["made"] == LIMIT_OF_KEYS - held, came
    assert set(came) <= {"made", "refused at the scan", Standstill.LIMIT.value}
    errands(workshop.parts)
    valid = workshop.read(
        lambda session: session.scalars(select(Certificate).where(Certificate.state == "valid")).all()
    )
    assert len(valid) == LIMIT_OF_KEYS
    assert {each.uscc for each in valid} == {stated.uscc}
    assert unfinished(workshop.parts, before) == []
    waiting = workshop.read(
        lambda session: session.scalar(select(func.count()).where(Application.state == "production"))
    )
    assert waiting == 6 + held - LIMIT_OF_KEYS


def _blank(workshop: Workshop) -> list[str]:
    return workshop.read(
        lambda session: list(session.scalars(select(Token.serial).where(Token.state == "blank").order_by(Token.serial)))
    )


def _custodians(workshop: Workshop) -> list[str]:
    return workshop.read(lambda session: list(session.scalars(select(Token.custodian))))
