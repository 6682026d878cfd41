"""A fresh installation is ready for its administrator: what is known of the service stands there, nothing invented."""

from pathlib import Path

from sqlalchemy import func, select

from tests.support.database import Database
from workbench.cases.models import CalendarYear
from workbench.config import Settings
from workbench.documents.models import RequirementVersion
from workbench.kernel.audit import AuditEntry
from workbench.kernel.parts import Parts, make_parts
from workbench.launch.first_data import enter_first_data
from workbench.organisation.models import Authority, PickupSite, Staff
from workbench.portal.models import Contact
from workbench.review.models import RemarkTemplate

COUNTED = (Authority, RequirementVersion, RemarkTemplate, Contact, PickupSite, Staff, CalendarYear, AuditEntry)


def counts(parts: Parts) -> dict[str, int]:
    with parts.work() as session:
        return {each.__name__: session.scalar(select(func.count()).select_from(each)) or 0 for each in COUNTED}


def test_a_fresh_installation_knows_the_service_and_invents_nothing(fresh_database: Database, tmp_path: Path) -> None:
    parts = make_parts(Settings(var_dir=tmp_path), fresh_database.app_url)
    enter_first_data(parts)
    entered = counts(parts)
    assert (entered["Authority"], entered["RequirementVersion"], entered["Contact"]) == (37, 4, 3)
    assert entered["RemarkTemplate"] > 0
    assert (entered["PickupSite"], entered["Staff"], entered["CalendarYear"]) == (0, 0, 0)
    assert entered["AuditEntry"] >= 37 + 4 + 3
    with parts.work() as session:
        session.scalars(select(Contact).order_by(Contact.id)).first().telephone = "000-00000000"  # type: ignore[union-attr]
    enter_first_data(parts)
    assert counts(parts) == entered
    with parts.work() as session:
        assert "000-00000000" in session.scalars(select(Contact.telephone)).all()
    parts.engine.dispose()
