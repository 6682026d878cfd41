"""A CA asked by CMP: OpenSSL's own CMP server answers, and what it answers is taken for exactly what it is."""

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.production.ca.cmp_desk import desk, kept, order
from tests.support.ca import a_key, an_order, issued, openssl_verifies
from tests.support.certificates import free_port
from tests.support.cmp_server import cmp_server
from workbench.production.algorithms import Algorithm
from workbench.production.ca.connector import (
    CaMisconfigured,
    CaUnreachable,
    Issued,
    Pending,
    Rejected,
    RevocationReason,
    Revoked,
)

pytestmark = pytest.mark.serial


@pytest.mark.parametrize(
    ("by_certificate", "https"), [(False, False), (False, True), (True, False)], ids=["secret", "https", "signatures"]
)
def test_a_certificate_is_issued_confirmed_and_revoked(tmp_path: Path, by_certificate: bool, https: bool) -> None:
    with cmp_server(tmp_path / "ca", by_certificate=by_certificate, https=https) as ca:
        authority, asked = desk(ca, tmp_path), order(tmp_path)
        certificate = issued(authority, asked)
        assert ca.received == ["p10cr", "certConf"]
        assert [certificate] == ca.issued
        checked = openssl_verifies(certificate, authority.chain(), tmp_path / "check")
        assert checked.returncode == 0, checked.stderr
        assert len(authority.chain()) == 2
        assert isinstance(authority.revoke(secrets.token_hex(16), certificate, RevocationReason.SUPERSEDED), Revoked)
        assert ca.revoked == [x509.load_der_x509_certificate(certificate).serial_number]
    assert not authority.is_trial
    assert "127.0.0.1" in authority.name


