"""The SM2 store in files: its PIN locks, private keys are encrypted, and a token that goes amid a call is noticed."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, Bench, a_certificate, a_name, software_bench
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.tokens import software
from workbench.production.tokens.driver import Fault, TokenFault
from workbench.production.tokens.software import TRIES, SoftwareSm2Driver


@pytest.fixture
def store(tmp_path: Path) -> Bench:
    return software_bench(tmp_path)


def refused(call: Callable[[], object]) -> Fault:
    with pytest.raises(TokenFault) as refusal:
        call()
    return refusal.value.fault


def test_the_pin_locks_for_good_until_the_token_is_personalised_again(store: Bench, tmp_path: Path) -> None:
    serial, _ = store.with_key()
    wrong = [refused(lambda: store.driver.write_seal(serial, "999999", SEAL_LABEL, b"")) for _ in range(TRIES + 1)]
    assert wrong == [Fault.PIN_REFUSED] * (TRIES - 1) + [Fault.PIN_LOCKED] * 2
    again = SoftwareSm2Driver(tmp_path / "tokens")
    assert refused(lambda: again.write_seal(serial, PIN, SEAL_LABEL, b"")) is Fault.PIN_LOCKED
    store.driver.personalise(serial, label="x", user_pin=PIN)
    store.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal")


def test_a_right_pin_sets_the_count_back(store: Bench) -> None:
    serial, _ = store.with_key()
    for _ in range(2):
        for _ in range(TRIES - 1):
            assert refused(lambda: store.driver.write_seal(serial, "999999", SEAL_LABEL, b"")) is Fault.PIN_REFUSED
        store.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal")


def test_files_are_their_owners_alone_and_the_key_is_encrypted(store: Bench, tmp_path: Path) -> None:
    serial, _ = store.with_key()
    store.driver.write_certificate(serial, PIN, KEY_ID, a_certificate("示例"))
    store.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal")
    files = sorted((tmp_path / "tokens" / serial).iterdir())
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert PIN.encode() not in b"".join(file.read_bytes() for file in files)
    (key,) = [file for file in files if file.suffix == ".key"]
    assert key.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    key.chmod(0o644)
    found = store.driver.read_back(serial, PIN, KEY_ID, Algorithm.SM2, SEAL_LABEL, b"challenge")
    assert not found.key_is_bound


def test_a_certificate_that_is_none_is_not_written(store: Bench) -> None:
    serial, _ = store.with_key()
    for wrong in (b"", b"0\x03\x02\x01\x01", a_certificate("示例") + b"x"):
        with pytest.raises(ValueError, match=r"."):
            store.driver.write_certificate(serial, PIN, KEY_ID, wrong)
    found = store.driver.read_back(serial, PIN, KEY_ID, Algorithm.SM2, SEAL_LABEL, b"challenge")
    assert found.certificate is None


@pytest.mark.parametrize(
    ("module", "instant"),
    [(sm2, "generate_key"), (sm2, "sign"), (software, "put_private"), (software, "_key_path"), (software, "_content")],
)
def test_a_token_pulled_amid_a_call(store: Bench, monkeypatch: pytest.MonkeyPatch, module: Any, instant: str) -> None:
    serial = store.personalised()
    calls: list[Callable[[], object]] = [
        lambda: store.driver.make_key(serial, PIN, KEY_ID, Algorithm.SM2),
        lambda: store.driver.sign_request(serial, PIN, KEY_ID, Algorithm.SM2, a_name()),
        lambda: store.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal"),
        lambda: store.driver.read_back(serial, PIN, KEY_ID, Algorithm.SM2, SEAL_LABEL, b"challenge"),
        lambda: store.driver.remove_key(serial, PIN, KEY_ID),
    ]
    really = getattr(module, instant)
    pulled = []

    def pull_first(*arguments: Any, **named: Any) -> Any:
        store.pull(serial)
        pulled.append(serial)
        return really(*arguments, **named)

    for call in calls:
        with monkeypatch.context() as patched:
            patched.setattr(module, instant, pull_first)
            before = len(pulled)
            fault = fault_of(call)
        reached = len(pulled) > before
        assert fault is (Fault.TOKEN_PULLED if reached else None)
        assert store_has(store, serial) is not reached
        if reached:
            store.plug(serial)
            call()
    assert pulled


def fault_of(call: Callable[[], object]) -> Fault | None:
    try:
        call()
    except TokenFault as fault:
        return fault.fault
    return None


def store_has(store: Bench, serial: str) -> bool:
    return serial in {token.serial for token in store.driver.list_tokens()}


def test_a_broken_token_does_not_hide_the_others(store: Bench, tmp_path: Path) -> None:
    broken, whole = store.add(2)
    (tmp_path / "tokens" / broken / "token.json").write_text("{")
    assert [token.serial for token in store.driver.list_tokens()] == [whole]
    assert refused(lambda: store.driver.write_seal(broken, PIN, SEAL_LABEL, b"")) is Fault.TOKEN_FAILED
