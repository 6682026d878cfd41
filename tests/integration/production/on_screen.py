"""The certificates screen for tests: the application over a workshop, what its lists show, a key made at the bench."""

import re
from typing import Final

from tests.support.bench import Agent, Workshop
from tests.support.desk import Desk
from tests.support.tokens import Bench
from workbench import create_app

LIST: Final = "/desk/certificates/"


def desk_of(workshop: Workshop) -> Desk:
    """The screens of the workshop's installation."""
    return Desk(create_app(parts=workshop.parts), workshop.parts, workshop.office.authority_ids[0])


def listed(page: str) -> list[int]:
    """The certificates a list shows, in its order."""
    return [int(found) for found in re.findall(r'href="/desk/certificates/(\d+)" title=', page)]


def make_key(workshop: Workshop, tokens: Bench) -> tuple[int, int]:
    """A case whose key is made at the bench, and its certificate."""
    (serial,) = tokens.add(1)
    workshop.stock(serial)
    case, station = workshop.approved(), workshop.bench()
    workshop.scan(station, serial)
    Agent(workshop.parts, station, tokens.driver).work()
    (certificate,) = workshop.certificates(case)
    return case, certificate.id
