"""An enterprise that renews its certificate at its own machine: the account of its key, an approved case, and the agent
in holder mode. The agent is the product's own performer with a real driver; only the network is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import undefer

from tests.support.bench import ADDRESS, Agent, Workshop
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Service
from workbench.kernel.clock import now
from workbench.kernel.crypto import open_secret
from workbench.kernel.identity import Actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.portal.door import actor_of
from workbench.production.agent.performing import Performer
from workbench.production.models import Making
from workbench.production.protocol import VERSION, Answer, Outcome, Plugged, Turn
from workbench.production.renewing import begin_renewal
from workbench.production.stations import find_station
from workbench.production.tokens.driver import TokenDriver
from workbench.production.turn import take_turn


@dataclass
class HolderAgent:
    """The program beside the holder's key, until it is told that all is done."""

    parts: Parts
    code: str
    driver: TokenDriver
    pin: str
    answers: list[Answer] = field(default_factory=list)
    asked_for_pin: int = 0
    outcome: Outcome | None = None
    """What the next turn reports; a program that is killed forgets it."""

    def __post_init__(self) -> None:
        shown = find_station(self.parts, self.code)
        assert shown is not None, "the code opens nothing"
        assert shown.kind == "holder"
        self.station_id = shown.id
        self._performer = Performer(self.driver, ask_pin=self._ask, stopped=lambda: False)

    def _ask(self, serial: str, left: int) -> str:
        self.asked_for_pin += 1
        return self.pin

    def turn(self) -> Answer:
        """One turn, and the work it orders."""
        plugged = [
            Plugged(serial=each.serial, label=each.label, model=each.model, maker=each.maker, blank=each.blank)
            for each in self.driver.list_tokens()
        ]
        said = Turn(
            version=VERSION,
            agent="test",
            algorithms=sorted(self.driver.algorithms),
            software=True,
            plugged=plugged,
            outcome=self.outcome,
        )
        answer = take_turn(self.parts, self.station_id, said, ADDRESS)
        self.answers.append(answer)
        self.outcome = self._performer.perform(answer.order).outcome if answer.order is not None else None
        return answer

    def run(self, turns: int = 12, until: Callable[[Answer], bool] = lambda answer: answer.order is None) -> Answer:
        """Turns until nothing is ordered any more, or whatever else one waits for; the last answer."""
        for _ in range(turns):
            answer = self.turn()
            if until(answer):
                return answer
        raise AssertionError(f"still ordering after {turns} turns")


@dataclass(frozen=True)
class Held:
    """A key in its holder's hands: the certificate on it, its PIN, and the account that signs in with it."""

    workshop: Workshop
    certificate_id: int
    serial: str
    pin: str
    applicant_id: int

    @property
    def actor(self) -> Actor:
        """The account as the front door knows it now."""
        with self.workshop.parts.work() as session:
            return actor_of(session.get_one(Applicant, self.applicant_id), ADDRESS)

    @property
    def record(self) -> Certificate:
        """The certificate's record as it stands."""
        with self.workshop.parts.work() as session:
            return session.get_one(Certificate, self.certificate_id)

    def with_bytes(self, certificate_id: int) -> Certificate:
        """A certificate's record with the certificate itself."""
        with self.workshop.parts.work() as session:
            statement = select(Certificate).where(Certificate.id == certificate_id)
            return session.scalars(statement.options(undefer(Certificate.certificate))).one()

    def code(self, case: int) -> str:
        """A one-time code for a renewal."""
        with self.workshop.parts.work() as session:
            return begin_renewal(session, self.workshop.parts, self.actor, case)

    def agent(self, case: int, driver: TokenDriver) -> HolderAgent:
        """The program, started with a new code."""
        return HolderAgent(self.workshop.parts, self.code(case), driver, self.pin)


def made_at_bench(workshop: Workshop, driver: TokenDriver, serial: str) -> Held:
    """A key of a new case, made at a bench of its own, with the account that its holder signs in with."""
    workshop.stock(serial)
    case = workshop.approved()
    maker = workshop.hire_maker()
    station = workshop.bench(maker, f"示例制作台 {serial}")
    making = workshop.scan(station, serial, maker, case=case)
    Agent(workshop.parts, station, driver).work()
    sealed = workshop.making(making).pin_ciphertext
    assert sealed is not None
    (certificate,) = workshop.certificates(case)
    return held(workshop, certificate.id, open_secret(workshop.parts.secrets, sealed))


def held(workshop: Workshop, certificate_id: int, pin: str) -> Held:
    """A certificate's key in its holder's hands, who has signed in with it."""
    with workshop.parts.work() as session:
        record = session.get_one(Certificate, certificate_id)
        applicant = Applicant(
            kind="certificate",
            name=record.enterprise_name,
            uscc=record.uscc,
            certificate_sha256=record.sha256,
            created_at=now(),
        )
        session.add(applicant)
        session.flush()
        return Held(workshop, certificate_id, record.key_number, pin, applicant.id)


def approved_renewal(key: Held, *, own: bool = True, name: str | None = None) -> int:
    """A renewal of a key that both desks have passed; made by its own account, unless it was entered otherwise."""
    record, workshop = key.record, key.workshop
    case = workshop.approved(
        Service.RENEWAL,
        sealed=False,
        uscc=record.uscc,
        enterprise_name=name or record.enterprise_name,
        name=record.holder_name,
        prior_key=record.key_number,
    )
    if own:
        with workshop.parts.work() as session:
            session.get_one(Application, case).applicant_id = key.applicant_id
    return case


def makings(workshop: Workshop, case: int) -> list[Making]:
    """Everything that was ever in work for a case, oldest first."""
    return workshop.read(
        lambda session: list(session.scalars(select(Making).where(Making.application_id == case).order_by(Making.id)))
    )
