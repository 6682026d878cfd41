"""SoftHSM looked at from outside our code, its PINs, and what its library does not tell by itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.tokens import KEY_ID, PIN, SEAL_LABEL, SO_PIN, Bench, a_certificate, a_name, softhsm_bench
from workbench.production.algorithms import Algorithm
from workbench.production.tokens import cryptoki
from workbench.production.tokens.cryptoki import LABEL_BYTES, library_at
from workbench.production.tokens.driver import Fault, TokenFault
from workbench.production.tokens.faults import fault_of
from workbench.production.tokens.pkcs11 import Pkcs11Driver
from workbench.production.tokens.softhsm import Store, find_library

LIBRARY = str(find_library())
BOUND = "Access:     sensitive, always sensitive, never extractable, local"


def pkcs11_tool(*arguments: str, check: bool = True) -> str:
    """What OpenSC's tool says of the store that is active."""
    done = subprocess.run(
        ["pkcs11-tool", "--module", LIBRARY, *arguments], capture_output=True, text=True, check=check, timeout=30
    )
    return done.stdout + done.stderr


def listing(serial: str) -> str:
    return pkcs11_tool("--token-label", serial, "--login", "--pin", PIN, "--list-objects")


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_2048, Algorithm.P_256])
def test_opensc_sees_one_bound_pair_its_certificate_and_its_seal(tmp_path: Path, algorithm: Algorithm) -> None:
    bench = softhsm_bench(tmp_path, algorithm)
    (serial,) = bench.add(1)
    bench.driver.personalise(serial, label=serial, user_pin=PIN)
    public_key = bench.driver.make_key(serial, PIN, KEY_ID, algorithm)
    certificate = a_certificate("示例", public_key)
    for _ in range(2):
        bench.driver.write_certificate(serial, PIN, KEY_ID, certificate)
        bench.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal")
    seen = listing(serial)
    assert [seen.count(kind) for kind in ("Private Key Object", "Public Key Object", "Certificate Object")] == [1, 1, 1]
    assert seen.count("Data object") == 1
    assert seen.count(f"ID:         {KEY_ID.hex()}") == 3
    assert BOUND in seen
    openly = pkcs11_tool("--token-label", serial, "--list-objects")
    assert "Certificate Object" in openly
    assert "Private Key Object" not in openly
    assert "Data object" not in openly
    path = tmp_path / "read.der"
    reading = ["--token-label", serial, "--read-object", "--id", KEY_ID.hex(), "--output-file", str(path)]
    pkcs11_tool(*reading, "--type", "cert")
    read = x509.load_der_x509_certificate(path.read_bytes())
    assert path.read_bytes() == certificate
    assert read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public_key
    path.unlink()
    refusal = pkcs11_tool(*reading, "--type", "privkey", "--login", "--pin", PIN, check=False)
    assert "sorry, reading private keys not (yet) supported" in refusal or "CKR_ATTRIBUTE_SENSITIVE" in refusal
    assert not path.exists()


def test_a_wrong_so_pin_empties_nothing(softhsm: Bench, tmp_path: Path) -> None:
    serial, public_key = softhsm.with_key()
    other = Pkcs11Driver(Path(LIBRARY), "27182818", tmp_path)
    for _ in range(3):
        with pytest.raises(TokenFault) as refusal:
            other.personalise(serial, label="x", user_pin="161803")
        assert refusal.value.fault is Fault.SO_PIN_REFUSED
        assert "27182818" not in str(refusal.value)
    assert softhsm.driver.make_key(serial, PIN, KEY_ID, softhsm.algorithm) == public_key


def test_a_refused_pin_leaves_no_session_open(softhsm: Bench) -> None:
    serial = softhsm.personalised()
    with pytest.raises(TokenFault, match="pin_refused"):
        softhsm.driver.make_key(serial, "999999", KEY_ID, softhsm.algorithm)
    softhsm.driver.personalise(serial, label="x", user_pin=PIN)  # C_InitToken refuses while any session is open


