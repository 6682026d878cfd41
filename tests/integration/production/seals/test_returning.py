"""A letter that no seal can be made from goes back to the enterprise, and nobody works on with the old one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.bench import Workshop, open_workshop
from tests.support.database import Database
from workbench.cases.models import Application, CaseClock
from workbench.documents.models import RequiredDocument
from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.identity import Role
from workbench.kernel.outbox import OutboxMessage
from workbench.keys.models import Seal
from workbench.production.seals.returning import ask_for_another_letter
from workbench.review.told import failed_reviews

REMARK = "示例：确认函为黑白复印件，请上传彩色扫描件"


@pytest.fixture
def workshop(fresh_database: Database, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop whose check-list knows the confirmation letter."""
    with open_workshop(fresh_database, tmp_path) as workshop:
        with workshop.parts.work() as session:
            for version_id in workshop.office.versions.values():
                session.add(
                    RequiredDocument(
                        version_id=version_id,
                        code="seal_confirmation",
                        position=9,
                        name_zh="示例确认函",
                        name_en="letter",
                        bracket_zh="",
                        bracket_en="",
                        required=False,
                    )
                )
        yield workshop


def returned(workshop: Workshop, case: int, remark: str = REMARK, version: int | None = None) -> Application:
    with workshop.parts.work() as session:
        seen = version or session.get_one(Application, case).version
        return ask_for_another_letter(session, workshop.maker, case, remark, seen_version=seen)


def test_the_case_goes_back_with_the_letter_named(workshop: Workshop) -> None:
    case = workshop.approved()
    assert returned(workshop, case).state == "returned"
    with workshop.parts.work() as session:
        (told,) = failed_reviews(session, case)
        assert (told.desk, told.remark, [each.code for each in told.documents]) == (
            "production",
            REMARK,
            ["seal_confirmation"],
        )
        mail = session.scalars(select(OutboxMessage).where(OutboxMessage.event.endswith(":production_failed"))).one()
        assert REMARK in mail.body
        assert "无法从电子签章申请确认函采集印模" in mail.body
        clocks = session.scalars(select(CaseClock).where(CaseClock.application_id == case)).all()
        running = [each.kind for each in clocks if each.stopped_at is None and each.paused_at is None]
        assert running == [], "no clock runs while the enterprise has the case"


def test_a_seal_that_was_prepared_counts_no_more(workshop: Workshop) -> None:
    case = workshop.approved()
    returned(workshop, case)
    live = workshop.read(
        lambda session: session.scalars(
            select(Seal.id).where(Seal.application_id == case, Seal.superseded_at.is_(None))
        ).all()
    )
    assert live == []


def test_what_is_being_made_is_not_sent_back(workshop: Workshop) -> None:
    case = workshop.approved()
    workshop.stock("4711")
    workshop.scan(workshop.bench(), "4711")
    with pytest.raises(Conflict, match="put it back first"):
        returned(workshop, case)
    assert workshop.state(case) == "production"


def test_it_takes_a_remark_the_right_person_and_the_page_as_it_is(workshop: Workshop) -> None:
    case = workshop.approved()
    with pytest.raises(Invalid):
        returned(workshop, case, remark=" ")
    with pytest.raises(Conflict):
        returned(workshop, case, version=1)
    both = workshop.office.hire("both", Role.RE_CHECKER, Role.KEY_MAKER)
    workshop.re_checker = both
    own = workshop.approved()
    workshop.maker = both
    with pytest.raises(NotAllowed):
        returned(workshop, own)
    assert (workshop.state(case), workshop.state(own)) == ("production", "production")
