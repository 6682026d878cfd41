"""The terms of hand-over: published in versions by administrators alone, never changed, shown from then on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.integration.collection.conftest import Counter
from tests.support.casework import SYSTEM
from tests.support.database import Database
from tests.support.desk import Desk, open_desk
from workbench.collection.models import HandOverTerms
from workbench.collection.terms import FIRST_TERMS_EN, FIRST_TERMS_ZH, LONGEST, publish_terms
from workbench.kernel.errors import Invalid, NotAllowed
from workbench.kernel.identity import AUTHORITY_ROLES, Role

LIST = "/desk/terms/"
FORM = "/desk/terms/new/"


@pytest.fixture
def desk(fresh_database: Database, tmp_path: Path, counter: Counter) -> Iterator[Desk]:
    """The application over the counter's office, whose first terms are published."""
    with open_desk(fresh_database, tmp_path / "desk", counter.office) as opened:
        yield opened


def versions(counter: Counter) -> list[tuple[int, str, str]]:
    with counter.office.work() as session:
        rows = session.scalars(select(HandOverTerms).order_by(HandOverTerms.version))
        return [(each.version, each.text_zh, each.text_en) for each in rows]


def test_an_administrator_publishes_the_next_version_out_of_todays_words(desk: Desk, counter: Counter) -> None:
    admin = desk.browser(Role.ADMINISTRATOR)
    form = admin.open(FORM)
    assert FIRST_TERMS_ZH.splitlines()[0] in form
    sent = admin.send(FORM, FORM, text_zh="一、示例条款\r\n二、另一条", text_en="1. An example\r\n2. Another")
    assert sent.status_code in (302, 303)
    first, second = versions(counter)
    assert first == (1, FIRST_TERMS_ZH, FIRST_TERMS_EN)
    assert second == (2, "一、示例条款\n二、另一条", "1. An example\n2. Another")
    assert "一、示例条款 二、另一条" in admin.open(LIST)
    assert "二、另一条" in admin.open(f"{LIST}details/?id=2")
    assert FIRST_TERMS_ZH.splitlines()[-1] in admin.open(f"{LIST}details/?id=1")
    counter_staff = desk.browser(Role.COUNTER_STAFF)
    key = counter.waiting()
    assert "1. An example" in counter_staff.open(f"/desk/collection/{key.application_id}")


@pytest.mark.parametrize(
    ("zh", "en"), [("", "x"), ("一", " "), ("一" * (LONGEST + 1), "x"), (FIRST_TERMS_ZH, FIRST_TERMS_EN)]
)
def test_what_says_nothing_too_much_or_the_same_is_refused(desk: Desk, counter: Counter, zh: str, en: str) -> None:
    admin = desk.browser(Role.ADMINISTRATOR)
    answer = admin.send(FORM, FORM, text_zh=zh, text_en=en)
    assert answer.status_code in (200, 400)
    assert len(versions(counter)) == 1
    with counter.office.work() as session, pytest.raises(Invalid):
        publish_terms(session, SYSTEM, zh, en)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_nobody_else_reads_or_publishes_versions(desk: Desk, counter: Counter, role: Role) -> None:
    browser = desk.browser(role)
    browser.open(LIST, 403)
    browser.open(FORM, 403)
    place = counter.office.authority_ids[0] if role in AUTHORITY_ROLES else None
    person = counter.office.hire("somebody", role, authority_id=place)
    with counter.office.work() as session, pytest.raises(NotAllowed):
        publish_terms(session, person, "一", "x")
    assert len(versions(counter)) == 1
