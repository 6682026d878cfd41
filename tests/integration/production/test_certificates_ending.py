"""Revoking from the certificates screen: the record ends at once, the holder is told, the CA's answer is in view."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select

from tests.integration.production.on_screen import LIST, desk_of, listed, make_key
from tests.support.bench import Workshop
from tests.support.desk import Desk
from tests.support.issued import certify, certify_elsewhere, mails, record_of, told_of
from tests.support.tokens import Bench
from workbench.kernel.identity import Role
from workbench.production import revoking
from workbench.production.ca.choosing import load_authority
from workbench.production.ca.connector import CaMisconfigured, Pending, Rejected, RevocationReason
from workbench.production.models import RevocationOrder


@pytest.fixture
def desk(workshop: Workshop) -> Desk:
    """The screens of the workshop's installation."""
    return desk_of(workshop)


@pytest.fixture
def made(workshop: Workshop, tokens: Bench) -> tuple[int, int]:
    """A case whose key was made at the bench, and its certificate."""
    return make_key(workshop, tokens)


def test_a_supervisor_revokes_and_the_ca_publishes_the_end(
    workshop: Workshop, desk: Desk, made: tuple[int, int]
) -> None:
    record = record_of(workshop.parts, made[1])
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{made[1]}"
    question = re.search(r'data-confirm="(Revoke the certificate[^"]+)"', browser.open(path))
    assert question is not None
    assert [
        word for word in (record.enterprise_name, record.key_number, record.serial) if word not in question[1]
    ] == []
    assert browser.send(f"{path}/revoke", path, because="lost", remark=" ").status_code == 400
    assert browser.send(f"{path}/revoke", path, because="none", remark="示例").status_code == 400
    assert record_of(workshop.parts, made[1]).state == "valid"
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例：办公室被盗").status_code == 303

    ended = record_of(workshop.parts, made[1])
    assert (ended.state, ended.state_reason, ended.revocation_reason) == (
        "revoked",
        "示例：办公室被盗",
        "keyCompromise",
    )
    (mail,) = mails(workshop.parts)
    assert (mail.event, mail.recipient) == (f"certificate:{made[1]}:revoked", "a@example.invalid")
    assert "示例：办公室被盗" in mail.body
    assert "电子钥匙遗失" in mail.body
    assert "办公室" not in mail.subject
    assert browser.client.get(f"{path}/end").get_json()["waits"] is True
    assert "has not confirmed yet" in browser.open(path)
    assert listed(browser.open(f"{LIST}?unconfirmed=1")) == [made[1]]

    revoking.end_at_ca(workshop.parts, made[1])
    told = browser.client.get(f"{path}/end").get_json()
    assert (told["waits"], told["words"]) == (False, "The CA has confirmed the end")
    assert listed(browser.open(f"{LIST}?unconfirmed=1")) == []
    crl = x509.load_der_x509_crl(browser.client.get("/ca/p-256.crl").data)
    entry = crl.get_revoked_certificate_by_serial_number(int(record.serial, 16))
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert told_of(workshop.parts, made[1])[-3:] == [
        "certificate.revoked",
        "certificate.end_ordered",
        "certificate.ended_by_ca",
    ]
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例").status_code == 409


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VENDOR_SUPERVISOR])
def test_nobody_else_revokes(workshop: Workshop, desk: Desk, role: Role) -> None:
    one = certify(workshop.parts, authority_id=workshop.office.authority_ids[0])
    browser = desk.browser(role)
    for verb in ("revoke", "ask-again", "confirm"):
        sent = browser.send(f"{LIST}{one}/{verb}", "/desk/", because="lost", remark="示例")
        assert sent.status_code == 403, verb
    assert record_of(workshop.parts, one).state == "valid"


