"""A real agent beside real SoftHSM tokens and the served application: killed, cut off, refused, told to end. Whatever
happens, the key is made in the end, once, and no PIN is ever said."""

import logging
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.agent_process import AgentProcess, Served, eventually, served
from tests.support.bench import Workshop, open_workshop
from tests.support.casework import SYSTEM
from tests.support.certificates import served_with_tls, trial_authority
from tests.support.database import Database
from tests.support.tokens import SO_PIN, Bench, softhsm_bench
from workbench import create_app
from workbench.cases.words import State
from workbench.kernel.crypto import open_secret
from workbench.production import stations
from workbench.production.algorithms import Algorithm
from workbench.production.making import retry, spoil
from workbench.production.station_queries import station_state

pytestmark = pytest.mark.serial


@pytest.fixture
def workshop(fresh_database: Database, tmp_path: Path) -> Iterator[Workshop]:
    """RSA: its key pairs take long enough for a kill to hit."""
    with open_workshop(fresh_database, tmp_path, key_algorithm="rsa-2048") as workshop:
        yield workshop


@pytest.fixture
def tokens(tmp_path: Path) -> Bench:
    return softhsm_bench(tmp_path / "tokens", Algorithm.RSA_2048)


@pytest.fixture
def app(workshop: Workshop) -> Flask:
    return create_app(parts=workshop.parts)


@pytest.fixture
def site(app: Flask) -> Iterator[Served]:
    with served(app) as site:
        yield site


@pytest.fixture
def station(workshop: Workshop) -> tuple[int, str]:
    """A bench at which the maker sits, and its credential."""
    with workshop.parts.work() as session:
        bench, value = stations.create_station(session, SYSTEM, "一号台")
        stations.take_station(session, workshop.maker, bench.id)
        return bench.id, value


