"""Reading CMP: what openssl composes is understood, and bytes from the network only ever fail in one way."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import core, x509
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ca import a_key, an_order
from workbench.production.algorithms import Algorithm
from workbench.production.ca import cmp_syntax as syntax
from workbench.production.ca.cmp_composer import Composer, Credentials
from workbench.production.ca.cmp_messages import REJECTION, WAITING, Unreadable, read_message, read_nonces
from workbench.production.ca.connector import CaMisconfigured

TRANSACTION, NONCE = bytes(range(16)), bytes(range(16, 32))
_KINDS = {"cp": 3, "rp": 12, "error": 23, "pollRep": 26}


def message(kind: str, body: core.Asn1Value, *, confirm_until: datetime | None = None) -> bytes:
    """A message as a CA might send it, unprotected: protection is openssl's business."""
    header = {
        "pvno": 2,
        "sender": x509.GeneralName("directory_name", x509.Name.build({"common_name": "CA"})),
        "recipient": x509.GeneralName("directory_name", x509.Name.build({"common_name": "RA"})),
        "transaction_id": TRANSACTION,
        "recipient_nonce": NONCE,
    }
    if confirm_until is not None:
        stated = core.Any(core.GeneralizedTime(confirm_until))
        header["general_info"] = [{"type": "1.3.6.1.5.5.7.4.14", "value": stated}]
    tagged = bytes([0xA0 | _KINDS[kind]]) + _length(body.dump()) + body.dump()
    made: bytes = syntax.Message({"header": header, "body": core.Any.load(tagged)}).dump()
    return made


def _length(content: bytes) -> bytes:
    size = len(content)
    return bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2)


def status(number: int, *words: str, failures: frozenset[int] = frozenset()) -> syntax.Status:
    made = syntax.Status({"status": number})
    if words:
        made["words"] = list(words)
    if failures:
        made["failures"] = tuple(int(bit in failures) for bit in range(27))
    return made


def reply(said: syntax.Status) -> syntax.CertificateReply:
    return syntax.CertificateReply({"responses": [{"request_id": -1, "status": said}]})


def test_a_refusal_is_told_in_the_cas_words_and_by_its_names() -> None:
    read = read_message(message("cp", reply(status(REJECTION, "名称不符", failures=frozenset({2, 21})))))
    assert (read.body, read.status, read.certificate) == ("cp", REJECTION, None)
    assert read.failures == {"badRequest", "transactionIdInUse"}
    assert read.words == "名称不符; badRequest; transactionIdInUse"
    assert (read.transaction_id, read.recipient_nonce) == (TRANSACTION, NONCE)


def test_words_of_a_ca_are_one_line_of_bounded_length() -> None:
    read = read_message(message("cp", reply(status(REJECTION, "one\r\n two\x1b[31m", "x" * 5000))))
    assert read.words.startswith("one two [31m; xxx")
    assert len(read.words) == 300


def test_an_error_brings_its_details() -> None:
    error = syntax.Error({"status": status(REJECTION, "no"), "details": ["not today"]})
    assert read_message(message("error", error)).words == "no; not today"


def test_waiting_polling_and_confirming_have_their_times() -> None:
    assert read_message(message("cp", reply(status(WAITING)))).status == WAITING
    poll = syntax.Polls([{"request_id": -1, "check_after": 30}])
    assert read_message(message("pollRep", poll)).check_after == timedelta(seconds=30)
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert read_message(message("cp", reply(status(0)), confirm_until=until)).confirm_until == until


def test_two_answers_to_one_request_are_none() -> None:
    twice = syntax.CertificateReply({"responses": [{"request_id": 0, "status": status(0)}] * 2})
    with pytest.raises(Unreadable):
        read_message(message("cp", twice))


@given(st.binary(max_size=200))
def test_anything_else_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_message(content)


@given(position=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 40))
def test_a_message_with_a_wrong_byte_reads_or_fails_in_one_way(position: int, value: int, cut: int) -> None:
    told = status(REJECTION, "名称不符", failures=frozenset({2}))
    whole = bytearray(message("cp", reply(told), confirm_until=datetime(2026, 12, 1, tzinfo=UTC)))
    whole[position % len(whole)] = value
    try:
        read_message(bytes(whole[: len(whole) - cut]))
    except Unreadable:
        return


def test_our_own_request_has_the_numbers_by_which_its_answer_is_known(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(secrets.token_hex(16))
    composer = Composer(Credentials(reference="desk", secret_file=tmp_path / "secret", recipient="/CN=示例 CA"))
    order = an_order(a_key(Algorithm.P_256, tmp_path), Algorithm.P_256)
    first, second = composer.request(order.request), composer.request(order.request)
    assert {len(each) for numbers in map(read_nonces, (first, second)) for each in numbers} == {16}
    assert read_nonces(first)[0] != read_nonces(second)[0]
    assert order.request in first


def test_credentials_that_cannot_be_used_are_a_matter_of_configuration(tmp_path: Path) -> None:
    composer = Composer(Credentials(reference="desk", secret_file=tmp_path / "absent"))
    with pytest.raises(CaMisconfigured, match="credentials"):
        composer.request(b"no request")