class Refusing:
    """Stands before the CA: says no, later, or nothing at all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Pending | Rejected | Exception | None) -> None:
        self.answer = answer
        self.real = load_authority
        monkeypatch.setattr(revoking, "load_authority", self)

    def __call__(self, parts: object) -> "Refusing":
        if isinstance(self.answer, CaMisconfigured):
            raise self.answer
        self.parts = parts
        return self

    def chain(self) -> object:
        return self.real(self.parts).chain()  # type: ignore[arg-type]

    def revoke(self, transaction_id: str, certificate: bytes, reason: RevocationReason) -> object:
        if self.answer is not None:
            assert not isinstance(self.answer, Exception)
            return self.answer
        return self.real(self.parts).revoke(transaction_id, certificate, reason)  # type: ignore[arg-type]


@pytest.fixture
def one(workshop: Workshop) -> int:
    """A certificate of no case."""
    return certify(workshop.parts)


def order_of(workshop: Workshop, certificate_id: int) -> RevocationOrder:
    statement = select(RevocationOrder).where(RevocationOrder.certificate_id == certificate_id)
    return workshop.read(lambda session: session.scalars(statement).one())


def test_a_refused_end_is_shown_and_asked_for_again(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, Rejected("示例：请先书面申请"))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    answer = browser.send(f"{path}/revoke", path, because="other", remark="示例")
    assert answer.status_code == 303
    assert "please tell the enterprise yourself" in browser.client.get(path).text
    revoking.end_at_ca(workshop.parts, one)
    shown = browser.open(path)
    assert "The CA refused to end it" in shown
    assert "示例：请先书面申请" in shown
    first = order_of(workshop, one).transaction_id
    ca.answer = None
    assert browser.send(f"{path}/ask-again", path).status_code == 303
    assert order_of(workshop, one).transaction_id != first, "under the old one a CA repeats its answer"
    revoking.end_at_ca(workshop.parts, one)
    assert "The CA has confirmed the end" in browser.open(path)
    assert browser.send(f"{path}/ask-again", path).status_code == 409


def test_an_unanswered_end_stays_asked_and_can_be_pressed(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, Pending(timedelta(hours=1)))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    browser.send(f"{path}/revoke", path, because="damaged", remark="示例")
    revoking.end_at_ca(workshop.parts, one)
    assert order_of(workshop, one).ask_again_at is not None
    first = order_of(workshop, one).transaction_id
    ca.answer = None
    browser.send(f"{path}/ask-again", path)
    assert order_of(workshop, one).transaction_id == first, "the CA is at it: the same transaction goes on"
    revoking.end_at_ca(workshop.parts, one)
    assert record_of(workshop.parts, one).revoked_by_ca_at is not None


def test_a_certificate_ends_on_record_while_no_ca_can_be_asked(
    workshop: Workshop, desk: Desk, one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = Refusing(monkeypatch, CaMisconfigured("示例：no key"))
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{one}"
    assert browser.send(f"{path}/revoke", path, because="lost", remark="示例").status_code == 303
    assert record_of(workshop.parts, one).state == "revoked"
    browser.open(path)
    ca.answer = None
    browser.send(f"{path}/ask-again", path)
    revoking.end_at_ca(workshop.parts, one)
    assert record_of(workshop.parts, one).revoked_by_ca_at is not None


def test_an_end_that_is_known_otherwise_is_noted_with_its_reason(
    workshop: Workshop, desk: Desk, tmp_path: Path
) -> None:
    old = certify_elsewhere(workshop.parts, tmp_path, days=200)
    browser, path = desk.browser(Role.VENDOR_SUPERVISOR), f"{LIST}{old}"
    assert browser.send(f"{path}/confirm", path, remark="示例").status_code == 409
    browser.send(f"{path}/revoke", path, because="lost", remark="示例")
    revoking.end_at_ca(workshop.parts, old)
    assert "Another CA issued it: it has to be ended there" in browser.open(path)
    assert browser.send(f"{path}/confirm", path, remark="").status_code == 400
    assert browser.send(f"{path}/confirm", path, remark="示例：对方回函").status_code == 303
    shown = browser.open(path)
    assert "The CA has confirmed the end" in shown
    assert "示例：对方回函" in shown
