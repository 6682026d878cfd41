"""Tokens pulled out at any instant: the call says so, nothing else is touched, and plugging in again finishes."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, Bench, FaultyDriver, a_certificate, a_name
from workbench.production import signatures
from workbench.production.tokens import objects
from workbench.production.tokens.driver import Fault, TokenFault

CERTIFICATE = a_certificate("示例")


def way(bench: Bench, serial: str) -> Sequence[Callable[[], object]]:
    """The calls that make an e-key, in their order."""
    driver, algorithm = bench.driver, bench.algorithm
    return [
        lambda: driver.personalise(serial, label="e-key", user_pin=PIN),
        lambda: driver.make_key(serial, PIN, KEY_ID, algorithm),
        lambda: driver.sign_request(serial, PIN, KEY_ID, algorithm, a_name()),
        lambda: driver.write_certificate(serial, PIN, KEY_ID, CERTIFICATE),
        lambda: driver.write_seal(serial, PIN, SEAL_LABEL, b"seal"),
        lambda: driver.read_back(serial, PIN, KEY_ID, algorithm, SEAL_LABEL, b"challenge"),
    ]


@pytest.mark.parametrize("step", range(6))
def test_a_token_pulled_between_two_calls(bench: Bench, step: int) -> None:
    serial, other = bench.add(2)
    before = bench.driver.list_tokens()
    for call in way(bench, serial)[:step]:
        call()
    bench.pull(serial)
    for _ in range(2):
        with pytest.raises(TokenFault) as gone:
            way(bench, serial)[step]()
        assert gone.value.fault in {Fault.TOKEN_PULLED, Fault.TOKEN_MISSING}
    assert list(bench.driver.list_tokens()) == [token for token in before if token.serial == other]
    bench.plug(serial)
    for call in way(bench, serial)[step:]:
        call()
    found = bench.driver.read_back(serial, PIN, KEY_ID, bench.algorithm, SEAL_LABEL, b"challenge")
    assert (found.certificate, found.seal, found.key_is_bound) == (CERTIFICATE, b"seal", True)
    assert signatures.verify(found.public_key, bench.algorithm, b"challenge", found.signature)


@pytest.mark.parametrize(
    ("step", "instant"),
    [
        (1, "make_pair"),
        (1, "_generate"),
        (1, "_public_key"),
        (2, "private_key"),
        (2, "sign"),
        (3, "put_certificate"),
        (4, "put_seal"),
        (5, "sign"),
        (5, "is_bound"),
    ],
)
def test_a_token_pulled_amid_a_call(softhsm: Bench, monkeypatch: pytest.MonkeyPatch, step: int, instant: str) -> None:
    (serial,) = softhsm.add(1)
    for call in way(softhsm, serial)[:step]:
        call()
    really = getattr(objects, instant)

    def pull_first(*arguments: Any) -> Any:
        softhsm.pull(serial)
        return really(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(objects, instant, pull_first)
        with pytest.raises(TokenFault) as gone:
            way(softhsm, serial)[step]()
    assert gone.value.fault is Fault.TOKEN_PULLED
    softhsm.plug(serial)
    for call in way(softhsm, serial)[step:]:
        call()


def test_a_removal_that_met_no_token_is_not_taken_for_done(softhsm: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    serial, _ = softhsm.with_key()

    def pull_first(*arguments: Any) -> None:
        softhsm.pull(serial)
        remove(*arguments)

    remove = objects.remove
    monkeypatch.setattr(objects, "remove", pull_first)
    with pytest.raises(TokenFault) as gone:
        softhsm.driver.remove_key(serial, PIN, KEY_ID)
    assert gone.value.fault is Fault.TOKEN_PULLED


def test_another_token_in_its_place_is_not_written_to(bench: Bench) -> None:
    serial, _ = bench.with_key()
    bench.pull(serial)
    intruder = bench.personalised()
    with pytest.raises(TokenFault) as gone:
        bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm)
    assert gone.value.fault is Fault.TOKEN_MISSING
    assert [(token.serial, token.blank) for token in bench.driver.list_tokens()] == [(intruder, True)]


def test_a_driver_that_fails_on_call_did_it_or_did_not(softhsm: Bench) -> None:
    serial = softhsm.personalised()
    faulty = FaultyDriver(softhsm.driver)
    faulty.fail("make_key", Fault.TOKEN_PULLED)
    with pytest.raises(TokenFault, match="token_pulled"):
        faulty.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    assert [token.blank for token in faulty.list_tokens()] == [True]
    faulty.fail("make_key", Fault.TOKEN_PULLED, "after")
    with pytest.raises(TokenFault, match="token_pulled"):
        faulty.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    assert [token.blank for token in faulty.list_tokens()] == [False]
    assert faulty.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    assert faulty.calls == ["make_key", "list_tokens"] * 2 + ["make_key"]