def test_asking_again_costs_the_ca_nothing(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        first = issued(desk(ca, tmp_path), asked)
        assert issued(desk(ca, tmp_path), asked) == first
        assert ca.received == ["p10cr", "certConf"]
    assert issued(desk(ca, tmp_path), asked) == first  # nobody is there any more


def test_a_ca_that_takes_its_time_is_polled_in_the_same_transaction(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca", options=["-poll_count", "3", "-check_after", "7"]) as ca:
        asked = order(tmp_path)
        assert desk(ca, tmp_path).issue(asked) == Pending(timedelta(seconds=7))
        assert ca.received == ["p10cr", "pollReq"]
        assert desk(ca, tmp_path).issue(asked) == Pending(timedelta(seconds=7))
        assert isinstance(desk(ca, tmp_path).issue(asked), Issued)
        assert ca.received == ["p10cr", "pollReq", "pollReq", "pollReq", "certConf"]
        assert len(ca.issued) == 1


def test_how_long_to_wait_is_not_left_to_the_ca_alone(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca", options=["-poll_count", "9", "-check_after", "999999999"]) as ca:
        assert desk(ca, tmp_path).issue(order(tmp_path)) == Pending(timedelta(days=1))
        ca.options = ["-poll_count", "9", "-check_after", "0"]
        assert desk(ca, tmp_path).issue(order(tmp_path)) == Pending(timedelta(seconds=1))


def test_a_refusal_is_the_cas_last_word_in_its_own_words(tmp_path: Path) -> None:
    refusal = ["-pkistatus", "2", "-failure", "19", "-statusstring", "企业名称与登记不符"]
    with cmp_server(tmp_path / "ca", options=refusal) as ca:
        asked = order(tmp_path)
        answer = desk(ca, tmp_path).issue(asked)
        assert answer == Rejected("企业名称与登记不符; badCertTemplate")
        assert desk(ca, tmp_path).issue(asked) == answer
        assert ca.received == ["p10cr"]


def test_an_error_message_is_a_refusal_too(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca", options=["-send_error"]) as ca:
        answer = desk(ca, tmp_path).issue(order(tmp_path))
        assert isinstance(answer, Rejected)
        assert "badRequest" in answer.reason


@pytest.mark.parametrize("options", [["-send_unprotected"], ["-srv_secret", "pass:another"]])
def test_an_answer_that_is_not_proven_to_be_the_cas_is_none(tmp_path: Path, options: list[str]) -> None:
    with cmp_server(tmp_path / "ca", options=options) as ca:
        asked = order(tmp_path)
        with pytest.raises(CaUnreachable):
            desk(ca, tmp_path).issue(asked)
        assert "certificate.der" not in kept(tmp_path, asked)
        ca.options = []
        assert issued(desk(ca, tmp_path), asked) == ca.issued[0]
        assert len(ca.issued) == 1


def test_a_refusal_that_is_not_proven_to_be_the_cas_is_quoted_but_not_believed(tmp_path: Path) -> None:
    forged = ["-send_unprotected", "-pkistatus", "2", "-statusstring", "go away"]
    with cmp_server(tmp_path / "ca", options=forged) as ca:
        asked = order(tmp_path)
        with pytest.raises(CaUnreachable, match=r"not proven to be the CA's.*go away"):
            desk(ca, tmp_path).issue(asked)
        ca.options = []
        assert isinstance(desk(ca, tmp_path).issue(asked), Issued)


def test_by_https_an_unsigned_refusal_may_be_believed_but_no_unsigned_certificate(tmp_path: Path) -> None:
    refused = ["-send_unprotected", "-pkistatus", "2", "-statusstring", "not today"]
    with cmp_server(tmp_path / "ca", https=True, options=refused) as ca:
        told = {"cmp_unprotected_errors": True}
        assert desk(ca, tmp_path, **told).issue(order(tmp_path)) == Rejected("not today")
        ca.options = ["-send_unprotected", "-pkistatus", "2", "-failure", "1"]
        with pytest.raises(CaMisconfigured, match="does not know us"):
            desk(ca, tmp_path, **told).issue(order(tmp_path))
        ca.options = ["-send_unprotected"]
        with pytest.raises(CaUnreachable, match="not proven"):
            desk(ca, tmp_path, **told).issue(order(tmp_path))


def test_an_answer_from_another_transaction_is_none(tmp_path: Path) -> None:
    """The client that checks protection has its answers from files; whose they are is for us to check."""
    with cmp_server(tmp_path / "ca") as ca:
        first, second = order(tmp_path, 1), order(tmp_path, 2)
        issued(desk(ca, tmp_path), first)
        replayed = (tmp_path / "ca" / "cmp" / first.transaction_id / "received.der").read_bytes()
        honest, ca.answer = ca.answer, lambda message: replayed  # type: ignore[method-assign]
        with pytest.raises(CaUnreachable, match="another message"):
            desk(ca, tmp_path).issue(second)
        ca.answer = honest  # type: ignore[method-assign]
        assert isinstance(desk(ca, tmp_path).issue(second), Issued)


@pytest.mark.parametrize("fault", ["garble", "cut", "refuse", "lose"])
def test_what_cannot_be_read_settles_nothing(tmp_path: Path, fault: str) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.faults = [("p10cr", fault)]
        with pytest.raises(CaUnreachable):
            desk(ca, tmp_path).issue(asked)
        certificate = issued(desk(ca, tmp_path), asked)
        assert ca.issued == [certificate]


def test_a_ca_that_is_down_has_heard_nothing(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca", options=["-pkistatus", "2", "-failure", "19"]) as ca:
        asked = order(tmp_path)
        with pytest.raises(CaUnreachable, match="no way to the CA"):
            desk(ca, tmp_path, cmp_server=f"http://127.0.0.1:{free_port()}/").issue(asked)
        # So the refusal of the first request that arrives is final, though it was sent twice.
        assert desk(ca, tmp_path).issue(asked) == Rejected("badCertTemplate")


def test_a_ca_that_is_silent_is_given_up_in_time(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        ca.faults = [("p10cr", "stall")]
        with pytest.raises(CaUnreachable, match="did not answer"):
            desk(ca, tmp_path, cmp_timeout_seconds=1.0).issue(asked)
        ca.released.set()
        assert issued(desk(ca, tmp_path), asked) == ca.issued[0]


@pytest.mark.parametrize("trusted", [True, False], ids=["with its chain", "without"])
def test_a_certificate_for_another_key_is_refused_and_the_ca_is_told(tmp_path: Path, trusted: bool) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        ca.certify = lambda _request: ca.issue(order(tmp_path).request)
        asked = order(tmp_path)
        changed = {} if trusted else {"cmp_trusted": None}
        answer = desk(ca, tmp_path, **changed).issue(asked)
        assert isinstance(answer, Rejected)
        assert "it is for another key. The CA was told." in answer.reason
        assert ca.received == ["p10cr", "certConf"]
        assert desk(ca, tmp_path).issue(asked) == answer
        assert ca.rejected == 1


def test_a_certificate_that_names_another_enterprise_is_refused_and_the_ca_is_told(tmp_path: Path) -> None:
    key = a_key(Algorithm.P_256, tmp_path)
    asked, other = (an_order(key, Algorithm.P_256, number=number) for number in (1, 2))
    with cmp_server(tmp_path / "ca") as ca:
        ca.certify = lambda _request: ca.issue(other.request)
        answer = desk(ca, tmp_path).issue(asked)
        assert isinstance(answer, Rejected)
        assert "its subject lacks 2.5.4.5=" in answer.reason
        assert ca.rejected == 1


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca, cmp_server(tmp_path / "other") as other:
        ca.certify = other.issue
        answer = desk(ca, tmp_path).issue(order(tmp_path))
        assert isinstance(answer, Rejected)
        assert "vouches" in answer.reason
        assert ca.rejected == 1


def test_a_request_that_its_key_did_not_sign_goes_to_no_ca(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        asked = order(tmp_path)
        torn = replace(asked, request=asked.request[:-1] + bytes([asked.request[-1] ^ 1]))
        assert isinstance(desk(ca, tmp_path).issue(torn), Rejected)
        assert ca.received == []


def test_a_wrong_secret_is_no_refusal_and_is_mended_by_the_right_one(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        (tmp_path / "wrong").write_text("wrong")
        asked = order(tmp_path)
        for _ in range(2):
            with pytest.raises(CaUnreachable, match="not proven"):
                desk(ca, tmp_path, cmp_secret_file=tmp_path / "wrong").issue(asked)
        assert isinstance(desk(ca, tmp_path).issue(asked), Issued)


@pytest.mark.parametrize("failure", ["1", "20"], ids=["badMessageCheck", "signerNotTrusted"])
def test_a_client_the_ca_does_not_know_is_told_to_look_at_its_settings(tmp_path: Path, failure: str) -> None:
    with cmp_server(tmp_path / "ca", by_certificate=True, options=["-pkistatus", "2", "-failure", failure]) as ca:
        asked = order(tmp_path)
        with pytest.raises(CaMisconfigured, match="does not know us"):
            desk(ca, tmp_path).issue(asked)
        ca.options = []
        assert isinstance(desk(ca, tmp_path).issue(asked), Issued)


def test_an_answer_to_a_poll_that_was_lost_is_no_end(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca", options=["-poll_count", "2", "-check_after", "1"]) as ca:
        asked = order(tmp_path)
        assert isinstance(desk(ca, tmp_path).issue(asked), Pending)
        ca.faults = [("pollReq", "lose")]
        with pytest.raises(CaUnreachable):
            desk(ca, tmp_path).issue(asked)
        ca.again = ["-poll_count", "0"]
        assert issued(desk(ca, tmp_path), asked) == ca.issued[0]
        assert len(ca.issued) == 1


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["-pkistatus", "2", "-failure", "10"], Revoked),
        (["-pkistatus", "2", "-failure", "4", "-statusstring", "unknown"], Rejected),
        (["-pkistatus", "3"], Pending),
        (["-pkistatus", "5"], Revoked),
    ],
    ids=["had ended before", "refused", "later", "notification"],
)
def test_what_a_ca_says_to_a_revocation(tmp_path: Path, options: list[str], answer: type) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        certificate = issued(desk(ca, tmp_path), order(tmp_path))
        ca.options = options
        assert isinstance(desk(ca, tmp_path).revoke("0" * 32, certificate, RevocationReason.KEY_COMPROMISE), answer)


def test_a_revocation_whose_answer_was_lost_is_asked_again_and_then_remembered(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        certificate = issued(desk(ca, tmp_path), order(tmp_path))
        ca.faults = [("rr", "lose")]
        with pytest.raises(CaUnreachable):
            desk(ca, tmp_path).revoke("0" * 32, certificate, RevocationReason.SUPERSEDED)
        first = desk(ca, tmp_path).revoke("0" * 32, certificate, RevocationReason.SUPERSEDED)
        assert desk(ca, tmp_path).revoke("0" * 32, certificate, RevocationReason.SUPERSEDED) == first
        assert len(ca.revoked) == 2


def test_an_unproven_answer_to_a_revocation_is_none(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        certificate = issued(desk(ca, tmp_path), order(tmp_path))
        ca.options = ["-send_unprotected"]
        with pytest.raises(CaUnreachable, match="not proven"):
            desk(ca, tmp_path).revoke("0" * 32, certificate, RevocationReason.SUPERSEDED)


def test_the_chain_is_known_before_anything_was_issued(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        before = desk(ca, tmp_path).chain()
        names = [x509.load_der_x509_certificate(each).subject.rfc4514_string() for each in before]
        assert names == ["CN=Test CMP Issuing CA,O=Test CMP", "CN=Test CMP Root,O=Test CMP"]
        issued(desk(ca, tmp_path), order(tmp_path))
        assert desk(ca, tmp_path).chain() == before
        with pytest.raises(CaMisconfigured, match="WORKBENCH_CMP_TRUSTED"):
            desk(ca, tmp_path / "elsewhere", cmp_trusted=None).chain()


def test_nothing_secret_is_kept(tmp_path: Path) -> None:
    with cmp_server(tmp_path / "ca") as ca:
        issued(desk(ca, tmp_path / "var"), order(tmp_path))
        secret = (tmp_path / "ca" / "secret").read_bytes()
    written = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert len(written) > 3
    assert not [path for path in written if secret in path.read_bytes()]
