"""Keys of RSA-2048 on SoftHSM2, made in batches: how long one takes, and whose time that is.

The agent is the product's own, its driver's calls timed; its turns reach the server without a network between them. The
peer is the token's work alone, the same calls with neither server nor CA. All of a key that is spent neither in the
token's driver nor in the CA counts as ours.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unittest.mock import patch

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.bench.browser import Unexpected
from tests.bench.database import Filled
from tests.bench.measure import row, seconds
from tests.bench.render import Row
from tests.support.applicant import a_code
from tests.support.bench import impression
from tests.support.casework import IDENTITY
from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, SO_PIN, a_certificate, a_name
from workbench.cases.facts import CaseFacts, HolderFacts
from workbench.cases.service import advance, open_case
from workbench.cases.states import Action
from workbench.cases.words import Category, Channel, Service
from workbench.documents.models import Page, RequirementVersion
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Role, system_actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Seal
from workbench.keys.tokens import take_in
from workbench.organisation.models import Staff
from workbench.organisation.sign_in import actor_of
from workbench.production import issuing
from workbench.production.agent.loop import Agent
from workbench.production.agent.performing import Performer
from workbench.production.agent.words import Speaker
from workbench.production.algorithms import Algorithm
from workbench.production.batches import start_batch
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CertificationAuthority
from workbench.production.protocol import Answer, Turn, Written
from workbench.production.stations import create_station, take_station
from workbench.production.tokens.driver import TokenDriver
from workbench.production.tokens.pkcs11 import Pkcs11Driver
from workbench.production.tokens.softhsm import Store
from workbench.production.turn import take_turn

WARM_UP = 5
AT_ONCE = 15
"""Tokens that are plugged in when a batch begins."""
SEAL_BYTES = 6_000
"""As large as the seals of these keys are."""
SYSTEM = system_actor("bench")
NAME = "key, RSA-2048, SoftHSM2"


@dataclass
class _Times:
    """Seconds so far in the token's driver and in the CA."""

    token: float = 0.0
    ca: float = 0.0


@dataclass(frozen=True)
class _Key:
    """Seconds of one key, by whose they are."""

    token: float
    ca: float
    ours: float

    @property
    def whole(self) -> float:
        return self.token + self.ca + self.ours


class _Timed:
    """A driver whose every call is timed."""

    def __init__(self, driver: Pkcs11Driver, times: _Times) -> None:
        self._driver, self._times = driver, times
        self.algorithms = driver.algorithms

    def __getattr__(self, name: str) -> Callable[..., Any]:
        really = getattr(self._driver, name)

        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return really(*arguments, **options)
            finally:
                self._times.token += time.perf_counter() - began

        return call


class _TimedCa:
    """A CA whose issuing is timed."""

    def __init__(self, real: CertificationAuthority, times: _Times) -> None:
        self._real, self._times = real, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def issue(self, order: Any) -> Any:
        began = time.perf_counter()
        try:
            return self._real.issue(order)
        finally:
            self._times.ca += time.perf_counter() - began


@dataclass
class _Server:
    """Where the agent's turns go. A key ends with the answer to its last report: that is when the next one begins."""

    parts: Parts
    station: int
    times: _Times
    keys: list[_Key] = field(default_factory=list)
    done: bool = False
    _before: tuple[float, float, float] | None = None

    def take(self, turn: Turn) -> Answer:
        answer = take_turn(self.parts, self.station, turn, "127.0.0.1")
        if self._before is None or isinstance(turn.outcome, Written):
            self._end_key()
        self.done = answer.order is None
        return answer

    def _end_key(self) -> None:
        at = (time.perf_counter(), self.times.token, self.times.ca)
        if self._before is not None:
            whole, token, ca = (now_ - then for now_, then in zip(at, self._before, strict=True))
            self.keys.append(_Key(token, ca, whole - token - ca))
        self._before = at


class _Silent(Speaker):
    @staticmethod
    def _write(line: str) -> None:
        """What an agent says is not measured."""


