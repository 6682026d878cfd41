"""Orders carried out on SoftHSM: what is reported, what is asked of a holder, and that no PIN ever comes out."""

import secrets
from pathlib import Path

import pytest
from asn1crypto import csr
from cryptography.hazmat.primitives import serialization

from tests.support.tokens import PIN, SEAL_LABEL, Bench, FaultyDriver, a_name, softhsm_bench
from workbench.keys.trial import TrialAuthority
from workbench.production import signatures
from workbench.production.agent.performing import PIN_TRIES, Performer, StoppedBetweenCallsError
from workbench.production.algorithms import Algorithm
from workbench.production.protocol import Failed, Personalise, Remove, Removed, Requested, Write, Written
from workbench.production.tokens.driver import Fault, TokenFault

KEY_ID = "0123456789abcdef"
CHALLENGE = "ab" * 32


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Somebody's: the agent writes what it is given, and the server judges it."""
    authority = TrialAuthority.load_or_create(tmp_path_factory.mktemp("authority"))
    issued = authority.issue_client(uscc="91110000000000001X", enterprise_name="示例", holder_name="示例甲")
    return issued.certificate.public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return softhsm_bench(Path(tmp_path_factory.mktemp("store")), Algorithm.P_256)


@pytest.fixture
def driver(bench: Bench) -> FaultyDriver:
    return FaultyDriver(bench.driver)


@pytest.fixture
def serial(bench: Bench) -> str:
    return bench.add(1)[0]


def at_bench(driver: FaultyDriver) -> Performer:
    return Performer(driver, ask_pin=None, stopped=lambda: False)


def personalise(serial: str, pin: str | None = PIN, *, keep: bool = False) -> Personalise:
    return Personalise(
        making=7,
        serial=serial,
        label="EK20260000001",
        user_pin=pin,
        key_id=KEY_ID,
        algorithm=Algorithm.P_256,
        subject=a_name(),
        keep=keep,
    )


def write(serial: str, certificate: bytes = b"", pin: str | None = PIN, seal: bytes | None = b"seal") -> Write:
    return Write(
        making=7,
        serial=serial,
        user_pin=pin,
        key_id=KEY_ID,
        algorithm=Algorithm.P_256,
        certificate=certificate,
        seal=seal,
        seal_label=SEAL_LABEL,
        challenge=CHALLENGE,
    )


class Holder:
    """Somebody who types what is prepared, and nothing when that is used up."""

    def __init__(self, *typed: str) -> None:
        self._typed = list(typed)
        self.asked: list[int] = []

    def __call__(self, serial: str, left: int) -> str | None:
        self.asked.append(left)
        return self._typed.pop(0) if self._typed else None


def test_a_blank_token_becomes_a_key_that_signs(driver: FaultyDriver, serial: str, certificate: bytes) -> None:
    performer = at_bench(driver)
    made = performer.perform(personalise(serial))
    assert isinstance(made.outcome, Requested)
    assert 0 < made.token_seconds <= made.seconds
    assert made.outcome.token_seconds == made.token_seconds
    request = csr.CertificationRequest.load(made.outcome.request)
    assert request["certification_request_info"]["subject"].dump() == a_name()
    written = performer.perform(write(serial, certificate)).outcome
    assert isinstance(written, Written)
    assert (written.serial, written.certificate, written.seal) == (serial, certificate, b"seal")
    assert written.key_is_bound
    challenge = bytes.fromhex(CHALLENGE)
    assert signatures.verify(written.public_key, Algorithm.P_256, challenge, written.signature)
    assert request["certification_request_info"]["subject_pk_info"].dump() == written.public_key


def test_an_order_that_is_given_again_finds_what_is_there(
    driver: FaultyDriver, serial: str, certificate: bytes
) -> None:
    performer = at_bench(driver)
    performer.perform(personalise(serial))
    first = performer.perform(write(serial, certificate)).outcome
    again = performer.perform(write(serial, certificate)).outcome
    kept = performer.perform(personalise(serial, keep=True)).outcome
    assert isinstance(first, Written)
    assert isinstance(again, Written)
    assert isinstance(kept, Requested)
    assert (first.public_key, first.certificate) == (again.public_key, again.certificate)
    request = csr.CertificationRequest.load(kept.request)
    assert request["certification_request_info"]["subject_pk_info"].dump() == first.public_key


def test_a_key_pair_is_taken_off(driver: FaultyDriver, serial: str, certificate: bytes) -> None:
    performer = at_bench(driver)
    performer.perform(personalise(serial))
    order = Remove(making=7, serial=serial, user_pin=PIN, key_id=KEY_ID)
    assert performer.perform(order).outcome == Removed(making=7)
    missing = performer.perform(write(serial, certificate)).outcome
    assert isinstance(missing, Failed)
    assert missing.fault is Fault.KEY_MISSING


