"""Which driver an agent's configuration means, and what it says when there is none."""

from pathlib import Path

import pytest

from tests.support.tokens import SO_PIN
from workbench.production import sm2
from workbench.production.algorithms import Algorithm
from workbench.production.tokens import softhsm
from workbench.production.tokens.choosing import DriverKind, load_driver
from workbench.production.tokens.driver import Fault, TokenFault

STANDARD = {Algorithm.RSA_2048, Algorithm.P_256}


def test_softhsm_is_found_by_itself_and_keeps_to_its_folder(tmp_path: Path) -> None:
    driver = load_driver(DriverKind.SOFTHSM, None, SO_PIN, tmp_path)
    assert driver.algorithms == STANDARD
    (serial,) = softhsm.Store(tmp_path).add_blank_tokens(1, SO_PIN)
    assert [token.serial for token in driver.list_tokens()] == [serial]
    assert load_driver(DriverKind.SOFTHSM, None, SO_PIN, tmp_path / "other").list_tokens() == []


def test_a_vendors_library_is_named(tmp_path: Path) -> None:
    softhsm.Store(tmp_path).activate()
    assert load_driver(DriverKind.PKCS11, softhsm.find_library(), SO_PIN, None).algorithms == STANDARD


def test_the_sm2_store_makes_its_folder(tmp_path: Path) -> None:
    driver = load_driver(DriverKind.SM2_SOFTWARE, None, "", tmp_path / "deep" / "folder")
    assert driver.algorithms == {Algorithm.SM2}
    assert driver.list_tokens() == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (DriverKind.SOFTHSM, "apt-get install softhsm2"),
        (DriverKind.PKCS11, "library that came with the tokens"),
        (DriverKind.SM2_SOFTWARE, "folder"),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, kind: DriverKind, words: str) -> None:
    monkeypatch.setattr(softhsm, "find_library", lambda: None)
    with pytest.raises(TokenFault, match=words) as missing:
        load_driver(kind, None, SO_PIN, None)
    assert missing.value.fault is Fault.DRIVER_MISSING


def test_without_openssl_there_is_no_sm2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sm2.require_sm2.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TokenFault, match="apt-get install openssl") as missing:
        load_driver(DriverKind.SM2_SOFTWARE, None, "", tmp_path)
    assert missing.value.fault is Fault.DRIVER_MISSING
