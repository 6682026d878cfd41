"""What the applicant sees of a waiting key: its code, and nobody else's."""

from sqlalchemy import select, update

from tests.integration.collection.conftest import Counter, comparison, giving
from workbench.cases.models import Applicant, Application
from workbench.collection.models import Pickup
from workbench.kernel.clock import now
from workbench.kernel.identity import Actor, Scope
from workbench.portal.following.cases import follow


def _own(counter: Counter, application_id: int, login: str) -> tuple[Actor, str]:
    """An applicant who made the case, and the case's number."""
    with counter.office.work() as session:
        case = session.get_one(Application, application_id)
        applicant = Applicant(
            kind="person",
            name="示例",
            uscc=case.uscc,
            login=login,
            password_hash="x",
            created_at=now(),
            password_changed_at=now(),
        )
        session.add(applicant)
        session.flush()
        session.execute(update(Application).where(Application.id == case.id).values(applicant_id=applicant.id))
        return Actor("enterprise", applicant.id, "示例", scope=Scope(applicant_id=applicant.id)), case.number


def test_an_applicant_sees_the_code_of_the_own_key_while_it_waits(counter: Counter) -> None:
    key, other = counter.waiting(), counter.waiting()
    actor, number = _own(counter, key.application_id, "one")
    _own(counter, other.application_id, "other")
    with counter.office.work(actor) as session:
        followed = follow(session, actor, number)
        assert followed.pickup is not None
        assert followed.pickup.code == counter.pickup(key).code
        # The database shows no other wait, whatever is asked.
        assert session.scalars(select(Pickup.application_id)).all() == [key.application_id]
    counter.attend(key, comparison(), giving(key.serial))
    with counter.office.work(actor) as session:
        assert follow(session, actor, number).pickup is None