@pytest.mark.parametrize("call", ["personalise", "make_key", "sign_request"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_at_any_call_is_an_outcome_and_a_second_order_succeeds(
    driver: FaultyDriver, serial: str, call: str, when: str
) -> None:
    driver.fail(call, Fault.TOKEN_PULLED, "before" if when == "before" else "after")
    performer = at_bench(driver)
    failed = performer.perform(personalise(serial)).outcome
    assert isinstance(failed, Failed)
    assert (failed.making, failed.fault) == (7, Fault.TOKEN_PULLED)
    assert isinstance(performer.perform(personalise(serial)).outcome, Requested)


class _Quoting:
    """A driver whose errors quote what they were called with."""

    algorithms = frozenset({Algorithm.P_256})

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        def fail(*_: object, **__: object) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (TokenFault(Fault.TOKEN_FAILED, f"C_Login({PIN})"), Fault.TOKEN_FAILED),
        (ValueError(f"bad pin {PIN}"), Fault.TOKEN_FAILED),
        (OSError(28, f"No space for {PIN}"), Fault.DISK_FULL),
        (OSError(5, f"I/O {PIN}"), Fault.TOKEN_FAILED),
    ],
)
def test_no_pin_comes_out_of_an_error(error: Exception, fault: Fault) -> None:
    performer = Performer(_Quoting(error), ask_pin=None, stopped=lambda: False)  # type: ignore[arg-type]
    failed = performer.perform(personalise("any")).outcome
    assert isinstance(failed, Failed)
    assert failed.fault is fault
    assert PIN not in failed.model_dump_json()
    assert len(failed.detail) <= 500


def test_a_holder_is_asked_once_and_not_again(driver: FaultyDriver, serial: str, certificate: bytes) -> None:
    at_bench(driver).perform(personalise(serial))
    holder = Holder(PIN)
    performer = Performer(driver, ask_pin=holder, stopped=lambda: False)
    assert isinstance(performer.perform(personalise(serial, None, keep=True)).outcome, Requested)
    assert isinstance(performer.perform(write(serial, certificate, None, seal=None)).outcome, Written)
    assert holder.asked == [PIN_TRIES]


def test_a_holder_may_mistype_twice(driver: FaultyDriver, serial: str) -> None:
    at_bench(driver).perform(personalise(serial))
    holder = Holder("000000", "111111", PIN)
    performer = Performer(driver, ask_pin=holder, stopped=lambda: False)
    assert isinstance(performer.perform(personalise(serial, None, keep=True)).outcome, Requested)
    assert holder.asked == [3, 2, 1]
    wrong = Holder("000000", "111111", "222222", PIN)
    outcome = Performer(driver, ask_pin=wrong, stopped=lambda: False).perform(write(serial, pin=None)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.fault is Fault.PIN_REFUSED
    assert wrong.asked == [3, 2, 1]


def test_a_holder_who_gives_no_pin_and_a_bench_that_knows_none(driver: FaultyDriver, serial: str) -> None:
    for ask in (Holder(), None):
        outcome = Performer(driver, ask_pin=ask, stopped=lambda: False).perform(write(serial, pin=None)).outcome
        assert isinstance(outcome, Failed)
        assert outcome.fault is Fault.PIN_REFUSED
    assert driver.calls == []


def test_a_holders_token_is_never_emptied(driver: FaultyDriver, serial: str) -> None:
    for pin in (PIN, None):
        performer = Performer(driver, ask_pin=Holder(PIN), stopped=lambda: False)
        outcome = performer.perform(personalise(serial, pin)).outcome
        assert isinstance(outcome, Failed)
        assert outcome.fault is Fault.TOKEN_NOT_BLANK
    assert driver.calls == []


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_the_end_is_taken_between_two_calls(driver: FaultyDriver, serial: str, calls: int) -> None:
    performer = Performer(driver, ask_pin=None, stopped=lambda: len(driver.calls) >= calls)
    with pytest.raises(StoppedBetweenCallsError):
        performer.perform(personalise(serial))
    assert len(driver.calls) == calls


def test_a_challenge_is_signed_anew_each_time(driver: FaultyDriver, serial: str, certificate: bytes) -> None:
    performer = at_bench(driver)
    performer.perform(personalise(serial))
    order = write(serial, certificate)
    for _ in range(2):
        challenge = secrets.token_hex(32)
        outcome = performer.perform(order.model_copy(update={"challenge": challenge})).outcome
        assert isinstance(outcome, Written)
        signed = bytes.fromhex(challenge)
        assert signatures.verify(outcome.public_key, Algorithm.P_256, signed, outcome.signature)
