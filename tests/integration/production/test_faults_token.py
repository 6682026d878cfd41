"""Faults of the token at every call, before and after it did what it was asked: case and token stay where they were,
nothing is printed or issued twice, and a retry finishes the key. Tokens are SoftHSM's, pulled and swapped for real.
"""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from tests.support.bench import Agent, Workshop, open_workshop
from tests.support.certificates import of_impossible_version
from tests.support.database import TestServer
from tests.support.perseverance import another_token, errands, finish, retry
from tests.support.reckoning_keys import problems, unfinished
from tests.support.tokens import Bench, FaultyDriver, softhsm_bench
from workbench.kernel.errors import Conflict
from workbench.production import making
from workbench.production.algorithms import Algorithm
from workbench.production.faults import Standstill
from workbench.production.labels import print_labels
from workbench.production.tokens.driver import Fault, ReadBack

CALLS = ("personalise", "make_key", "sign_request", "write_certificate", "write_seal", "read_back")
WHEN: tuple[Literal["before", "after"], ...] = ("before", "after")
FAULTS = (Fault.TOKEN_PULLED, Fault.TOKEN_FULL, Fault.PIN_REFUSED, Fault.DISK_FULL, Fault.TOKEN_FAILED)


@dataclass
class Shop:
    """A workshop whose cases and tokens these tests use up, its bench, and an agent whose driver fails when told to."""

    workshop: Workshop
    tokens: Bench
    station: int
    driver: FaultyDriver
    agent: Agent

    def begin(self) -> tuple[int, str, int]:
        """A case that has met a token: case, serial, making."""
        (serial,) = self.tokens.add(1)
        self.workshop.stock(serial)
        case = self.workshop.approved()
        return case, serial, self.workshop.scan(self.station, serial, case=case)

    def assert_stands(self, case: int, serial: str, made: int, fault: str) -> None:
        """The fault is told; case and token are where they were; no label comes out, and nothing goes on by itself."""
        found = self.workshop.making(made)
        assert (found.state, found.fault) == ("open", fault)
        assert (self.workshop.state(case), self.workshop.token(serial).state) == ("production", "allocated")
        assert len(self.workshop.orders(case)) == len(self.workshop.certificates(case)) <= 1
        with pytest.raises(Conflict), self.workshop.parts.work() as session:
            print_labels(session, self.workshop.maker, [made])
        assert self.agent.turn().order is None
        assert problems(self.workshop.parts) == []


