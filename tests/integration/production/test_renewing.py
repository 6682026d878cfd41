"""A renewal carried out where the key is: with a real token, a real CA and the product's own agent in holder mode."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from tests.support.bench import Workshop, open_workshop
from tests.support.casework import SYSTEM
from tests.support.database import Database
from tests.support.holder import Held, approved_renewal, held, made_at_bench, makings
from tests.support.issued import certify, certify_elsewhere, mails, record_of
from tests.support.tokens import Bench, a_name
from tests.support.tokens_in_memory import in_memory_bench
from workbench.cases.models import Applicant, Application, CaseClock, CaseDecider, CaseEvent
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict
from workbench.keys.models import Certificate, CustodyEntry, Seal
from workbench.keys.service import digest_of, revoke
from workbench.production import revoking
from workbench.production.giving import SEAL_LABEL
from workbench.production.models import RevocationOrder
from workbench.production.protocol import Personalise, Remove, Write
from workbench.production.tokens.driver import Fault, TokenFault
from workbench.production.tokens.softhsm import require_library


@pytest.fixture
def key(workshop: Workshop, tokens: Bench) -> Held:
    """A key on SoftHSM, in its holder's hands."""
    (serial,) = tokens.add(1)
    return made_at_bench(workshop, tokens.driver, serial)


@contextmanager
def configured(database: Database, folder: Path, **settings: str) -> Iterator[tuple[Held, Bench]]:
    """A key of an installation with other settings, its token in memory."""
    bench = in_memory_bench()
    with open_workshop(database, folder, **settings) as workshop:
        (serial,) = bench.add(1)
        yield made_at_bench(workshop, bench.driver, serial), bench


def successor(key: Held, case: int) -> Certificate:
    (found,) = key.workshop.certificates(case)
    return found


def actions(key: Held, case: int) -> list[tuple[str, str]]:
    entries = select(AuditEntry.action, AuditEntry.actor).where(AuditEntry.case_id == case).order_by(AuditEntry.seq)
    return key.workshop.read(lambda session: [(action, actor) for action, actor in session.execute(entries)])


def test_a_renewal_puts_a_new_certificate_on_the_same_key(key: Held, tokens: Bench) -> None:
    case = approved_renewal(key)
    agent = key.agent(case, tokens.driver)
    last = agent.run()
    kinds = [type(each.order) for each in agent.answers if each.order is not None]
    assert (kinds, last.done) == ([Personalise, Write, Remove], True)
    assert all(order.user_pin is None for each in agent.answers if (order := each.order) is not None)
    assert agent.asked_for_pin == 1

    assert key.workshop.state(case) == "updated"
    new, old = successor(key, case), key.record
    assert (new.state, new.key_number, new.token_id) == ("valid", key.serial, old.token_id)
    assert (old.state, old.state_reason) == ("replaced", key.serial)
    assert new.not_after > old.not_after - timedelta(minutes=5)
    (making,) = makings(key.workshop, case)
    assert (making.state, making.step, making.fault) == ("made", "verified", None)
    assert making.old_key_removed_at is not None
    assert certificates_on(tokens, key) == [new.sha256]
    with pytest.raises(TokenFault) as gone:
        tokens.driver.sign_request(key.serial, key.pin, old_key(key), tokens.algorithm, a_name())
    assert gone.value.fault is Fault.KEY_MISSING


def certificates_on(tokens: Bench, key: Held) -> list[str]:
    """What pkcs11-tool reads from the token: the SHA-256 of each certificate on it."""
    command = ["pkcs11-tool", "--module", str(require_library()), "--token-label", label_of(tokens, key)]
    listed = subprocess.run([*command, "--list-objects", "--type", "cert"], capture_output=True, text=True, check=True)
    ids = [line.split()[-1] for line in listed.stdout.splitlines() if line.strip().startswith("ID:")]
    found = []
    for each in ids:
        read = subprocess.run(
            [*command, "--read-object", "--type", "cert", "--id", each], capture_output=True, check=True
        )
        found.append(digest_of(x509.load_der_x509_certificate(read.stdout)))
    return found


def label_of(tokens: Bench, key: Held) -> str:
    return next(each.label for each in tokens.driver.list_tokens() if each.serial == key.serial)