def test_softhsm_never_locks_so_only_the_words_for_it_are_tried(softhsm: Bench) -> None:
    serial = softhsm.personalised()
    for _ in range(12):
        with pytest.raises(TokenFault, match="pin_refused"):
            softhsm.driver.write_seal(serial, "999999", SEAL_LABEL, b"")
    softhsm.driver.write_seal(serial, PIN, SEAL_LABEL, b"seal")
    assert fault_of(pkcs11.PinLocked()).fault is Fault.PIN_LOCKED
    assert fault_of(pkcs11.PinLocked(), as_officer=True).fault is Fault.SO_PIN_REFUSED


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (pkcs11.DeviceRemoved(), Fault.TOKEN_PULLED),
        (pkcs11.TokenNotPresent(), Fault.TOKEN_PULLED),
        (pkcs11.SessionHandleInvalid(), Fault.TOKEN_PULLED),
        (pkcs11.DeviceMemory(), Fault.TOKEN_FULL),
        (pkcs11.MechanismInvalid(), Fault.ALGORITHM_MISSING),
        (pkcs11.KeySizeRange(), Fault.ALGORITHM_MISSING),
        (pkcs11.GeneralError(), Fault.TOKEN_FAILED),
        (pkcs11.PKCS11Error("a vendor's own"), Fault.TOKEN_FAILED),
    ],
)
def test_errors_that_softhsm_does_not_give_have_a_meaning_too(error: pkcs11.PKCS11Error, fault: Fault) -> None:
    assert fault_of(error).fault is fault


def test_tokens_of_other_processes_appear_and_disappear(softhsm: Bench, tmp_path: Path) -> None:
    assert softhsm.driver.list_tokens() == []
    adding = (
        "import sys, pathlib; from workbench.production.tokens.softhsm import Store; "
        "print(*Store(pathlib.Path(sys.argv[1])).add_blank_tokens(2, sys.argv[2]))"
    )
    added = subprocess.run(
        [sys.executable, "-c", adding, str(tmp_path), SO_PIN], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [token.serial for token in softhsm.driver.list_tokens()] == sorted(added)
    softhsm.driver.personalise(added[0], label="x", user_pin=PIN)  # under the SO PIN that the other process set
    softhsm.pull(added[0])
    assert [token.serial for token in softhsm.driver.list_tokens()] == [added[1]]


def test_a_number_that_two_tokens_answer_to_is_not_guessed_at(softhsm: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """SoftHSM itself aborts over two such tokens, so what it shows is doubled here."""
    serial = softhsm.personalised()
    token = library_at(Path(LIBRARY)).find(serial)
    with monkeypatch.context() as doubled:
        doubled.setattr(cryptoki.Library, "_tokens", lambda _: iter([token, token]))
        with pytest.raises(TokenFault) as refusal:
            softhsm.driver.personalise(serial, label="x", user_pin=PIN)
    assert refusal.value.fault is Fault.TOKEN_FAILED
    softhsm.driver.personalise(serial, label="x", user_pin=PIN)


def test_a_pair_of_another_algorithm_is_no_answer(softhsm: Bench) -> None:
    serial, public_key = softhsm.with_key()
    with pytest.raises(TokenFault) as refusal:
        softhsm.driver.make_key(serial, PIN, KEY_ID, Algorithm.RSA_2048)
    assert refusal.value.fault is Fault.TOKEN_FAILED
    assert softhsm.driver.make_key(serial, PIN, KEY_ID, Algorithm.P_256) == public_key


def take_half(serial: str, kind: pkcs11.ObjectClass) -> None:
    library = library_at(Path(LIBRARY))
    with library.lock, library.find(serial).open(rw=True, user_pin=PIN) as session:
        session.get_key(object_class=kind, id=KEY_ID).destroy()


@pytest.mark.parametrize("half", [pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.ObjectClass.PUBLIC_KEY])
def test_half_a_pair_makes_way_for_a_whole_one_unless_it_is_certified(softhsm: Bench, half: pkcs11.ObjectClass) -> None:
    serial, public_key = softhsm.with_key()
    softhsm.driver.write_certificate(serial, PIN, KEY_ID, a_certificate("示例"))
    take_half(serial, half)
    with pytest.raises(TokenFault) as refusal:
        softhsm.driver.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    assert refusal.value.fault is Fault.KEY_MISSING
    softhsm.driver.remove_key(serial, PIN, KEY_ID)
    first = softhsm.driver.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    take_half(serial, half)
    second = softhsm.driver.make_key(serial, PIN, KEY_ID, softhsm.algorithm)
    assert len({public_key, first, second}) == 3
    found = softhsm.driver.read_back(serial, PIN, KEY_ID, softhsm.algorithm, SEAL_LABEL, b"challenge")
    assert found.public_key == second


def test_a_key_that_was_brought_in_is_not_bound(softhsm: Bench) -> None:
    serial, _ = softhsm.with_key()
    library = library_at(Path(LIBRARY))
    with library.lock, library.find(serial).open(rw=True, user_pin=PIN) as session:
        session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=KEY_ID).destroy()
        session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=KEY_ID).destroy()
        curve = {pkcs11.Attribute.EC_PARAMS: pkcs11.util.ec.encode_named_curve_parameters("secp256r1")}
        session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True).generate_keypair(
            id=KEY_ID, store=True, private_template={pkcs11.Attribute.EXTRACTABLE: True}
        )
    found = softhsm.driver.read_back(serial, PIN, KEY_ID, softhsm.algorithm, SEAL_LABEL, b"challenge")
    assert not found.key_is_bound


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pin=st.text(max_size=300))
def test_whatever_is_no_pin_is_refused_and_never_quoted(softhsm: Bench, pin: str) -> None:
    tokens = softhsm.driver.list_tokens()
    serial = tokens[0].serial if tokens else softhsm.personalised()
    refusal = told(lambda: softhsm.driver.personalise(serial, label="x", user_pin=pin))
    assert refusal in {None, "pin_refused: PinLenRange", "pin_refused: a PIN is printable text"}
    again = told(lambda: softhsm.driver.make_key(serial, pin, KEY_ID, softhsm.algorithm))
    assert (again is None) is (refusal is None)
    assert again in {refusal, "pin_refused: PinLenRange", "pin_refused: UserPinNotInitialized"}


