"""The embedded authority, held against openssl from outside: what it issues, that it issues once, how it ends it."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import func, select

from tests.support.applicant import a_code
from tests.support.ca import (
    ENTERPRISE,
    HOLDER,
    a_key,
    an_order,
    issued,
    openssl,
    openssl_verifies,
    openssl_verifies_crl,
)
from workbench.kernel.clock import ago, clock_at, now
from workbench.kernel.parts import Parts
from workbench.keys.subject import Subject, read_subject
from workbench.keys.trial import MARK
from workbench.keys.trust import Standing, judge
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.ca.connector import Rejected, RevocationReason, Revoked
from workbench.production.ca.crl import LIFE
from workbench.production.ca.embedded import EmbeddedAuthority
from workbench.production.ca.foundation import ISSUING_LIFE
from workbench.production.ca.profile import Profile
from workbench.production.models import TrialEntry

EVERY = pytest.mark.parametrize("algorithm", Algorithm)
POLICY = "1.2.156.10197.6.1"


def authority_of(
    parts: Parts, algorithm: Algorithm = Algorithm.P_256, profile: Profile | None = None
) -> EmbeddedAuthority:
    return EmbeddedAuthority(parts, algorithm, profile or Profile())


def a_transaction() -> str:
    return secrets.token_hex(16)


@EVERY
def test_openssl_takes_what_it_issues(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = authority_of(parts, algorithm, Profile(policies=(POLICY,)))
    certificate = issued(authority, an_order(a_key(algorithm, tmp_path), algorithm))
    checked = openssl_verifies(certificate, authority.chain(), tmp_path / "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert openssl_verifies_crl(authority.crl(), authority.chain()[0], tmp_path / "check")
    text = openssl(["x509", "-in", "leaf.pem", "-noout", "-text", "-nameopt", "utf8"], tmp_path / "check").stdout
    assert re.search(r"Key Usage: critical\s+Digital Signature, Non Repudiation\n", text)
    assert re.search(r"Extended Key Usage: \s+TLS Web Client Authentication\n", text)
    assert f"Policy: {POLICY}" in text
    assert f"URI:http://ca.example.invalid/ca/{algorithm}.crl" in text
    assert f"CA Issuers - URI:http://ca.example.invalid/ca/{algorithm}.cer" in text
    assert ("OCSP - URI:http://ca.example.invalid/ca/ocsp" in text) is (algorithm is not Algorithm.SM2)


@EVERY
def test_it_names_the_holder_and_says_that_it_is_a_trial(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = authority_of(parts, algorithm)
    order = an_order(a_key(algorithm, tmp_path), algorithm)
    certificate = x509.load_der_x509_certificate(issued(authority, order))
    assert read_subject(certificate) == Subject(a_code(), ENTERPRISE, HOLDER)
    for each in (certificate, *map(x509.load_der_x509_certificate, authority.chain())):
        assert MARK in [attribute.value for attribute in each.subject]
    assert certificate.serial_number.bit_length() == 129
    assert certificate.not_valid_before_utc == order.not_before.replace(microsecond=0)
    assert certificate.not_valid_after_utc == order.not_after.replace(microsecond=0)
    assert authority.is_trial
    assert "TRIAL" in authority.name


@EVERY
def test_what_it_issues_is_good_for_signing_in(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = authority_of(parts, algorithm)
    certificate = x509.load_der_x509_certificate(issued(authority, an_order(a_key(algorithm, tmp_path), algorithm)))
    issuing = x509.load_der_x509_certificate(authority.chain()[0])
    verdict = judge(certificate, [issuing], now(), lambda _digest: None, sm2.verify)
    assert verdict.standing is Standing.UNKNOWN  # ours by signature and use; this test has it on no record


def test_an_authority_of_the_same_name_signs_nobody_in_with_sm2(parts: Parts, tmp_path: Path) -> None:
    order = an_order(a_key(Algorithm.SM2, tmp_path), Algorithm.SM2)
    certificate = x509.load_der_x509_certificate(issued(authority_of(parts, Algorithm.SM2), order))
    settings = parts.settings.model_copy(update={"var_dir": tmp_path / "other"})
    other = authority_of(replace(parts, settings=settings), Algorithm.SM2)
    issuing = x509.load_der_x509_certificate(other.chain()[0])
    assert issuing.subject == certificate.issuer
    assert judge(certificate, [issuing], now(), lambda _digest: None, sm2.verify).standing is Standing.NOT_OURS


def test_asking_twice_is_answered_once(parts: Parts, tmp_path: Path) -> None:
    order = an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256)
    first = issued(authority_of(parts), order)
    assert issued(authority_of(parts), order) == first
    assert issued(authority_of(parts), replace(order, not_after=order.not_after + timedelta(days=9))) == first


def test_two_that_ask_at_once_have_one_certificate(parts: Parts, tmp_path: Path) -> None:
    order = an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256)
    authority_of(parts)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _number: issued(authority_of(parts), order), range(16)))
    assert len(set(answers)) == 1
    with parts.work() as session:
        assert session.scalar(select(func.count()).select_from(TrialEntry)) == 1


def test_one_transaction_is_for_one_key(parts: Parts, tmp_path: Path) -> None:
    transaction = a_transaction()
    issued(authority_of(parts), an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256, transaction))
    other = an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256, transaction)
    assert authority_of(parts).issue(other) == Rejected("This transaction was for another key.")


@EVERY
def test_a_request_that_its_key_did_not_sign_is_refused(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    order = an_order(a_key(algorithm, tmp_path), algorithm)
    torn = order.request[:-1] + bytes([order.request[-1] ^ 1])
    answer = authority_of(parts, algorithm).issue(replace(order, request=torn))
    assert isinstance(answer, Rejected)
    assert "not signed" in answer.reason


def test_a_key_of_another_algorithm_or_another_subject_is_refused(parts: Parts, tmp_path: Path) -> None:
    order = an_order(a_key(Algorithm.RSA_2048, tmp_path), Algorithm.RSA_2048)
    assert isinstance(authority_of(parts).issue(order), Rejected)
    own, other = (an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256, number=each) for each in (1, 2))
    answer = authority_of(parts).issue(replace(own, subject=other.subject))
    assert isinstance(answer, Rejected)
    assert "another subject" in answer.reason


def test_nothing_lives_longer_than_the_authority(parts: Parts, tmp_path: Path) -> None:
    authority = authority_of(parts)
    with clock_at(now() + ISSUING_LIFE - timedelta(days=10)):
        certificate = issued(authority, an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256))
    chain = x509.load_der_x509_certificate(authority.chain()[0])
    assert x509.load_der_x509_certificate(certificate).not_valid_after_utc == chain.not_valid_after_utc
    with clock_at(now() + ISSUING_LIFE + timedelta(days=1)):
        answer = authority.issue(an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256))
    assert isinstance(answer, Rejected)


@EVERY
def test_a_revoked_certificate_stands_on_the_published_list(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = authority_of(parts, algorithm)
    certificate = issued(authority, an_order(a_key(algorithm, tmp_path), algorithm))
    before = authority.crl()
    answer = authority.revoke(a_transaction(), certificate, RevocationReason.KEY_COMPROMISE)
    assert isinstance(answer, Revoked)
    published = (parts.settings.ca_dir / f"{algorithm}.crl").read_bytes()
    assert published == authority.crl() != before
    assert openssl_verifies_crl(published, authority.chain()[0], tmp_path)
    text = openssl(["crl", "-inform", "DER", "-in", "list.der", "-noout", "-text"], tmp_path).stdout
    serial = format(x509.load_der_x509_certificate(certificate).serial_number, "X")
    assert re.search(rf"Serial Number: 0?{serial}\n.*\n.*\n.*CRL Reason Code: \s+Key Compromise", text)
    assert "Version 2" in text


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
def test_openssl_refuses_a_revoked_certificate(parts: Parts, tmp_path: Path, algorithm: Algorithm) -> None:
    authority = authority_of(parts, algorithm)
    ended, other = (issued(authority, an_order(a_key(algorithm, tmp_path), algorithm)) for _ in range(2))
    authority.revoke(a_transaction(), ended, RevocationReason.SUPERSEDED)
    refused = openssl_verifies(ended, authority.chain(), tmp_path, revocations=authority.crl())
    assert "certificate revoked" in refused.stderr
    assert openssl_verifies(other, authority.chain(), tmp_path, revocations=authority.crl()).returncode == 0


def test_ending_twice_keeps_the_first_end(parts: Parts, tmp_path: Path) -> None:
    authority = authority_of(parts)
    certificate = issued(authority, an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256))
    first = authority.revoke(a_transaction(), certificate, RevocationReason.SUPERSEDED)
    with clock_at(now() + timedelta(days=1)):
        assert authority.revoke(a_transaction(), certificate, RevocationReason.KEY_COMPROMISE) == first
    (entry,) = x509.load_der_x509_crl(authority.crl())
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.superseded


def test_a_reason_that_says_nothing_is_left_out(parts: Parts, tmp_path: Path) -> None:
    authority = authority_of(parts)
    certificate = issued(authority, an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256))
    authority.revoke(a_transaction(), certificate, RevocationReason.UNSPECIFIED)
    (entry,) = x509.load_der_x509_crl(authority.crl())
    assert len(entry.extensions) == 0


def test_it_ends_no_certificate_of_another(parts: Parts, tmp_path: Path) -> None:
    ours, other = authority_of(parts), authority_of(parts, Algorithm.RSA_2048)
    certificate = issued(other, an_order(a_key(Algorithm.RSA_2048, tmp_path), Algorithm.RSA_2048))
    assert isinstance(ours.revoke(a_transaction(), certificate, RevocationReason.SUPERSEDED), Rejected)
    assert len(list(x509.load_der_x509_crl(other.crl()))) == 0


def test_an_authority_made_anew_knows_nothing_of_what_the_lost_one_issued(parts: Parts, tmp_path: Path) -> None:
    lost = authority_of(parts)
    certificate = issued(lost, an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256))
    lost.revoke(a_transaction(), certificate, RevocationReason.SUPERSEDED)
    (parts.settings.key_dir / "ca" / "p-256").rename(tmp_path / "lost")
    new = authority_of(parts)
    assert len(list(x509.load_der_x509_crl(new.publish_crl()))) == 0
    assert isinstance(new.revoke(a_transaction(), certificate, RevocationReason.SUPERSEDED), Rejected)


def test_the_list_is_made_anew_in_time_and_its_number_grows(parts: Parts) -> None:
    authority = authority_of(parts)
    first = x509.load_der_x509_crl(authority.crl())
    assert first.next_update_utc == first.last_update_utc + LIFE
    assert authority.crl() == authority.crl()
    with clock_at(now() + timedelta(days=2)):
        second = x509.load_der_x509_crl(authority.crl())
    assert second.last_update_utc - first.last_update_utc >= timedelta(days=2)
    with clock_at(ago(days=30)):  # a clock that goes back must not make a list look older than the one before
        third = x509.load_der_x509_crl(authority.publish_crl())
    numbers = [
        each.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for each in (first, second, third)
    ]
    assert numbers == sorted(set(numbers))


def test_the_last_list_tells_of_every_end_however_many_end_at_once(parts: Parts, tmp_path: Path) -> None:
    authority = authority_of(parts)
    certificates = [issued(authority, an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256)) for _ in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda each: authority_of(parts).revoke(a_transaction(), each, RevocationReason.SUPERSEDED),
                certificates,
            )
        )
    listed = {each.serial_number for each in x509.load_der_x509_crl(authority.crl())}
    assert listed == {x509.load_der_x509_certificate(each).serial_number for each in certificates}


def test_a_damaged_list_is_made_anew(parts: Parts) -> None:
    authority = authority_of(parts)
    authority.crl()
    path = parts.settings.ca_dir / "p-256.crl"
    path.write_bytes(path.read_bytes()[:-20])
    assert x509.load_der_x509_crl(authority.crl()) is not None
