"""A served workshop for tests of the bench's screen: a maker's browser, tokens in memory, an agent moved by hand."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from html5lib import HTMLParser
from werkzeug.test import TestResponse

from tests.integration.review.desk import PASSWORD, Browser
from tests.support.bench import Agent, Workshop, open_workshop
from tests.support.casework import SYSTEM, actor_of
from tests.support.database import Database
from tests.support.tokens import Bench, FaultyDriver
from tests.support.tokens_in_memory import in_memory_bench
from workbench import create_app
from workbench.kernel import tasks
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Role
from workbench.organisation.service import create_staff
from workbench.production.agent.performing import Performer
from workbench.production.models import BenchStation
from workbench.production.protocol import Outcome
from workbench.production.stations import create_station

ROOT = "/desk/production/bench"


@dataclass
class Floor:
    """A maker in front of a bench."""

    workshop: Workshop
    app: Flask
    maker: Actor
    browser: Browser
    station_id: int
    drawer: Bench
    driver: FaultyDriver
    agent: Agent

    def __post_init__(self) -> None:
        self._performer = Performer(self.driver, ask_pin=None, stopped=lambda: False)
        self._outcome: Outcome | None = None

    def hire(self, login: str, role: Role = Role.KEY_MAKER) -> tuple[Actor, Browser]:
        """Somebody else with a browser."""
        return hire(self.workshop, login, role), Browser(self.app, login)

    def sit_down(self) -> None:
        """The maker takes the bench, whose agent has just been there."""
        self.show_agent()
        assert self.browser.post(f"{ROOT}/take/{self.station_id}").status_code == 303

    def show_agent(self) -> None:
        """The agent is seen to be there, with what is plugged in."""
        with self.workshop.parts.work() as session:
            station = session.get_one(BenchStation, self.station_id)
            station.last_seen_at = now()
            station.plugged = [
                {"serial": each.serial, "label": "", "model": each.model, "maker": each.maker, "blank": each.blank}
                for each in self.driver.list_tokens()
            ]

    def tokens(self, number: int = 1) -> list[str]:
        """Blank tokens of the stock, plugged in at the bench."""
        serials = self.drawer.add(number)
        self.workshop.stock(*serials)
        return serials

    def act(self, path: str, browser: Browser | None = None, **values: Any) -> TestResponse:
        """What the page's script sends: a form, asking for JSON."""
        who = browser or self.browser
        return who.client.post(
            f"{ROOT}/{path}",
            data={"csrf_token": who.token, **values},
            headers={"Accept": "application/json"},
        )

    def scan(self, serial: str, browser: Browser | None = None, **values: Any) -> dict[str, Any]:
        """A scan, as the script sends it; what it came to."""
        answer = self.act("scan", browser, serial=serial, **values)
        assert answer.status_code == 200, answer.text
        outcome: dict[str, Any] = answer.get_json()
        return outcome

    def state(self, browser: Browser | None = None, **query: Any) -> dict[str, Any]:
        """What the screen is told."""
        answer = (browser or self.browser).get(f"{ROOT}/state", query_string=query)
        assert answer.status_code == 200
        told: dict[str, Any] = answer.get_json()
        return told

    def page(self, browser: Browser | None = None, **query: Any) -> str:
        """The page, which has to be valid."""
        answer = (browser or self.browser).get(f"{ROOT}/", query_string=query)
        assert answer.status_code == 200
        HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
        return answer.text

    def agent_step(self) -> None:
        """One turn of the agent, and what it was told to do then."""
        self.show_agent()
        answer = self.agent.turn(self._outcome)
        self._outcome = self._performer.perform(answer.order).outcome if answer.order is not None else None

    def agent_until_idle(self, turns: int = 40) -> None:
        """Steps until nothing is ordered any more."""
        for _ in range(turns):
            self.agent_step()
            if self._outcome is None:
                return
        raise AssertionError(f"still at work after {turns} turns")

    def made(self, number: int = 1) -> list[int]:
        """So many finished keys of so many new cases, by their makings."""
        ids = []
        for serial in self.tokens(number):
            self.workshop.approved()
            ids.append(self.making_id(self.scan(serial)))
            self.agent.work()
        return ids

    def making_id(self, outcome: Mapping[str, Any]) -> int:
        """Which key a scan began."""
        found = re.search(r"work:(\d+):", outcome["state"]["pulse"])
        assert found, outcome
        return int(found.group(1))


def hire(workshop: Workshop, login: str, role: Role = Role.KEY_MAKER) -> Actor:
    """Somebody of the vendor who can sign in."""
    with workshop.parts.work() as session:
        staff, _ = create_staff(
            session,
            SYSTEM,
            login=login,
            name=f"示例{login}",
            roles=[role],
            authority_id=None,
            first_password=PASSWORD,
            must_change_password=False,
        )
        return actor_of(staff)


@contextmanager
def open_floor(database: Database, folder: Path, drawer: Bench | None = None, **settings: object) -> Iterator[Floor]:
    """A floor of its own; settings as `Settings` names them. Tokens are in memory unless a drawer is given."""
    with open_workshop(database, folder, **settings) as workshop:
        tasks.install(workshop.parts)
        maker = hire(workshop, "bench-maker")
        app = create_app(parts=workshop.parts)
        with workshop.parts.work() as session:
            station, _ = create_station(session, SYSTEM, "示例一号台")
        drawer = drawer or in_memory_bench()
        driver = FaultyDriver(drawer.driver)
        agent = Agent(workshop.parts, station.id, driver)
        yield Floor(workshop, app, maker, Browser(app, "bench-maker"), station.id, drawer, driver, agent)


def data_of(page: str) -> dict[str, Any]:
    """What the page tells its script."""
    found = re.search(r'id="bench-data">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found.group(1))
    return told


def words_of(html: str) -> str:
    """What a piece says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()