def rows(filled: Filled, keys: int) -> Iterator[Row]:
    """The whole of a key, and its three parts. Raises Unexpected when a batch does not make all of its keys."""
    with TemporaryDirectory() as name:
        bench = _Bench(filled.parts, Store(Path(name)))
        alone = bench.work_alone(keys // 2)
        wanted = keys + min(keys, WARM_UP)
        made = [key for begun in range(0, wanted, AT_ONCE) for key in bench.make(min(AT_ONCE, wanted - begun))][-keys:]
        alone += bench.work_alone(keys - keys // 2)
    yield row(NAME, [each.whole for each in made], "the token's work alone", alone)
    yield row(f"{NAME}: the token's time", [each.token for each in made])
    yield row(f"{NAME}: the CA's time", [each.ca for each in made])
    yield row(f"{NAME}: our time", [each.ours for each in made])


def summary(measured: Sequence[Row]) -> str:
    """Keys per minute and our share of a key, in words."""
    by_name = {each["name"]: each["p50_ms"] for each in measured}
    token, ca, ours = (by_name[f"{NAME}: {whose} time"] for whose in ("the token's", "the CA's", "our"))
    whole = token + ca + ours
    return (
        f"Keys per minute on SoftHSM2, RSA-2048: {60_000 / whole:.0f}. Of a key of {whole:.0f} ms the token takes "
        f"{token / whole:.0%}, the CA {ca / whole:.0%}, we {ours / whole:.0%}."
    )


class _Bench:
    """A maker's bench with a drawer of tokens; as many are plugged in at a time as a hub has room for."""

    def __init__(self, parts: Parts, store: Store) -> None:
        self._parts, self._store = parts, store
        self._driver = Pkcs11Driver(store.library, SO_PIN)
        with parts.work() as session:
            self._maker = actor_of(_maker(session), "127.0.0.1")
            station, _ = create_station(session, SYSTEM, f"bench {secrets.token_hex(4)}")
            take_station(session, self._maker, station.id)
            self._station = station.id

    def make(self, count: int) -> list[_Key]:
        """The keys of one batch."""
        serials = self._store.add_blank_tokens(count, SO_PIN)
        with self._parts.work() as session:
            for serial in serials:
                take_in(session, SYSTEM, serial, model="SoftHSM v2", box="bench")
            _prepare_cases(session, self._parts, self._maker, count)
            start_batch(session, self._maker, self._station, count)
        server = _Server(self._parts, self._station, _Times())
        driver = cast(TokenDriver, _Timed(self._driver, server.times))
        performer = Performer(driver, ask_pin=None, stopped=lambda: False)
        agent = Agent(driver, server, performer, _Silent(str), software=True, stopped=lambda: server.done)
        with patch.object(issuing, "load_authority", lambda parts: _TimedCa(load_authority(parts), server.times)):
            agent.run()
        if len(server.keys) != count:
            raise Unexpected(f"Of {count} keys {len(server.keys)} were made.")
        for serial in serials:
            self._store.pull(serial)
        return server.keys

    def work_alone(self, count: int) -> list[float]:
        """Seconds that a token takes for all that is done with it, and nobody else does anything."""
        times = []
        for _ in range(count):
            (serial,) = self._store.add_blank_tokens(1, SO_PIN)
            times.append(seconds(lambda serial=serial: self._work_on(serial)))  # type: ignore[misc]
            self._store.pull(serial)
        return times

    def _work_on(self, serial: str) -> None:
        driver = self._driver
        driver.list_tokens()
        driver.personalise(serial, label="bench", user_pin=PIN)
        key = driver.make_key(serial, PIN, KEY_ID, Algorithm.RSA_2048)
        driver.sign_request(serial, PIN, KEY_ID, Algorithm.RSA_2048, a_name())
        driver.write_certificate(serial, PIN, KEY_ID, a_certificate("bench", key))
        driver.write_seal(serial, PIN, SEAL_LABEL, bytes(SEAL_BYTES))
        driver.read_back(serial, PIN, KEY_ID, Algorithm.RSA_2048, SEAL_LABEL, b"challenge")


def _maker(session: Session) -> Staff:
    """Who makes the keys; hired once."""
    staff = session.scalars(select(Staff).where(Staff.login == "bench-maker")).one_or_none()
    if staff is None:
        staff = Staff(
            login="bench-maker",
            name="示例制作员",
            password_hash="x",
            roles=[Role.KEY_MAKER.value],
            password_changed_at=now(),
        )
        session.add(staff)
        session.flush()
    return staff


def _prepare_cases(session: Session, parts: Parts, maker: Actor, count: int) -> None:
    """Cases that both desks have passed, each with a seal as if cut from a letter: the benchmark's other cases have
    codes that no certificate can bear."""
    clerk, checker = (_actor(session, login) for login in ("clerk1-1", "recheck1"))
    version = session.scalars(select(RequirementVersion.id).where(RequirementVersion.service == Service.NEW)).first()
    page, digest = session.scalars(select(func.min(Page.id))).one(), parts.blobs.put(impression())
    assert version is not None
    assert page is not None
    assert maker.id is not None
    (authority,) = clerk.scope.authority_ids
    for _ in range(count):
        facts = CaseFacts(
            service=Service.NEW,
            category=Category.OTHER,
            channel=Channel.PORTAL,
            authority_id=authority,
            enterprise_name="示例基准进出口有限公司",
            uscc=a_code(secrets.randbelow(10**9)),
            holder=HolderFacts("示例甲", IDENTITY, "10000000000", "someone@example.invalid"),
        )
        case, _ = open_case(session, parts.secrets, facts, SYSTEM, requirement_version_id=version)
        advance(session, case.id, Action.PRE_CHECK_PASS, clerk, remark="示例批语")
        advance(session, case.id, Action.RE_CHECK_PASS, checker, remark="示例批语")
        session.add(
            Seal(
                application_id=case.id,
                authority_id=authority,
                serial=f"{case.number}-1",
                name=case.enterprise_name,
                uscc=case.uscc,
                page_id=page,
                crop={},
                image_sha256=digest,
                width_mm=40.0,
                height_mm=40.0,
                maker_id=maker.id,
                made_at=now(),
            )
        )


def _actor(session: Session, login: str) -> Actor:
    return actor_of(session.scalars(select(Staff).where(Staff.login == login)).one(), "127.0.0.1")