def old_key(key: Held) -> bytes:
    assert key.record.application_id is not None
    (order,) = key.workshop.orders(key.record.application_id)
    return bytes.fromhex(order.key_id)


@pytest.fixture
def in_memory(workshop: Workshop) -> tuple[Held, Bench]:
    """A key in this process's memory, where what it is like doesn't matter."""
    bench = in_memory_bench()
    (serial,) = bench.add(1)
    return made_at_bench(workshop, bench.driver, serial), bench


def test_the_case_is_done_by_the_enterprise_itself_and_its_clock_stops(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    case = approved_renewal(key)
    key.agent(case, bench.driver).run()
    clock = select(CaseClock).where(CaseClock.application_id == case, CaseClock.kind == "renewal")
    assert key.workshop.read(lambda session: session.scalars(clock).one()).stopped_at is not None
    event = select(CaseEvent).where(CaseEvent.application_id == case, CaseEvent.event == "certificate_updated")
    moved = key.workshop.read(lambda session: session.scalars(event).one())
    assert (moved.actor, moved.staff_id) == (key.actor.label, None)
    desks = select(CaseDecider.desk).where(CaseDecider.application_id == case)
    assert sorted(key.workshop.read(lambda session: session.scalars(desks).all())) == ["pre_check", "re_check"]
    assert [mail.event.rsplit(":", 1)[-1] for mail in mails(key.workshop.parts, f"case:{case}:")][-1] == (
        "certificate_updated"
    )
    told = [action for action, actor in actions(key, case) if actor == key.actor.label]
    assert told == [
        "making.started",
        "seal.taken_over",
        "station.created",
        "certificate.ordered",
        "case.certificate_updated",
        "making.verified",
        "making.old_key_removed",
    ]
    assert key.workshop.read(lambda session: session.scalars(select(RevocationOrder)).all()) == []


def test_the_seal_goes_on_with_the_new_certificate(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    case = approved_renewal(key)
    key.agent(case, bench.driver).run()
    new = successor(key, case)
    seals = select(Seal).where(Seal.uscc == new.uscc).order_by(Seal.id)
    first, second = key.workshop.read(lambda session: session.scalars(seals).all())
    assert (first.image_sha256, first.superseded_at) == (second.image_sha256, None)
    assert (second.application_id, second.certificate_sha256) == (case, new.sha256)
    assert second.structure_sha256 is not None
    written = bench.driver.read_back(
        key.serial, key.pin, bytes.fromhex(makings(key.workshop, case)[0].key_id), bench.algorithm, SEAL_LABEL, b"x"
    )
    assert written.seal == key.workshop.parts.blobs.get(second.structure_sha256)


def test_a_seal_under_another_name_is_not_taken_over(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    case = approved_renewal(key, name="示例改名后有限公司")
    assert key.agent(case, bench.driver).run().done
    new = successor(key, case)
    assert new.enterprise_name == "示例改名后有限公司"
    of_case = select(Seal).where(Seal.application_id == case)
    assert key.workshop.read(lambda session: session.scalars(of_case).all()) == []


def test_the_account_of_the_key_goes_on_with_the_new_certificate(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    case = approved_renewal(key)
    before = key.workshop.read(lambda session: session.get_one(Applicant, key.applicant_id)).session_epoch
    key.agent(case, bench.driver).run()
    account = key.workshop.read(lambda session: session.get_one(Applicant, key.applicant_id))
    assert account.certificate_sha256 == successor(key, case).sha256
    assert account.session_epoch == before, "whoever follows the renewal is not signed out of it"


def test_the_same_key_pair_is_certified_again_where_that_is_configured(
    fresh_database: Database, tmp_path: Path
) -> None:
    with configured(fresh_database, tmp_path, renewal_key="same") as (key, bench):
        case = approved_renewal(key)
        agent = key.agent(case, bench.driver)
        agent.run()
        kinds = [type(each.order) for each in agent.answers if each.order is not None]
        assert kinds == [Personalise, Write], "nothing is taken off the key"
        both = (key.with_bytes(key.certificate_id), key.with_bytes(successor(key, case).id))
        assert len({public_key(each) for each in both}) == 1
        assert successor(key, case).sha256 != key.record.sha256


def public_key(record: Certificate) -> bytes:
    read = x509.load_der_x509_certificate(record.certificate or b"")
    return read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_the_old_certificate_ends_at_the_ca_after_the_new_one_is_on_the_key(
    fresh_database: Database, tmp_path: Path
) -> None:
    with configured(fresh_database, tmp_path, renewed_certificate="revoked") as (key, bench):
        case = approved_renewal(key)
        agent = key.agent(case, bench.driver)
        agent.turn()
        agent.turn()
        assert key.record.state == "replaced"
        assert key.record.revocation_reason is None, "not before the new one is on the key"
        agent.run()
        assert key.record.revocation_reason == "superseded"
        revoking.end_at_ca(key.workshop.parts, key.certificate_id)
        assert key.record.revoked_by_ca_at is not None
        order = key.workshop.read(lambda session: session.scalars(select(RevocationOrder)).one())
        assert (order.certificate_id, order.state, order.reason) == (key.certificate_id, "done", "superseded")


def test_a_key_of_the_old_system_is_recognised_by_its_number(workshop: Workshop, tokens: Bench, tmp_path: Path) -> None:
    (serial,) = tokens.add(1)
    tokens.driver.personalise(serial, label="旧钥匙", user_pin="271828")
    old_pair = bytes.fromhex("0a")
    tokens.driver.make_key(serial, "271828", old_pair, tokens.algorithm)
    tokens.driver.write_seal(serial, "271828", SEAL_LABEL, b"what the old system wrote")
    old = certify_elsewhere(workshop.parts, tmp_path, days=20)
    with workshop.parts.work() as session:
        session.get_one(Certificate, old).key_number = serial
    key = held(workshop, old, "271828")
    case = approved_renewal(key)
    agent = key.agent(case, tokens.driver)
    assert agent.run().done
    assert workshop.state(case) == "updated"
    assert not [each for each in agent.answers if isinstance(each.order, Remove)], "of which id, nobody knows"
    assert tokens.driver.make_key(serial, "271828", old_pair, tokens.algorithm)
    token = workshop.token(serial)
    assert (token.state, token.custodian, token.application_id) == ("handed_over", "enterprise", case)
    entries = select(CustodyEntry.event).where(CustodyEntry.token_id == token.id)
    assert workshop.read(lambda session: session.scalars(entries).all()) == ["recognised"]
    assert record_of(workshop.parts, old).state == "replaced"
    assert successor(key, case).token_id == token.id


def test_an_enterprise_with_as_many_keys_as_it_may_hold_renews_one(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    for number in (2, 3):
        certify(key.workshop.parts, f"K-{number}", uscc=key.record.uscc, name=key.record.enterprise_name)
    case = approved_renewal(key)
    assert key.agent(case, bench.driver).run().done
    assert key.workshop.state(case) == "updated"


def test_a_renewal_that_took_so_long_that_the_certificate_expired_is_finished(in_memory: tuple[Held, Bench]) -> None:
    key, bench = in_memory
    case = approved_renewal(key)
    with clock_at(key.record.not_after + timedelta(hours=1)):
        assert key.agent(case, bench.driver).run().done
    assert key.workshop.state(case) == "updated"


@pytest.mark.parametrize("channel", ["counter", "site"])
def test_a_renewal_that_was_entered_otherwise_is_carried_out_with_the_key(
    in_memory: tuple[Held, Bench], channel: str
) -> None:
    key, bench = in_memory
    case = approved_renewal(key, own=False)
    if channel == "site":
        with key.workshop.parts.work() as session:
            site = Applicant(kind="site", name="示例登记网站", created_at=now())
            session.add(site)
            session.flush()
            session.get_one(Application, case).applicant_id = site.id
    assert key.agent(case, bench.driver).run().done
    assert key.workshop.state(case) == "updated"
    moved = [actor for action, actor in actions(key, case) if action == "case.certificate_updated"]
    assert moved == [f"enterprise:{key.record.enterprise_name}"]


def test_what_has_ended_is_not_renewed(in_memory: tuple[Held, Bench]) -> None:
    key, _ = in_memory
    case = approved_renewal(key)
    with key.workshop.parts.work() as session:
        revoke(session, key.certificate_id, "示例：遗失", SYSTEM)
    with pytest.raises(Conflict, match="ended meanwhile"):
        key.code(case)
    assert makings(key.workshop, case) == []
