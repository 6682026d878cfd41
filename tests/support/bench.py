"""A vendor's workshop on a real database: approved cases with prepared seals, tokens in stock, a bench with its agent.

The agent is the product's own performer with a real driver; only the network between it and the server is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.casework import SYSTEM, Office, open_office
from tests.support.database import Database
from workbench.cases.models import Application
from workbench.cases.words import Service, Verdict
from workbench.config import Settings
from workbench.documents.models import Page
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Role
from workbench.kernel.parts import Parts, make_parts
from workbench.keys.models import Certificate, Seal, Token
from workbench.keys.tokens import take_in
from workbench.production.agent.performing import Performer
from workbench.production.making import scan
from workbench.production.models import BenchStation, CertificateOrder, Making
from workbench.production.protocol import VERSION, Answer, Outcome, Plugged, Turn
from workbench.production.stations import create_station, take_station
from workbench.production.tokens.driver import TokenDriver
from workbench.production.turn import take_turn

ADDRESS = "127.0.0.9"
T = TypeVar("T")


@dataclass
class Agent:
    """A bench agent without its network: it takes turns with the server and does what it is told."""

    parts: Parts
    station_id: int
    driver: TokenDriver
    software: bool = True

    def turn(self, outcome: Outcome | None = None) -> Answer:
        """One turn, with what is plugged in now."""
        return take_turn(self.parts, self.station_id, self.say(outcome), ADDRESS)

    def say(self, outcome: Outcome | None = None) -> Turn:
        """What the agent says in a turn."""
        plugged = [
            Plugged(serial=each.serial, label=each.label, model=each.model, maker=each.maker, blank=each.blank)
            for each in self.driver.list_tokens()
        ]
        return Turn(
            version=VERSION,
            agent="test",
            algorithms=sorted(self.driver.algorithms),
            software=self.software,
            plugged=plugged,
            outcome=outcome,
        )

    def work(self, turns: int = 12) -> list[Answer]:
        """Turns until nothing is ordered any more; what was answered."""
        performer = Performer(self.driver, ask_pin=None, stopped=lambda: False)
        outcome: Outcome | None = None
        answers = []
        for _ in range(turns):
            answer = self.turn(outcome)
            answers.append(answer)
            if answer.order is None:
                return answers
            outcome = performer.perform(answer.order).outcome
        raise AssertionError(f"still ordering after {turns} turns")


@dataclass
class Workshop:
    """The office with its vendor: people, cases, stock and benches."""

    office: Office
    parts: Parts

    def __post_init__(self) -> None:
        self.clerk = self.office.clerk()
        self.re_checker = self.office.re_checker()
        self._makers = (self.office.hire(f"maker{number}", Role.KEY_MAKER) for number in count(1))
        self.maker = self.hire_maker()

    def hire_maker(self) -> Actor:
        """Another key maker."""
        return next(self._makers)

    def bench(self, maker: Actor | None = None, name: str = "示例制作台") -> int:
        """A bench at which the maker sits; returns its id."""
        with self.parts.work() as session:
            station, _ = create_station(session, SYSTEM, name)
            take_station(session, maker or self.maker, station.id)
            return station.id

    def stock(self, *serials: str) -> None:
        """Blank tokens in the vendor's stock."""
        with self.parts.work() as session:
            for serial in serials:
                take_in(session, SYSTEM, serial, model="示例介质", box="1")

    def approved(self, service: Service = Service.NEW, *, sealed: bool = True, authority: int = 0, **facts: str) -> int:
        """A case that both desks have passed, its seal prepared unless told otherwise; returns its id."""
        case = self.office.submit(self.office.facts(service, authority, **facts))
        self.office.decide(self.clerk, case, Verdict.PASSED)
        self.office.decide(self.re_checker, case, Verdict.PASSED)
        if sealed:
            self.prepare_seal(case)
        return case

    def prepare_seal(self, case: int) -> None:
        """The case's seal, as if cut from its first page."""
        content = impression()
        digest = self.parts.blobs.put(content)
        with self.parts.work() as session:
            application = session.get_one(Application, case)
            page = session.scalars(select(Page.id).where(Page.application_id == case).limit(1)).one()
            session.add(
                Seal(
                    application_id=case,
                    authority_id=application.authority_id,
                    serial=f"S{case}",
                    name=application.enterprise_name,
                    uscc=application.uscc,
                    page_id=page,
                    crop={},
                    image_sha256=digest,
                    width_mm=40.0,
                    height_mm=40.0,
                    maker_id=self.maker.id,
                    made_at=now(),
                )
            )

    def scan(self, station_id: int, serial: str, maker: Actor | None = None, case: int | None = None) -> int:
        """The maker scans a token; returns the making's id."""
        with self.parts.work() as session:
            return scan(session, self.parts, maker or self.maker, station_id, serial, application_id=case).id

    def read(self, question: Callable[[Session], T]) -> T:
        """What the database says now."""
        with self.parts.work() as session:
            return question(session)

    def state(self, case: int) -> str:
        """Where a case stands."""
        return self.read(lambda session: session.get_one(Application, case).state)

    def making(self, making_id: int) -> Making:
        """A making as it stands."""
        return self.read(lambda session: session.get_one(Making, making_id))

    def token(self, serial: str) -> Token:
        """A token as it stands."""
        return self.read(lambda session: session.scalars(select(Token).where(Token.serial == serial)).one())

    def certificates(self, case: int) -> Sequence[Certificate]:
        """Every certificate that a case ever got."""
        return self.read(
            lambda session: session.scalars(
                select(Certificate).where(Certificate.application_id == case).order_by(Certificate.id)
            ).all()
        )

    def orders(self, case: int) -> Sequence[CertificateOrder]:
        """What was asked of the CA for a case."""
        return self.read(
            lambda session: session.scalars(
                select(CertificateOrder).where(CertificateOrder.application_id == case).order_by(CertificateOrder.id)
            ).all()
        )

    def stations(self) -> Sequence[BenchStation]:
        """Every bench."""
        return self.read(lambda session: session.scalars(select(BenchStation)).all())


@contextmanager
def open_workshop(database: Database, folder: Path, **settings: object) -> Iterator[Workshop]:
    """A workshop over a database of its own; settings as `Settings` names them."""
    values = {"var_dir": folder / "var", "key_algorithm": "p-256", "log_level": "ERROR", **settings}
    parts = make_parts(Settings.model_validate(values), database.app_url)
    yield Workshop(open_office(parts.engine, parts.settings.key_dir), parts)
    parts.engine.dispose()


def impression() -> bytes:
    """A picture as if it had been cut from a letter, PNG."""
    picture = Image.new("RGBA", (472, 472), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((12, 12, 460, 460), outline=(200, 30, 40, 255), width=14)
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
