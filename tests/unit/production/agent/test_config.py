"""The agent's settings: plain HTTP reaches this machine alone, and a secret that others may read is refused."""

import os
from pathlib import Path

import pytest

from workbench.config import BadSettings
from workbench.production.agent.config import check_credential, is_loopback, read_secret, read_settings
from workbench.production.tokens.choosing import DriverKind

CREDENTIAL = "wbs_" + "a" * 43


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("WORKBENCH_AGENT_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "server",
    ["https://example.invalid", "https://10.0.0.1:8443/workbench/", "http://127.0.0.1:8000", "http://[::1]:8000"],
)
def test_good_addresses(server: str) -> None:
    assert read_settings(server=server).base == server.rstrip("/")


@pytest.mark.parametrize(
    "server",
    [
        "http://example.invalid",
        "http://10.0.0.1",
        "http://127.0.0.1.example.invalid",
        "http://localhost.example.invalid",
        "ftp://127.0.0.1",
        "https://user:word@example.invalid",
        "https://example.invalid/?a=b",
        "example.invalid",
        "",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(server: str) -> None:
    with pytest.raises(BadSettings, match="WORKBENCH_AGENT_SERVER") as refused:
        read_settings(server=server)
    assert "word" not in str(refused.value)


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_AGENT_SERVER", "https://environment.invalid")
    monkeypatch.setenv("WORKBENCH_AGENT_DRIVER", "softhsm")
    settings = read_settings(server="https://option.invalid", driver=None)
    assert (settings.base, settings.driver) == ("https://option.invalid", DriverKind.SOFTHSM)
    monkeypatch.setenv("WORKBENCH_AGENT_LANGUAGE", "fr")
    with pytest.raises(BadSettings, match="WORKBENCH_AGENT_LANGUAGE"):
        read_settings()


@pytest.mark.parametrize(
    ("driver", "library", "software"),
    [
        ("pkcs11", "/opt/vendor/libtoken.so", False),
        ("pkcs11", "/usr/lib/softhsm/libsofthsm2.so", True),
        ("softhsm", None, True),
        ("sm2-software", None, True),
    ],
)
def test_software_tokens_are_told_from_real_ones(driver: str, library: str | None, software: bool) -> None:
    settings = read_settings(server="https://example.invalid", driver=driver, library=library)
    assert settings.software is software


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o660, 0o777])
def test_a_secret_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "credential"
    path.write_text(CREDENTIAL)
    path.chmod(mode)
    with pytest.raises(BadSettings, match="chmod 600") as refused:
        read_secret(path)
    assert CREDENTIAL not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two\nlines", b"a" * 5000])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "credential"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSettings, match="one line"):
        read_secret(path)


def test_a_secret_is_read(tmp_path: Path) -> None:
    path = tmp_path / "credential"
    path.write_text(f"{CREDENTIAL}\n")
    path.chmod(0o400)
    assert read_secret(path) == CREDENTIAL
    with pytest.raises(BadSettings, match="cannot be read"):
        read_secret(tmp_path / "none")


@pytest.mark.parametrize("value", ["", "wbs_", CREDENTIAL[:-1], CREDENTIAL + "a", "wbk_" + "a" * 43, "wbs_" + "ä" * 43])
def test_what_is_no_credential_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        check_credential(value)
    assert len(value) < 5 or value not in str(refused.value)


def test_a_credential_is_taken_without_what_copying_put_around_it() -> None:
    assert check_credential(f" {CREDENTIAL}\t\n") == CREDENTIAL


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)
