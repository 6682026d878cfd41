"""The demo's key maker at work: cuts seals, scans tokens, and lets the product's own agent write on them."""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from workbench.cases.models import Application
from workbench.demo.bench import STATION, Drawer
from workbench.documents.models import Page
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import WorkbenchError
from workbench.kernel.identity import Actor, system_actor
from workbench.kernel.parts import Parts
from workbench.keys.models import Seal, Token
from workbench.production.agent.performing import Performer
from workbench.production.labels import print_labels
from workbench.production.making import scan
from workbench.production.models import BenchStation
from workbench.production.pins import confirm_sealed, print_letters
from workbench.production.protocol import VERSION, Outcome, Plugged, Turn
from workbench.production.seals.cutting import propose
from workbench.production.seals.queries import letter_pages
from workbench.production.seals.service import prepare_seal
from workbench.production.stations import create_station, leave_station, take_station
from workbench.production.turn import take_turn

_ACTOR: Final = system_actor("demo")
_TURNS: Final = 6
"""Turns that one key takes at most."""
_ADDRESS: Final = "127.0.0.1"


class KeyMaker:
    """One maker at the demo's bench, with a drawer of tokens."""

    def __init__(self, parts: Parts, drawer: Drawer, actor: Actor) -> None:
        self._parts = parts
        self._drawer = drawer
        self._actor = actor
        self._driver = drawer.open()
        with parts.work() as session:
            station = session.scalars(select(BenchStation).where(BenchStation.name == STATION)).one_or_none()
            self._station_id = station.id if station is not None else create_station(session, _ACTOR, STATION)[0].id
            take_station(session, actor, self._station_id)

    def prepare(self, application_id: int, at: datetime) -> None:
        """Cut a case's seal as the product proposes it; a letter without a red impression is left for a person."""
        with clock_at(at), self._parts.work() as session:
            application = session.get_one(Application, application_id)
            known = select(Seal.id).where(Seal.application_id == application_id, Seal.superseded_at.is_(None))
            if session.scalar(known) is not None:
                return
            pages: list[Page] = [each.page for each in letter_pages(session, self._actor, application_id)]
            found = propose(self._parts.blobs, pages)
            if found.crop is None:
                return
            page, version = pages[found.place].id, application.version
            try:
                with session.begin_nested():
                    prepare_seal(
                        session, self._parts, self._actor, application_id, page, found.crop, seen_version=version
                    )
            except WorkbenchError:
                return  # a renewal, or an impression that a person has to look at

    def stock(self, count: int, at: datetime) -> None:
        """So many blank tokens in the drawer, and in the vendor's stock since `at`."""
        serials = self._drawer.fill(count)
        with clock_at(at), self._parts.work() as session:
            self._drawer.take_in(session, serials)

    def make(self, application_id: int, at: datetime) -> None:
        """Make one case's key at an instant; a case whose seal is not prepared, or that has its key, stays as it is."""
        serial = self._token_for(application_id)
        if serial is None:
            return
        with clock_at(at):
            with self._parts.work() as session:
                made = scan(session, self._parts, self._actor, self._station_id, serial, application_id=application_id)
                making_id = made.id
            self._work()
            with self._parts.work() as session:
                print_labels(session, self._actor, [making_id])
                print_letters(session, self._parts, self._actor, [making_id])
                confirm_sealed(session, self._actor, [making_id])

    def leave(self) -> None:
        """Get up from the bench."""
        with self._parts.work() as session:
            leave_station(session, self._actor)

    def _token_for(self, application_id: int) -> str | None:
        blank = [each.serial for each in self._driver.list_tokens() if each.blank]
        with self._parts.work() as session:
            sealed = select(Seal.id).where(Seal.application_id == application_id, Seal.superseded_at.is_(None))
            if session.get_one(Application, application_id).state != "production" or session.scalar(sealed) is None:
                return None
            own = select(Token.serial).where(Token.application_id == application_id, Token.state == "allocated")
            free = select(Token.serial).where(Token.serial.in_(blank), Token.state == "blank").limit(1)
            return session.scalar(own) or session.scalar(free)

    def _work(self) -> None:
        performer = Performer(self._driver, ask_pin=None, stopped=lambda: False)
        outcome: Outcome | None = None
        for _ in range(_TURNS):
            plugged = [
                Plugged(serial=each.serial, label=each.label, model=each.model, maker=each.maker, blank=each.blank)
                for each in self._driver.list_tokens()
            ]
            algorithms = sorted(self._driver.algorithms)
            turn = Turn(
                version=VERSION, agent="demo", algorithms=algorithms, software=True, plugged=plugged, outcome=outcome
            )
            answer = take_turn(self._parts, self._station_id, turn, _ADDRESS)
            if answer.order is None:
                return
            outcome = performer.perform(answer.order).outcome