@pytest.fixture
def agent(site: Served, station: tuple[int, str], tokens: Bench, tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent that has not been started. `tokens` has laid out its folder."""
    found = AgentProcess(tmp_path, site.url, station[1])
    yield found
    found.clear_up()


class Job:
    """One case that is being made on one token."""

    def __init__(self, workshop: Workshop, tokens: Bench, station_id: int) -> None:
        self._workshop, self._tokens, self._station_id = workshop, tokens, station_id
        self.pins: list[str] = []
        self.case = workshop.approved()
        self.scan_a_token()

    def scan_a_token(self) -> None:
        """Let the case meet a new blank token."""
        workshop = self._workshop
        [self.serial] = self._tokens.add(1)
        workshop.stock(self.serial)
        self.making_id = workshop.scan(self._station_id, self.serial)
        sealed = workshop.making(self.making_id).pin_ciphertext
        assert sealed is not None
        self.pins.append(open_secret(workshop.parts.secrets, sealed))

    def step(self) -> str:
        return self._workshop.making(self.making_id).step

    def reached(self, *steps: str) -> Callable[[], bool]:
        return lambda: self.step() in steps

    def was_asked(self) -> bool:
        return bool(self._workshop.orders(self.case))

    def stands_still(self) -> bool:
        return self._workshop.making(self.making_id).fault is not None

    def set_aside(self) -> None:
        """What a maker does with a token that is broken: it is spoiled, and another takes its place."""
        with self._workshop.parts.work() as session:
            spoil(session, self._workshop.parts, self._workshop.maker, self.making_id, "示例：介质已损坏")
        self.scan_a_token()

    def assert_made_once(self) -> None:
        eventually(self.reached("verified"), "the key")
        assert self._workshop.state(self.case) == State.MADE
        assert [each.state for each in self._workshop.certificates(self.case)][-1:] == ["valid"]
        assert [each.state for each in self._workshop.orders(self.case)].count("issued") == 1
        assert self._workshop.token(self.serial).state == "personalised"

    def assert_asked_once(self) -> None:
        assert len(self._workshop.certificates(self.case)) == len(self._workshop.orders(self.case)) == 1


@pytest.fixture
def job(workshop: Workshop, tokens: Bench, station: tuple[int, str]) -> Job:
    return Job(workshop, tokens, station[0])


def test_a_key_is_made_and_nothing_secret_is_said(
    agent: AgentProcess,
    job: Job,
    workshop: Workshop,
    station: tuple[int, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    agent.start()
    job.assert_made_once()
    state = workshop.read(lambda session: station_state(session, station[0]))
    assert (state.online, state.agent_version) == (True, "1.0")
    eventually(lambda: "writing and reading back took" in agent.read())
    assert agent.end(signal.SIGTERM) == 0
    said = agent.read()
    assert "Bench 一号台: 示例maker1 works here." in said
    assert "Tokens plugged in: 1" in said
    assert f"Token {job.serial}: making the key pair took" in said
    for secret in (*job.pins, SO_PIN, station[1]):
        assert secret not in said
        assert secret not in caplog.text


@pytest.mark.timeout(300)
def test_killed_at_any_moment_it_makes_the_same_key_in_the_end(
    agent: AgentProcess, job: Job, tokens: Bench, tmp_path: Path
) -> None:
    """The kill hits while the server waits for an outcome: first of the key pair, then of the writing.

    SoftHSM writes its files in place, so that a kill can tear one: as a broken token, that one is set aside.
    """
    dice = random.Random(4)
    hits, torn = {"key": 0, "read_back": 0}, 0
    for waited_for in hits:
        for _ in range(4):
            agent.start()
            eventually(lambda: job.step() in (waited_for, "verified") or job.stands_still(), waited_for)  # noqa: B023
            time.sleep(dice.uniform(0, 0.15))
            agent.end(signal.SIGKILL)
            hits[waited_for] += job.step() == waited_for
            if is_torn(tmp_path, job.serial):
                torn += 1
                job.set_aside()
            if job.step() == "verified":
                break
    agent.start()
    job.assert_made_once()
    if not torn:
        job.assert_asked_once()
    assert hits["key"] >= 1, "no kill hit; the waits are too long for this machine"
    assert not any(pin in agent.read() for pin in job.pins)


def is_torn(folder: Path, serial: str) -> bool:
    """Whether a kill left SoftHSM a token without its own object, which SoftHSM itself then shows no more."""
    [home] = [each for each in (folder / "tokens" / "tokens").iterdir() if each.name.replace("-", "").endswith(serial)]
    return (home / "token.object").stat().st_size == 0


def test_an_outcome_waits_for_a_server_that_is_down(agent: AgentProcess, job: Job, site: Served) -> None:
    agent.start()
    eventually(job.reached("key"))
    site.down()
    eventually(lambda: "making the key pair took" in agent.read())
    eventually(lambda: "The server does not answer" in agent.read())
    assert not job.was_asked()
    site.up()
    job.assert_made_once()
    job.assert_asked_once()
    assert agent.end(signal.SIGTERM) == 0
    said = agent.read()
    assert said.count("making the key pair took") == 1, "the outcome was kept, not made anew"
    assert said.count("The server does not answer") == 1
    assert "The server answers again." in said


def test_a_server_that_comes_later_is_waited_for(agent: AgentProcess, job: Job, site: Served) -> None:
    site.down()
    agent.start()
    eventually(lambda: "The server does not answer" in agent.read())
    site.up()
    job.assert_made_once()


def test_a_pulled_token_is_told_in_words_and_made_after_all(
    agent: AgentProcess, job: Job, tokens: Bench, workshop: Workshop
) -> None:
    tokens.pull(job.serial)
    agent.start()
    eventually(lambda: workshop.making(job.making_id).fault == "token_missing")
    eventually(lambda: "The scanned token is not plugged in at this bench." in agent.read())
    tokens.plug(job.serial)
    _retry(workshop, job.making_id)
    job.assert_made_once()


def _retry(workshop: Workshop, making_id: int) -> None:
    with workshop.parts.work() as session:
        retry(session, workshop.maker, making_id)


def test_a_revoked_or_unknown_credential_ends_the_agent(
    agent: AgentProcess, workshop: Workshop, station: tuple[int, str]
) -> None:
    agent.start()
    eventually(lambda: "works here" in agent.read())
    with workshop.parts.work() as session:
        stations.revoke_station(session, SYSTEM, station[0])
    assert agent.wait() == 1
    assert agent.read().count("The server refuses this agent: Show a station's valid credential") == 1
    agent.start()
    assert agent.wait() == 1
    assert station[1] not in agent.read()


def test_what_is_configured_badly_is_said_before_anything_is_sent(
    agent: AgentProcess, station: tuple[int, str]
) -> None:
    agent.credential_file.chmod(0o640)
    agent.start()
    assert agent.wait() == 2
    assert "chmod 600" in agent.read()
    agent.credential_file.chmod(0o600)
    agent.more = {"WORKBENCH_AGENT_DRIVER": "pkcs11", "WORKBENCH_AGENT_LIBRARY": "/nowhere/libtoken.so"}
    agent.start()
    assert agent.wait() == 2
    assert "/nowhere/libtoken.so" in agent.read()
    agent.more = {"WORKBENCH_AGENT_SERVER": "http://192.0.2.1"}
    agent.start()
    assert agent.wait() == 2
    assert "use https" in agent.read()
    assert station[1] not in agent.read()
    assert "Traceback" not in agent.read()


@pytest.mark.parametrize("moment", ["idle", "working"])
def test_it_ends_when_told_to_and_loses_nothing(
    agent: AgentProcess, workshop: Workshop, tokens: Bench, station: tuple[int, str], moment: str
) -> None:
    job = Job(workshop, tokens, station[0]) if moment == "working" else None
    agent.start()
    eventually(job.reached("key") if job else lambda: "works here" in agent.read())
    assert agent.end(signal.SIGTERM) == 0
    assert "Traceback" not in agent.read()
    if job is not None:
        agent.start()
        job.assert_made_once()


def test_over_tls_the_server_has_to_be_vouched_for(agent: AgentProcess, app: Flask, job: Job, tmp_path: Path) -> None:
    authority = trial_authority(tmp_path / "authority")
    with served_with_tls(app, authority) as port:
        agent.url = f"https://127.0.0.1:{port}"
        agent.start()
        eventually(lambda: "its certificate does not hold" in agent.read())
        assert agent.end(signal.SIGTERM) == 0
        assert job.step() == "token", "nothing was ordered"
        agent.more = {"WORKBENCH_AGENT_CA_FILE": str(authority.certificate_path)}
        agent.start()
        job.assert_made_once()
        assert agent.end(signal.SIGTERM) == 0
