"""A replacement under faults: the old certificate ends at its CA before a new one is asked for, never after, whatever
the CA does in between and whoever ended the old one.
"""

from itertools import product

import pytest
from sqlalchemy import select

from tests.support.bench import Agent, Workshop
from tests.support.casework import SYSTEM
from tests.support.faulty_ca import FaultyCa, in_order
from tests.support.perseverance import errands, finish, retry
from tests.support.reckoning_keys import problems, unfinished
from tests.support.tokens import Bench
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.kernel.identity import Role
from workbench.keys.service import revoke
from workbench.production import ending, issuing, making
from workbench.production.faults import Standstill
from workbench.production.models import RevocationOrder, TrialEntry
from workbench.production.revoking import REASONS, EndsBecause

ANSWERS: tuple[list[str], ...] = ([], ["down"], ["lost"], ["pending"], ["pending", "down", "lost"])


class Replacing:
    """A finished key of an enterprise, and a case that replaces it with another token."""

    def __init__(self, workshop: Workshop, tokens: Bench) -> None:
        self.workshop, self.station = workshop, workshop.bench()
        self.agent = Agent(workshop.parts, self.station, tokens.driver)
        self.lost, self.new = tokens.add(2)
        workshop.stock(self.lost, self.new)
        first = workshop.approved()
        finish(workshop, self.agent, workshop.scan(self.station, self.lost, case=first))
        tokens.pull(self.lost)
        (self.old,) = workshop.certificates(first)
        uscc, name = self._enterprise(first)
        self.case = workshop.approved(
            Service.REPLACEMENT, uscc=uscc, enterprise_name=name, prior_key=self.lost, reason="钥匙遗失"
        )

    def _enterprise(self, case: int) -> tuple[str, str]:
        found = self.workshop.read(lambda session: session.get_one(Application, case))
        return found.uscc, found.enterprise_name

    def scan(self) -> int:
        """The new token meets the case."""
        return self.workshop.scan(self.station, self.new, case=self.case)

    def old_state(self) -> str:
        """What our records say of the old certificate."""
        (found,) = self.workshop.certificates(self.old.application_id or 0)
        return found.state

    def assert_ended_first(self) -> None:
        """In the CA's register the old one ended before the new one was issued; the new key is finished."""
        entries = self.workshop.read(lambda session: session.scalars(select(TrialEntry).order_by(TrialEntry.id)).all())
        old, new = entries
        assert old.revoked_at is not None
        assert old.revoked_at <= new.issued_at
        assert old.revocation_reason == "keyCompromise"
        assert new.revoked_at is None
        assert unfinished(self.workshop.parts, [self.case]) == []


@pytest.fixture
def replacing(workshop: Workshop, tokens: Bench) -> Replacing:
    return Replacing(workshop, tokens)


@pytest.fixture
def ca(replacing: Replacing, monkeypatch: pytest.MonkeyPatch) -> FaultyCa:
    """Faulty from here on: the old key was made in peace."""
    found = FaultyCa()
    found.install(monkeypatch)
    return found


@pytest.mark.parametrize(("revoking", "issues"), list(product(ANSWERS, ([], ["down", "lost"]))))
def test_the_old_certificate_ends_before_the_new_one_is_asked_for(
    replacing: Replacing, ca: FaultyCa, revoking: list[str], issues: list[str]
) -> None:
    workshop = replacing.workshop
    made = replacing.scan()
    assert replacing.old_state() == "revoked", "on our records at once"
    ca.revoking, ca.issuing = list(revoking), list(issues)
    for _ in range(len(revoking)):
        replacing.agent.work()
        assert workshop.making(made).fault in (Standstill.CA_UNREACHABLE, Standstill.CA_PENDING)
        assert "issued" not in in_order(ca)
        assert problems(workshop.parts) == []
        retry(workshop, made)
    finish(workshop, replacing.agent, made)
    done = in_order(ca)
    assert "revoked" not in done[done.index("issued") :]
    replacing.assert_ended_first()


def test_a_ca_that_will_not_end_the_old_one_is_asked_for_nothing_new(replacing: Replacing, ca: FaultyCa) -> None:
    """Somebody ends it at the CA by hand and says so; then a retry finishes the key."""
    workshop = replacing.workshop
    made = replacing.scan()
    ca.revoking = ["rejected"]
    for _ in range(2):
        replacing.agent.work()
        found = workshop.making(made)
        assert (found.fault, found.fault_detail) == (Standstill.REVOCATION_REJECTED, "示例：不予吊销")
        errands(workshop.parts)
        retry(workshop, made)
    assert in_order(ca) == []
    assert problems(workshop.parts) == [], "on our records the old one has ended, and no new one is"
    supervisor = workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    with workshop.parts.work() as session:
        ending.ask_again(session, supervisor, replacing.old.id)
    finish(workshop, replacing.agent, made)
    replacing.assert_ended_first()


def test_what_another_desk_ended_a_moment_ago_ends_at_the_ca_first_too(replacing: Replacing, ca: FaultyCa) -> None:
    """Its record has ended, the job that tells the CA has not run yet, and the new token is scanned."""
    workshop = replacing.workshop
    with workshop.parts.work() as session:
        revoke(session, replacing.old.id, "示例：柜台收回", SYSTEM, reason=REASONS[EndsBecause.LOST])
    finish(workshop, replacing.agent, replacing.scan())
    assert in_order(ca) == ["revoked", "issued"]
    replacing.assert_ended_first()


def test_a_worker_that_asks_beside_the_bench_ends_it_once(replacing: Replacing, ca: FaultyCa) -> None:
    workshop = replacing.workshop
    made = replacing.scan()
    ca.revoking = ["lost"]
    errands(workshop.parts)
    finish(workshop, replacing.agent, made)
    ended = workshop.read(lambda session: session.scalars(select(RevocationOrder)).all())
    assert [(each.certificate_id, each.state) for each in ended] == [(replacing.old.id, "done")]
    replacing.assert_ended_first()


def test_put_back_the_old_one_stays_ended(replacing: Replacing, ca: FaultyCa) -> None:
    """Ending is for good: a replacement that is made later, on whatever token, finds it ended."""
    workshop = replacing.workshop
    made = replacing.scan()
    with workshop.parts.work() as session:
        making.put_back(session, workshop.maker, made)
        assert issuing.find_order(session, replacing.case) is None
    assert replacing.old_state() == "revoked"
    assert problems(workshop.parts) == []
    finish(workshop, replacing.agent, replacing.scan())
    assert in_order(ca) == ["revoked", "issued"]
    replacing.assert_ended_first()
