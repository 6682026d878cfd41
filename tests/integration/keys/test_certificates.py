"""Certificates on the records: registered once, counted across authorities, ended with a reason, seen by their own."""

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.applicant import a_code
from tests.support.casework import SYSTEM, Office
from tests.support.certificates import issue, trial_authority
from workbench.cases.models import Applicant, Application
from workbench.cases.words import Service, State
from workbench.config import Settings
from workbench.kernel.audit import AuditEntry
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role, Scope
from workbench.kernel.parts import Parts
from workbench.keys.models import Certificate
from workbench.keys.queries import LIMIT_OF_KEYS, find_valid_key, keys_held
from workbench.keys.service import register_certificate, revoke
from workbench.keys.trial import TrialAuthority

CODE = a_code(1)


class Records:
    """The records of an office, and an authority that issues."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.folder = folder
        self.issuer: TrialAuthority = trial_authority(folder / "trial")
        blobs = BlobStore(folder / "blobs")
        self.parts = Parts(Settings(var_dir=folder), office.engine, office.factory, office.secrets, blobs)
        self.maker = office.hire("maker", Role.KEY_MAKER)
        self.count = 0

    def register(self, number: str, authority: int | None = 0, who: Actor | None = None, **changes: object) -> int:
        """One more certificate; returns its id."""
        self.count += 1
        uscc = str(changes.pop("names", CODE))
        until = changes.pop("until", None)
        issued = issue(self.issuer, self.folder, uscc=uscc, not_after=until).issued  # type: ignore[arg-type]
        stated = {
            "key_number": number,
            "holder_name": "示例甲",
            "uscc": CODE,
            "enterprise_name": "示例有限公司",
            "authority_id": None if authority is None else self.office.authority_ids[authority],
            "application_id": None,
            "actor": who or self.maker,
            **changes,
        }
        with self.office.work(who or self.maker) as session:
            return register_certificate(session, issued.certificate, **stated).id  # type: ignore[arg-type]

    def get(self, certificate_id: int) -> Certificate:
        """The record as it stands."""
        with self.office.work() as session:
            return session.get_one(Certificate, certificate_id)

    def told(self, certificate_id: int) -> list[tuple[str, str]]:
        """What the audit log says of a certificate: action and actor."""
        with self.office.work() as session:
            entries = select(AuditEntry.action, AuditEntry.actor).where(
                AuditEntry.subject == f"certificate:{certificate_id}"
            )
            return [(action, actor) for action, actor in session.execute(entries.order_by(AuditEntry.seq))]


@pytest.fixture
def records(office: Office, tmp_path: Path) -> Records:
    return Records(office, tmp_path)


def test_what_was_issued_is_on_the_records(records: Records) -> None:
    made = records.get(records.register("K-1"))
    assert (made.state, made.uscc, made.key_number, made.state_reason) == ("valid", CODE, "K-1", None)
    assert CODE in made.subject
    assert made.not_before < now() < made.not_after
    assert records.told(made.id) == [("certificate.registered", records.maker.label)]


def test_a_certificate_is_registered_once(records: Records) -> None:
    issued = issue(records.issuer, records.folder, uscc=CODE).issued
    for expected in (None, Conflict):
        with records.office.work() as session:
            stated = {"key_number": "K-1", "holder_name": "示例甲", "enterprise_name": "示例", "actor": SYSTEM}
            if expected is None:
                _register(session, issued.certificate, stated)
            else:
                with pytest.raises(expected):
                    _register(session, issued.certificate, stated)


def _register(session: Session, certificate: object, stated: dict[str, object]) -> None:
    register_certificate(session, certificate, uscc=CODE, authority_id=None, application_id=None, **stated)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"names": a_code(2)}, {"uscc": "91110000000000001X", "names": "91110000000000001X"}, {"number": " "}]
)
def test_what_cannot_be_true_is_not_registered(records: Records, changes: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        records.register(changes.pop("number", "K-1"), **changes)  # type: ignore[arg-type]


def test_an_authority_registers_nothing(records: Records) -> None:
    with pytest.raises(NotAllowed):
        records.register("K-1", who=records.office.clerk())


def test_the_limit_counts_across_authorities(records: Records) -> None:
    ids = [records.register(f"K-{n}", authority) for n, authority in enumerate((0, 1, None))]
    with pytest.raises(Conflict) as refused:
        records.register("K-4", 1)
    assert refused.value.values == {"limit": LIMIT_OF_KEYS}
    assert [each.id for each in keys_held(records.parts, f" {CODE.lower()} ").certificates] == ids
    with records.office.work() as session:
        revoke(session, ids[0], "示例：遗失", SYSTEM)
    records.register("K-4", 1)
    with clock_at(now() + timedelta(days=1000)):
        assert keys_held(records.parts, CODE).certificates == ()


def test_an_expired_one_is_registered_beside_a_full_hand_and_counts_for_nothing(records: Records) -> None:
    for number in range(LIMIT_OF_KEYS):
        records.register(f"K-{number}")
    records.register("K-old", until=now() - timedelta(hours=1))
    assert len(keys_held(records.parts, CODE).certificates) == LIMIT_OF_KEYS


def test_two_registrations_at_once_cannot_both_be_the_third(records: Records) -> None:
    for number in range(LIMIT_OF_KEYS - 1):
        records.register(f"K-{number}")
    ready = Barrier(4)
    outcomes: list[int | None] = []

    def attempt(number: int) -> None:
        ready.wait(20)
        try:
            outcomes.append(records.register(f"R-{number}"))
        except Conflict:
            outcomes.append(None)

    threads = [Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len([each for each in outcomes if each is not None]) == 1
    assert len(outcomes) == 4


def test_a_renewal_replaces_its_predecessor_even_at_the_limit(records: Records) -> None:
    ids = [records.register(f"K-{number}") for number in range(LIMIT_OF_KEYS)]
    successor = records.register("K-0", replaces_id=ids[0])
    old = records.get(ids[0])
    assert (old.state, old.state_reason) == ("replaced", "K-0")
    assert records.told(ids[0])[-1][0] == "certificate.replaced"
    found = find_valid_key(records.parts, CODE, " K-0 ")
    assert found is not None
    assert found.id == successor
    with pytest.raises(Conflict):
        records.register("K-0", replaces_id=ids[0])


def test_a_revoked_certificate_stays_on_the_records_and_ends_its_sessions(records: Records) -> None:
    certificate_id = records.register("K-1")
    sha256 = records.get(certificate_id).sha256
    with records.office.work() as session:
        session.add(Applicant(kind="certificate", name="示例", uscc=CODE, certificate_sha256=sha256, created_at=now()))
    with records.office.work() as session:
        revoke(session, certificate_id, " 示例：遗失 ", records.maker)
    ended = records.get(certificate_id)
    assert (ended.state, ended.state_reason) == ("revoked", "示例：遗失")
    assert records.told(certificate_id)[-1] == ("certificate.revoked", records.maker.label)
    with records.office.work() as session:
        assert session.scalars(select(Applicant.session_epoch)).one() == 2
        with pytest.raises(Conflict):
            revoke(session, certificate_id, "示例", SYSTEM)
        with pytest.raises(NotFound):
            revoke(session, certificate_id + 1, "示例", SYSTEM)
    assert find_valid_key(records.parts, CODE, "K-1") is None


@pytest.mark.parametrize("reason", ["", "  ", "长" * 501])
def test_an_end_needs_a_reason_the_holder_can_read(records: Records, reason: str) -> None:
    certificate_id = records.register("K-1")
    with records.office.work() as session, pytest.raises(Invalid):
        revoke(session, certificate_id, reason, SYSTEM)
    assert records.get(certificate_id).state == "valid"


def test_a_key_of_another_enterprise_is_not_found(records: Records) -> None:
    records.register("K-1")
    assert find_valid_key(records.parts, a_code(2), "K-1") is None
    assert find_valid_key(records.parts, CODE, "K-2") is None


def test_cases_that_ask_for_a_key_count_until_they_close_or_their_key_is_made(records: Records) -> None:
    office = records.office
    cases = [
        office.submit(office.facts(Service.NEW, uscc=CODE)),
        office.submit(office.facts(Service.ADDITIONAL, authority=1, uscc=CODE)),
        office.submit(office.facts(Service.REPLACEMENT, uscc=CODE)),
        office.submit(office.facts(Service.RENEWAL, uscc=CODE)),
    ]
    office.submit(office.facts(Service.NEW, uscc=a_code(2)))
    assert keys_held(records.parts, CODE).in_progress == 0, "a stranger's applications use up nothing"
    with office.work() as session:
        for case in session.scalars(select(Application)):
            case.state = State.PRODUCTION.value
    assert keys_held(records.parts, CODE).in_progress == 2
    records.register("K-1", application_id=cases[0])
    held = keys_held(records.parts, CODE)
    assert (len(held.certificates), held.in_progress, held.count) == (1, 1, 2)
    with office.work() as session:
        session.get_one(Application, cases[1]).state = State.WITHDRAWN.value
    assert keys_held(records.parts, CODE).in_progress == 0


def test_an_applicants_own_cases_count_from_the_day_they_are_sent(records: Records) -> None:
    office = records.office
    with office.work() as session:
        applicant = Applicant(kind="site", name="示例登记网站", created_at=now())
        session.add(applicant)
        session.flush()
        applicant_id = applicant.id
    site = Actor("enterprise", applicant_id, "示例登记网站", scope=Scope(applicant_id=applicant_id))
    office.submit(office.facts(Service.NEW, uscc=CODE), who=site)
    assert keys_held(records.parts, CODE, applicant_id).in_progress == 1
    assert keys_held(records.parts, CODE).in_progress == 0


def test_a_clerk_sees_the_own_authoritys_certificates_an_applicant_none(records: Records) -> None:
    ids = {place: records.register(f"K-{place}", place) for place in (0, 1)}
    records.register("K-old", None)
    clerk = records.office.clerk(authority=1)
    reach = {"clerk": clerk.scope, "applicant": Scope(applicant_id=1), "nobody": Scope()}
    seen = {}
    for name, who in reach.items():
        with records.office.work(who) as session:
            seen[name] = list(session.scalars(select(Certificate.id)))
    assert seen == {"clerk": [ids[1]], "applicant": [], "nobody": []}
    with records.office.work(clerk) as session, pytest.raises(NotFound):
        revoke(session, ids[0], "示例", SYSTEM)