def told(call: Callable[[], object]) -> str | None:
    """The fault's words; None when the call went well."""
    try:
        call()
    except TokenFault as fault:
        return str(fault)
    return None


@given(label=st.text())
def test_a_label_fills_its_place_and_is_cut_between_characters(label: str) -> None:
    padded = cryptoki.padded(label)
    assert len(padded) == LABEL_BYTES
    assert label.encode(errors="replace").startswith(padded.decode().rstrip(" ").encode())


def test_a_library_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("not a library")
    for path in (tmp_path / "nowhere.so", tmp_path / "text.so"):
        with pytest.raises(TokenFault) as refusal:
            Pkcs11Driver(path, SO_PIN)
        assert refusal.value.fault is Fault.DRIVER_MISSING
        assert path.name in refusal.value.detail


def test_a_store_whose_configuration_is_gone_says_so_and_comes_back(softhsm: Bench, tmp_path: Path) -> None:
    serial = softhsm.personalised()
    configuration = tmp_path / "softhsm2.conf"
    content = configuration.read_text()
    configuration.write_text("nonsense")
    os.environ["SOFTHSM2_CONF"] = str(tmp_path / "nowhere.conf")
    with pytest.raises(TokenFault) as refusal:
        softhsm.driver.list_tokens()
    assert refusal.value.fault is Fault.DRIVER_MISSING
    configuration.write_text(content)
    Store(tmp_path).activate()
    assert [token.serial for token in softhsm.driver.list_tokens()] == [serial]


def test_a_request_holds_what_the_token_holds(softhsm: Bench) -> None:
    serial, _ = softhsm.with_key()
    request = x509.load_der_x509_csr(
        softhsm.driver.sign_request(serial, PIN, KEY_ID, softhsm.algorithm, a_name("示例乙"))
    )
    assert request.is_signature_valid
    assert [attribute.value for attribute in request.subject] == ["CN", "示例乙"]
    assert list(request.attributes) == []
