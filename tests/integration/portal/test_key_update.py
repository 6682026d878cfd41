"""Updating the certificate at the front door: the key signs in by a real TLS handshake, a code is shown once, and the
page tells how far the program beside the key has come. An interrupted update is found again by who holds the key alone.
"""

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from flask import Flask
from sqlalchemy import select, text

from tests.integration.portal.key_door import Visitor
from tests.support.applicant import a_code, an_applicant, form_token, sign_in
from tests.support.bench import Workshop, open_workshop
from tests.support.certificates import served_with_tls, trial_authority
from tests.support.database import Database
from tests.support.holder import Held, HolderAgent, approved_renewal, made_at_bench, makings
from tests.support.issued import mails
from tests.support.tokens import Bench
from tests.support.tokens_in_memory import InMemoryDriver, in_memory_bench
from workbench import create_app
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import NotAllowed
from workbench.keys.models import Certificate
from workbench.keys.trust import Standing
from workbench.portal.key.key_sign_in import judge_presented, sign_in_with_key, unfinished_renewal
from workbench.production.ca.choosing import load_authority
from workbench.production.protocol import Write

CODE = re.compile(r"wbs_[A-Za-z0-9_-]{43}")


@dataclass
class KeyDoor:
    """The front door, one key in its holder's hands, and its bench of tokens."""

    workshop: Workshop
    app: Flask
    bench: Bench
    key: Held
    folder: Path
    port: int

    def visitor(self, key_id: str | None = None, certificate: Certificate | None = None) -> Visitor:
        """A browser that shows the key's certificate; another of the same token where one is named."""
        assert isinstance(self.bench.driver, InMemoryDriver)
        shown = self.key.with_bytes((certificate or self.key.record).id)
        assert shown.certificate is not None
        if key_id is None:
            assert self.key.record.application_id is not None
            key_id = self.workshop.orders(self.key.record.application_id)[0].key_id
        pair = self.bench.driver.copy_of_key(self.key.serial, bytes.fromhex(key_id))
        place = self.folder / f"{shown.id}.pem"
        place.write_bytes(
            x509.load_der_x509_certificate(shown.certificate).public_bytes(serialization.Encoding.PEM)
            + pair.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(place)
        return Visitor(self.port, context)

    def signed_in(self) -> Visitor:
        """A browser whose holder has signed in with the key."""
        visitor = self.visitor()
        assert visitor.post("/key")[0] == 303
        return visitor

    def number(self, case: int) -> str:
        """A case's number."""
        return self.workshop.read(lambda session: session.get_one(Application, case).number)


@pytest.fixture
def door(fresh_database: Database, tmp_path: Path) -> Iterator[KeyDoor]:
    bench, trusted = in_memory_bench(), tmp_path / "client_ca.pem"
    settings = {"client_ca": trusted, "key_url": "https://127.0.0.1:9"}
    with open_workshop(fresh_database, tmp_path, **settings) as workshop:
        issuing = x509.load_der_x509_certificate(load_authority(workshop.parts).chain()[0])
        trusted.write_bytes(issuing.public_bytes(serialization.Encoding.PEM))
        (serial,) = bench.add(1)
        key = made_at_bench(workshop, bench.driver, serial)
        app = create_app(parts=workshop.parts)
        with served_with_tls(app, trial_authority(tmp_path / "server"), client_ca=trusted) as port:
            yield KeyDoor(workshop, app, bench, key, tmp_path, port)


@pytest.fixture
def case(door: KeyDoor) -> int:
    """The key's renewal, approved."""
    return approved_renewal(door.key)


def state_of(visitor: Visitor, number: str) -> dict[str, object]:
    status, _, said = visitor.send(
        "GET", f"/applications/{number}/update/state", headers={"Accept": "application/json"}
    )
    assert status == 200
    told: dict[str, object] = json.loads(said)
    return told


def get_code(visitor: Visitor, number: str) -> str:
    status, headers, page = visitor.post(f"/applications/{number}/update")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    (code,) = set(CODE.findall(page))
    return str(code)


def test_the_holder_gets_a_code_once_and_follows_the_program_to_its_end(door: KeyDoor, case: int) -> None:
    visitor, number = door.signed_in(), door.number(case)
    assert f'href="/applications/{number}/update"' in visitor.open("/renew")
    assert f'href="/applications/{number}/update"' in visitor.open(f"/applications/{number}")
    assert "You can update your certificate now" in visitor.open("/applications")
    page = visitor.open(f"/applications/{number}/update")
    assert not CODE.search(page)
    assert state_of(visitor, number)["step"] == "code"

    code = get_code(visitor, number)
    assert not CODE.search(visitor.open(f"/applications/{number}/update")), "it is shown once"
    assert state_of(visitor, number)["step"] == "agent"
    agent = HolderAgent(door.workshop.parts, code, door.bench.driver, door.key.pin)
    steps = []
    for _ in range(4):
        agent.turn()
        steps.append(state_of(visitor, number)["step"])
    assert steps == ["pair", "writing", "done", "done"]
    assert state_of(visitor, number)["done"] is True
    shown = visitor.open(f"/applications/{number}/update")
    assert "Done: the certificate on your key is updated." in shown
    assert "Get" not in re.findall(r"<button[^>]*>(?:<svg.*?</svg>)?([^<]*)", shown)
    assert [mail.event.rsplit(":", 1)[-1] for mail in mails(door.workshop.parts, f"case:{case}:")][-2:] == [
        "sms",
        "certificate_updated",
    ]


def test_a_code_is_in_no_address_log_or_record(door: KeyDoor, case: int, caplog: pytest.LogCaptureFixture) -> None:
    visitor, number = door.signed_in(), door.number(case)
    code = get_code(visitor, number)
    assert code not in caplog.text
    with door.workshop.parts.work() as session:
        for table in ("audit_entry", "bench_station", "outbox_message", "procrastinate_jobs"):
            kept = session.execute(text(f"SELECT string_agg(t::text, ' ') FROM {table} t")).scalar()
            assert code not in str(kept), table


def test_the_approved_renewal_is_announced_as_the_holder_s_turn(door: KeyDoor, case: int) -> None:
    (mail,) = [each for each in mails(door.workshop.parts, f"case:{case}:") if each.event.endswith(":re_check_passed")]
    assert "现在可以更新证书" in mail.body
    assert "plug the e-key in" in mail.body
    assert "courier" not in mail.body.replace("nothing is couriered", "")


def test_faults_are_told_in_the_holder_s_words_and_tried_again(door: KeyDoor, case: int) -> None:
    visitor, number = door.signed_in(), door.number(case)
    agent = HolderAgent(door.workshop.parts, get_code(visitor, number), door.bench.driver, "999999")
    agent.run(until=lambda answer: answer.order is None)
    told = state_of(visitor, number)
    assert (told["happened"], told["waits"]) == ("The key did not accept the PIN.", False)
    page = visitor.open(f"/applications/{number}/update")
    assert "The key did not accept the PIN." in page
    sent = f"csrf_token={form_token(page)}"
    assert visitor.send("POST", f"/applications/{number}/update/again", sent)[0] == 303
    assert state_of(visitor, number)["happened"] == ""
    agent.pin = door.key.pin
    assert agent.run().done
    visitor.cookies["language"] = "zh"
    assert "钥匙中的证书已更新" in visitor.open(f"/applications/{number}/update")


def test_a_key_that_is_not_plugged_in_is_asked_for_by_its_number(door: KeyDoor, case: int) -> None:
    visitor, number = door.signed_in(), door.number(case)
    (other,) = door.bench.add(1)
    door.bench.pull(door.key.serial)
    agent = HolderAgent(door.workshop.parts, get_code(visitor, number), door.bench.driver, door.key.pin)
    agent.turn()
    told = state_of(visitor, number)
    assert (told["step"], told["others"]) == ("key", f"Another key is plugged in: {other}")
    assert door.key.serial in visitor.open(f"/applications/{number}/update")


def test_nobody_else_finds_the_page(door: KeyDoor, case: int) -> None:
    number = door.number(case)
    visitor = Visitor(door.port, door.visitor()._context)
    path = f"/applications/{number}/update"
    assert visitor.send("GET", path)[0] == 303
    assert visitor.send("GET", f"{path}/state", headers={"Accept": "application/json"})[0] == 401
    other = door.app.test_client()
    namesake = an_applicant(door.workshop.parts, uscc=door.key.record.uscc)
    sign_in(other, namesake, door.workshop.parts.secrets)
    token = form_token(other.get("/applications").text)
    for address in (path, f"{path}/state"):
        assert other.get(address).status_code == 404
    for address in (path, f"{path}/again"):
        assert other.post(address, data={"csrf_token": token}).status_code == 404
    holder = door.signed_in()
    for strange in ("EK1", "EK20269999999", "nonsense", "EK2026%00", "EK" + "9" * 30):
        assert holder.send("GET", f"/applications/{strange}/update")[0] == 404
    assert makings(door.workshop, case) == []


def test_a_renewal_that_is_not_approved_and_another_service_have_no_update(door: KeyDoor) -> None:
    office, record = door.workshop.office, door.key.record
    waiting = office.submit(office.facts(Service.RENEWAL, uscc=record.uscc, prior_key=record.key_number))
    other = office.submit(office.facts(uscc=record.uscc))
    with door.workshop.parts.work() as session:
        for each in (waiting, other):
            session.get_one(Application, each).applicant_id = door.key.applicant_id
    visitor = door.signed_in()
    assert visitor.send("GET", f"/applications/{door.number(waiting)}/update")[0] == 409
    assert visitor.send("GET", f"/applications/{door.number(other)}/update")[0] == 404
    assert "/update" not in visitor.open(f"/applications/{door.number(waiting)}")
    assert "Follow application" in visitor.open("/renew")


def test_a_renewal_cut_short_after_the_new_certificate_was_issued_is_finished_with_the_old_one(
    door: KeyDoor, case: int
) -> None:
    """On the key there is still the old certificate, which counts for nothing else any more."""
    visitor, number = door.signed_in(), door.number(case)
    HolderAgent(door.workshop.parts, get_code(visitor, number), door.bench.driver, door.key.pin).run(
        until=lambda answer: isinstance(answer.order, Write)
    )
    assert door.key.record.state == "replaced"
    assert "Update the certificate" in visitor.open(f"/applications/{number}/update"), "the sign-in goes on"

    again = door.visitor()
    page = again.open("/key")
    assert "The renewal of this certificate is not finished yet." in page
    assert again.post("/key")[0] == 303
    assert f'href="/applications/{number}/update"' in again.open("/renew")
    agent = HolderAgent(door.workshop.parts, get_code(again, number), door.bench.driver, door.key.pin)
    assert agent.run().done
    (new,) = door.workshop.certificates(case)
    assert door.workshop.state(case) == "updated"

    (making,) = makings(door.workshop, case)
    renewed = door.visitor(making.key_id, new)
    assert renewed.post("/key")[0] == 303
    assert number in renewed.open("/applications"), "the same account, and its cases"


def test_a_replaced_certificate_opens_nothing_once_its_renewal_is_finished(door: KeyDoor, case: int) -> None:
    old = door.visitor()
    visitor, number = door.signed_in(), door.number(case)
    HolderAgent(door.workshop.parts, get_code(visitor, number), door.bench.driver, door.key.pin).run()
    assert "replaced by a newer one" in old.open("/key", 403)
    assert old.post("/key")[0] == 403
    (new,) = door.workshop.certificates(case)
    office = door.workshop.office
    office.submit(office.facts(Service.RENEWAL, uscc=new.uscc, prior_key=new.key_number))
    assert old.post("/key")[0] == 403, "the next renewal is the successor's, not its own"


@pytest.mark.parametrize("approved", [True, False])
def test_a_certificate_that_expired_over_its_renewal_signs_in_to_finish_it(door: KeyDoor, approved: bool) -> None:
    case = approved_renewal(door.key) if approved else None
    shown = door.key.with_bytes(door.key.certificate_id)
    certificate = x509.load_der_x509_certificate(shown.certificate or b"")
    parts = door.workshop.parts
    with clock_at(shown.not_after + timedelta(hours=1)), parts.work() as session:
        verdict = judge_presented(parts, certificate)
        assert verdict.standing is Standing.EXPIRED
        assert unfinished_renewal(parts, verdict) == (door.number(case) if case is not None else None)
        if case is None:
            with pytest.raises(NotAllowed):
                sign_in_with_key(session, parts, verdict, "")
        else:
            assert sign_in_with_key(session, parts, verdict, "").id == door.key.applicant_id


def test_a_renewal_of_another_code_s_key_is_not_reached(door: KeyDoor, case: int) -> None:
    with door.workshop.parts.work() as session:
        application = session.scalars(select(Application).where(Application.id == case)).one()
        application.applicant_id, application.uscc = None, a_code(77)
    assert door.signed_in().send("GET", f"/applications/{door.number(case)}/update")[0] == 404
