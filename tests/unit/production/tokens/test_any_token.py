"""What every driver owes, on SoftHSM and on the SM2 store: keys that stay, requests that hold, nothing made twice."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from asn1crypto import csr

from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, Bench, a_certificate, a_name
from workbench.production import signatures
from workbench.production.algorithms import SM2_IDENTIFIER, Algorithm
from workbench.production.tokens.driver import Fault, ReadBack, TokenFault

OTHER_ID = bytes.fromhex("fedcba9876543210")
CHALLENGE = b"challenge of this run"


def read_back(bench: Bench, serial: str, key_id: bytes = KEY_ID) -> ReadBack:
    return bench.driver.read_back(serial, PIN, key_id, bench.algorithm, SEAL_LABEL, CHALLENGE)


def refused(call: Callable[[], object]) -> Fault:
    with pytest.raises(TokenFault) as refusal:
        call()
    return refusal.value.fault


def test_a_token_keeps_its_serial_number_and_is_blank_until_it_has_a_key(bench: Bench) -> None:
    first, second = bench.add(2)
    assert [(token.serial, token.blank) for token in bench.driver.list_tokens()] == [(first, True), (second, True)]
    bench.driver.personalise(first, label="电子钥匙 1", user_pin=PIN)
    assert next((token.label, token.blank) for token in bench.driver.list_tokens()) == ("电子钥匙 1", True)
    bench.driver.make_key(first, PIN, KEY_ID, bench.algorithm)
    assert [(token.serial, token.blank) for token in bench.driver.list_tokens()] == [(first, False), (second, True)]
    bench.driver.personalise(first, label="again", user_pin="161803")
    assert [(token.serial, token.blank) for token in bench.driver.list_tokens()] == [(first, True), (second, True)]
    assert refused(lambda: bench.driver.make_key(first, PIN, KEY_ID, bench.algorithm)) is Fault.PIN_REFUSED
    assert refused(lambda: bench.driver.sign_request(first, "161803", KEY_ID, bench.algorithm, a_name())) is (
        Fault.KEY_MISSING
    )


def test_what_was_written_is_read_back(bench: Bench) -> None:
    serial, public_key = bench.with_key()
    certificate, seal = a_certificate("示例甲"), bytes(range(256)) * 80
    bench.driver.write_certificate(serial, PIN, KEY_ID, certificate)
    bench.driver.write_seal(serial, PIN, SEAL_LABEL, seal)
    found = read_back(bench, serial)
    assert (found.serial, found.certificate, found.public_key, found.seal) == (serial, certificate, public_key, seal)
    assert found.key_is_bound
    assert signatures.verify(public_key, bench.algorithm, CHALLENGE, found.signature)
    assert not signatures.verify(public_key, bench.algorithm, b"another", found.signature)
    assert repr(seal)[:40] not in repr(found)


def test_a_key_alone_reads_back_as_that(bench: Bench) -> None:
    serial, public_key = bench.with_key()
    found = read_back(bench, serial)
    assert (found.certificate, found.seal, found.public_key) == (None, None, public_key)


def test_making_a_key_again_makes_none(bench: Bench) -> None:
    serial, public_key = bench.with_key()
    assert bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm) == public_key
    other = bench.driver.make_key(serial, PIN, OTHER_ID, bench.algorithm)
    assert other != public_key
    assert [read_back(bench, serial, key_id).public_key for key_id in (KEY_ID, OTHER_ID)] == [public_key, other]


def test_what_is_written_again_takes_the_place_of_what_was_there(bench: Bench) -> None:
    serial, _ = bench.with_key()
    for number in (1, 2, 2, 3):
        certificate = a_certificate(f"示例{number}")
        bench.driver.write_certificate(serial, PIN, KEY_ID, certificate)
        bench.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal %d" % number)
        bench.driver.write_seal(serial, PIN, "another", b"stays")
        found = read_back(bench, serial)
        assert (found.certificate, found.seal) == (certificate, b"seal %d" % number)


def test_a_removed_key_takes_its_certificate_along_and_leaves_others(bench: Bench) -> None:
    serial, _ = bench.with_key()
    other = bench.driver.make_key(serial, PIN, OTHER_ID, bench.algorithm)
    for key_id in (KEY_ID, OTHER_ID):
        bench.driver.write_certificate(serial, PIN, key_id, a_certificate("示例"))
    for _ in range(2):
        bench.driver.remove_key(serial, PIN, KEY_ID)
    assert refused(lambda: read_back(bench, serial)) is Fault.KEY_MISSING
    assert read_back(bench, serial, OTHER_ID).public_key == other
    bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm)
    assert read_back(bench, serial).certificate is None


def test_openssl_takes_the_request(bench: Bench, tmp_path: Path) -> None:
    serial, public_key = bench.with_key()
    subject = a_name("示例 进出口\u3000有限公司")
    request = bench.driver.sign_request(serial, PIN, KEY_ID, bench.algorithm, subject)
    info = csr.CertificationRequest.load(request, strict=True)["certification_request_info"]
    assert (info["subject"].dump(), info["subject_pk_info"].dump()) == (subject, public_key)
    path = tmp_path / "request.der"
    path.write_bytes(request)
    checking = ["openssl", "req", "-in", str(path), "-inform", "DER", "-verify", "-noout"]
    if bench.algorithm is Algorithm.SM2:
        assert "failure" in subprocess.run(checking, capture_output=True, text=True, check=False).stderr
        checking += ["-vfyopt", f"distid:{SM2_IDENTIFIER}"]
    checked = subprocess.run(checking, capture_output=True, text=True, check=True)
    assert "verify OK" in checked.stderr + checked.stdout


def test_nothing_happens_without_the_pin(bench: Bench) -> None:
    serial, public_key = bench.with_key()
    certificate = a_certificate("示例")
    for call in (
        lambda pin: bench.driver.make_key(serial, pin, OTHER_ID, bench.algorithm),
        lambda pin: bench.driver.sign_request(serial, pin, KEY_ID, bench.algorithm, a_name()),
        lambda pin: bench.driver.write_certificate(serial, pin, KEY_ID, certificate),
        lambda pin: bench.driver.write_seal(serial, pin, SEAL_LABEL, b"seal"),
        lambda pin: bench.driver.remove_key(serial, pin, KEY_ID),
        lambda pin: bench.driver.read_back(serial, pin, KEY_ID, bench.algorithm, SEAL_LABEL, CHALLENGE),
    ):
        for wrong in ("999999", ""):
            with pytest.raises(TokenFault) as refusal:
                call(wrong)
            assert refusal.value.fault is Fault.PIN_REFUSED
            assert not wrong or wrong not in str(refusal.value)
        bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm)  # a right PIN sets the count of wrong ones back
    found = read_back(bench, serial)
    assert (found.public_key, found.certificate, found.seal) == (public_key, None, None)


def test_there_is_no_certificate_without_a_key(bench: Bench) -> None:
    serial = bench.personalised()
    certificate = a_certificate("示例")
    assert refused(lambda: bench.driver.write_certificate(serial, PIN, KEY_ID, certificate)) is Fault.KEY_MISSING
    assert refused(lambda: read_back(bench, serial)) is Fault.KEY_MISSING


def test_a_driver_makes_only_what_it_says(bench: Bench) -> None:
    serial = bench.personalised()
    assert bench.algorithm in bench.driver.algorithms
    for algorithm in set(Algorithm) - bench.driver.algorithms:
        with pytest.raises(TokenFault) as refusal:
            bench.driver.make_key(serial, PIN, KEY_ID, algorithm)
        assert refusal.value.fault is Fault.ALGORITHM_MISSING
        with pytest.raises(TokenFault) as refusal:
            bench.driver.read_back(serial, PIN, KEY_ID, algorithm, SEAL_LABEL, CHALLENGE)
        assert refusal.value.fault in {Fault.ALGORITHM_MISSING, Fault.KEY_MISSING}


@pytest.mark.parametrize("serial", ["", "0000000000000000", "../tokens", "."])
def test_a_token_nobody_has_is_missing(bench: Bench, serial: str) -> None:
    bench.personalised()
    assert refused(lambda: bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm)) is Fault.TOKEN_MISSING
    assert refused(lambda: bench.driver.personalise(serial, label="", user_pin=PIN)) is Fault.TOKEN_MISSING


def test_many_hands_at_once_mix_nothing_up(bench: Bench) -> None:
    serials = bench.add(4)

    def make(serial: str) -> tuple[bytes, ReadBack]:
        bench.driver.personalise(serial, label=serial, user_pin=PIN)
        made = bench.driver.make_key(serial, PIN, KEY_ID, bench.algorithm)
        bench.driver.write_seal(serial, PIN, SEAL_LABEL, serial.encode())
        return made, read_back(bench, serial)

    with ThreadPoolExecutor(4) as hands:
        made = list(hands.map(make, serials))
    assert len({public_key for public_key, _ in made}) == 4
    assert [(found.serial, found.public_key, found.seal) for _, found in made] == [
        (serial, public_key, serial.encode()) for serial, (public_key, _) in zip(serials, made, strict=True)
    ]