@pytest.fixture(scope="module")
def shop(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    database = database_server.copy()
    with open_workshop(database, folder) as workshop:
        tokens = softhsm_bench(folder / "tokens", Algorithm.P_256)
        driver, station = FaultyDriver(tokens.driver), workshop.bench()
        yield Shop(workshop, tokens, station, driver, Agent(workshop.parts, station, driver))
    database_server.drop(database)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("call", CALLS)
def test_every_fault_at_every_call_stands_until_it_is_tried_again(
    shop: Shop, call: str, when: Literal["before", "after"]
) -> None:
    case, serial, made = shop.begin()
    for fault in FAULTS:
        shop.driver.fail(call, fault, when)
        shop.agent.work()
        shop.assert_stands(case, serial, made, fault)
        retry(shop.workshop, made)
    finish(shop.workshop, shop.agent, made)
    assert len(shop.workshop.certificates(case)) == 1
    assert unfinished(shop.workshop.parts, [case]) == []


@pytest.mark.parametrize("call", CALLS)
def test_a_token_that_is_really_pulled_before_a_call_goes_on_when_it_is_back(shop: Shop, call: str) -> None:
    case, serial, made = shop.begin()
    shop.agent.driver = _At(shop.driver, call, lambda: shop.tokens.pull(serial))
    shop.agent.work()
    shop.assert_stands(case, serial, made, Fault.TOKEN_MISSING)
    retry(shop.workshop, made)
    shop.agent.work()
    shop.assert_stands(case, serial, made, Fault.TOKEN_MISSING)
    shop.agent.driver = shop.driver
    shop.tokens.plug(serial)
    retry(shop.workshop, made)
    finish(shop.workshop, shop.agent, made)
    assert unfinished(shop.workshop.parts, [case]) == []


@pytest.mark.parametrize("call", CALLS)
def test_another_token_in_its_place_is_left_alone(shop: Shop, call: str) -> None:
    """The scanned token is swapped for a blank one of the stock: nothing is written on that one."""
    case, serial, made = shop.begin()
    (other,) = shop.tokens.add(1)
    shop.workshop.stock(other)
    shop.tokens.pull(other)

    def swap() -> None:
        shop.tokens.pull(serial)
        shop.tokens.plug(other)

    shop.agent.driver = _At(shop.driver, call, swap)
    shop.agent.work()
    shop.agent.driver = shop.driver
    shop.assert_stands(case, serial, made, Fault.TOKEN_MISSING)
    assert [each.blank for each in shop.driver.list_tokens() if each.serial == other] == [True]
    assert shop.workshop.token(other).state == "blank"
    shop.tokens.plug(serial)
    retry(shop.workshop, made)
    finish(shop.workshop, shop.agent, made)
    shop.tokens.pull(other)
    assert unfinished(shop.workshop.parts, [case]) == []


@pytest.mark.parametrize("call", CALLS)
def test_the_agents_own_disk_may_be_full_at_any_call(shop: Shop, call: str) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    case, serial, made = shop.begin()
    shop.agent.driver = _At(shop.driver, call, full)
    shop.agent.work()
    shop.agent.driver = shop.driver
    shop.assert_stands(case, serial, made, Fault.DISK_FULL)
    retry(shop.workshop, made)
    finish(shop.workshop, shop.agent, made)
    assert unfinished(shop.workshop.parts, [case]) == []


@pytest.mark.parametrize("call", CALLS)
def test_a_token_that_never_works_is_set_aside_and_another_becomes_the_key(shop: Shop, call: str) -> None:
    """What the CA had issued for it is ended, at the CA too, before another is in force."""
    case, serial, made = shop.begin()
    shop.driver.fail(call, Fault.TOKEN_FAILED)
    shop.agent.work()
    shop.assert_stands(case, serial, made, Fault.TOKEN_FAILED)
    with shop.workshop.parts.work() as session:
        making.spoil(session, shop.workshop.parts, shop.workshop.maker, made, "示例：介质损坏")
    assert (shop.workshop.token(serial).state, shop.workshop.state(case)) == ("spoiled", "production")
    errands(shop.workshop.parts)
    assert problems(shop.workshop.parts) == []
    (other,) = shop.tokens.add(1)
    another_token(shop.workshop, shop.agent, shop.station, other, case)
    states = [each.state for each in shop.workshop.certificates(case)]
    assert states == (["revoked", "valid"] if call in CALLS[3:] else ["valid"])
    assert unfinished(shop.workshop.parts, [case]) == []


def test_a_certificate_that_reads_back_damaged_is_a_difference_not_an_error(shop: Shop) -> None:
    case, serial, made = shop.begin()
    shop.agent.driver = _Damaging(shop.driver)
    shop.agent.work()
    shop.agent.driver = shop.driver
    shop.assert_stands(case, serial, made, Standstill.MISMATCH)
    assert shop.workshop.making(made).fault_detail == "certificate, subject, validity, public_key"


class _Damaging(FaultyDriver):
    """A driver of a token whose memory no longer holds which version its certificate is of."""

    def read_back(
        self, serial: str, user_pin: str, key_id: bytes, algorithm: Algorithm, seal_label: str, challenge: bytes
    ) -> ReadBack:
        found = super().read_back(serial, user_pin, key_id, algorithm, seal_label, challenge)
        return replace(found, certificate=of_impossible_version(found.certificate or b""))


class _At(FaultyDriver):
    """A driver at whose next `call` something happens first, once."""

    def __init__(self, driver: FaultyDriver, call: str, happens: Callable[[], None]) -> None:
        super().__init__(driver)
        self._call, self._happens = call, happens

    def _fail_if_ordered(self, call: str, when: Literal["before", "after"]) -> None:
        if call == self._call and when == "before":
            self._call = ""
            self._happens()
        super()._fail_if_ordered(call, when)
