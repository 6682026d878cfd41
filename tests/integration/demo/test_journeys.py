"""The demo's finished keys: made on real software tokens, each as far as its journey goes, and told once."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.integration.demo.conftest import settings_for
from tests.support.database import Database
from workbench.cases.models import Application
from workbench.collection.models import HandOver, Pickup
from workbench.demo.journeys import tell_journeys
from workbench.demo.load import load_demo
from workbench.demo.planning import Cast
from workbench.demo.story import Ending
from workbench.kernel.clock import now
from workbench.kernel.parts import make_parts
from workbench.keys.models import Certificate, CustodyEntry, Seal, Token
from workbench.launch.first_data import enter_first_data
from workbench.production.models import Making

pytestmark = pytest.mark.timeout(600)

CAST: Cast = {"110000": {Ending.PRODUCTION: 3, Ending.KEY: 6}, "310000": {Ending.KEY: 3}}


def test_each_key_got_as_far_as_its_journey(fresh_database: Database, tmp_path: Path) -> None:
    settings = settings_for(fresh_database.app_url, tmp_path)
    lines: list[str] = []
    load_demo(settings, lines.append, cast=CAST, processes=1)
    parts = make_parts(settings)
    enter_first_data(parts)
    tell_journeys(settings, lines.append, cast=CAST)
    with parts.work() as session:
        states = Counter(session.scalars(select(Application.state)))
        makings = session.scalars(select(Making)).all()
        entries = session.execute(select(CustodyEntry.token_id, CustodyEntry.at).order_by(CustodyEntry.seq)).all()
        seals = session.scalar(select(func.count()).where(Seal.superseded_at.is_(None)))
    assert states == {
        "production": 3,
        "collected": 2,
        "awaiting_collection": 3,
        "in_transit": 2,
        "made": 1,
        "at_authority": 1,
    }
    assert [each.state for each in makings] == ["made"] * 9
    assert all(each.label_printed_at and each.pin_ciphertext is None for each in makings)
    assert seals is not None
    assert seals >= 9
    assert all(at <= now() for _, at in entries)
    _nothing_is_told_twice(fresh_database, tmp_path, lines)
    parts.engine.dispose()


def _nothing_is_told_twice(database: Database, folder: Path, lines: list[str]) -> None:
    settings = settings_for(database.app_url, folder)
    parts = make_parts(settings)
    counted = (Token, Certificate, CustodyEntry, Pickup, HandOver)
    with parts.work() as session:
        before = [session.scalar(select(func.count()).select_from(table)) for table in counted]
    tell_journeys(settings, lines.append, cast=CAST)
    with parts.work() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in counted] == before
    assert before[-1] == 2
    parts.engine.dispose()
