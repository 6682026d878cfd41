"""Replacing a key: the old certificate ends at its CA before the new one is asked for, whatever goes wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.bench import Agent, Workshop
from tests.support.casework import SYSTEM
from tests.support.holder import Held, made_at_bench
from tests.support.issued import certify_elsewhere, record_of, told_of
from tests.support.tokens import Bench
from tests.support.tokens_in_memory import in_memory_bench
from workbench.cases.words import Service
from workbench.kernel.clock import clock_at, now
from workbench.kernel.identity import Role
from workbench.kernel.parts import Parts
from workbench.keys.revocation import RevocationReason
from workbench.keys.service import revoke
from workbench.production import ending, issuing, revoking
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    CertificationAuthority,
    Issued,
    IssueOrder,
    Pending,
    Rejected,
    Revoked,
)
from workbench.production.faults import HAPPENED, Standstill
from workbench.production.models import RevocationOrder
from workbench.production.protocol import Answer


class Ca:
    """The real CA behind a record of what it was asked, in order, and behind faults that are put before it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.to_ends: list[Pending | Rejected | CaUnreachable] = []
        """What is said, one after the other, to askings for an end; then the CA itself answers."""
        self.missing = False
        for module in (issuing, revoking):
            monkeypatch.setattr(module, "load_authority", self._load)

    def _load(self, parts: Parts) -> "Ca":
        if self.missing:
            raise CaMisconfigured("示例：no certificate of ours")
        self._real: CertificationAuthority = load_authority(parts)
        return self

    def issue(self, order: IssueOrder) -> Issued | Pending | Rejected:
        self.asked.append("issue")
        return self._real.issue(order)

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> Revoked | Pending | Rejected:
        self.asked.append("revoke")
        said = self.to_ends.pop(0) if self.to_ends else None
        if isinstance(said, CaUnreachable):
            raise said
        return said or self._real.revoke(transaction_id, certificate, reason)

    def chain(self) -> object:
        return self._real.chain()


@pytest.fixture
def bench() -> Bench:
    """Tokens in memory."""
    return in_memory_bench()


@pytest.fixture
def old(workshop: Workshop, bench: Bench) -> Held:
    """The key that was lost."""
    (serial,) = bench.add(1)
    return made_at_bench(workshop, bench.driver, serial)


@pytest.fixture
def ca(old: Held, monkeypatch: pytest.MonkeyPatch) -> Ca:
    """The CA, watched from now on."""
    return Ca(monkeypatch)


class Replacement:
    """A replacement of a key at the bench."""

    def __init__(self, workshop: Workshop, bench: Bench, certificate_id: int) -> None:
        record = record_of(workshop.parts, certificate_id)
        self.workshop, self.old_id, self._later = workshop, certificate_id, timedelta(0)
        self.case = workshop.approved(
            Service.REPLACEMENT,
            uscc=record.uscc,
            enterprise_name=record.enterprise_name,
            prior_key=record.key_number,
            reason="示例：搬迁中遗失",
        )
        (self.serial,) = bench.add(1)
        workshop.stock(self.serial)
        self.maker = workshop.hire_maker()
        self.station = workshop.bench(self.maker, "示例补办制作台")
        self.agent = Agent(workshop.parts, self.station, bench.driver)

    def scan(self) -> None:
        """Token and case meet."""
        self.making_id = self.workshop.scan(self.station, self.serial, self.maker, case=self.case)

    def work(self) -> Answer:
        """The agent's turns until nothing is ordered; the last answer."""
        return self.agent.work()[-1]

    def go_on_later(self) -> None:
        """The worker asks again, when it is time, and the agent goes on."""
        (order,) = self.workshop.orders(self.case)
        self._later += timedelta(minutes=5)
        with clock_at(now() + self._later):
            issuing.ask(self.workshop.parts, order.id)
        self.work()

    @property
    def fault(self) -> str | None:
        """Why it stands still."""
        return self.workshop.making(self.making_id).fault

    def is_made(self) -> bool:
        """Whether the new key is there, with one certificate, and the old one has ended."""
        new = [each.state for each in self.workshop.certificates(self.case)]
        ended = record_of(self.workshop.parts, self.old_id).state == "revoked"
        return (self.workshop.state(self.case), new, ended) == ("made", ["valid"], True)


@pytest.fixture
def replacement(workshop: Workshop, bench: Bench, old: Held, ca: Ca) -> Replacement:
    """An approved replacement of the lost key."""
    return Replacement(workshop, bench, old.certificate_id)


def test_the_old_certificate_ends_before_the_new_one_is_asked_for(replacement: Replacement, ca: Ca) -> None:
    replacement.scan()
    replacement.work()
    assert replacement.is_made()
    assert ca.asked == ["revoke", "issue"]
    record = record_of(replacement.workshop.parts, replacement.old_id)
    (new,) = replacement.workshop.certificates(replacement.case)
    assert record.revoked_by_ca_at is not None
    assert record.revoked_by_ca_at <= new.registered_at
    assert (record.revocation_reason, record.state_reason) == ("keyCompromise", "示例：搬迁中遗失")


