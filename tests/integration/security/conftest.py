"""One served office for all the attacks: two authorities with a case each, staff of every role, hostile words."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text

from tests.integration.review.desk import Desk
from tests.integration.security.dispatch import Travelled, send
from tests.integration.security.front_door import Front, open_front
from tests.integration.security.production import plant
from tests.support.casework import IDENTITY, SYSTEM, open_office, whole
from tests.support.database import Database, TestServer
from workbench import create_app
from workbench.cases.models import Application
from workbench.cases.words import Verdict
from workbench.config import Settings
from workbench.documents.models import Attachment, Page
from workbench.kernel.identity import AUTHORITY_ROLES, Role
from workbench.kernel.parts import make_parts
from workbench.organisation.models import PickupSite
from workbench.review.models import RemarkTemplate

EVIL = "\"><img src=x onerror=alert(1)></script><svg/onload=alert(2)>{{7*7}}'"
"""Breaks out of an attribute, a script block and a template, wherever one of them forgets to escape."""
MINE, THEIRS = 0, 1


@dataclass
class Target:
    """What an attacker at authority B wants to reach at authority A: ids of A's rows."""

    case: int
    page: int
    attachment: int
    staff: int
    site: int
    token: int
    number: str
    uscc: str
    travelled: Travelled


@dataclass
class Prey:
    """The office under attack. Logins are `<role>-a`, `<role>-b` at the authorities, `<role>` at the vendor."""

    desk: Desk
    theirs: Target
    own: Target
    database: Database


@pytest.fixture(scope="module")
def prey(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prey]:
    """The office, committed to for real; a module's tests share it."""
    database = database_server.copy()
    settings = Settings(var_dir=tmp_path_factory.mktemp("var"))
    parts = make_parts(settings, database.app_url)
    office = open_office(parts.engine, settings.key_dir)
    desk = Desk(create_app(parts=parts), office, parts)
    for role in Role:
        if role in AUTHORITY_ROLES:
            desk.hire(f"{role.value.replace('_', '-')}-a", role, THEIRS)
            desk.hire(f"{role.value.replace('_', '-')}-b", role, MINE)
        else:
            desk.hire(role.value.replace("_", "-"), role)
    with office.work() as session:
        session.add(RemarkTemplate(desk="pre_check", verdict="passed", title=EVIL[:60], text=EVIL, position=1))
    yield Prey(desk, _target(desk, THEIRS), _target(desk, MINE), database)
    parts.engine.dispose()
    database_server.drop(database)


@pytest.fixture(scope="module")
def front(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The front door under attack; a module's tests share it."""
    with open_front(database_server, tmp_path_factory.mktemp("front")) as front:
        yield front


def _target(desk: Desk, authority: int) -> Target:
    """A case with a decided round behind it and an open one before it, every stored text a hostile one."""
    office = desk.office
    facts = office.facts(authority=authority, enterprise_name=f"甲{authority}{EVIL}", name=f"乙{EVIL}"[:60])
    case = office.submit(facts, whole(application_form=[EVIL]))
    suffix = "a" if authority == THEIRS else "b"
    clerk = office.clerk(f"decider-{suffix}", authority)
    office.decide(clerk, case, Verdict.FAILED, f"批{EVIL}")
    office.submit_again(case, facts, whole(application_form=[EVIL]))
    with office.work(SYSTEM) as session:
        session.execute(text("UPDATE attachment SET untrusted_name = :evil"), {"evil": f"{EVIL}.pdf"})
        site = PickupSite(authority_id=office.authority_ids[authority], name=EVIL, address=EVIL)
        session.add(site)
        session.flush()
        attachment, page = session.execute(
            select(Attachment.id, Page.id)
            .join(Page, Page.attachment_id == Attachment.id)
            .where(Attachment.application_id == case)
            .order_by(Attachment.id.desc())
        ).first() or (0, 0)
        application = session.get_one(Application, case)
        staff, place = desk.people[f"pre-checker-{suffix}"], site.id
    token = plant(office, case, desk.people["key-maker"])
    travelled = send(desk, authority, f"counter-staff-{suffix}", f"SF10000000000{authority:02d}")
    return Target(case, page, attachment, staff, place, token, application.number, application.uscc, travelled)


__all__ = ["EVIL", "IDENTITY", "Prey", "Target"]