@pytest.mark.parametrize("times", [1, 3])
def test_while_the_ca_is_down_nothing_new_is_asked_for(replacement: Replacement, ca: Ca, times: int) -> None:
    ca.to_ends = [CaUnreachable("示例：timeout")] * times
    replacement.scan()
    replacement.work()
    assert "issue" not in ca.asked
    assert replacement.fault == Standstill.CA_UNREACHABLE
    assert replacement.workshop.certificates(replacement.case) == []
    for _ in range(times):
        assert not replacement.is_made()
        replacement.go_on_later()
    assert replacement.is_made()
    assert ca.asked == ["revoke"] * (times + 1) + ["issue"]


def test_while_the_ca_has_not_decided_nothing_new_is_asked_for(replacement: Replacement, ca: Ca) -> None:
    ca.to_ends = [Pending(timedelta(minutes=1))]
    replacement.scan()
    replacement.work()
    assert (ca.asked, replacement.fault) == (["revoke"], Standstill.CA_PENDING)
    replacement.go_on_later()
    assert replacement.is_made()
    assert ca.asked == ["revoke", "revoke", "issue"]


def test_a_refused_end_stops_the_making_and_says_so(replacement: Replacement, ca: Ca) -> None:
    ca.to_ends = [Rejected("示例：请先书面申请")]
    replacement.scan()
    replacement.work()
    making = replacement.workshop.making(replacement.making_id)
    assert (making.fault, making.fault_detail) == (Standstill.REVOCATION_REJECTED, "示例：请先书面申请")
    assert making.fault in HAPPENED
    assert ca.asked == ["revoke"]
    replacement.go_on_later()
    assert not replacement.is_made()
    assert ca.asked == ["revoke"], "a refusal is not answered by asking for the new one"


@pytest.mark.parametrize("how", ["asked again", "confirmed"])
def test_a_refused_end_is_settled_by_the_supervisor_and_the_key_is_made(
    replacement: Replacement, ca: Ca, how: str
) -> None:
    ca.to_ends = [Rejected("示例：请先书面申请")]
    replacement.scan()
    replacement.work()
    supervisor = replacement.workshop.office.hire("supervisor", Role.VENDOR_SUPERVISOR)
    with replacement.workshop.parts.work() as session:
        if how == "asked again":
            ending.ask_again(session, supervisor, replacement.old_id)
        else:
            ending.confirm_end(session, supervisor, replacement.old_id, "示例：书面回函")
    replacement.go_on_later()
    assert replacement.is_made()
    assert ca.asked == (["revoke", "revoke", "issue"] if how == "asked again" else ["revoke", "issue"])


def test_a_ca_that_can_t_be_asked_as_configured_is_waited_for(replacement: Replacement, ca: Ca) -> None:
    replacement.scan()
    ca.missing = True
    replacement.agent.turn()
    ca.missing = False
    replacement.work()
    assert ca.asked[-2:] == ["revoke", "issue"]
    assert replacement.is_made()


def test_an_end_that_was_ordered_while_no_ca_was_configured_still_comes_first(replacement: Replacement, ca: Ca) -> None:
    ca.missing = True
    replacement.scan()
    orders = select(RevocationOrder).where(RevocationOrder.certificate_id == replacement.old_id)
    assert replacement.workshop.read(lambda session: session.scalars(orders).all()) == []
    assert record_of(replacement.workshop.parts, replacement.old_id).state == "revoked"
    ca.missing = False
    replacement.work()
    assert ca.asked == ["revoke", "issue"]
    assert replacement.is_made()


def test_a_certificate_of_another_ca_ends_on_record_and_holds_nothing_up(
    workshop: Workshop, bench: Bench, old: Held, ca: Ca, tmp_path: Path
) -> None:
    foreign = certify_elsewhere(workshop.parts, tmp_path, days=200)
    replacement = Replacement(workshop, bench, foreign)
    replacement.scan()
    replacement.work()
    assert replacement.is_made()
    assert ca.asked == ["issue"]
    assert told_of(workshop.parts, foreign) == ["certificate.registered", "certificate.revoked"]
    assert record_of(workshop.parts, foreign).revoked_by_ca_at is None


def test_one_that_has_ended_before_is_not_ended_twice(replacement: Replacement, ca: Ca) -> None:
    with replacement.workshop.parts.work() as session:
        revoke(session, replacement.old_id, "示例：企业来电", SYSTEM, reason=RevocationReason.KEY_COMPROMISE)
    revoking.end_at_ca(replacement.workshop.parts, replacement.old_id)
    replacement.scan()
    replacement.work()
    assert replacement.is_made()
    assert ca.asked == ["revoke", "issue"]
